"""When requests are due: schedules are pure values, and iterating one is all that can be done with it.

A schedule knows nothing of shards. A workload's shards deal its arrivals out among themselves like cards, so
together they always send exactly the whole schedule, whatever its kind and however many they are.
"""

from collections.abc import Iterator
from itertools import chain, islice
from math import ceil
from typing import Protocol

import msgspec

from actors.units import Duration
from actors.workload.spec import HttpConstant, HttpPoisson
from actors.world.chance import stream

_SECOND_NS = 1e9


class Schedule(Protocol):
    """Due times in nanoseconds from the load's time zero, in ascending order, all before `duration_ns`.

    Equal schedules give equal times, as often as they are iterated. Memory does not grow with their length.
    """

    @property
    def duration_ns(self) -> Duration: ...

    def __iter__(self) -> Iterator[int]: ...


class _Rated(msgspec.Struct, frozen=True):
    rate: float
    duration_ns: Duration

    def __post_init__(self) -> None:
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"rate must be above 0 requests per second, not {self.rate}")
        if self.duration_ns <= 0:
            raise ValueError(f"duration must be above 0, not {self.duration_ns} ns")


class Constant(_Rated, frozen=True):
    """`rate` arrivals a second, evenly spaced, the first at 0. Raises ValueError for impossible settings."""

    def due_ns(self, number: int) -> int:
        """When arrival `number` (from 0) is due: rounding never adds up, however long the schedule."""
        return int(number * (_SECOND_NS / self.rate))

    def count(self) -> int:
        """How many arrivals there are."""
        count = ceil(self.duration_ns * self.rate / _SECOND_NS)
        while count > 1 and self.due_ns(count - 1) >= self.duration_ns:
            count -= 1
        while self.due_ns(count) < self.duration_ns:
            count += 1
        return count

    def __iter__(self) -> Iterator[int]:
        return map(self.due_ns, range(self.count()))


class Poisson(_Rated, frozen=True):
    """Arrivals of a Poisson process: independent, exponentially distributed gaps with a mean of 1 / `rate`.

    Raises ValueError for impossible settings.
    """

    seed: int

    def __iter__(self) -> Iterator[int]:
        gap = stream(self.seed, "arrivals").expovariate
        rate_per_ns = self.rate / _SECOND_NS
        due_ns = gap(rate_per_ns)
        while due_ns < self.duration_ns:
            yield int(due_ns)
            due_ns += gap(rate_per_ns)


def sharded(schedule: Schedule, shard: int, shards: int) -> Iterator[tuple[int, int]]:
    """What shard `shard` of `shards` sends: (number, due time) of every `shards`-th arrival from `shard` on.

    Numbers count the whole schedule's arrivals, so no two shards share one. A single shard of a Poisson
    workload is more regular than a Poisson process; only all of them together are one.

    Raises:
        ValueError: there is no such shard.
    """
    if not 0 <= shard < shards:
        raise ValueError(f"shard must be from 0 to {shards - 1}, not {shard}")
    return islice(enumerate(schedule), shard, None, shards)


def resumed(
    arrivals: Iterator[tuple[int, int]], away_since_ns: int, now_ns: int
) -> tuple[Iterator[tuple[int, int]], int]:
    """What is left to send of (number, due time) at `now_ns`, and how many fell due since `away_since_ns`.

    Those are lost: to send them all at once would be a load nobody asked for.
    """
    missed = 0
    for number, due_ns in arrivals:
        if due_ns >= now_ns:
            return chain([(number, due_ns)], arrivals), missed
        missed += due_ns >= away_since_ns
    return iter(()), missed


def schedule_of(spec: HttpConstant | HttpPoisson, seed: int) -> Schedule:
    """The schedule an open-loop workload asks for. All its shards must give the same `seed`."""
    match spec:
        case HttpConstant():
            return Constant(spec.rate, spec.duration)
        case HttpPoisson():
            return Poisson(spec.rate, spec.duration, seed)
