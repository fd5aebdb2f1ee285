"""Starting and restarting: order, who goes with whom, when, and when to give up."""

from typing import Any

import pytest
import trio
import trio.testing

from battle.actors.system import (
    ActorContext,
    Backoff,
    ChildSpec,
    EscalationError,
    HopelessError,
    Induced,
    LifecycleChange,
    Limits,
    Supervisor,
)
from battle.actors.system.restart import Strategy
from battle.actors.units import seconds
from battle.actors.world.simulated.determinism import deterministic_scheduling
from tests.actors.system.running import Run, run_for

SLOW = Backoff(first=seconds(10), most=seconds(10))
PATIENT = Limits(3, within=seconds(100))


def test_each_child_waits_until_the_one_before_has_started(run: Run, journal: Any) -> None:
    children = [journal.child(name, journal.slow_to_start(2)) for name in "abc"]
    run(run_for, Supervisor("top", children, on_change=journal.on_change), 10)
    assert [journal.when(name, "started") for name in "abc"] == [[2], [4], [6]]


def test_a_child_that_ends_without_having_started_does_not_hold_up_the_others(run: Run, journal: Any) -> None:
    async def quick_job(ctx: ActorContext) -> None:
        await trio.sleep(1)

    children = [journal.child("a", quick_job, restart="transient"), journal.child("b", journal.steady)]
    run(run_for, Supervisor("top", children, on_change=journal.on_change), 10)
    assert journal.said()[:2] == ["a stopped", "b started"]
    assert journal.when("b", "started") == [1]


def test_a_failed_start_is_a_crash_and_later_children_wait_for_its_restart(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.fails_to_start, journal.steady),
        journal.child("b", journal.steady),
    ]
    run(run_for, Supervisor("top", children, limits=PATIENT, backoff=SLOW, on_change=journal.on_change), 30)
    assert journal.said()[:4] == ["a crashed", "a restarting", "a started", "b started"]
    assert journal.reasons("a", "crashed") == ["OSError: address in use"]
    assert journal.when("b", "started") == [10]


def test_one_for_one_restarts_only_the_child_that_crashed(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.steady),
        journal.child("b", journal.crashes(1), journal.steady),
        journal.child("c", journal.steady),
    ]
    run(run_for, Supervisor("top", children, on_change=journal.on_change), 10)
    assert journal.said() == [
        *["a started", "b started", "c started"],
        *["b crashed", "b restarting", "b started"],
        *["c stopped", "b stopped", "a stopped"],
    ]
    assert journal.when("b", "started") == [0, 1.1]
    assert journal.reasons("b", "crashed") == ["ValueError: boom"]
    assert journal.reasons("b", "restarting") == ["crash exit of b; in 100 ms"]


def test_one_for_all_stops_all_in_reverse_and_starts_all_in_order(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.slow_to_start(1)),
        journal.child("b", journal.crashes(1), journal.steady),
        journal.child("c", journal.steady),
    ]
    supervisor = Supervisor("top", children, strategy="one_for_all", on_change=journal.on_change)
    run(run_for, supervisor, 10)
    assert journal.said("started", "stopped", "crashed")[3:9] == [
        *["b crashed", "c stopped", "a stopped"],
        *["a started", "b started", "c started"],
    ]
    assert journal.when("b", "started") == [1, 3.1]


def test_rest_for_one_restarts_the_later_siblings_and_leaves_the_earlier(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.steady),
        journal.child("b", journal.crashes(1), journal.slow_to_start(1)),
        journal.child("c", journal.steady),
        journal.child("d", journal.steady),
    ]
    supervisor = Supervisor("top", children, strategy="rest_for_one", on_change=journal.on_change)
    run(run_for, supervisor, 10)
    assert journal.said("started", "stopped", "crashed")[4:10] == [
        *["b crashed", "d stopped", "c stopped"],
        *["b started", "c started", "d started"],
    ]
    assert journal.when("a", "started") == [0]
    assert journal.when("d", "started") == [0, 2.1]


def test_the_backoff_of_one_child_does_not_hold_up_another(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.crashes(1), journal.steady),
        journal.child("b", journal.crashes(2), journal.steady),
        journal.child("c", journal.killed(3), journal.steady),
    ]
    run(run_for, Supervisor("top", children, limits=PATIENT, backoff=SLOW, on_change=journal.on_change), 30)
    assert journal.when("b", "restarting") == [2]
    assert [journal.when(name, "started")[1] for name in "abc"] == [11, 12, 3]


def test_siblings_that_crash_in_the_same_instant_are_restarted_once(run: Run, journal: Any) -> None:
    children = [journal.child(name, journal.crashes(1), journal.steady) for name in "abc"]
    limits = Limits(max_restarts=1, within=seconds(100))
    supervisor = Supervisor(
        "top", children, strategy="one_for_all", limits=limits, on_change=journal.on_change
    )
    run(run_for, supervisor, 10)
    assert len(journal.said("crashed")) == 3
    assert journal.said("restarting") == ["a restarting", "b restarting", "c restarting"]
    assert [journal.when(name, "started") for name in "abc"] == [[0, 1.1]] * 3


def test_an_earlier_crash_takes_over_a_group_restart_that_waits(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.crashes(5), journal.steady),
        journal.child("b", journal.steady),
        journal.child("c", journal.crashes(1), journal.steady),
    ]
    supervisor = Supervisor(
        "top",
        children,
        strategy="rest_for_one",
        limits=PATIENT,
        backoff=SLOW,
        on_change=journal.on_change,
    )
    run(run_for, supervisor, 30)
    assert [journal.when(name, "started") for name in "abc"] == [[0, 15], [0, 15], [0, 15]]
    assert max(c.incarnation for c in journal.changes) == 2


def test_a_groups_restart_does_not_cut_a_childs_own_backoff_short(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.killed(5), journal.steady),
        journal.child("b", journal.steady),
        journal.child("c", journal.crashes(1), journal.steady),
    ]
    supervisor = Supervisor(
        "top",
        children,
        strategy="rest_for_one",
        limits=PATIENT,
        backoff=SLOW,
        on_change=journal.on_change,
    )
    run(run_for, supervisor, 30)
    assert [journal.when(name, "started") for name in "abc"] == [[0, 5], [0, 5], [0, 11]]


def test_a_crash_during_the_first_start_restarts_the_group_and_still_starts_the_temporary(
    run: Run, journal: Any
) -> None:
    children = [
        journal.child("a", journal.crashes(1), journal.steady),
        journal.child("b", journal.slow_to_start(3), shutdown=0),
        journal.child("c", journal.steady, restart="temporary"),
    ]
    supervisor = Supervisor("top", children, strategy="one_for_all", on_change=journal.on_change)
    run(run_for, supervisor, 30)
    assert journal.said("started") == ["a started", "a started", "b started", "c started"]
    assert journal.when("c", "started") == [4.1]


def test_a_group_restart_stops_temporary_siblings_for_good(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.crashes(1), journal.steady),
        journal.child("b", journal.steady, restart="temporary"),
    ]
    supervisor = Supervisor("top", children, strategy="one_for_all", on_change=journal.on_change)
    run(run_for, supervisor, 30)
    assert journal.when("b", "started") == [0]
    assert journal.when("b", "stopped") == [1]


def test_restart_types_hold(run: Run, journal: Any) -> None:
    children = [
        journal.child("permanent", journal.ends(1), journal.steady, restart="permanent"),
        journal.child("ended", journal.ends(1), restart="transient"),
        journal.child("crashed", journal.crashes(1), journal.steady, restart="transient"),
        journal.child("temporary", journal.crashes(1), restart="temporary"),
    ]
    run(run_for, Supervisor("top", children, on_change=journal.on_change), 30)
    assert sorted(journal.said("restarting")) == ["crashed restarting", "permanent restarting"]


def test_an_induced_exit_restarts_at_once_whatever_the_intensity(run: Run, journal: Any) -> None:
    lives = [journal.killed(1)] * 5 + [journal.steady]
    supervisor = Supervisor(
        "top",
        [journal.child("a", *lives)],
        limits=Limits(max_restarts=0, within=seconds(100)),
        on_change=journal.on_change,
    )
    run(run_for, supervisor, 30)
    assert journal.when("a", "started") == [0, 1, 2, 3, 4, 5]
    assert journal.reasons("a", "crashed") == ["Induced: fault f1"] * 5


@pytest.mark.parametrize(
    ("error", "induced"),
    [
        (ExceptionGroup("", [Induced("f"), ExceptionGroup("", [Induced("g")])]), True),
        (ExceptionGroup("", [Induced("f"), ValueError("boom")]), False),
    ],
)
def test_a_group_is_induced_if_all_in_it_is(run: Run, journal: Any, error: Exception, induced: bool) -> None:
    supervisor = Supervisor(
        "top", [journal.child("a", journal.raises(error), journal.steady)], on_change=journal.on_change
    )
    run(run_for, supervisor, 30)
    assert journal.when("a", "started")[1] == (0 if induced else 0.1)
    (reason,) = journal.reasons("a", "crashed")
    assert reason == ("Induced: f; Induced: g" if induced else "Induced: f; ValueError: boom")


@pytest.mark.parametrize("life", ["crashes", "ends"])
def test_a_permanent_child_that_always_exits_ends_in_escalation(run: Run, journal: Any, life: str) -> None:
    children = [
        journal.child("steady", journal.steady),
        journal.child("bad", getattr(journal, life)(1)),
        journal.child("later", journal.steady),
    ]
    supervisor = Supervisor("top", children, limits=Limits(3, within=seconds(9)), on_change=journal.on_change)
    with pytest.raises(EscalationError, match="top: bad would need more than 3 restarts within 9 s") as e:
        run(supervisor.run)
    assert isinstance(e.value.__cause__, ValueError if life == "crashes" else type(None))
    assert journal.when("bad", "started") == [0, 1.1, 2.3, 3.7]
    assert journal.said()[-3:] == ["top escalated", "later stopped", "steady stopped"]
    assert journal.alive == []


def test_an_escalation_is_the_last_decision(run: Run, journal: Any) -> None:
    children = [journal.child(name, journal.crashes(1)) for name in "abc"]
    supervisor = Supervisor("top", children, limits=Limits(0), on_change=journal.on_change)
    with pytest.raises(EscalationError):
        run(supervisor.run)
    assert len(journal.said("crashed")) == 3
    assert journal.said("escalated", "restarting") == ["top escalated"]


def test_an_escalation_climbs_two_levels(run: Run, journal: Any) -> None:
    inner = Supervisor(
        "inner",
        [journal.child("x", journal.steady), journal.child("bad", journal.crashes())],
        limits=Limits(max_restarts=1, within=seconds(5)),
        on_change=journal.on_change,
    )
    outer = Supervisor(
        "outer",
        [journal.child("before", journal.steady), inner.as_child(), journal.child("after", journal.steady)],
        strategy="rest_for_one",
        limits=Limits(max_restarts=2, within=seconds(5)),
        on_change=journal.on_change,
    )
    with pytest.raises(EscalationError, match="outer: inner would need") as e:
        run(outer.run)
    assert isinstance(e.value.__cause__, EscalationError)
    assert str(e.value.__cause__).startswith("inner: bad would need")
    assert isinstance(e.value.__cause__.__cause__, ValueError)
    escalations = [c for c in journal.changes if c.change == "escalated"]
    assert [(c.actor, c.incarnation) for c in escalations] == [
        *[("inner", 1), ("inner", 2), ("inner", 3)],
        ("outer", 1),
    ]
    assert len(journal.when("bad", "started")) == 3 * 2
    assert [c.incarnation for c in journal.changes if (c.actor, c.change) == ("bad", "started")] == [
        *range(1, 7)
    ]
    assert journal.when("before", "started") == [0]
    assert journal.alive == []


def test_slow_starts_that_fail_end_the_whole_tree_and_not_only_their_own_supervisor(
    run: Run, journal: Any
) -> None:
    """Seven seconds each: three restarts within five seconds are never met, at no level of the tree."""

    async def fails_slowly(ctx: ActorContext) -> None:
        await trio.sleep(7)
        raise OSError("no such library")

    group = Supervisor("group", [journal.child("a", fails_slowly)], on_change=journal.on_change)
    top = Supervisor("top", [group.as_child()], on_change=journal.on_change)
    with pytest.RaisesGroup(pytest.RaisesExc(HopelessError, match="top: group cannot start")):
        run(run_for, top, 3600)
    assert len(journal.when("a", "crashed")) == 3
    assert journal.when("group", "escalated")[0] < 25


@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one", "one_for_all"])
def test_a_supervisor_whose_child_crashes_as_soon_as_it_is_up_has_started_in_any_order_of_tasks(
    run: Run, strategy: Strategy
) -> None:
    """Whether it had was a matter of which task trio ran first: of 400 orders a few said that it had not."""

    async def crashes_when_up(ctx: ActorContext) -> None:
        ctx.started()
        raise ValueError("boom")

    def changes_of(seed: int) -> list[str]:
        changes: list[str] = []

        def note(change: LifecycleChange) -> None:
            changes.append(f"{change.actor} {change.change}")

        inner = Supervisor(
            "inner", [ChildSpec("bad", crashes_when_up)], strategy=strategy, limits=Limits(0), on_change=note
        )
        outer = Supervisor("outer", [inner.as_child()], strategy=strategy, limits=Limits(0), on_change=note)
        with deterministic_scheduling(seed), pytest.raises(EscalationError):
            run(outer.run)
        return changes

    orders = [changes_of(seed) for seed in range(400)]
    assert all("inner started" in changes for changes in orders)
