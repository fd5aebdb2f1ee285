"""Virtual time: exact, ordered, and it knows when nothing can happen any more."""

import os
import signal
from pathlib import Path

import pytest
import trio
import trio.testing

from battle.actors.world.simulated import SimulationOverrun, simulate
from battle.actors.world.simulated.clock import EVENTS_PER_TURN, EventClock

HOUR_NS = 3600 * 10**9


async def _no_nodes(world, role, control):
    raise AssertionError("this test starts no node")


def _simulate(main, tmp_path: Path, seed: int = 1, limit_ns: int = HOUR_NS):
    return simulate(main, run_dir=tmp_path, seed=seed, boot=_no_nodes, limit_ns=limit_ns)


def test_time_lands_exactly_on_events_and_deadlines(tmp_path):
    async def main(cluster):
        world, moments = cluster.world, []
        await world.sleep_until(123_456_789)
        moments.append(world.now_ns())
        await trio.sleep(0.001)
        moments.append(world.now_ns())
        with trio.move_on_after(1 / 3):
            await trio.sleep_forever()
        moments.append(world.now_ns())
        return moments

    first, second, third = _simulate(main, tmp_path)
    assert first == 123_456_789
    assert second == 124_456_789
    assert 0 <= third - (second + 333_333_333) <= 1


def test_a_deadlock_is_named(tmp_path):
    async def main(cluster):
        await trio.Event().wait()

    with pytest.raises(SimulationOverrun):  # the root deadline is an event too: it comes first
        _simulate(main, tmp_path)


def test_a_deadlock_without_any_deadline_is_seen_at_once():
    failures = []
    scope = trio.CancelScope()

    def fail(error):
        failures.append(error)
        scope.cancel()

    async def main():
        with scope:
            await trio.Event().wait()

    trio.run(main, clock=EventClock(fail))
    assert failures == [None]


def test_a_simulation_that_never_ends_is_stopped_at_its_limit(tmp_path):
    async def main(cluster):
        await trio.sleep(3600)

    with pytest.raises(SimulationOverrun, match="60 virtual seconds"):
        _simulate(main, tmp_path, limit_ns=60 * 10**9)


def test_a_signal_reaches_a_simulation_in_which_no_task_wakes(tmp_path):
    async def main(cluster):
        def again():
            cluster.world.call_at(cluster.world.now_ns() + 1, again)

        with trio.open_signal_receiver(signal.SIGUSR1) as signals:
            cluster.world.call_at(0, os.kill, os.getpid(), signal.SIGUSR1)
            again()
            return await anext(aiter(signals))

    assert _simulate(main, tmp_path, limit_ns=100 * EVENTS_PER_TURN) == signal.SIGUSR1


def test_what_a_callback_raises_ends_the_simulation(tmp_path):
    def explode():
        raise ZeroDivisionError("in a callback")

    async def main(cluster):
        cluster.world.call_at(5, explode)
        await trio.sleep(10)

    with pytest.raises(ZeroDivisionError, match="in a callback"):
        _simulate(main, tmp_path)


def test_wait_all_tasks_blocked_sees_the_moment_before_time_moves(tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 10)
            await trio.testing.wait_all_tasks_blocked()
            return cluster.world.now_ns()

    assert _simulate(main, tmp_path) == 0


async def _scheduling_order():
    order = []

    async def record(number):
        for _ in range(3):
            await trio.lowlevel.checkpoint()
            order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(record, number)
    return order


def test_canary_trio_schedules_as_the_seed_says(tmp_path):
    """The day this fails, trio has changed what `determinism.py` reaches into."""

    async def main(cluster):
        return await _scheduling_order()

    def run(number: int, seed: int):
        return tuple(_simulate(main, tmp_path / str(number), seed=seed))

    same = {run(number, seed=7) for number in range(8)}
    others = {run(100 + seed, seed=seed) for seed in range(8)}
    assert len(same) == 1
    assert len(others) > 1


def test_scheduling_is_as_before_after_a_simulation(tmp_path):
    import trio._core._run as trio_run

    async def main(cluster):
        assert trio_run._ALLOW_DETERMINISTIC_SCHEDULING

    before = trio_run._ALLOW_DETERMINISTIC_SCHEDULING, trio_run._r.getstate()
    _simulate(main, tmp_path)
    assert (trio_run._ALLOW_DETERMINISTIC_SCHEDULING, trio_run._r.getstate()) == before
