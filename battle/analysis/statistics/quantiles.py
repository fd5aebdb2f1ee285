"""Intervals for a quantile of the latencies of one run (Woodruff 1952), with what is correlated in time."""

import math

import numpy as np
from numpy.typing import NDArray

from battle.analysis.statistics.correlation import ShareSpread, correlation_times, share_spread
from battle.analysis.statistics.estimate import (
    NO_UPPER,
    NOTHING,
    TOO_FEW,
    TOO_SHORT,
    Estimate,
    estimated,
    unbounded,
)
from battle.analysis.statistics.student import one_sided, two_sided
from battle.analysis.statistics.summary import Counts, LatencySummary, edges_of

METHOD = "woodruff, arcsine"

CLUSTERS_MIN = 2
"""With fewer clusters of requests beyond a quantile, it is unknown how many there are in other runs."""

CLUSTERS_BEYOND = 0.5
"""An upper bound needs as much beyond it: the slowest request seen is none."""

CLUSTER_COST = 1.4
"""As decision 0010 found it: with it intervals cover 93 to 97 % also when few clusters carry them."""


def quantile_interval(summary: LatencySummary, q: float, level: float = 0.95) -> Estimate:
    """The latency in nanoseconds that a share `q` (0 to 1) of all requests did not exceed, with its interval.

    A request that did not succeed was never answered; a value or bound of None is "never". With the note `NO_UPPER`
    the interval has no upper bound, because requests beyond the quantile are too few to give one, and its lower
    bound alone holds with probability `level`. The interval is never narrower than the bin of the value, 1 %. The
    exact quantile lies in that bin, and so in the interval.
    """
    assert 0 < q < 1
    if not summary.total:
        return unbounded(None, level=level, method=METHOD, note=NOTHING)
    counts, total = summary.counts(), summary.total
    by_bin, edges = counts.sum(axis=0), edges_of(summary, counts)
    value = rank_value(by_bin, edges, q * total)
    spread = quantile_spread(summary, counts, q)
    if not spread.enough:
        return unbounded(value, level=level, method=METHOD, note=TOO_SHORT)
    below, above = _share_bounds(q, spread, level)
    if not below:
        return unbounded(value, level=level, method=METHOD, note=TOO_FEW)
    least, most = _bin_of(edges, value)
    low = min(least, rank_value(by_bin, edges, below * total))
    if above >= 1:
        return estimated(value, low, math.inf, level=level, method=METHOD, note=NO_UPPER)
    high = max(most, rank_value(by_bin, edges, above * total))
    return estimated(value, low, high, level=level, method=METHOD)


def quantile_spread(
    summary: LatencySummary, counts: Counts, q: float, cost: float = CLUSTER_COST
) -> ShareSpread:
    """How much the share of requests below the quantile would vary from run to run.

    What hangs together is best seen at the median; beyond a high quantile single requests hide it.
    """
    middle, by_cell = cells_below(summary, counts, 0.5)
    times = correlation_times(middle - middle.sum() / by_cell.sum() * by_cell)
    below, _ = cells_below(summary, counts, q)
    return share_spread(below, by_cell, cost, times)


def cells_below(
    summary: LatencySummary, counts: Counts, q: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per cell, how many requests are not beyond the quantile, and how many there are."""
    by_cell = counts.sum(axis=1) + np.asarray(summary.unanswered)
    return _below(counts, q * summary.total), by_cell.astype(np.float64)


def rank_value(by_bin: Counts, edges: NDArray[np.float64], rank: float) -> float:
    """The latency of this rank (from 0 to the number of requests), interpolated in its bin; infinite beyond."""
    total = np.cumsum(by_bin)
    if rank > total[-1]:
        return math.inf
    at = int(np.searchsorted(total, rank))
    part = 1 - (float(total[at]) - rank) / max(1, int(by_bin[at]))
    return float(edges[at] * (edges[at + 1] / edges[at]) ** part)


def _share_bounds(q: float, spread: ShareSpread, level: float) -> tuple[float, float]:
    """Between which shares of all requests the true quantile is; 0 or 1 is no bound.

    On the scale of angles a share's error is the same whatever the share (Anscombe 1948). On that of shares p99 would
    seldom have an upper bound.
    """
    if spread.clusters < CLUSTERS_MIN:
        return 0.0, 1.0
    error = 0.5 / math.sqrt(spread.size)
    reach = two_sided(level, spread.freedom) * error
    low, high = _turned(q, -reach), _turned(q, reach)
    if (1 - high) * spread.size >= CLUSTERS_BEYOND:
        return low, high
    return _turned(q, -one_sided(level, spread.freedom) * error), 1.0


def _turned(share: float, by: float) -> float:
    angle = math.asin(math.sqrt(share)) + by
    return math.sin(min(max(angle, 0.0), math.pi / 2)) ** 2


def _below(counts: Counts, rank: float) -> NDArray[np.float64]:
    """Per cell, the requests up to this rank of all; of the bin that holds it, each cell gives the same share."""
    total = np.cumsum(counts.sum(axis=0))
    if rank > total[-1]:
        return np.asarray(counts.sum(axis=1), dtype=np.float64)
    at = int(np.searchsorted(total, rank))
    part = 1 - (float(total[at]) - rank) / max(1, int(counts[:, at].sum()))
    return np.asarray(counts[:, :at].sum(axis=1) + part * counts[:, at])


def _bin_of(edges: NDArray[np.float64], value: float) -> tuple[float, float]:
    if math.isinf(value):
        return value, value
    at = min(max(int(np.searchsorted(edges, value)), 1), len(edges) - 1)
    return float(edges[at - 1]), float(edges[at])
