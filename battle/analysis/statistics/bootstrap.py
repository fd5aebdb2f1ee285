"""Quantiles of runs that might have been: blocks of time of one run, drawn again and put together."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from battle.analysis.statistics.correlation import coarser
from battle.analysis.statistics.quantiles import cells_below, quantile_spread, rank_value
from battle.analysis.statistics.summary import LatencySummary, edges_of

Values = NDArray[np.float64]


CLUSTER_COST = 0.6
"""As decision 0010 found it: less than for one quantile, as the skew of few clusters in both runs cancels."""


class Resampled(msgspec.Struct, frozen=True):
    """A quantile, and that of each replicate, in nanoseconds (infinite: never).

    Few blocks vary less than runs do: `stretch` is by how much, `freedom` how well that is known. Without `enough`
    the run is too short for that.
    """

    value: float
    quantiles: Values
    stretch: float
    freedom: float
    enough: bool


def resampled(summary: LatencySummary, q: float, replicates: int, rng: np.random.Generator) -> Resampled:
    """So many replicates: a matrix product, whose cost does not depend on how many requests there were."""
    counts, edges = summary.counts(), edges_of(summary, summary.counts())
    below, by_cell = cells_below(summary, counts, q)
    spread = quantile_spread(summary, counts, q, CLUSTER_COST)
    blocks = min(spread.cosines + 1, summary.cells)
    unanswered = np.asarray(summary.unanswered)
    table = coarser(np.column_stack([counts, unanswered]).astype(np.float64), blocks)
    weights = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=replicates)
    below, by_cell = coarser(below, blocks), coarser(by_cell, blocks)
    error = float(np.linalg.norm(below - below.sum() / by_cell.sum() * by_cell)) / summary.total
    return Resampled(
        rank_value(counts.sum(axis=0), edges, q * summary.total),
        quantiles_of(weights @ table, edges, q),
        spread.error / error if error else 1.0,
        spread.freedom,
        spread.enough,
    )


def quantiles_of(histograms: Values, edges: Values, q: float) -> Values:
    """The quantile of each histogram (rows), whose last column counts what was never answered."""
    totals = np.cumsum(histograms, axis=1)
    ranks = q * totals[:, -1]
    at = np.minimum((totals < ranks[:, None]).sum(axis=1), histograms.shape[1] - 1)
    rows = np.arange(len(histograms))
    part = 1 - (totals[rows, at] - ranks) / np.maximum(1, histograms[rows, at])
    never = at == histograms.shape[1] - 1
    inside = np.minimum(at, len(edges) - 2)
    return np.where(never, math.inf, edges[inside] * (edges[inside + 1] / edges[inside]) ** part)
