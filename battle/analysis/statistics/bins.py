"""The one binning of latencies that all runs share, so that any two can be compared.

Bin `k` holds what took from `BIN_RATIO**k` up to `BIN_RATIO**(k + 1)` nanoseconds. Query `latency_cells` does the
same in SQL.
"""

import math

import numpy as np
from numpy.typing import NDArray

BIN_RATIO = 1.01
"""A bin is 1 % wide: finer than any difference worth acting on, and coarse enough to commit."""

LAST_BIN = 3000
"""Holds all above, two and a half hours: longer than any timeout."""

BINNING = 1
"""Raised when the bins change; summaries of different binnings cannot be compared."""

UNANSWERED = -1
"""What the query says instead of a bin for a request that did not succeed."""


def edges_ns(first: int, count: int) -> NDArray[np.float64]:
    """The `count + 1` edges of so many bins from `first` on."""
    return np.asarray(np.exp(math.log(BIN_RATIO) * np.arange(first, first + count + 1)))


def bins_of(latencies_ns: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each latency; infinite ones are `UNANSWERED`."""
    answered = np.isfinite(latencies_ns)
    logs = np.log(np.clip(np.where(answered, latencies_ns, 1.0), 1.0, None)) / math.log(BIN_RATIO)
    bins = np.minimum(np.floor(logs), LAST_BIN).astype(np.int64)
    return np.where(answered, bins, UNANSWERED)
