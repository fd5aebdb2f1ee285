"""A histogram in two forms at once: exponential buckets for OpenTelemetry, fixed ones for Prometheus. Pure.

An exponential bucket with index i has values above 2^(i / 2^scale), up to 2^((i + 1) / 2^scale). Two neighbouring
buckets become one when the scale is lowered by one, so histograms of different scales can be added up.
"""

import math
from bisect import bisect_left
from collections import Counter

SCALE = 5
"""The finest scale: a bucket is 2.2 % wide, finer than the noise of a latency."""

BUCKETS_MAX = 160
"""Of an exponential histogram that is sent: the default limit of OpenTelemetry's SDKs, which backends expect."""

BOUNDS_S = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75,
    1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0,
)  # fmt: skip
"""Upper bounds of the fixed buckets, in seconds: from a local answer to the longest timeout in use. Neighbours are at
most 2 times apart, and the series that they cost stay below 30 for each label set."""


class Distribution:
    """Counts of values in seconds. A value of 0 or less is counted as zero."""

    __slots__ = ("count", "exponential", "fixed", "maximum", "minimum", "total", "zeros")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.zeros = 0
        self.minimum = math.inf
        self.maximum = -math.inf
        self.exponential: Counter[int] = Counter()
        self.fixed = [0] * (len(BOUNDS_S) + 1)

    def add(self, value_s: float) -> None:
        """Count one value."""
        self.count += 1
        self.total += value_s
        self.minimum = min(self.minimum, value_s)
        self.maximum = max(self.maximum, value_s)
        self.fixed[bisect_left(BOUNDS_S, value_s)] += 1
        if value_s > 0:
            self.exponential[bucket_index(value_s)] += 1
        else:
            self.zeros += 1

    def merge(self, other: "Distribution") -> None:
        """Add another's counts to these."""
        self.count += other.count
        self.total += other.total
        self.zeros += other.zeros
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.exponential.update(other.exponential)
        self.fixed = [mine + others for mine, others in zip(self.fixed, other.fixed, strict=True)]

    def buckets(self) -> tuple[int, int, list[int]]:
        """Scale, index of the first bucket, and the counts from there on: at most `BUCKETS_MAX`."""
        counts = self.exponential
        if not counts:
            return SCALE, 0, []
        low, high, coarser = min(counts), max(counts), 0
        while (high >> coarser) - (low >> coarser) >= BUCKETS_MAX:
            coarser += 1
        first = low >> coarser
        found = [0] * ((high >> coarser) - first + 1)
        for index, count in counts.items():
            found[(index >> coarser) - first] += count
        return SCALE - coarser, first, found


def bucket_index(value_s: float) -> int:
    """The exponential bucket of a value above 0, at the finest scale."""
    return math.ceil(math.log2(value_s) * (1 << SCALE)) - 1
