"""How far a series of cells is correlated in time, and how much its sum would vary in another run."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

BATCHES = 20
"""Contiguous batches of time whose differences tell the variance."""

WINDOW = 5
"""Correlations are summed up to so many correlation times (Sokal's window): beyond there is only noise."""

TIMES_MIN = 20
"""A run with fewer correlation times is too short: its variance cannot be known from itself."""


class Spread(msgspec.Struct, frozen=True):
    """The standard error of a sum over cells, with its degrees of freedom, and how many correlation times it saw."""

    error: float
    freedom: float
    times: float

    @property
    def enough(self) -> bool:
        """Whether the series is long enough for its spread to be believed."""
        return self.times >= TIMES_MIN


def spread_of(residuals: Series) -> Spread:
    """The spread of the sum of a series that sums to zero, such as counts less what was expected of each cell."""
    cells = len(residuals)
    batches = min(BATCHES, cells)
    if batches < 2:
        return Spread(math.inf, 1, 0)
    sums = batch_sums(residuals, batches)
    error = math.sqrt(batches / (batches - 1) * float(np.square(sums).sum()))
    return Spread(error, batches - 1, cells / correlation_time(residuals))


def batch_sums(by_cell: NDArray[np.float64], batches: int) -> NDArray[np.float64]:
    """Sums over so many contiguous batches of about equal length."""
    starts = np.arange(batches) * len(by_cell) // batches
    return np.add.reduceat(by_cell, starts, axis=0)


def correlation_time(residuals: Series) -> float:
    """The integrated autocorrelation time in cells, 1 + 2 (r_1 + r_2 + ...), by Sokal's window; at least 1."""
    correlations = _autocorrelation(residuals)
    times = 1 + 2 * np.cumsum(correlations)
    within = np.arange(1, len(times) + 1) >= WINDOW * times
    found = int(np.argmax(within)) if within.any() else len(times) - 1
    return max(1.0, float(times[found])) if len(times) else 1.0


def _autocorrelation(residuals: Series) -> Series:
    """Autocorrelations at lags 1, 2, ... of a series whose mean is zero."""
    length = len(residuals)
    power = np.abs(np.fft.rfft(residuals, 2 * length)) ** 2
    products = np.fft.irfft(power)[:length]
    if products[0] <= 0:
        return np.zeros(max(0, length - 1))
    return np.asarray(products[1:] / products[0])
