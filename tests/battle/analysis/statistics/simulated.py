"""Many runs at once, of which the truth is known: latencies with a correlation time, in bursts, with failures."""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from battle.analysis.statistics.summary import LatencySummary

Runs = NDArray[np.float64]

RATE_PER_S = 50
REQUESTS = 9000
"""Three minutes at 50 a second."""

MEDIAN_NS, SIGMA = 50e6, 0.5


def correlated(rng: np.random.Generator, runs: int, correlation_s: float, requests: int = REQUESTS) -> Runs:
    """Standard normal values, a row per run; correlation falls to 1/e within `correlation_s` (0: none)."""
    noise = rng.standard_normal((requests, runs))
    if not correlation_s:
        return noise.T
    keep = np.exp(-1 / (correlation_s * RATE_PER_S))
    fresh = np.sqrt(1 - keep * keep)
    for at in range(1, requests):
        noise[at] = keep * noise[at - 1] + fresh * noise[at]
    return noise.T


def mixed(rng: np.random.Generator, runs: int, correlation_s: float, share: float) -> Runs:
    """Standard normal values of which a share of the variance is correlated, and the rest is not."""
    return np.sqrt(share) * correlated(rng, runs, correlation_s) + np.sqrt(1 - share) * correlated(
        rng, runs, 0
    )


def bursts(
    rng: np.random.Generator, runs: int, on: float, off: float, requests: int = REQUESTS
) -> NDArray[np.bool_]:
    """Whether each request falls into a burst; bursts and the gaps between have these mean lengths in requests."""
    chance = rng.random((requests, runs))
    inside = np.empty((requests, runs), dtype=bool)
    state = chance[0] < on / (on + off)
    for at in range(requests):
        state = np.where(state, chance[at] > 1 / on, chance[at] < 1 / off)
        inside[at] = state
    return inside.T


def latencies(normal: Runs) -> Runs:
    """Log-normal latencies in nanoseconds."""
    return np.asarray(MEDIAN_NS * np.exp(SIGMA * normal))


def true_latency(q: float) -> float:
    """The quantile of `latencies` of standard normal values."""
    return float(latencies(np.asarray(NormalDist().inv_cdf(q))))


def summaries(runs: Runs) -> Iterator[LatencySummary]:
    """The summary of each run, one request after the other at `RATE_PER_S`."""
    due_ns = np.arange(runs.shape[1], dtype=np.int64) * (10**9 // RATE_PER_S)
    for run in runs:
        yield LatencySummary.from_samples(due_ns, run)
