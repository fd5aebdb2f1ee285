"""The one promise of an interval: it holds the truth as often as it says, also when requests hang together."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from battle.statistics.change import quantile_difference, quantile_ratio, rate_difference
from battle.statistics.estimate import Estimate
from battle.statistics.proportion import success_interval, wilson
from battle.statistics.quantiles import quantile_interval
from battle.statistics.summary import LatencySummary
from tests.battle.statistics.simulated import (
    Runs,
    bursts,
    correlated,
    latencies,
    mixed,
    summaries,
    true_latency,
)

AT_ONCE = 250
"""Runs simulated together: what fits into memory."""

Make = Callable[[np.random.Generator, int], Runs]


def simulated(make: Make, runs: int, seed: int = 3) -> Iterator[LatencySummary]:
    rng = np.random.default_rng(seed)
    for _ in range(0, runs, AT_ONCE):
        yield from summaries(make(rng, min(AT_ONCE, runs)))


def coverage(estimates: list[Estimate], truth: float) -> tuple[float, float]:
    """The share of the intervals that hold the truth, and the share of estimates that have one."""
    given = [not estimate.excludes(truth) for estimate in estimates if estimate.enough]
    return float(np.mean(given)), len(given) / len(estimates)


def pairs(runs: list[LatencySummary]) -> list[tuple[LatencySummary, LatencySummary]]:
    """Runs to compare, each of them once."""
    return list(zip(runs[::2], runs[1::2], strict=True))


def ar1(correlation_s: float, requests: int = 9000) -> Make:
    return lambda rng, runs: latencies(correlated(rng, runs, correlation_s, requests))


def heavy(rng: np.random.Generator, runs: int) -> Runs:
    """A tail without a mean: 50 ms to the power of a correlated, exponential excess (Pareto)."""
    normal = correlated(rng, runs, 0.5)
    return np.asarray(50e6 * np.exp(np.logaddexp(0, 2 * normal)))


@pytest.mark.parametrize("correlation_s", [0, 1])
def test_quickly(correlation_s: float) -> None:
    """150 runs: noise of 1.8 %, so only gross mistakes show; the slow tests look closer."""
    runs = list(simulated(ar1(correlation_s, 4500), 150))
    covered, given = coverage([quantile_interval(run, 0.5) for run in runs], true_latency(0.5))
    assert 0.91 <= covered <= 0.99
    assert given > 0.9
    ratios = [quantile_ratio(one, two, 0.5, replicates=200) for one, two in pairs(runs[:100])]
    covered, given = coverage(ratios, 1)
    assert covered >= 0.88
    assert given > 0.85


def test_quickly_that_independence_would_be_wrong() -> None:
    """Without looking at clusters the same intervals miss most of the time: the simulation can tell."""
    rng = np.random.default_rng(3)
    failing = bursts(rng, 300, 10, 990)
    runs = list(summaries(np.where(failing, np.inf, 50e6)))
    clustered, _ = coverage([success_interval(run) for run in runs], 0.99)
    independent, _ = coverage([wilson(run.answered, run.total) for run in runs], 0.99)
    assert 0.92 <= clustered <= 0.99
    assert independent < 0.5


ENOUGH: dict[str, tuple[Make, tuple[float, ...]]] = {
    "independent": (ar1(0), (0.5, 0.95, 0.99)),
    "1 s": (ar1(1), (0.5,)),
    "2 s": (ar1(2), (0.5,)),
    "1 s, for 9 minutes": (ar1(1, 27_000), (0.5, 0.95)),
    "3 s, for 9 minutes": (ar1(3, 27_000), (0.5,)),
    "three tenths of the variance, 2 s": (lambda rng, n: latencies(mixed(rng, n, 2, 0.3)), (0.5, 0.95, 0.99)),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ENOUGH)
def test_intervals_cover(name: str) -> None:
    make, quantiles = ENOUGH[name]
    runs = list(simulated(make, 1000))
    for q in quantiles:
        truth = true_latency(q)
        covered, given = coverage([quantile_interval(run, q) for run in runs], truth)
        print(f"{name}, p{100 * q:g}: {covered:.1%} of the {given:.1%} given")
        assert 0.93 <= covered <= 0.97, q
        ratio, pairs_given = coverage([quantile_ratio(*pair, q, replicates=500) for pair in pairs(runs)], 1)
        changes = [quantile_difference(*pair, q, replicates=500) for pair in pairs(runs)]
        difference, _ = coverage(changes, 0)
        print(f"  ratio {ratio:.1%}, difference {difference:.1%} of {pairs_given:.1%}")
        # 500 pairs have a noise of 1 %.
        assert 0.92 <= ratio <= 0.98, q
        assert 0.92 <= difference <= 0.98, q


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_intervals_cover_heavy_tails() -> None:
    runs = list(simulated(heavy, 1000))
    for q in (0.5, 0.95):
        normal = np.log(true_latency(q) / 50e6) / 0.5
        truth = float(50e6 * np.exp(np.logaddexp(0, 2 * normal)))
        covered, _ = coverage([quantile_interval(run, q) for run in runs], truth)
        print(f"heavy, p{100 * q:g}: {covered:.1%}")
        assert 0.93 <= covered <= 0.975, q


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("on", "off"), [(1.0001, 99), (10, 990), (50, 2450)])
def test_success_rates_cover(on: float, off: float) -> None:
    failing = bursts(np.random.default_rng(5), 1000, on, off)
    runs = list(summaries(np.where(failing, np.inf, 50e6)))
    covered, _ = coverage([success_interval(run) for run in runs], off / (on + off))
    difference, _ = coverage([rate_difference(one, two) for one, two in pairs(runs)], 0)
    throughput, _ = coverage([rate_difference(one, two, "throughput") for one, two in pairs(runs)], 0)
    print(
        f"failures {on:g} in {off:g}: {covered:.1%}, difference {difference:.1%}, throughput {throughput:.1%}"
    )
    assert 0.93 <= covered <= 0.98
    assert 0.93 <= difference <= 0.99
    assert 0.93 <= throughput <= 0.99  # on the wide side when a run has but three bursts
