"""The newHeads fold: every block once, after its parent, or reported as a gap."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.subscriptions.continuity import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    ChainHead,
    Deliver,
    Elapsed,
    GapLeft,
    HeadKnown,
    Heads,
    Notified,
    Resubscribe,
    Started,
    Subscribed,
    UpstreamLost,
    WakeAt,
)
from battle.actors.gateway.subscriptions.continuity.heads import REMEMBERED_HEADS
from battle.actors.gateway.subscriptions.continuity.upstream_state import LONGEST_PAUSE
from battle.actors.spec.continuity import Continuity
from tests.actors.gateway.subscriptions.continuity.stage import (
    BLOCK_TIME,
    PROVIDERS,
    START,
    Shell,
    Tick,
    run,
    ticks_st,
)

FAULTS = ["die", "drop", "duplicate", "swap", "delay", "mute", "unmute"]
ROOMY = st.builds(Continuity, hold_back=st.integers(1, 8))
"""Settings whose bounds no drawn history exceeds."""
TIGHT = st.builds(
    Continuity,
    max_gap_blocks=st.integers(1, 6),
    fill_attempts=st.integers(1, 3),
    hold_back=st.integers(1, 4),
    stale_after_blocks=st.integers(1, 3),
)
LAGS = st.lists(st.integers(0, 3), min_size=PROVIDERS, max_size=PROVIDERS)


def assert_in_order(shell: Shell) -> None:
    """Nothing twice; each block's parent before it, unless it is the first, the first after a gap, or a
    sibling of such a one."""
    seen: set[str] = set()
    anchors: set[int] = set()
    after_gap = True
    for entry in shell.history:
        if isinstance(entry, GapLeft):
            after_gap = True
            continue
        assert entry.hash not in seen
        if entry.parent not in seen and entry.number not in anchors:
            assert after_gap, f"{entry.hash} came without its parent {entry.parent}"
            anchors.add(entry.number)
        seen.add(entry.hash)
        after_gap = False


def is_reported(shell: Shell, number: int) -> bool:
    """A gap tells of its heights, and that blocks delivered before it may have been replaced."""
    before: set[int] = set()
    for entry in shell.history:
        if not isinstance(entry, GapLeft):
            before.add(entry.number)
        elif number in before or (entry.first or 0) <= number <= (entry.last or number):
            return True
    return False


def assert_nothing_lost_silently(shell: Shell) -> None:
    final = shell.chain.views[-1]
    order = {head.hash: place for place, head in enumerate(shell.delivered)}
    begin = shell.delivered[0].number
    owed = [head for head in final if head.number >= begin]
    missing = [head.hash for head in owed if head.hash not in order and not is_reported(shell, head.number)]
    assert missing == []
    if not shell.gaps:
        places = [order[head.hash] for head in owed]
        assert places == sorted(places)
    assert final[-1].hash in order, "it does not follow the chain in the end"


@given(ROOMY, LAGS, ticks_st(FAULTS, ["answer", "late"]))
def test_without_reorgs_clients_see_exactly_the_chain(settings, lags, ticks):
    shell = run(Heads(settings, BLOCK_TIME), lags, ticks)
    assert [gap for gap in shell.gaps if gap.reason != "unknown_start"] == []
    chain = shell.chain.views[-1]
    begin = chain.index(shell.delivered[0])
    assert shell.delivered == chain[begin:]


@given(ROOMY, LAGS, ticks_st(FAULTS, ["answer", "late"], reorgs=4))
def test_with_reorgs_every_block_follows_its_parent_and_the_last_chain_is_whole(settings, lags, ticks):
    shell = run(Heads(settings, BLOCK_TIME), lags, ticks)
    assert [gap for gap in shell.gaps if gap.reason != "unknown_start"] == []
    assert_in_order(shell)
    assert_nothing_lost_silently(shell)


@given(TIGHT, LAGS, ticks_st(FAULTS, ["answer", "late", "fail"], reorgs=8, grow=6))
def test_beyond_the_bounds_everything_that_is_missing_is_reported(settings, lags, ticks):
    shell = run(Heads(settings, BLOCK_TIME), lags, ticks)
    assert_in_order(shell)
    assert_nothing_lost_silently(shell)


@given(TIGHT, LAGS, ticks_st(FAULTS, ["answer", "late", "fail"], reorgs=8, grow=6))
def test_its_memory_and_its_demands_are_bounded(settings, lags, ticks):
    shell = run(Heads(settings, BLOCK_TIME), lags, ticks)
    delivered_at_most = min(REMEMBERED_HEADS, len(shell.delivered))
    assert shell.most_remembered <= delivered_at_most + settings.hold_back + settings.max_gap_blocks
    for fill in shell.fills:
        assert 1 <= fill.attempt <= settings.fill_attempts
        assert fill.last - fill.first < max(settings.max_gap_blocks, 4)


@given(LAGS, ticks_st(FAULTS, ["answer", "late", "fail"], reorgs=4))
def test_the_same_events_give_the_same_actions(lags, ticks):
    shell = run(Heads(Continuity(), BLOCK_TIME), lags, ticks)
    again = Heads(Continuity(), BLOCK_TIME)
    assert [again.step(event) for event, _ in shell.steps] == [actions for _, actions in shell.steps]


# Single cases, each a fault of the catalogue.


def head(number: int, branch: str = "", parent_branch: str | None = None) -> ChainHead:
    parent = f"{number - 1}{branch if parent_branch is None else parent_branch}"
    return ChainHead(number, f"{number}{branch}", parent)


class Bench:
    """A stream at provider "a" that has delivered block 10, at time 0."""

    def __init__(self, **settings: Any) -> None:
        self.stream = Heads(Continuity(**settings), BLOCK_TIME)
        self.at_ns = 0
        self.stream.step(Started(0))
        self.stream.step(Subscribed("a", 0))
        assert self.seen(head(10)) == ["10"]

    def step(self, event):
        return self.stream.step(event)

    def publish(self, block: ChainHead, provider: str = "a"):
        return self.step(Notified(provider, block, self.at_ns))

    def seen(self, block: ChainHead, provider: str = "a") -> list[str]:
        return delivered(self.publish(block, provider))

    def answer(self, fill: Backfill, *blocks: ChainHead):
        return self.step(BackfillAnswered(fill.fill, blocks, fill.last, self.at_ns))

    def fail_over(self) -> None:
        assert self.step(UpstreamLost("a", self.at_ns))[0] == Resubscribe("lost", "a")
        self.step(Subscribed("b", self.at_ns))


def delivered(actions) -> list[str]:
    return [item.hash for action in actions if isinstance(action, Deliver) for item in action.items]


def only(kind, actions):
    found = [action for action in actions if isinstance(action, kind)]
    assert len(found) == 1, actions
    return found[0]


def test_a_failover_fills_between_the_last_block_and_the_new_providers_head():
    bench = Bench()
    bench.fail_over()
    fill = only(Backfill, bench.step(HeadKnown("b", 13, 0)))
    assert (fill.first, fill.last, fill.attempt, fill.provider) == (11, 13, 1, "b")
    assert bench.seen(head(14), "b") == []
    assert delivered(bench.answer(fill, head(11), head(12), head(13))) == ["11", "12", "13", "14"]


def test_a_failover_fills_at_once_when_the_new_provider_publishes_first():
    bench = Bench()
    bench.fail_over()
    fill = only(Backfill, bench.publish(head(13), "b"))
    assert (fill.first, fill.last) == (11, 12)
    assert delivered(bench.answer(fill, head(11), head(12))) == ["11", "12", "13"]


def test_a_missed_head_is_filled_after_a_short_patience():
    bench = Bench()
    bench.seen(head(11))
    assert not any(isinstance(action, Backfill) for action in bench.publish(head(13)))
    bench.at_ns = Continuity().reorder_wait
    fill = only(Backfill, bench.step(Elapsed(bench.at_ns)))
    assert (fill.first, fill.last) == (12, 12)
    assert delivered(bench.answer(fill, head(12))) == ["12", "13"]


def test_heads_out_of_order_are_put_in_order_without_a_fill():
    bench = Bench()
    bench.seen(head(11))
    assert bench.seen(head(13)) == []
    actions = bench.publish(head(12))
    assert delivered(actions) == ["12", "13"]
    assert not any(isinstance(a, Backfill) for a in bench.step(Elapsed(Continuity().reorder_wait)))


def test_a_reorg_is_passed_on_and_a_missed_part_of_its_branch_is_fetched():
    bench = Bench()
    for block in (head(11), head(12)):
        bench.seen(block)
    assert bench.seen(head(11, "'", "")) == ["11'"]
    assert bench.seen(head(13, "'")) == []
    fill = only(Backfill, bench.step(Elapsed(Continuity().reorder_wait)))
    assert fill.first <= 12 <= fill.last
    blocks = [head(11, "'", ""), head(12, "'")]
    assert delivered(bench.answer(fill, *blocks)) == ["12'", "13'"]


def test_a_reorg_during_a_failover_is_followed_down_to_its_fork():
    bench = Bench()
    for number in range(11, 20):
        bench.seen(head(number))
    bench.fail_over()
    actions = bench.publish(head(20, "'"), "b")
    branch = {11: head(11, "'", ""), **{number: head(number, "'") for number in range(12, 21)}}
    seen: list[str] = []
    while fills := [action for action in actions if isinstance(action, Backfill)]:
        actions = bench.answer(
            fills[0], *(branch[n] for n in range(max(11, fills[0].first), fills[0].last + 1))
        )
        seen += delivered(actions)
    assert seen == [branch[number].hash for number in range(11, 21)]


def test_a_provider_that_is_behind_repeats_nothing_and_becomes_stale():
    bench = Bench()
    for number in range(11, 20):
        bench.seen(head(number))
    bench.fail_over()
    assert bench.step(HeadKnown("b", 14, 0)) == ()
    assert [bench.seen(head(number), "b") for number in range(15, 20)] == [[]] * 5
    # It is the second failover without anything delivered since the first: so there is a pause before it.
    pause = only(WakeAt, bench.step(Elapsed(3 * BLOCK_TIME)))
    assert Resubscribe("lagging", "b") in bench.step(Elapsed(pause.at_ns))
    assert bench.seen(head(20), "b") == []


def test_silence_is_a_failure_after_the_stated_block_times():
    bench = Bench()
    assert not any(isinstance(a, Resubscribe) for a in bench.step(Elapsed(3 * BLOCK_TIME - 1)))
    assert Resubscribe("silent", "a") in bench.step(Elapsed(3 * BLOCK_TIME))


def test_a_gap_over_the_bound_is_left_and_reported_before_what_follows():
    bench = Bench(max_gap_blocks=4)
    bench.fail_over()
    actions = bench.publish(head(16), "b")
    assert actions[0] == GapLeft(11, 15, "too_long")
    assert delivered(actions) == ["16"]


def test_a_fill_is_tried_elsewhere_and_then_left():
    bench = Bench(fill_attempts=2)
    bench.fail_over()
    first = only(Backfill, bench.publish(head(12), "b"))
    second = only(Backfill, bench.step(BackfillFailed(first.fill, 0)))
    assert (first.attempt, second.attempt) == (1, 2)
    actions = bench.step(BackfillFailed(second.fill, 0))
    assert actions[0] == GapLeft(11, 11, "unfilled")
    assert delivered(actions) == ["12"]


def test_a_provider_of_another_chain_is_left_and_nothing_of_it_is_delivered():
    bench = Bench(max_gap_blocks=12)
    for number in range(11, 41):
        bench.seen(head(number))
    bench.fail_over()
    actions = bench.publish(head(41, "x"), "b")
    for _ in range(12):
        fills = [action for action in actions if isinstance(action, Backfill)]
        if not fills:
            break
        actions = bench.answer(fills[0], *(head(n, "x") for n in range(fills[0].first, fills[0].last + 1)))
        assert delivered(actions) == []
    pause = only(WakeAt, actions)
    assert bench.step(Elapsed(pause.at_ns)) == (Resubscribe("unlinked", "b"),)


def test_a_height_that_one_provider_made_up_does_not_end_the_stream():
    bench = Bench()
    bench.publish(head(9000, "x"))
    bench.step(Elapsed(Continuity().reorder_wait))
    seen: list[str] = []
    number, provider = 10, "a"
    for _ in range(30):
        number += 1
        bench.at_ns += BLOCK_TIME
        for event in (Elapsed(bench.at_ns), Notified(provider, head(number), bench.at_ns)):
            for action in (actions := bench.step(event)):
                if isinstance(action, Resubscribe):
                    provider = "b" if provider == "a" else "a"
                    bench.step(Subscribed(provider, bench.at_ns))
            seen += delivered(actions)
    assert seen[-1] == "40"


def test_a_missed_block_that_was_replaced_meanwhile_does_not_cost_the_provider():
    bench = Bench()
    bench.seen(head(11))
    bench.seen(head(13))
    bench.at_ns = Continuity().reorder_wait
    fill = only(Backfill, bench.step(Elapsed(bench.at_ns)))
    actions = bench.answer(fill, head(12, "'", ""))
    assert delivered(actions) == ["12'"]
    assert not any(isinstance(action, Backfill | Resubscribe) for action in actions)
    assert bench.seen(head(13, "'")) == ["13'"]


def test_what_cannot_be_held_back_is_fetched_later():
    bench = Bench(hold_back=2)
    bench.fail_over()
    fill = only(Backfill, bench.publish(head(12), "b"))
    before = bench.stream.remembered
    for number in range(13, 20):
        assert bench.seen(head(number), "b") == []
    assert bench.stream.remembered == before + 1
    actions = bench.answer(fill, head(11))
    assert delivered(actions) == ["11", "12", "13"]
    rest = only(Backfill, actions)
    assert (rest.first, rest.last) == (14, 19)


def test_late_words_of_a_provider_that_was_left_are_ignored():
    bench = Bench()
    bench.fail_over()
    assert bench.publish(head(11), "a") == ()
    assert bench.step(HeadKnown("a", 500, 0)) == ()
    assert bench.step(UpstreamLost("a", 0)) == ()


def test_an_answer_to_a_fill_from_before_the_failover_is_ignored():
    bench = Bench()
    bench.fail_over()
    fill = only(Backfill, bench.publish(head(12), "b"))
    pause = only(WakeAt, bench.step(UpstreamLost("b", 0)))
    assert bench.answer(fill, head(11, "x", "")) == ()
    bench.step(Elapsed(pause.at_ns))
    bench.step(Subscribed("c", pause.at_ns))
    bench.at_ns = pause.at_ns
    again = only(Backfill, bench.publish(head(12), "c"))
    assert bench.answer(fill, head(11, "x", "")) == ()
    assert delivered(bench.answer(again, head(11))) == ["11", "12"]


def test_providers_that_all_refuse_are_tried_ever_more_seldom():
    shell = Shell(Heads(Continuity(), BLOCK_TIME), [0] * PROVIDERS)
    shell.begin(Tick(refuse=True))
    for _ in range(60):
        shell.play(Tick(refuse=True))
    span_ns = 60 * BLOCK_TIME
    assert span_ns // LONGEST_PAUSE <= len(shell.resubscriptions) <= span_ns // LONGEST_PAUSE + 10
    shell.play(Tick())
    for _ in range(5):
        shell.play(Tick())
    assert shell.delivered[-1].number > START
