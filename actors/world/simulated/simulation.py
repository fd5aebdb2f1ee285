"""Running a coordinator in the simulated world."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import trio

from battle.actors.world.simulated.clock import EventClock
from battle.actors.world.simulated.cluster import Boot, SimulatedCluster
from battle.actors.world.simulated.determinism import deterministic_scheduling

T = TypeVar("T")


class Deadlock(Exception):
    """Nothing could ever happen again: every task waits for another."""


class SimulationOverrun(Exception):
    """The simulation reached its root deadline: something keeps it busy for ever."""


def simulate(
    main: Callable[[SimulatedCluster], Awaitable[T]], *, run_dir: Path, seed: int, boot: Boot, limit_ns: int
) -> T:
    """Run `main(cluster)` in virtual time, to its end; the same seed gives the same log, byte by byte.

    Arguments: `boot` runs a node's actors; `limit_ns` is the virtual time the simulation must end in.

    Raises:
        Deadlock, SimulationOverrun: the simulation cannot end by itself.
        Exception: whatever `main`, or a callback given to `call_at`, raised.
    """
    failures: list[BaseException | None] = []
    root = trio.CancelScope()

    def fail(error: BaseException | None) -> None:
        failures.append(error)
        root.cancel()

    async def run() -> T:
        cluster = SimulatedCluster(clock, run_dir, seed, boot, trio.lowlevel.current_task())
        try:
            with root:
                root.deadline = limit_ns / 1e9
                return await main(cluster)
        finally:
            cluster.close()
            clock.end()
        if not failures:
            raise SimulationOverrun(f"the simulation did not end within {limit_ns / 1e9:g} virtual seconds")
        raise failures[0] or Deadlock("every task waits for another, and no event is left to wake one")

    clock = EventClock(fail)
    with deterministic_scheduling(seed):
        return trio.run(run, clock=clock, restrict_keyboard_interrupt_to_checkpoints=True)
