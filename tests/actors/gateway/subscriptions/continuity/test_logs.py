"""The logs and pending transactions folds: everything once, in order, or reported as a gap."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.subscriptions.continuity import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    Deliver,
    Elapsed,
    EthLog,
    GapLeft,
    HeadKnown,
    Logs,
    Notified,
    PendingTransaction,
    PendingTransactions,
    Resubscribe,
    Started,
    Subscribed,
    UpstreamLost,
    WakeAt,
)
from battle.actors.gateway.subscriptions.continuity.logs import (
    KEPT_BLOCKS,
    REMEMBERED_BLOCKS,
    REMEMBERED_LOGS,
)
from battle.actors.gateway.subscriptions.continuity.pending_transactions import REMEMBERED_TRANSACTIONS
from battle.actors.spec.continuity import Continuity
from tests.actors.gateway.subscriptions.continuity.stage import (
    BLOCK_TIME,
    PROVIDERS,
    Shell,
    logs_of,
    run,
    ticks_st,
)

# Not "drop": a single missing log is not a fault of the catalogue, and nothing would show it.
FAULTS = ["die", "duplicate", "mute", "unmute"]
LAGS = st.lists(st.integers(0, 3), min_size=PROVIDERS, max_size=PROVIDERS)
NEAR = st.lists(st.integers(0, 1), min_size=PROVIDERS, max_size=PROVIDERS)
ROOMY = st.builds(Continuity, hold_back=st.integers(1, 20))
TIGHT = st.builds(
    Continuity,
    max_gap_blocks=st.integers(1, 6),
    fill_attempts=st.integers(1, 3),
    hold_back=st.integers(1, 4),
    stale_after_blocks=st.integers(2, 3),
)


def key(log: EthLog) -> tuple[str, int, bool]:
    return log.block_hash, log.index, log.removed


def assert_nothing_twice(shell: Shell) -> None:
    keys = [key(log) for log in shell.delivered]
    assert len(keys) == len(set(keys))


def owed(shell: Shell) -> list[EthLog]:
    """The logs of the last chain since the stream first knew a height."""
    first = shell.first_known
    begin = first.number + 1 if isinstance(first, HeadKnown) else first.item.number
    return [log for head in shell.chain.views[-1] if head.number >= begin for log in logs_of(head)]


def is_reported(shell: Shell, number: int) -> bool:
    return any((gap.first or 0) <= number <= (gap.last or 0) for gap in shell.gaps)


@given(ROOMY, LAGS, ticks_st(FAULTS, ["answer", "late"]))
def test_without_reorgs_clients_see_exactly_the_logs_of_the_chain(settings, lags, ticks):
    shell = run(Logs(settings, BLOCK_TIME), lags, ticks, kind="logs")
    assert [gap for gap in shell.gaps if gap.reason != "unknown_start"] == []
    wanted = owed(shell)
    assert wanted
    # Before them may stand some of a provider that was further behind when the stream began.
    assert [key(log) for log in shell.delivered][-len(wanted) :] == [key(log) for log in wanted]
    places = [(log.number, log.index) for log in shell.delivered]
    assert places == sorted(set(places))


# Shallow reorgs, providers nearly level: what a failover spans stays within `REASKED_BLOCKS`. Not "mute": a reorg
# that was swallowed whole, without a height left out, is the documented limit.
@given(ROOMY, NEAR, ticks_st(["die", "duplicate"], ["answer", "late"], reorgs=1, refuse=False))
def test_with_reorgs_the_logs_of_the_last_chain_are_all_there(settings, lags, ticks):
    shell = run(Logs(settings, BLOCK_TIME), lags, ticks, kind="logs")
    assert_nothing_twice(shell)
    seen = {key(log) for log in shell.delivered}
    assert [log for log in owed(shell) if key(log) not in seen] == []


@given(TIGHT, LAGS, ticks_st(FAULTS, ["answer", "late", "fail"], grow=6))
def test_beyond_the_bounds_everything_that_is_missing_is_reported(settings, lags, ticks):
    shell = run(Logs(settings, BLOCK_TIME), lags, ticks, kind="logs")
    assert_nothing_twice(shell)
    seen = {key(log) for log in shell.delivered}
    assert [log for log in owed(shell) if key(log) not in seen and not is_reported(shell, log.number)] == []
    assert all(fill.attempt <= settings.fill_attempts for fill in shell.fills)


@given(ROOMY, LAGS, ticks_st(FAULTS, ["answer", "late", "fail"], reorgs=3))
def test_the_same_events_give_the_same_actions(settings, lags, ticks):
    shell = run(Logs(settings, BLOCK_TIME), lags, ticks, kind="logs")
    again = Logs(settings, BLOCK_TIME)
    assert [again.step(event) for event, _ in shell.steps] == [actions for _, actions in shell.steps]


def delivered(actions) -> list[EthLog | PendingTransaction]:
    return [item for action in actions if isinstance(action, Deliver) for item in action.items]


def one(kind, actions):
    found = [action for action in actions if isinstance(action, kind)]
    assert len(found) == 1, actions
    return found[0]


def log(number: int, index: int = 0, branch: str = "", removed: bool = False) -> EthLog:
    return EthLog(number, f"{number}{branch}", index, removed)


class Bench:
    """A stream at provider "a" that began at height 99, with the log of block 100 delivered."""

    def __init__(self, **settings: Any) -> None:
        self.stream = Logs(Continuity(**settings), BLOCK_TIME)
        self.step(Started(0))
        self.step(Subscribed("a", 0))
        self.step(HeadKnown("a", 99, 0))
        assert self.seen(log(100)) == [log(100)]

    def step(self, event):
        return self.stream.step(event)

    def seen(self, item: EthLog, provider: str = "a") -> list[EthLog | PendingTransaction]:
        return delivered(self.step(Notified(provider, item, 0)))

    def fail_over(self, head: int):
        self.step(UpstreamLost("a", 0))
        self.step(Subscribed("b", 0))
        return self.step(HeadKnown("b", head, 0))


def test_a_failover_asks_again_for_the_last_block_and_keeps_the_order():
    bench = Bench()
    fill = one(Backfill, bench.fail_over(102))
    assert (fill.first, fill.last, fill.provider) == (100, 102, "b")
    assert bench.seen(log(103), "b") == []
    items = (log(102), log(101, 1), log(101), log(100, 1), log(100))
    answer = bench.step(BackfillAnswered(fill.fill, items, 102, 0))
    assert delivered(answer) == [log(100, 1), log(101), log(101, 1), log(102), log(103)]
    assert bench.seen(log(102), "b") == []


def test_removal_notices_pass_once():
    bench = Bench()
    assert bench.seen(log(100, removed=True)) == [log(100, removed=True)]
    assert bench.seen(log(100, removed=True)) == []


def test_a_short_answer_of_a_provider_that_lags_is_not_taken_for_the_whole():
    bench = Bench()
    fill = one(Backfill, bench.fail_over(103))
    rest = one(Backfill, bench.step(BackfillAnswered(fill.fill, (log(101),), 101, 0)))
    assert (rest.first, rest.last, rest.attempt) == (102, 103, 1)
    again = one(Backfill, bench.step(BackfillAnswered(rest.fill, (), 101, 0)))
    assert (again.first, again.last, again.attempt) == (102, 103, 2)


def test_a_fill_that_fails_too_often_is_left_and_reported():
    bench = Bench(fill_attempts=2)
    fill = one(Backfill, bench.fail_over(103))
    fill = one(Backfill, bench.step(BackfillFailed(fill.fill, 0)))
    bench.seen(log(104), "b")
    actions = bench.step(BackfillFailed(fill.fill, 0))
    assert actions[0] == GapLeft(100, 103, "unfilled")
    assert delivered(actions) == [log(104)]


def test_a_gap_over_the_bound_is_left_and_reported():
    bench = Bench(max_gap_blocks=4)
    assert bench.fail_over(105)[0] == GapLeft(100, 105, "too_long")
    assert bench.seen(log(106), "b") == [log(106)]


def test_what_cannot_be_held_back_is_fetched_and_lost_notices_are_reported():
    bench = Bench(hold_back=2)
    fill = one(Backfill, bench.fail_over(101))
    bench.seen(log(100, removed=True), "b")
    bench.seen(log(102), "b")
    assert one(GapLeft, bench.step(Notified("b", log(103), 0))) == GapLeft(100, 100, "too_long")
    more = one(Backfill, bench.step(BackfillAnswered(fill.fill, (log(101),), 101, 0)))
    assert (more.first, more.last) == (102, 102)
    assert delivered(bench.step(BackfillAnswered(more.fill, (log(102),), 102, 0))) == [log(102), log(103)]


def test_logs_replaced_during_a_failover_are_reported_not_guessed():
    bench = Bench()
    fill = one(Backfill, bench.fail_over(101))
    actions = bench.step(BackfillAnswered(fill.fill, (log(100, branch="'"),), 101, 0))
    assert GapLeft(100, 100, "reorged") in actions
    assert delivered(actions) == [log(100, branch="'")]


def test_a_quiet_filter_is_not_stale_while_heads_come():
    bench = Bench()
    for count in range(1, 10):
        assert not any(isinstance(a, Resubscribe) for a in bench.step(Elapsed(count * BLOCK_TIME)))
        bench.step(HeadKnown("a", 100 + count, count * BLOCK_TIME))
    assert Resubscribe("silent", "a") in bench.step(Elapsed(12 * BLOCK_TIME))


def test_a_provider_that_only_repeats_old_heights_is_lagging():
    bench = Bench()
    bench.fail_over(96)
    for count in range(1, 4):
        bench.step(HeadKnown("b", 96 + count, count * BLOCK_TIME - 1))
    pause = one(WakeAt, bench.step(Elapsed(3 * BLOCK_TIME)))
    assert bench.step(Elapsed(pause.at_ns)) == (Resubscribe("lagging", "b"),)


def test_a_height_left_out_by_the_heads_is_asked_for_again():
    bench = Bench()
    bench.step(HeadKnown("a", 100, 0))
    fill = one(Backfill, bench.step(HeadKnown("a", 102, 0)))
    assert fill.first <= 101 <= 102 == fill.last
    assert delivered(bench.step(BackfillAnswered(fill.fill, (log(100), log(101)), 102, 0))) == [log(101)]


def test_a_height_left_out_while_catching_up_is_asked_for_as_well():
    bench = Bench()
    fill = one(Backfill, bench.fail_over(101))
    assert bench.step(HeadKnown("b", 103, 0)) == ()
    rest = one(Backfill, bench.step(BackfillAnswered(fill.fill, (log(101),), 101, 0)))
    assert (rest.first, rest.last) == (102, 103)


def test_its_memory_is_bounded_and_what_is_forgotten_is_reported():
    bench = Bench()
    for number in range(101, 101 + 2 * REMEMBERED_BLOCKS):
        bench.seen(log(number))
    assert bench.stream.remembered == REMEMBERED_BLOCKS
    actions = bench.step(Notified("a", log(100, removed=True), 0))
    assert actions == (GapLeft(100, 100, "forgotten"),)
    per_block = REMEMBERED_LOGS // KEPT_BLOCKS
    begin = 101 + 2 * REMEMBERED_BLOCKS
    for number in range(begin, begin + 2 * KEPT_BLOCKS):
        for index in range(per_block):
            bench.seen(log(number, index))
    assert bench.stream.remembered <= REMEMBERED_LOGS


def test_pending_transactions_come_once_and_a_failover_leaves_a_gap_of_unknown_size():
    stream = PendingTransactions(Continuity(), BLOCK_TIME)
    stream.step(Started(0))
    stream.step(Subscribed("a", 0))
    assert delivered(stream.step(Notified("a", PendingTransaction("x"), 0))) == [PendingTransaction("x")]
    assert delivered(stream.step(Notified("a", PendingTransaction("x"), 0))) == []
    actions = stream.step(UpstreamLost("a", 0))
    assert actions == (GapLeft(None, None, "pending"), Resubscribe("lost", "a"))
    stream.step(Subscribed("b", 0))
    assert delivered(stream.step(Notified("b", PendingTransaction("x"), 0))) == []
    for number in range(REMEMBERED_TRANSACTIONS + 10):
        stream.step(Notified("b", PendingTransaction(str(number)), 0))
    assert stream.remembered == REMEMBERED_TRANSACTIONS
    assert Resubscribe("silent", "b") in stream.step(Elapsed(3 * BLOCK_TIME))


def test_the_stream_begins_where_its_first_provider_stands():
    bench = Bench()
    fill = one(Backfill, bench.fail_over(110))
    assert fill.first == 100, "nothing older than the subscription is asked for"
