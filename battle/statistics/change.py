"""Intervals for what changed between two runs: block bootstrap of quantiles, by weights on spans of time."""

import math
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from battle.statistics.binning import BINNING
from battle.statistics.correlation import BATCHES, batch_sums, spread_of
from battle.statistics.estimate import NOTHING, TOO_SHORT, Estimate, estimated, unbounded
from battle.statistics.proportion import success_interval
from battle.statistics.quantiles import quantile_interval
from battle.statistics.student import two_sided
from battle.statistics.summary import LatencySummary, edges_of

Rate: TypeAlias = Literal["success", "throughput"]

REPLICATES = 1000
BOOTSTRAP = "block bootstrap"


def quantile_ratio(
    before: LatencySummary,
    after: LatencySummary,
    q: float,
    level: float = 0.95,
    seed: int = 1,
    replicates: int = REPLICATES,
) -> Estimate:
    """How many times the quantile of `before` that of `after` is, with its interval: 1.2 is 20 % slower.

    None is infinite: never answered after, but before. The same seed gives the same interval.
    """
    return _quantiles(before, after, q, level, seed, replicates, ratio=True)


def quantile_difference(
    before: LatencySummary,
    after: LatencySummary,
    q: float,
    level: float = 0.95,
    seed: int = 1,
    replicates: int = REPLICATES,
) -> Estimate:
    """By how many nanoseconds the quantile of `after` is above that of `before`, with its interval."""
    return _quantiles(before, after, q, level, seed, replicates, ratio=False)


def rate_difference(
    before: LatencySummary, after: LatencySummary, rate: Rate = "success", level: float = 0.95
) -> Estimate:
    """By how much a rate of `after` is above that of `before`, with its interval.

    `success` is the share of requests that ended ok, 0 to 1 (Newcombe 1998, on intervals of `success_interval`);
    `throughput` the requests that ended ok per second of load (Welch, on spans of time).
    """
    return _success(before, after, level) if rate == "success" else _throughput(before, after, level)


def _success(before: LatencySummary, after: LatencySummary, level: float) -> Estimate:
    method = "newcombe, effective samples"
    one, two = success_interval(before, level), success_interval(after, level)
    if one.value is None or two.value is None:
        return unbounded(None, level=level, method=method, note=NOTHING)
    value = two.value - one.value
    if not (one.enough and two.enough):
        return unbounded(value, level=level, method=method, note=TOO_SHORT)
    (one_low, one_high), (two_low, two_high) = one.bounds(), two.bounds()
    down = math.hypot(two.value - two_low, one_high - one.value)
    up = math.hypot(two_high - two.value, one.value - one_low)
    return estimated(value, value - down, value + up, level=level, method=method)


def _throughput(before: LatencySummary, after: LatencySummary, level: float) -> Estimate:
    method = "batches, welch"
    rates, errors, freedoms, enough = [], [], [], True
    for summary in (before, after):
        if not summary.total:
            return unbounded(None, level=level, method=method, note=NOTHING)
        answered = summary.counts().sum(axis=1).astype(np.float64)
        spread = spread_of(answered - answered.mean())
        seconds = summary.span_ns / 1e9
        rates.append(float(answered.sum()) / seconds)
        errors.append(spread.error / seconds)
        freedoms.append(spread.freedom)
        enough = enough and spread.enough
    value, error = rates[1] - rates[0], math.hypot(*errors)
    if not enough:
        return unbounded(value, level=level, method=method, note=TOO_SHORT)
    if not error:
        return estimated(value, value, value, level=level, method=method)
    freedom = error**4 / sum(e**4 / f for e, f in zip(errors, freedoms, strict=True))
    reach = two_sided(level, freedom) * error
    return estimated(value, value - reach, value + reach, level=level, method=method)


def _quantiles(
    before: LatencySummary,
    after: LatencySummary,
    q: float,
    level: float,
    seed: int,
    replicates: int,
    *,
    ratio: bool,
) -> Estimate:
    assert before.binning == after.binning == BINNING
    one, two = quantile_interval(before, q, level), quantile_interval(after, q, level)
    value = _change(_infinite(one.value), _infinite(two.value), ratio)
    for estimate in (one, two):
        if not estimate.enough:
            return unbounded(value, level=level, method=BOOTSTRAP, note=estimate.note or TOO_SHORT)
    if math.isnan(value):
        return unbounded(None, level=level, method=BOOTSTRAP, note="never answered in both")
    rng = np.random.Generator(np.random.Philox(seed))
    drawn = [resampled(summary, q, replicates, rng) for summary in (before, after)]
    with np.errstate(invalid="ignore", divide="ignore"):
        changes = drawn[1] / drawn[0] if ratio else drawn[1] - drawn[0]
    neutral = 1.0 if ratio else 0.0
    changes = np.sort(np.where(np.isnan(changes), neutral, changes))
    # Percentiles of few blocks are too narrow: a blocks' worth of freedom and Student's tails (Hesterberg 2015).
    freedom = 2 * (BATCHES - 1)
    wide = two_sided(level, freedom) * math.sqrt(BATCHES / (BATCHES - 1))
    tail = _below(-wide)
    low, high = _at(changes, tail), _at(changes, 1 - tail)
    return estimated(value, min(low, value), max(high, value), level=level, method=BOOTSTRAP)


def resampled(
    summary: LatencySummary, q: float, replicates: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The quantile of so many runs put together from blocks of this one, in nanoseconds."""
    counts = summary.counts()
    blocks = min(BATCHES, summary.cells)
    unanswered = np.asarray(summary.unanswered, dtype=np.float64)
    table = batch_sums(np.column_stack([counts, unanswered]).astype(np.float64), blocks)
    weights = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=replicates)
    return quantiles_of(weights @ table, edges_of(summary, counts), q)


def quantiles_of(
    histograms: NDArray[np.float64], edges: NDArray[np.float64], q: float
) -> NDArray[np.float64]:
    """The quantile of each histogram (rows), whose last column counts what was never answered."""
    totals = np.cumsum(histograms, axis=1)
    ranks = q * totals[:, -1]
    at = np.minimum((totals < ranks[:, None]).sum(axis=1), histograms.shape[1] - 1)
    rows = np.arange(len(histograms))
    within = histograms[rows, at]
    part = np.where(within > 0, (ranks - totals[rows, at] + within) / np.where(within > 0, within, 1), 0)
    never = at == histograms.shape[1] - 1
    at = np.minimum(at, len(edges) - 2)
    return np.where(never, np.inf, edges[at] * (edges[at + 1] / edges[at]) ** part)


def _change(before: float, after: float, ratio: bool) -> float:
    if math.isinf(before) and math.isinf(after):
        return math.nan
    return after / before if ratio else after - before


def _infinite(value: float | None) -> float:
    return math.inf if value is None else value


def _below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _at(ordered: NDArray[np.float64], share: float) -> float:
    """The value at this share of the replicates; no interpolation, which infinities do not bear."""
    return float(ordered[min(max(round(share * (len(ordered) - 1)), 0), len(ordered) - 1)])
