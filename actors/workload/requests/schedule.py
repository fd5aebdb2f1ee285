"""When requests are due: schedules are pure values, and iterating one is all that can be done with it.

A schedule knows nothing of shards. A workload's shards deal its arrivals out among themselves like cards, so
together they always send exactly the whole schedule, whatever its kind and however many they are.
"""

from collections.abc import Iterator
from heapq import merge
from itertools import chain, islice
from math import ceil, inf, sqrt
from typing import NamedTuple, Protocol

import msgspec

from battle.actors.rng import stream
from battle.actors.spec.workloads import (
    HttpBurst,
    HttpConstant,
    HttpPoisson,
    HttpRamp,
    HttpScheduled,
    HttpSessions,
    HttpStages,
    HttpStep,
    OpenLoop,
    RateStage,
    Replay,
    WsRequests,
)
from battle.actors.spec.workloads.stages import length_of
from battle.actors.units import Duration
from battle.actors.workload.requests.trace import Trace, replayed_for

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


class Bursts(msgspec.Struct, frozen=True):
    """`size` arrivals at once, at 0 and then every `every_ns`; beside them those of `Constant(rate)`, if any.

    Raises ValueError for impossible settings.
    """

    size: int
    every_ns: Duration
    duration_ns: Duration
    rate: float = 0.0

    def __post_init__(self) -> None:
        if self.size <= 0 or self.every_ns <= 0 or self.duration_ns <= 0 or not 0 <= self.rate < inf:
            raise ValueError(f"there are no such bursts: {self}")

    def __iter__(self) -> Iterator[int]:
        if not self.rate:
            return self._bursts()
        return merge(self._bursts(), Constant(self.rate, self.duration_ns))

    def _bursts(self) -> Iterator[int]:
        for due_ns in range(0, self.duration_ns, self.every_ns):
            for _ in range(self.size):
                yield due_ns


class Ramp(msgspec.Struct, frozen=True):
    """The rate goes evenly from `start_rate` at 0 to `end_rate` at the end; the first arrival is at 0.

    Arrival n is due when the integral of the rate is n. Raises ValueError for impossible settings.
    """

    start_rate: float
    end_rate: float
    duration_ns: Duration

    def __post_init__(self) -> None:
        rates = (self.start_rate, self.end_rate)
        if self.duration_ns <= 0 or not min(rates) >= 0 or not 0 < max(rates) < inf:
            raise ValueError(f"there is no such ramp: {self}")

    @property
    def total(self) -> float:
        """The integral of the rate over the whole duration."""
        return (self.start_rate + self.end_rate) / 2 * (self.duration_ns / _SECOND_NS)

    def due_ns(self, number: int) -> int:
        """When arrival `number` (from 0, below `total`) is due, by itself: errors never add up."""
        return _reached_ns(self.start_rate, self.end_rate, self.duration_ns, number)

    def __iter__(self) -> Iterator[int]:
        return map(self.due_ns, range(ceil(self.total)))


def _reached_ns(start_rate: float, end_rate: float, duration_ns: Duration, number: float) -> int:
    """When the integral of a rate that goes evenly from one to the other is `number`, which it must get to."""
    if not number:
        return 0
    # The integral is start t + slope t^2 / 2. Of the two ways to write its root this one loses no digits
    # when the slope is small, and is right when it is 0.
    slope = (end_rate - start_rate) / (duration_ns / _SECOND_NS)
    root = sqrt(max(start_rate * start_rate + 2 * slope * number, 0.0))
    return min(int(2 * number * _SECOND_NS / (start_rate + root)), duration_ns - 1)


class Stages(msgspec.Struct, frozen=True):
    """The rate goes evenly from `start_rate` to that of each stage in its time, one stage after the other.

    Arrival n is due when the integral of the rate over all stages is n. Raises ValueError for impossible settings.
    """

    start_rate: float
    stages: tuple[RateStage, ...]

    def __post_init__(self) -> None:
        rates = (self.start_rate, *(stage.rate for stage in self.stages))
        impossible = self.duration_ns <= 0 or any(stage.duration < 0 for stage in self.stages)
        if impossible or not min(rates) >= 0 or not 0 < max(rates) < inf:
            raise ValueError(f"there are no such stages: {self}")

    @property
    def duration_ns(self) -> Duration:
        return length_of(self.stages)

    def __iter__(self) -> Iterator[int]:
        number, before = 0, 0.0  # `before`: the integral over the stages that have passed
        start_ns, rate = 0, self.start_rate
        for stage in self.stages:
            within = (rate + stage.rate) / 2 * (stage.duration / _SECOND_NS)
            while number < before + within:
                yield start_ns + _reached_ns(rate, stage.rate, stage.duration, number - before)
                number += 1
            before += within
            start_ns, rate = start_ns + stage.duration, stage.rate


class Step(NamedTuple):
    """One step of an `HttpStep`: from `start_ns` until before `end_ns`, counted from the load's time zero."""

    start_ns: int
    end_ns: int
    rate: float


def steps_of(spec: HttpStep) -> list[Step]:
    """When each of its steps begins and ends, and its rate."""
    length_ns = spec.step_duration
    return [
        Step(number * length_ns, (number + 1) * length_ns, rate) for number, rate in enumerate(spec.all_rates)
    ]


class Steps(msgspec.Struct, frozen=True):
    """Each step is `Constant` for itself, its first arrival at its start. Raises ValueError without any."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("there is no step")

    @property
    def duration_ns(self) -> Duration:
        return self.steps[-1].end_ns

    def __iter__(self) -> Iterator[int]:
        for start_ns, end_ns, rate in self.steps:
            for due_ns in Constant(rate, end_ns - start_ns):
                yield start_ns + due_ns


class RecordedArrivals(msgspec.Struct, frozen=True):
    """Arrivals as they were recorded, in ascending order, `speed` times as fast."""

    times_ns: tuple[int, ...]
    speed: float
    duration_ns: Duration

    def __iter__(self) -> Iterator[int]:
        return (int(time_ns / self.speed) for time_ns in self.times_ns)


class OwnArrivals(msgspec.Struct, frozen=True):
    """The arrivals of a kind of workload that makes its own."""

    spec: HttpScheduled
    seed: int

    @property
    def duration_ns(self) -> Duration:
        return self.spec.duration

    def __iter__(self) -> Iterator[int]:
        latest_ns, duration_ns = 0, self.duration_ns
        for due_ns in self.spec.arrivals(stream(self.seed, "arrivals")):
            assert latest_ns <= due_ns < duration_ns, (
                f"{due_ns} ns is no arrival after {latest_ns} ns: {self.spec}"
            )
            yield due_ns
            latest_ns = due_ns


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


def schedule_of(spec: OpenLoop, seed: int, trace: Trace | None = None) -> Schedule:
    """The schedule an open-loop workload asks for. All its shards must give the same `seed`.

    A `Replay` needs its trace.
    """
    match spec:
        case HttpConstant() | HttpSessions() | WsRequests():
            return Constant(spec.rate, spec.duration)
        case HttpPoisson():
            return Poisson(spec.rate, spec.duration, seed)
        case HttpBurst():
            return Bursts(spec.size, spec.every, spec.duration, spec.rate)
        case HttpRamp():
            return Ramp(spec.start_rate, spec.end_rate, spec.duration)
        case HttpStages():
            return Stages(spec.start_rate, spec.stages)
        case HttpStep():
            return Steps(tuple(steps_of(spec)))
        case HttpScheduled():
            return OwnArrivals(spec, seed)
        case Replay():
            assert trace is not None
            return RecordedArrivals(trace.times_ns, spec.speed, replayed_for(trace, spec.speed))
