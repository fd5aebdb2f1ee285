"""logs: every log once, keyed by (block hash, index, removed). Pure.

Logs have no parents, so what is missing cannot be seen from them. After a failover, or when the heads beside
them leave out a height, everything since shortly before the last height known is asked for again, and what was
delivered already is dropped.

Two things are not seen: a reorg deeper than `REASKED_BLOCKS` during a failover, and one whose notifications a live
provider swallowed whole, without leaving out a height. The heads beside the logs show both.

A removal notice is passed on, once, and never made up: when the answers show that a block whose logs were
delivered was replaced during a failover, that is reported as a gap, for its notices will not come.
"""

from typing import Literal, TypeAlias

from battle.actors.gateway.subscriptions.continuity.core import ContinuityCore
from battle.actors.gateway.subscriptions.continuity.messages import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    EthLog,
    HeadKnown,
    Notified,
)
from battle.actors.spec.continuity import Continuity
from battle.actors.units import Duration

FILL_CHUNK_LOG_BLOCKS = 100
"""Heights one eth_getLogs may span: hosted providers allow from some hundred to a thousand."""

REASKED_BLOCKS = 8
"""Heights asked for again after a failover, the last known one included: it may have been delivered half,
and a reorg during the failover may have replaced some below it."""

KEPT_BLOCKS = 2 * REASKED_BLOCKS
"""Blocks whose logs are remembered however many they are: gas bounds that, and they are asked for again."""

REMEMBERED_BLOCKS = 128
"""Blocks whose logs are remembered."""

REMEMBERED_LOGS = 8192
"""Logs remembered, beyond those of `KEPT_BLOCKS`; about 200 bytes each."""

_LogStanding: TypeAlias = Literal["new", "known", "forgotten"]


class _Seen:
    """The latest logs delivered, by height. What is at or below `forgotten` cannot be judged any more."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[tuple[str, int, bool], None]] = {}
        self._count = 0
        self.forgotten = -1

    def __len__(self) -> int:
        return self._count

    def admit(self, log: EthLog) -> _LogStanding:
        """Whether it is new; from now on it is known."""
        if log.number <= self.forgotten:
            return "forgotten"
        block = self._blocks.setdefault(log.number, {})
        key = (log.block_hash, log.index, log.removed)
        if key in block:
            return "known"
        block[key] = None
        self._count += 1
        self._forget()
        return "new"

    def standing(self, number: int) -> list[str]:
        """The hashes of the blocks at a height whose logs were delivered and not removed."""
        keys = self._blocks.get(number, {})
        return [hash_ for hash_, index, removed in keys if not removed and (hash_, index, True) not in keys]

    def _forget(self) -> None:
        while len(self._blocks) > REMEMBERED_BLOCKS or (
            self._count > REMEMBERED_LOGS and len(self._blocks) > KEPT_BLOCKS
        ):
            self.forgotten = min(self._blocks)
            self._count -= len(self._blocks.pop(self.forgotten))


class Logs(ContinuityCore[EthLog]):
    """A shared logs subscription, one per distinct filter."""

    def __init__(self, settings: Continuity, block_time: Duration) -> None:
        super().__init__(settings, block_time)
        self._seen = _Seen()
        self._start: int | None = None
        """The lowest height that is owed."""
        self._covered: int | None = None
        """The height up to which everything was delivered, itself perhaps half."""
        self._head = -1
        """The highest height this upstream is known to have."""
        self._catching_up = False
        self._goal: int | None = None
        self._next = 0
        """While catching up: the lowest height not yet asked for."""
        self._attempt = 1
        self._held: list[EthLog] = []
        self._reported = -1

    @property
    def remembered(self) -> int:
        return len(self._seen) + len(self._held)

    def _joined(self) -> None:
        self._head = -1
        self._catching_up = self._covered is not None
        self._goal = None

    def _left(self) -> None:
        if self._covered is None:
            self._gap(None, None, "unknown_start")
        self._held.clear()
        self._catching_up = False

    def _heard_of(self, event: Notified[EthLog] | HeadKnown) -> None:
        number = event.number if isinstance(event, HeadKnown) else event.item.number
        if number > max(self._head, self._covered or -1):
            self._upstream.heard(event.at_ns)
        elif number < (self._covered or 0):
            self._upstream.repeated()
        if self._covered is not None and number > max(self._head, self._covered) + 1:
            self._catching_up = True  # a height was left out, and its logs perhaps with it
            self._raise_goal(number)
        self._head = max(self._head, number)
        if self._catching_up:
            self._wait(event)
        elif isinstance(event, HeadKnown):
            self._start = number + 1 if self._start is None else self._start
            self._covered = max(number, self._covered or 0)
        else:
            self._pass(event.item)

    def _pass(self, log: EthLog) -> None:
        # One published in a block in which the stream began is owed with the rest of its block.
        self._start = log.number if self._covered is None else min(log.number, self._start or 0)
        self._covered = max(log.number, self._covered or 0)
        verdict = self._seen.admit(log)
        if verdict == "new":
            self._ready.append(log)
        elif verdict == "forgotten" and log.number < self._head and log.number != self._reported:
            # A provider that is behind says what was delivered long ago; one that is not has replaced it.
            self._reported = log.number
            self._gap(log.number, log.number, "forgotten")

    def _wait(self, event: Notified[EthLog] | HeadKnown) -> None:
        if self._goal is None:
            self._set_goal(self._head)
        if isinstance(event, HeadKnown):
            return
        if len(self._held) >= self._settings.hold_back:
            self._overflow()
        self._held.append(event.item)

    def _set_goal(self, goal: int) -> None:
        assert self._covered is not None
        assert self._start is not None
        self._goal, self._attempt = goal, 1
        self._next = max(self._start, self._covered - REASKED_BLOCKS + 1)
        if goal - self._covered > self._settings.max_gap_blocks:
            self._give_up(self._covered, goal, "too_long")

    def _give_up(self, first: int, last: int, reason: Literal["too_long", "unfilled"]) -> None:
        assert self._covered is not None
        if last >= first:
            self._gap(first, last, reason)
        self._next, self._attempt = last + 1, 1
        self._covered = max(self._covered, last)

    def _overflow(self) -> None:
        """What was held is asked for instead, except removal notices: those are nowhere to be asked for."""
        for log in self._held:
            if log.removed:
                self._gap(log.number, log.number, "too_long")
            self._raise_goal(log.number)
        self._held.clear()

    def _raise_goal(self, number: int) -> None:
        if self._goal is None or number <= self._goal:
            return
        assert self._covered is not None
        self._goal = number
        if self._goal - self._covered > self._settings.max_gap_blocks:
            self._give_up(self._covered, self._goal, "too_long")

    def _answered(self, event: BackfillAnswered[EthLog] | BackfillFailed, asked: Backfill) -> None:
        reached = min(event.up_to, asked.last) if isinstance(event, BackfillAnswered) else asked.first - 1
        if reached < asked.first:
            self._attempt += 1
            return
        assert isinstance(event, BackfillAnswered)
        assert self._covered is not None
        items = [log for log in event.items if asked.first <= log.number <= reached and not log.removed]
        self._report_replaced(items)
        self._ready += [log for log in sorted(items, key=_place) if self._seen.admit(log) == "new"]
        self._next, self._attempt = max(self._next, reached + 1), 1
        self._covered = max(self._covered, reached)
        self._upstream.heard(event.at_ns)

    def _report_replaced(self, items: list[EthLog]) -> None:
        there: dict[int, set[str]] = {}
        for log in items:
            there.setdefault(log.number, set()).add(log.block_hash)
        for number in sorted(there):
            if any(hash_ not in there[number] for hash_ in self._seen.standing(number)):
                self._gap(number, number, "reorged")

    def _advance(self, at_ns: int) -> None:
        if self._goal is None or self._fill is not None or not self._catching_up:
            return
        while self._next <= self._goal:
            last = min(self._goal, self._next + FILL_CHUNK_LOG_BLOCKS - 1)
            if self._attempt <= self._settings.fill_attempts:
                self._ask(self._next, last, self._attempt)
                return
            assert self._covered is not None
            self._give_up(max(self._next, self._covered), last, "unfilled")
        self._caught_up()

    def _caught_up(self) -> None:
        assert self._covered is not None
        self._catching_up, self._goal = False, None
        held, self._held = self._held, []
        for log in held:
            self._pass(log)
        self._covered = max(self._covered, self._head)


def _place(log: EthLog) -> tuple[int, int]:
    return log.number, log.index
