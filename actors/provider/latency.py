"""How long an answer takes: draws from a latency's specification. Pure."""

from math import cos, exp, log, pi, sqrt

from battle.actors.rng import Draws
from battle.actors.spec.latency import (
    Latency,
    LogNormal,
    Normal,
    Uniform,
)
from battle.actors.units import Duration


def draw_latency(latency: Latency, draws: Draws, *key: object) -> Duration:
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
