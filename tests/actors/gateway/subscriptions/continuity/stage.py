"""A small world for the folds: a chain that grows and reorgs, providers that publish it with faults, a shell."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from battle.actors.gateway.subscriptions.continuity import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    ChainHead,
    ContinuityCore,
    Deliver,
    Elapsed,
    EthLog,
    GapLeft,
    HeadKnown,
    Notified,
    Resubscribe,
    Started,
    Subscribed,
    UpstreamLost,
    WakeAt,
)
from battle.actors.units import Duration, seconds

BLOCK_TIME: Duration = seconds(2)
START = 1000
PROVIDERS = 3
RESUBSCRIPTIONS_AT_ONCE = 3
"""At one instant: the first failover needs no pause, the second does, and something may be delivered between."""


class Tick(msgspec.Struct, frozen=True):
    """One block time: what the chain does, what the subscription suffers, how the shell's calls fare."""

    reorg: int = 0
    grow: int = 1
    fault: str = "none"
    fill: str = "answer"
    head_known: str = "now"
    pick: int = 0
    refuse: bool = False


def ticks_st(
    faults: list[str], fills: list[str], reorgs: int = 0, refuse: bool = True, grow: int = 2
) -> st.SearchStrategy[list[Tick]]:
    tick = st.builds(
        Tick,
        reorg=st.one_of(st.just(0), st.integers(0, reorgs)),
        grow=st.integers(0, grow),
        fault=st.sampled_from(["none", *faults]),
        fill=st.sampled_from(fills),
        head_known=st.sampled_from(["now", "later", "never"]),
        pick=st.integers(0, PROVIDERS - 1),
        refuse=st.booleans() if refuse else st.just(False),
    )
    return st.lists(tick, max_size=30)


class ChainHistory:
    """The canonical chain after each tick; a block is named by its height and branch."""

    def __init__(self) -> None:
        self.branch = 0
        self.views: list[list[ChainHead]] = [[self._block(START, "genesis")]]

    def _block(self, number: int, parent: str) -> ChainHead:
        return ChainHead(number, f"{number}.{self.branch}", parent)

    def tick(self, reorg: int, grow: int) -> None:
        chain = list(self.views[-1])
        reorg = min(reorg, len(chain) - 1)
        if reorg:
            self.branch += 1
            del chain[-reorg:]
        for _ in range(reorg + grow):
            chain.append(self._block(chain[-1].number + 1, chain[-1].hash))
        self.views.append(chain)

    def view(self, lag: int) -> list[ChainHead]:
        return self.views[max(0, len(self.views) - 1 - lag)]


def logs_of(head: ChainHead) -> list[EthLog]:
    """None to three logs, known from the block's height; every branch has its own."""
    return [EthLog(head.number, head.hash, index) for index in range(head.number * 7 % 4)]


class Shell:
    """Owns a stream, carries out its actions, and keeps what a property may ask about."""

    def __init__(self, stream: ContinuityCore[Any], lags: list[int], kind: str = "heads") -> None:
        self.stream, self.lags, self.kind = stream, lags, kind
        self.chain = ChainHistory()
        self.now_ns = 0
        self.tick = Tick()
        self.delivered: list[Any] = []
        self.gaps: list[GapLeft] = []
        self.history: list[Any] = []
        """Deliveries and gaps as one sequence."""
        self.fills: list[Backfill] = []
        self.resubscriptions: list[Resubscribe] = []
        self.steps: list[tuple[Any, tuple[Any, ...]]] = []
        self.first_known: Any = None
        """What first told the stream a height."""
        self.most_remembered = 0
        self.timer_ns: int | None = None
        self.provider: int | None = None
        self.published: list[ChainHead] = []
        self.muted = False
        self.late: list[Any] = []
        self.head_known_due = False
        self._fill: Backfill | None = None
        self._wanted: Resubscribe | None = None
        self._wanted_at: list[int] = []

    # What carries out actions.

    def feed(self, event: Any) -> None:
        if isinstance(event, HeadKnown | Notified) and event.provider == self.stream.provider:
            self.first_known = self.first_known or event
        actions = self.stream.step(event)
        self.steps.append((event, actions))
        self.most_remembered = max(self.most_remembered, self.stream.remembered)
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: Any) -> None:
        match action:
            case Deliver(items=items):
                assert items
                self.delivered += items
                self.history += items
            case GapLeft():
                self.gaps.append(action)
                self.history.append(action)
            case WakeAt(at_ns=at_ns):
                assert at_ns > self.now_ns, "a timer in the past would spin"
                self.timer_ns = at_ns
            case Backfill():
                assert self._fill is None, "one fill at a time"
                self._fill = action
                self.fills.append(action)
            case Resubscribe():
                assert self._wanted is None
                self._wanted, self._fill, self.provider = action, None, None
                self.resubscriptions.append(action)
                self._wanted_at.append(self.now_ns)
                assert self._wanted_at.count(self.now_ns) <= RESUBSCRIPTIONS_AT_ONCE, "a storm"

    def settle(self) -> None:
        """Serve what the stream waits for, as far as this tick allows."""
        while self._wanted is not None or (self._fill is not None and self.tick.fill != "late"):
            if self._wanted is not None:
                self._subscribe()
            elif self._fill is not None:
                self._answer()

    def _subscribe(self) -> None:
        self._wanted = None
        name = str(self.tick.pick)
        if self.tick.refuse:
            self.feed(UpstreamLost(name, self.now_ns))
            return
        self.provider, self.muted, self.late = self.tick.pick, False, []
        self.published = self.view(self.tick.pick)
        self.feed(Subscribed(name, self.now_ns))
        if self.tick.head_known == "now":
            self._tell_head()
        self.head_known_due = self.tick.head_known == "later"

    def _tell_head(self) -> None:
        if self.provider is not None:
            self.head_known_due = False
            self.feed(HeadKnown(str(self.provider), self.view(self.provider)[-1].number, self.now_ns))

    def _answer(self) -> None:
        assert self._fill is not None
        fill, self._fill = self._fill, None
        if self.tick.fill == "fail":
            self.feed(BackfillFailed(fill.fill, self.now_ns))
            return
        asked = int(fill.provider) if fill.attempt == 1 else (int(fill.provider) + fill.attempt) % PROVIDERS
        chain = self.view(asked)
        heads = [head for head in chain if fill.first <= head.number <= fill.last]
        items = heads if self.kind == "heads" else [log for head in heads for log in logs_of(head)]
        up_to = max(fill.first - 1, min(fill.last, chain[-1].number))
        self.feed(BackfillAnswered(fill.fill, tuple(reversed(items)), up_to, self.now_ns))

    # What makes things happen.

    def view(self, provider: int) -> list[ChainHead]:
        return self.chain.view(self.lags[provider])

    def begin(self, tick: Tick) -> None:
        self.tick = tick
        self.feed(Started(self.now_ns))
        self.settle()

    def play(self, tick: Tick) -> None:
        """One block time later."""
        until_ns = self.now_ns + BLOCK_TIME
        self.tick = tick
        self._run_timers(until_ns)
        self.now_ns = until_ns
        self.chain.tick(tick.reorg, tick.grow)
        self.settle()
        if self.provider is not None:
            self._publish()
        if tick.fault == "die" and self.provider is not None:
            provider, self.provider = self.provider, None
            self.feed(UpstreamLost(str(provider), self.now_ns))
        self.settle()

    def _run_timers(self, until_ns: int) -> None:
        while self.timer_ns is not None and self.timer_ns <= until_ns:
            self.now_ns, self.timer_ns = self.timer_ns, None
            self.feed(Elapsed(self.now_ns))
            self.settle()

    def _publish(self) -> None:
        assert self.provider is not None
        view = self.view(self.provider)
        items = self._news(view)
        self.published = view
        fault = self.tick.fault
        self.muted = (self.muted or fault == "mute") and fault != "unmute"
        if fault == "swap":
            items.reverse()
        if fault == "drop":
            items = items[1:]
        if fault == "duplicate":
            items = items + items
        now, self.late = (items + self.late, []) if fault != "delay" else (self.late, items)
        if not self.muted:
            self._notify(now)

    def _news(self, view: list[ChainHead]) -> list[Any]:
        old, new = {head.hash for head in self.published}, {head.hash for head in view}
        heads = [head for head in view if head.hash not in old]
        if self.kind == "heads":
            return list(heads)
        gone = [log for head in self.published if head.hash not in new for log in logs_of(head)]
        notices: list[Any] = [msgspec.structs.replace(log, removed=True) for log in gone]
        for head in heads:
            notices += [*logs_of(head), head]
        return notices

    def _notify(self, items: list[Any]) -> None:
        for item in items:
            provider = self.provider
            if provider is None:
                return
            if self.kind == "logs" and isinstance(item, ChainHead):
                self.feed(HeadKnown(str(provider), item.number, self.now_ns))
            else:
                self.feed(Notified(str(provider), item, self.now_ns))
            self.settle()
        if self.head_known_due:
            self._tell_head()
            self.settle()


def run(
    stream: ContinuityCore[Any], lags: list[int], ticks: list[Tick], kind: str = "heads", rest: int = 40
) -> Shell:
    """Play the ticks, then a quiet time in which all providers are healthy and level."""
    shell = Shell(stream, lags, kind)
    shell.begin(ticks[0] if ticks else Tick())
    for tick in ticks:
        shell.play(tick)
    shell.lags = [0] * PROVIDERS
    for _ in range(rest):
        shell.play(Tick(fault="unmute"))
    return shell
