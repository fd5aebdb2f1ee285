"""How far a series of cells is correlated in time, and how much its sum would vary in another run.

The variance comes from the slowest cosines of the series (Lazarus, Lewis, Stock & Watson 2018), which at the same
number of degrees of freedom see correlation better than as many batches: decision 0010 has the comparison.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

COARSE_CELLS = 100
"""Correlation is looked for at this resolution: in finer cells the noise of single requests hides what is slow."""

WINDOW = 5
"""Correlations are summed up to so many correlation times (Sokal 1997): beyond there is only noise."""

TIMES_MIN = 20
"""A run with fewer correlation times is too short: its variance cannot be known from itself."""

TIMES_PER_COSINE = 5
"""A cosine must be slower than what is correlated, or it misses a part of the variance."""

COSINES_MIN, COSINES_MAX = 4, 16
"""As many as there are degrees of freedom; beyond 16 an interval gains nearly nothing."""


class Spread(msgspec.Struct, frozen=True):
    """A standard error, its degrees of freedom, how many correlation times the run had, and cosines it took."""

    error: float
    freedom: float
    times: float
    cosines: int

    @property
    def enough(self) -> bool:
        """Whether the run was long enough for its spread to be believed."""
        return self.times >= TIMES_MIN


class ShareSpread(Spread, frozen=True):
    """The spread of a share: `size` independent requests would have it, `clusters` of them with the rarer outcome."""

    size: float
    clusters: float


def share_spread(hits: Series, trials: Series, cost: float, times: float = math.inf) -> ShareSpread:
    """The spread of the share of hits among trials, both by cells of time. There is at least one.

    Where few clusters of hits (or misses) make up the share, it takes their number off the degrees of freedom, the
    more the higher the `cost`: a variance that a handful of clusters show is itself uncertain. `times`: as for
    `sum_spread`.
    """
    total, share = float(trials.sum()), float(hits.sum() / trials.sum())
    spread = sum_spread(hits - share * trials, times)
    error = spread.error / total
    if not error:
        return ShareSpread(0.0, spread.freedom, spread.times, spread.cosines, math.inf, math.inf)
    size = share * (1 - share) / error**2
    clusters = size * min(share, 1 - share)
    clustered = max(0.0, 1 - size / total)
    freedom = 1 / (1 / spread.freedom + cost * clustered / max(1.0, clusters))
    return ShareSpread(error, freedom, spread.times, spread.cosines, size, clusters)


def sum_spread(residuals: Series, times: float = math.inf) -> Spread:
    """The spread of the sum of a series of deviations, that is, of one that sums to zero.

    `times`: how many correlation times the run is known to have, where this series alone may not show them.
    """
    cells = len(residuals)
    seen = correlation_times(residuals)
    cosines = min(max(int(min(seen, times) / TIMES_PER_COSINE), COSINES_MIN), COSINES_MAX)
    phases = np.pi / cells * np.outer(np.arange(1, cosines + 1), np.arange(cells) + 0.5)
    error = math.sqrt(2 * float(np.mean(np.square(np.cos(phases) @ residuals))))
    return Spread(error, cosines, seen, cosines)


def correlation_times(residuals: Series) -> float:
    """How many correlation times long a series of deviations is."""
    coarse = coarser(residuals, COARSE_CELLS)
    return len(coarse) / correlation_time(coarse)


def coarser(by_cell: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
    """Sums over so many contiguous parts of about equal length, or the cells themselves when there are fewer."""
    parts = min(parts, len(by_cell))
    return np.asarray(np.add.reduceat(by_cell, np.arange(parts) * len(by_cell) // parts, axis=0))


def correlation_time(residuals: Series) -> float:
    """The integrated autocorrelation time in cells, 1 + 2 (r_1 + r_2 + ...), by Sokal's window; at least 1."""
    times = 1 + 2 * np.cumsum(_autocorrelation(residuals))
    if not len(times):
        return 1.0
    within = np.arange(1, len(times) + 1) >= WINDOW * times
    found = int(np.argmax(within)) if within.any() else len(times) - 1
    return max(1.0, float(times[found]))


def _autocorrelation(residuals: Series) -> Series:
    """Autocorrelations at lags 1, 2, ... of a series whose mean is zero."""
    length = len(residuals)
    power = np.abs(np.fft.rfft(residuals, 2 * length)) ** 2
    products = np.fft.irfft(power)[:length]
    if products[0] <= 0:
        return np.zeros(max(0, length - 1))
    return np.asarray(products[1:] / products[0])
