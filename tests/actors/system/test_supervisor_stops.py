"""Stopping: reverse order, the ladder, its deadlines, and cancellation at every moment."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from battle.actors.system import ActorContext, Backoff, EscalationError, Limits, Supervisor
from battle.actors.units import ms, seconds

Run = Callable[..., Any]


async def stopped_after(supervisor: Supervisor, duration_s: float) -> float:
    """How long the stop took."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.run)
        await trio.sleep(duration_s)
        asked_at = trio.current_time()
        supervisor.stop()
    return round(trio.current_time() - asked_at, 6)


async def cancelled_after(supervisor: Supervisor, duration_s: float) -> float:
    """How long it took to end after the cancellation."""
    with trio.move_on_after(duration_s) as scope:
        await supervisor.run()
    assert scope.cancelled_caught
    return round(trio.current_time() - duration_s, 6)


@pytest.mark.parametrize("end", [stopped_after, cancelled_after])
def test_children_stop_one_by_one_in_reverse_order(run: Run, journal: Any, end: Any) -> None:
    async def slow_to_stop(ctx: ActorContext) -> None:
        await journal.steady(ctx)
        await trio.sleep(1)

    children = [journal.child(name, slow_to_stop) for name in "abc"]
    assert run(end, Supervisor("top", children, on_change=journal.on_change), 10) == 3
    assert journal.said("stopped") == ["c stopped", "b stopped", "a stopped"]
    assert [journal.when(name, "stopped") for name in "cba"] == [[11], [12], [13]]
    assert journal.reasons("a", "stopped") == ["asked to stop"]


@pytest.mark.parametrize("end", [stopped_after, cancelled_after])
def test_a_child_that_does_not_stop_is_cancelled_after_its_deadline(run: Run, journal: Any, end: Any) -> None:
    children = [
        journal.child("a", journal.stubborn, shutdown=seconds(2)),
        journal.child("b", journal.stubborn, shutdown=0),
        journal.child("c", journal.stubborn, shutdown=ms(500)),
        journal.child("d", journal.steady),
    ]
    assert run(end, Supervisor("top", children, on_change=journal.on_change), 10) == 2.5
    assert [journal.when(name, "stopped") for name in "dcba"] == [[10], [10.5], [10.5], [12.5]]
    assert journal.reasons("a", "stopped") == ["cancelled, after it was asked to stop"]
    assert journal.alive == []


def test_a_child_that_cleans_up_under_a_shield_is_waited_for(run: Run, journal: Any) -> None:
    async def cleans_up(ctx: ActorContext) -> None:
        try:
            await journal.stubborn(ctx)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(3)

    children = [journal.child("a", journal.steady), journal.child("b", cleans_up, shutdown=seconds(2))]
    assert run(stopped_after, Supervisor("top", children, on_change=journal.on_change), 1) == 5
    assert journal.said("stopped") == ["b stopped", "a stopped"]


def test_an_inbox_is_read_to_its_end_within_the_grace(run: Run, journal: Any) -> None:
    heard: list[int] = []

    async def reads(ctx: ActorContext) -> None:
        ctx.started()
        async for message in ctx.inbox:
            await trio.sleep(1)
            heard.append(message)

    supervisor = Supervisor("top", [journal.child("a", reads)], on_change=journal.on_change)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            await supervisor.wait_started("a")
            for n in range(3):
                await supervisor.ref("a").tell(n)
            supervisor.stop()

    run(main)
    assert heard == [0, 1, 2]
    assert journal.reasons("a", "stopped") == ["asked to stop"]


def test_a_crash_while_stopping_is_reported_and_stops_nothing_else(run: Run, journal: Any) -> None:
    async def crashes_when_asked(ctx: ActorContext) -> None:
        await journal.steady(ctx)
        raise ValueError("while closing")

    children = [journal.child("a", journal.steady), journal.child("b", crashes_when_asked)]
    run(stopped_after, Supervisor("top", children, on_change=journal.on_change), 1)
    assert journal.said()[2:] == ["b crashed", "a stopped"]
    assert journal.reasons("b", "crashed") == ["ValueError: while closing"]


def test_a_child_that_waits_for_its_restart_is_not_started_any_more(run: Run, journal: Any) -> None:
    children = [journal.child("a", journal.crashes(1)), journal.child("b", journal.steady)]
    supervisor = Supervisor(
        "top",
        children,
        limits=Limits(1, within=seconds(100)),
        backoff=Backoff(first=seconds(5)),
        on_change=journal.on_change,
    )
    assert run(stopped_after, supervisor, 2) == 0
    assert journal.when("a", "started") == [0]


def test_stopping_before_running_starts_nothing(run: Run, journal: Any) -> None:
    supervisor = Supervisor("top", [journal.child("a", journal.steady)], on_change=journal.on_change)
    supervisor.stop()
    run(supervisor.run)
    assert journal.changes == []


def tree(journal: Any, **inner_spec: Any) -> Supervisor:
    inner = Supervisor(
        "inner",
        [journal.child(name, journal.stubborn, shutdown=seconds(2)) for name in "xyz"],
        on_change=journal.on_change,
    )
    spec = inner.as_child()
    for field, value in inner_spec.items():
        spec = type(spec)(**{**{f: getattr(spec, f) for f in spec.__struct_fields__}, field: value})
    children = [journal.child("a", journal.steady), spec, journal.child("b", journal.steady)]
    return Supervisor("outer", children, on_change=journal.on_change)


@pytest.mark.parametrize("end", [stopped_after, cancelled_after])
def test_a_tree_stops_in_reverse_within_the_sum_of_its_deadlines(run: Run, journal: Any, end: Any) -> None:
    assert run(end, tree(journal), 10) == 6
    assert journal.said("stopped") == [f"{name} stopped" for name in ("b", "z", "y", "x", "inner", "a")]
    assert [journal.when(name, "stopped") for name in "zyx"] == [[12], [14], [16]]


def test_a_deadline_for_a_supervisor_takes_the_rest_of_the_grace_away(run: Run, journal: Any) -> None:
    assert run(stopped_after, tree(journal, shutdown=seconds(3)), 10) == 3
    assert journal.said("stopped") == [f"{name} stopped" for name in ("b", "z", "y", "x", "inner", "a")]
    assert [journal.when(name, "stopped") for name in "zyx"] == [[12], [13], [13]]


def test_cancelling_on_top_of_a_stop_hurries_it(run: Run, journal: Any) -> None:
    children = [journal.child(name, journal.stubborn, shutdown=seconds(5)) for name in "ab"]
    supervisor = Supervisor("top", children, on_change=journal.on_change)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            await trio.sleep(1)
            supervisor.stop()
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

    run(main)
    assert journal.said("stopped") == ["b stopped", "a stopped"]
    assert journal.when("a", "stopped") == [2]


def test_a_supervisor_can_run_again_after_it_was_stopped(run: Run, journal: Any) -> None:
    supervisor = Supervisor("top", [journal.child("a", journal.steady)], on_change=journal.on_change)
    run(stopped_after, supervisor, 1)
    run(stopped_after, supervisor, 1)
    assert [c.incarnation for c in journal.changes if c.change == "started"] == [1, 2]


def test_cancellation_wins_over_an_escalation(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.stubborn, shutdown=seconds(5)),
        journal.child("bad", journal.crashes(1)),
    ]
    supervisor = Supervisor("top", children, limits=Limits(max_restarts=0), on_change=journal.on_change)
    assert run(cancelled_after, supervisor, 2) == 0
    assert "top escalated" in journal.said()
    assert journal.alive == []


def busy_family(journal: Any) -> Supervisor:
    """Starts in order, restarts its group, loses a child for good, and nests: every await of the shell."""
    inner = Supervisor(
        "inner",
        [journal.child("x", journal.steady), journal.child("y", journal.killed(), journal.steady)],
        strategy="one_for_all",
        on_change=journal.on_change,
    )
    children = [
        journal.child("a", journal.steady),
        journal.child(
            "b",
            journal.fails_to_start,
            journal.killed(),
            journal.crashes(1),
            journal.steady,
            shutdown=ms(200),
        ),
        inner.as_child(),
        journal.child("c", journal.stubborn, shutdown=ms(200)),
        journal.child("d", journal.crashes(), restart="temporary"),
    ]
    return Supervisor("top", children, strategy="rest_for_one", on_change=journal.on_change)


def check_cut_short(journal: Any) -> None:
    """What was asked to stop had no later sibling, and no child of its own, still up; nothing lives on."""
    must_be_down = {"a": "b inner x y c d", "b": "inner x y c d", "inner": "x y c d", "x": "y", "c": "d"}
    up: set[str] = set()
    for change in journal.changes:
        if change.change == "started":
            up.add(change.actor)
        elif change.change in ("crashed", "stopped"):
            if change.reason is not None and "asked to stop" in change.reason:
                later = up.intersection(must_be_down.get(change.actor, "").split())
                assert not later, (change, journal.said())
            up.discard(change.actor)
    assert up == set(), journal.said()
    assert journal.alive == []


@pytest.mark.parametrize("at_s", [0, 0.05, 0.1, 0.15, 0.25, 0.3, 1.1, 1.15, 1.2, 1.3, 1.35, 1.5, 5])
@pytest.mark.parametrize("end", [stopped_after, cancelled_after])
def test_it_can_be_ended_at_any_time(run: Run, journal: Any, at_s: float, end: Any) -> None:
    assert run(end, busy_family(journal), at_s) <= 0.4
    check_cut_short(journal)


@pytest.mark.parametrize("turns", range(40))
@pytest.mark.parametrize("after_s", [0, 0.1, 1.1, 1.3])
def test_it_can_be_cancelled_at_any_turn_of_the_scheduler(
    run: Run, journal: Any, turns: int, after_s: float
) -> None:
    async def cancel(scope: trio.CancelScope) -> None:
        await trio.sleep(after_s)
        for _ in range(turns):
            await trio.lowlevel.checkpoint()
        scope.cancel()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel, nursery.cancel_scope)
            await busy_family(journal).run()
        assert trio.current_time() - after_s <= 0.4

    run(main)
    check_cut_short(journal)


def test_an_interrupt_in_a_child_stops_all_and_comes_out(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.steady),
        journal.child("b", journal.raises(KeyboardInterrupt(), 1)),
    ]
    supervisor = Supervisor("top", children, on_change=journal.on_change)
    with pytest.raises(BaseExceptionGroup) as e:
        run(supervisor.run)
    assert e.group_contains(KeyboardInterrupt)
    assert journal.said("stopped") == ["a stopped"]
    assert journal.alive == []


def test_a_supervisor_runs_once_at_a_time(run: Run, journal: Any) -> None:
    supervisor = Supervisor("top", [journal.child("a", journal.steady)])

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            await supervisor.wait_started("a")
            with pytest.raises(AssertionError, match="runs already"):
                await supervisor.run()
            supervisor.stop()

    run(main)


def test_running_in_a_cancelled_scope_starts_nothing(run: Run, journal: Any) -> None:
    supervisor = Supervisor("top", [journal.child("a", journal.steady)], on_change=journal.on_change)

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await supervisor.run()

    run(main)
    assert journal.changes == []


def test_an_escalation_while_others_are_slow_to_stop_stops_them_first(run: Run, journal: Any) -> None:
    children = [
        journal.child("a", journal.stubborn, shutdown=seconds(2)),
        journal.child("bad", journal.crashes(1)),
    ]
    supervisor = Supervisor("top", children, limits=Limits(0), on_change=journal.on_change)

    async def main() -> float:
        with pytest.raises(EscalationError):
            await supervisor.run()
        return trio.current_time()

    assert run(main) == pytest.approx(3)
    assert journal.alive == []
