"""A sample of a workload at each whole second of its load."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from battle.actors.units import seconds
from battle.actors.world.interfaces import Timer, World

SAMPLE_INTERVAL = seconds(1)


class Sampled(Protocol):
    """What keeps the count of a workload."""

    def sample(self) -> None:
        """Write down the second that has passed and begin a new one."""

    def close(self) -> None:
        """Whatever is open is interrupted, and the last second written. Does not wait."""


@contextmanager
def sampling(world: World, workload: Sampled, began_ns: int) -> Iterator[None]:
    """A sample at each whole second of the load; and whatever happens, all is in the log at the end."""
    passed = max(world.now_ns() - began_ns, 0) // SAMPLE_INTERVAL
    timer: Timer

    def arm(second: int) -> None:
        nonlocal timer
        timer = world.call_at(began_ns + second * SAMPLE_INTERVAL, sample, second)

    def sample(second: int) -> None:
        workload.sample()
        arm(second + 1)

    arm(passed + 1)
    try:
        yield
    finally:
        timer.cancel()
        workload.close()
