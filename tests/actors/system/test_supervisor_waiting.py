"""Who waits for whom to start and to end, what a ref outlives, and what is refused."""

from typing import Any

import pytest
import trio
import trio.testing

from battle.actors.system import (
    ActorContext,
    ActorDeadError,
    ChildLostError,
    LifecycleChange,
    Limits,
    Supervisor,
)
from battle.actors.units import ms
from tests.actors.system.running import Run, run_for


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
