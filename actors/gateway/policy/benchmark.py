"""What the gateway knows of its providers' latencies, per provider and method. Pure: time is an argument.

A measurement is a time-decayed mean: a sample of age t weighs exp(-t / window). A mean, not a quantile,
because a strategy that wants to be fast on the whole must feel a heavy tail; and it costs two numbers
and no sorting per request.

A reading trusts a measurement as far as it is broad and fresh, and for the rest falls back to its prior:
a method's prior is the provider's "*" (all methods), whose prior is the seed, or `DEFAULT_LATENCY`. So a
provider that was slow long ago drifts back to its prior and is tried again, and one sample is no proof.
"""

from collections.abc import Iterator, Mapping
from math import exp

import msgspec

from battle.actors.units import Duration, ms

ALL_METHODS = "*"

METHODS_LIMIT = 256
"""Methods measured per provider; clients choose the names, so something must bound them. Further ones count
towards "*" only."""

DEFAULT_LATENCY = ms(100)
"""What an unmeasured provider is taken to need, so that it is neither shunned nor flooded."""


class Reading(msgspec.Struct, frozen=True):
    """What the store holds for a provider and method; `samples` counts all that were ever taken."""

    provider: str
    method: str
    samples: int
    latency_ns: int


class _Measure(msgspec.Struct):
    samples: int = 0
    weight: float = 0.0
    mean_ns: float = 0.0
    last_ns: int = 0


class Benchmark:
    """The latency store. `seeds` says what a provider is taken to need before it was measured."""

    def __init__(self, window: Duration, seeds: Mapping[str, Duration]) -> None:
        self._window = window
        self._seeds = dict(seeds)
        self._measures: dict[str, dict[str, _Measure]] = {}

    def record(self, provider: str, method: str, latency_ns: Duration, now_ns: int) -> None:
        """Take one sample. An attempt that was given up counts with the time it had been given: it would
        have needed at least that."""
        methods = self._measures.get(provider)
        if methods is None:
            methods = self._measures[provider] = {ALL_METHODS: _Measure()}
        self._add(methods[ALL_METHODS], latency_ns, now_ns)
        measure = methods.get(method)
        if measure is None:
            if len(methods) > METHODS_LIMIT:
                return
            measure = methods[method] = _Measure()
        self._add(measure, latency_ns, now_ns)

    def latency_ns(self, provider: str, method: str, now_ns: int) -> Duration:
        """How long the provider is expected to need for the method."""
        estimate = float(self._seeds.get(provider, DEFAULT_LATENCY))
        methods = self._measures.get(provider)
        if methods is not None:
            estimate = self._blended(methods[ALL_METHODS], estimate, now_ns)
            if method in methods:
                estimate = self._blended(methods[method], estimate, now_ns)
        return round(estimate)

    def seeded(self) -> Iterator[Reading]:
        """What was put into the store before the run."""
        for provider, latency_ns in self._seeds.items():
            yield Reading(provider, ALL_METHODS, 0, latency_ns)

    def readings(self, now_ns: int) -> Iterator[Reading]:
        """All that was seeded or measured, as `latency_ns` sees it now."""
        for provider in dict.fromkeys((*self._seeds, *self._measures)):
            methods = self._measures.get(provider, {ALL_METHODS: _Measure()})
            for method, measure in methods.items():
                yield Reading(provider, method, measure.samples, self.latency_ns(provider, method, now_ns))

    def _add(self, measure: _Measure, latency_ns: Duration, now_ns: int) -> None:
        measure.weight = measure.weight * self._kept(measure, now_ns) + 1
        measure.mean_ns += (latency_ns - measure.mean_ns) / measure.weight
        measure.samples += 1
        measure.last_ns = now_ns

    def _blended(self, measure: _Measure, prior_ns: float, now_ns: int) -> float:
        trust = measure.weight / (measure.weight + 1) * self._kept(measure, now_ns)
        return prior_ns + (measure.mean_ns - prior_ns) * trust

    def _kept(self, measure: _Measure, now_ns: int) -> float:
        return exp((measure.last_ns - now_ns) / self._window)
