"""How long an answer or a pause can take: the distributions that providers, faults and users share."""

from collections.abc import Iterator
from math import cos, exp, log, pi, sqrt
from typing import TypeAlias

from battle.actors.rng import Draws
from battle.actors.spec.base import Spec
from battle.actors.units import Duration, format_duration

_EXPONENT_MAX = 100.0
"""Longer than any run; a larger one would overflow."""


class Uniform(Spec, frozen=True, tag="uniform"):
    """A latency anywhere between `low` and `high`, equally likely."""

    low: Duration
    high: Duration

    def problems(self) -> Iterator[str]:
        if not 0 <= self.low <= self.high:
            low, high = format_duration(self.low), format_duration(self.high)
            yield f"a uniform latency needs 0 <= low <= high, not low {low} and high {high}"

    @property
    def nearly_longest(self) -> Duration:
        """What all but a few are within."""
        return self.high

    def scaled(self, share: float) -> "Uniform":
        """The same latency at a share of its length."""
        return Uniform(round(self.low * share), round(self.high * share))


class Normal(Spec, frozen=True, tag="normal"):
    """A normally distributed latency, cut off at 0."""

    mean: Duration
    deviation: Duration

    def problems(self) -> Iterator[str]:
        if self.mean < 0 or self.deviation < 0:
            yield "a normal latency needs a mean and a deviation of 0 or more"

    @property
    def nearly_longest(self) -> Duration:
        """What all but a few are within."""
        return self.mean + 2 * self.deviation

    def scaled(self, share: float) -> "Normal":
        """The same latency at a share of its length."""
        return Normal(round(self.mean * share), round(self.deviation * share))


class LogNormal(Spec, frozen=True, tag="lognormal"):
    """A log-normal latency: half are under `median`; `sigma` is the deviation of its logarithm."""

    median: Duration
    sigma: float

    def problems(self) -> Iterator[str]:
        if self.median <= 0 or self.sigma < 0:
            yield "a lognormal latency needs a median above 0 and a sigma of 0 or more"

    @property
    def nearly_longest(self) -> Duration:
        """What all but a few are within."""
        return round(self.median * exp(min(2 * self.sigma, _EXPONENT_MAX)))

    def scaled(self, share: float) -> "LogNormal":
        """The same latency at a share of its length."""
        return LogNormal(max(1, round(self.median * share)), self.sigma)


class Empirical(Spec, frozen=True, tag="empirical"):
    """Latencies drawn, each equally likely, from a recorded list."""

    samples: tuple[Duration, ...]

    def problems(self) -> Iterator[str]:
        if not self.samples or min(self.samples) < 0:
            yield "an empirical latency needs at least one sample, none of them negative"

    @property
    def nearly_longest(self) -> Duration:
        """What all but a few are within."""
        return max(self.samples)

    def scaled(self, share: float) -> "Empirical":
        """The same latency at a share of its length."""
        return Empirical(tuple(round(sample * share) for sample in self.samples))


LatencyModel: TypeAlias = Duration | Uniform | Normal | LogNormal | Empirical
"""How long a provider takes to answer; a bare duration is a constant."""


def latency_problems(name: str, latency: LatencyModel) -> Iterator[str]:
    """What is wrong with a latency; `name` is the field's."""
    if not isinstance(latency, int):
        yield from (f"{name}: {problem}" for problem in latency.problems())
    elif latency < 0:
        yield f"{name} cannot be negative, {format_duration(latency)}"


def mean_of(latency: LatencyModel) -> float:
    """Its mean, in nanoseconds, as if a normal one were not cut off."""
    match latency:
        case Uniform():
            return (latency.low + latency.high) / 2
        case Normal():
            return latency.mean
        case LogNormal():
            return latency.median * exp(min(latency.sigma**2 / 2, _EXPONENT_MAX))
        case Empirical():
            return sum(latency.samples) / len(latency.samples)
        case _:
            return latency


def draw_latency(latency: LatencyModel, draws: Draws, *key: object) -> Duration:
    """A latency in nanoseconds, never negative, that follows from `key` alone. A constant costs no draw."""
    if isinstance(latency, int):
        return latency
    if isinstance(latency, Uniform):
        return latency.low + int(draws.uniform(*key) * (latency.high - latency.low + 1))
    if isinstance(latency, Normal):
        return max(0, round(latency.mean + latency.deviation * _standard_normal(draws, key)))
    if isinstance(latency, LogNormal):
        return round(latency.median * exp(latency.sigma * _standard_normal(draws, key)))
    return latency.samples[int(draws.uniform(*key) * len(latency.samples))]


def _standard_normal(draws: Draws, key: tuple[object, ...]) -> float:
    """Box and Muller's transform of two uniform draws; the first must not be 0."""
    radius = sqrt(-2 * log(1 - draws.uniform(*key, "radius")))
    return radius * cos(2 * pi * draws.uniform(*key, "angle"))
