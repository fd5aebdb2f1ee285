"""Intervals for a quantile of the latencies of one run (Woodruff 1952), by the differences between spans of time."""

import math

import numpy as np
from numpy.typing import NDArray

from battle.statistics.correlation import Spread, spread_of
from battle.statistics.estimate import NOTHING, TOO_FEW, TOO_SHORT, Estimate, estimated, unbounded
from battle.statistics.student import two_sided
from battle.statistics.summary import Counts, LatencySummary, edges_of

METHOD = "woodruff"


def quantile_interval(summary: LatencySummary, q: float, level: float = 0.95) -> Estimate:
    """The latency in nanoseconds that a share `q` (0 to 1) of all requests did not exceed, with its interval.

    A request that did not end ok was never answered; a value or bound of None is "never". The interval is never
    narrower than the bin of the value, 1 %. The exact quantile lies in that bin, and so in the interval.
    """
    assert 0 < q < 1
    counts = summary.counts()
    if not summary.total:
        return unbounded(None, level=level, method=METHOD, note=NOTHING)
    by_bin, edges = counts.sum(axis=0), edges_of(summary, counts)
    value = rank_value(by_bin, edges, q * summary.total)
    spread = quantile_spread(summary, counts, q)
    if not spread.enough:
        return unbounded(value, level=level, method=METHOD, note=TOO_SHORT)
    reach = two_sided(level, spread.freedom) * spread.error
    ranks = (q - reach) * summary.total, (q + reach) * summary.total
    if ranks[0] <= 0 or ranks[1] >= summary.total:
        return unbounded(value, level=level, method=METHOD, note=TOO_FEW)
    low, high = (rank_value(by_bin, edges, rank) for rank in ranks)
    least, most = _bin_of(edges, value)
    return estimated(value, min(low, least), max(high, most), level=level, method=METHOD)


def quantile_spread(summary: LatencySummary, counts: Counts, q: float) -> Spread:
    """How much the share of requests below the quantile would vary from run to run."""
    below = _shares_below(counts, q * summary.total)
    by_cell = counts.sum(axis=1) + np.asarray(summary.unanswered)
    spread = spread_of(below - below.sum() / summary.total * by_cell)
    # Independent requests vary by this; a run that seems to vary less was lucky.
    independent = math.sqrt(q * (1 - q) * summary.total)
    return Spread(max(spread.error, 0 * independent) / summary.total, spread.freedom, spread.times)


def rank_value(by_bin: Counts, edges: NDArray[np.float64], rank: float) -> float:
    """The latency of this rank (from 0 to the number of requests), interpolated in its bin; infinite beyond."""
    total = np.cumsum(by_bin)
    if not len(total) or rank > total[-1]:
        return math.inf
    at = int(np.searchsorted(total, rank))
    before = int(total[at] - by_bin[at])
    part = (rank - before) / int(by_bin[at]) if by_bin[at] else 0.0
    return float(edges[at] * (edges[at + 1] / edges[at]) ** part)


def _shares_below(counts: Counts, rank: float) -> NDArray[np.float64]:
    """Per cell, the requests up to this rank of all; of the bin that holds it, each cell gives the same share."""
    total = np.cumsum(counts.sum(axis=0))
    if rank > total[-1]:
        return np.asarray(counts.sum(axis=1), dtype=np.float64)
    at = int(np.searchsorted(total, rank))
    within = int(counts[:, at].sum())
    part = (rank - int(total[at] - within)) / within if within else 0.0
    return np.asarray(counts[:, :at].sum(axis=1) + part * counts[:, at])


def _bin_of(edges: NDArray[np.float64], value: float) -> tuple[float, float]:
    if math.isinf(value):
        return value, value
    at = min(max(int(np.searchsorted(edges, value)), 1), len(edges) - 1)
    return float(edges[at - 1]), float(edges[at])
