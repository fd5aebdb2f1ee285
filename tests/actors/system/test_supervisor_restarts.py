"""Starting and restarting: order, who goes with whom, when, and when to give up."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from actors.system import (
    ActorContext,
    ActorDeadError,
    Backoff,
    ChildLostError,
    EscalationError,
    Induced,
    LifecycleChange,
    Limits,
    Supervisor,
)
from actors.units import ms, seconds

Run = Callable[..., Any]
SLOW = Backoff(first=seconds(10), most=seconds(10))
PATIENT = Limits(3, within=seconds(100))


async def run_for(supervisor: Supervisor, duration_s: float) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.run)
        await trio.sleep(duration_s)
        supervisor.stop()


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


def test_a_supervisor_counts_as_started_when_its_children_have(run: Run, journal: Any) -> None:
    inner = Supervisor("inner", [journal.child(name, journal.slow_to_start(2)) for name in "ab"])
    outer = Supervisor(
        "outer", [inner.as_child(), journal.child("c", journal.steady)], on_change=journal.on_change
    )
    run(run_for, outer, 10)
    assert journal.when("inner", "started") == [4]
    assert journal.when("c", "started") == [4]


def test_a_supervisor_returns_when_all_children_have_ended(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.ends(3), restart="transient"),
        journal.child("b", journal.crashes(5), restart="temporary"),
        journal.child("c", journal.crashes(1), journal.ends(1), restart="transient"),
    ]

    async def main() -> float:
        await Supervisor("top", children).run()
        return trio.current_time()

    assert run(main) == pytest.approx(5)


def test_a_supervisor_without_children_returns(run: Run) -> None:
    run(Supervisor("top", []).run)
    assert run(trio.sleep, 0) is None


def test_waiting_for_a_child_to_start_gives_its_value(run: Run, journal: Any) -> None:
    async def listens(ctx: ActorContext) -> None:
        await trio.sleep(2)
        ctx.started(8545)
        await ctx.stopping.wait()

    supervisor = Supervisor("top", [journal.child("a", journal.fails_to_start, listens)])

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            assert await supervisor.wait_started("a") == 8545
            assert trio.current_time() == pytest.approx(2.1)
            supervisor.stop()
        with pytest.raises(ChildLostError, match="a did not start"):
            await supervisor.wait_started("a")

    run(main)


def test_waiting_for_children_to_end(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.ends(3), restart="transient"),
        journal.child("b", journal.crashes(1), journal.ends(4), restart="transient"),
        journal.child("c", journal.steady),
        journal.child("d", journal.crashes(9), restart="temporary"),
    ]
    supervisor = Supervisor("top", children)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            await supervisor.wait_ended("a")
            assert trio.current_time() == pytest.approx(3)
            await supervisor.wait_ended("a", "b")
            assert trio.current_time() == pytest.approx(5.1)
            with pytest.raises(ChildLostError, match="d did not end normally"):
                await supervisor.wait_ended()
            assert trio.current_time() == pytest.approx(9)
            nursery.start_soon(stop_after, supervisor, 1)
            with pytest.raises(ChildLostError, match="c did not end normally"):
                await supervisor.wait_ended("c")

    async def stop_after(supervisor: Supervisor, duration_s: float) -> None:
        await trio.sleep(duration_s)
        supervisor.stop()

    run(main)


def test_an_end_in_an_earlier_run_does_not_count_in_the_next(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.steady, journal.slow_to_start(100), shutdown=0),
        journal.child("b", journal.ends(), restart="transient"),
    ]
    supervisor = Supervisor("top", children)

    async def main() -> None:
        await run_for(supervisor, 1)
        await supervisor.wait_ended("b")
        await run_for(supervisor, 1)
        with pytest.raises(ChildLostError):
            await supervisor.wait_ended("b")

    run(main)


def test_a_ref_is_stable_across_restarts_and_the_dead_ones_messages_are_counted(
    run: Run, journal: Any
) -> None:
    heard: list[tuple[int, str]] = []

    async def listens(ctx: ActorContext) -> None:
        ctx.started()
        async for message in ctx.inbox:
            heard.append((ctx.incarnation, message))
            if message == "die":
                raise ValueError(message)

    supervisor = Supervisor("top", [journal.child("a", listens)])
    ref = supervisor.ref("a")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            await supervisor.wait_started("a")
            for message in ["one", "die", "unread"]:
                await ref.tell(message)
            await trio.sleep(0.05)
            assert ref.tell_nowait("in the pause") is False
            with pytest.raises(ActorDeadError):
                await ref.ask("in the pause")
            await supervisor.wait_started("a")
            await ref.tell("two")
            supervisor.stop()

    run(main)
    assert heard == [(1, "one"), (1, "die"), (2, "two")]
    assert ref.statistics().dropped_dead == 3


def test_a_child_cannot_start_twice(run: Run, journal: Any) -> None:
    async def starts_twice(ctx: ActorContext) -> None:
        ctx.started()
        ctx.started()

    supervisor = Supervisor(
        "top", [journal.child("a", starts_twice, restart="temporary")], on_change=journal.on_change
    )
    run(supervisor.run)
    assert journal.said() == ["a started", "a crashed"]
    assert "said twice" in journal.reasons("a", "crashed")[0]


def test_a_context_that_outlives_its_incarnation_starts_nothing(run: Run, journal: Any) -> None:
    kept: list[ActorContext] = []

    async def leaks(ctx: ActorContext) -> None:
        kept.append(ctx)

    supervisor = Supervisor("top", [journal.child("a", leaks, restart="temporary")])
    run(supervisor.run)
    with pytest.raises(RuntimeError):
        run(_start, kept[0])


async def _start(ctx: ActorContext) -> None:
    ctx.started()


def test_a_long_exception_is_cut_for_the_log(run: Run, journal: Any) -> None:
    child = journal.child("a", journal.raises(ValueError("x" * 10_000)), restart="temporary")
    run(Supervisor("top", [child], on_change=journal.on_change).run)
    assert len(journal.reasons("a", "crashed")[0]) == 500


def test_a_change_names_its_supervisor_and_incarnation(run: Run, journal: Any) -> None:
    child = journal.child("a", journal.killed(1), journal.ends(), restart="transient")
    run(Supervisor("top", [child], on_change=journal.on_change).run)
    assert journal.changes[-2:] == [
        LifecycleChange("top", "a", "started", 2),
        LifecycleChange("top", "a", "stopped", 2),
    ]


def test_wrong_families_are_refused(journal: Any) -> None:
    twins = [journal.child("a", journal.steady), journal.child("a", journal.steady)]
    with pytest.raises(ValueError, match="share a name"):
        Supervisor("top", twins)
    with pytest.raises(ValueError, match="always fails"):
        Supervisor("top", [], limits=Limits(3, within=ms(1)))
    with pytest.raises(ValueError, match="negative"):
        journal.child("a", journal.steady, shutdown=-1)
