"""How long an answer can take: the distributions that providers and faults share."""

from collections.abc import Iterator
from math import exp
from typing import TypeAlias

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
