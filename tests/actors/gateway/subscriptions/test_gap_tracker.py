"""The story of gaps, from scripted steps of a fold: what is logged, and with which numbers."""

import msgspec

from battle.actors.gateway.subscriptions.continuity import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    ChainHead,
    Deliver,
    Elapsed,
    EthLog,
    GapLeft,
    HeadKnown,
    Notified,
    Resubscribe,
    Subscribed,
    UpstreamLost,
)
from battle.actors.gateway.subscriptions.gap_tracker import GapTracker


def head(number):
    return ChainHead(number, f"h{number}", f"h{number - 1}")


def log(number, index=0):
    return EthLog(number, f"h{number}", index)


def told(kind, *steps):
    """Each step is (event, actions, where the stream is subscribed afterwards)."""
    ledger, before, rows = GapTracker(kind), None, []
    for event, actions, after in steps:
        row = ledger.observe(event, tuple(actions), before, after)
        if row is not None:
            values = msgspec.structs.asdict(row)
            rows.append(tuple(values[name] for name in NAMES))
        before = after
    return rows


NAMES = (
    "reason", "outcome", "filled", "from_provider", "to_provider", "first_number", "last_number", "began_ns",
    "ended_ns",
)  # fmt: skip


def began(kind="newHeads"):
    make = head if kind == "newHeads" else log
    return [
        (Subscribed("a", 1), [], "a"),
        (HeadKnown("a", 10, 2), [], "a"),
        (Notified("a", make(11), 3), [Deliver((make(11),))], "a"),
    ]


LOST = [(UpstreamLost("a", 5), [Resubscribe("lost", "a")], None), (Subscribed("b", 7), [], "b")]


def test_nothing_is_told_while_all_goes_well():
    assert told("newHeads", *began()) == []


def test_a_failover_in_which_nothing_was_missed():
    rows = told("newHeads", *began(), *LOST, (HeadKnown("b", 11, 8), [], "b"))
    assert rows == [("failover", "nothing_missing", 0, "a", "b", None, None, 5, 8)]


def test_a_failover_that_was_filled():
    rows = told(
        "newHeads",
        *began(),
        *LOST,
        (HeadKnown("b", 14, 8), [Backfill(1, 12, 14, 1, "b")], "b"),
        (
            BackfillAnswered(1, (head(12), head(13), head(14)), 14, 9),
            [Deliver((head(12), head(13), head(14)))],
            "b",
        ),
    )
    assert rows == [("failover", "filled", 3, "a", "b", 12, 14, 5, 9)]


def test_one_that_waits_for_the_next_head_to_give_up_is_not_over_before():
    rows = told(
        "newHeads",
        *began(),
        *LOST,
        (HeadKnown("b", 99, 8), [], "b"),
        (Notified("b", head(100), 9), [GapLeft(12, 99, "too_long"), Deliver((head(100),))], "b"),
    )
    assert rows == [("failover", "failed", 0, "a", "b", 12, 99, 5, 9)]


def test_a_fill_that_got_half_way():
    rows = told(
        "newHeads",
        *began(),
        *LOST,
        (HeadKnown("b", 13, 8), [Backfill(1, 12, 13, 1, "b")], "b"),
        (BackfillAnswered(1, (head(12),), 12, 9), [Deliver((head(12),)), Backfill(2, 13, 13, 2, "b")], "b"),
        (BackfillFailed(2, 10), [GapLeft(13, 13, "unfilled")], "b"),
        (Notified("b", head(14), 11), [Deliver((head(14),))], "b"),
    )
    assert rows == [("failover", "partly", 1, "a", "b", 12, 13, 5, 11)]


def test_two_failovers_on_the_way_are_one_story():
    rows = told(
        "newHeads",
        *began(),
        *LOST,
        (HeadKnown("b", 12, 8), [Backfill(1, 12, 12, 1, "b")], "b"),
        (UpstreamLost("b", 9), [Resubscribe("lost", "b")], None),
        (Subscribed("c", 10), [], "c"),
        (HeadKnown("c", 12, 11), [Backfill(2, 12, 12, 1, "c")], "c"),
        (BackfillAnswered(2, (head(12),), 12, 12), [Deliver((head(12),))], "c"),
    )
    assert rows == [("failover", "filled", 1, "a", "c", 12, 12, 5, 12)]


def test_a_head_the_provider_left_out():
    rows = told(
        "newHeads",
        *began(),
        (Notified("a", head(13), 20), [], "a"),
        (Elapsed(21), [Backfill(1, 12, 12, 1, "a")], "a"),
        (BackfillAnswered(1, (head(12),), 12, 22), [Deliver((head(12), head(13)))], "a"),
    )
    assert rows == [("missed", "filled", 1, "a", "a", 12, 12, 21, 22)]


def test_one_that_came_after_all_while_it_was_asked_for_is_not_worth_a_row():
    rows = told(
        "newHeads",
        *began(),
        (HeadKnown("a", 12, 20), [Backfill(1, 12, 12, 1, "a")], "a"),
        (Notified("a", head(12), 21), [Deliver((head(12),))], "a"),
        (BackfillAnswered(1, (head(12),), 12, 22), [], "a"),
    )
    assert rows == []


def test_a_reorg_looked_into_downwards():
    new = ChainHead(10, "x10", "h9")
    tip = ChainHead(11, "x11", "x10")
    rows = told(
        "newHeads",
        *began(),
        (Notified("a", head(12), 4), [Deliver((head(12),))], "a"),
        (Notified("a", tip, 20), [Backfill(1, 8, 10, 1, "a")], "a"),
        (BackfillAnswered(1, (new,), 10, 21), [Deliver((new, tip))], "a"),
    )
    assert rows == [("reorg", "filled", 1, "a", "a", 10, 10, 20, 21)]


def test_a_gap_of_unknown_bounds():
    rows = told(
        "newHeads",
        (Subscribed("a", 1), [], "a"),
        (UpstreamLost("a", 5), [GapLeft(None, None, "unknown_start"), Resubscribe("lost", "a")], None),
        (Subscribed("b", 7), [], "b"),
        (HeadKnown("b", 11, 8), [], "b"),
    )
    assert rows == [("failover", "failed", 0, "a", "b", None, None, 5, 8)]


def test_logs_asked_for_again_are_missing_only_where_they_are_new():
    rows = told(
        "logs",
        *began("logs"),
        *LOST,
        (HeadKnown("b", 14, 8), [Backfill(1, 4, 14, 1, "b")], "b"),
        (BackfillAnswered(1, (log(11), log(13)), 14, 9), [Deliver((log(13),))], "b"),
    )
    assert rows == [("failover", "filled", 1, "a", "b", 12, 14, 5, 9)]


def test_no_logs_in_the_gap_is_nothing_missing():
    rows = told(
        "logs",
        *began("logs"),
        *LOST,
        (HeadKnown("b", 14, 8), [Backfill(1, 4, 14, 1, "b")], "b"),
        (BackfillAnswered(1, (log(11),), 14, 9), [], "b"),
    )
    assert rows == [("failover", "nothing_missing", 0, "a", "b", None, None, 5, 9)]


def test_a_replaced_log_is_a_reorg_of_its_own():
    rows = told("logs", *began("logs"), (Notified("a", log(3), 20), [GapLeft(3, 3, "forgotten")], "a"))
    assert rows == [("reorg", "failed", 0, "a", "a", 3, 3, 20, 20)]


def test_pending_transactions_end_with_the_new_subscription():
    rows = told(
        "newPendingTransactions",
        (Subscribed("a", 1), [], "a"),
        (UpstreamLost("a", 5), [GapLeft(None, None, "pending"), Resubscribe("lost", "a")], None),
        (Subscribed("b", 7), [], "b"),
    )
    assert rows == [("failover", "failed", 0, "a", "b", None, None, 5, 7)]
