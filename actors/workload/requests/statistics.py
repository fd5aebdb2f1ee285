"""What a workload did in each second: counts, and percentiles from a histogram of bounded size. Pure."""

from bisect import bisect_left
from math import ceil

from battle.store.events import GeneratorSampled

_STEP = 1.02
"""Each bucket is this much wider than the one below: percentiles are at most 2 % too high."""


def _bounds() -> list[int]:
    """From 1 us, below which no world measures anything, to over an hour."""
    bounds = [0, 1_000]
    while bounds[-1] < 3_600 * 10**9:
        bounds.append(ceil(bounds[-1] * _STEP))
    return bounds


_BOUNDS = _bounds()


class Histogram:
    """Durations in nanoseconds. Adding costs the same however many there are, and so does reading."""

    __slots__ = ("_buckets", "max_ns")

    def __init__(self) -> None:
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self.max_ns = 0

    @property
    def count(self) -> int:
        return sum(self._buckets)

    def add(self, duration_ns: int) -> None:
        self._buckets[bisect_left(_BOUNDS, duration_ns)] += 1
        if duration_ns > self.max_ns:
            self.max_ns = duration_ns

    def percentile(self, share: float) -> int | None:
        """The least duration that `share` of all do not exceed, at most 2 % too high; None without any."""
        count = self.count
        if not count:
            return None
        rank = ceil(share * count)
        for bound, in_bucket in zip(_BOUNDS, self._buckets, strict=False):
            rank -= in_bucket
            if rank <= 0:
                return min(bound, self.max_ns)
        return self.max_ns


class Second:
    """One second of a workload, filled as it passes."""

    __slots__ = ("dropped", "due", "errors", "latency", "lateness")

    def __init__(self) -> None:
        self.due = 0
        self.dropped = 0
        self.errors = 0
        self.lateness = Histogram()
        self.latency = Histogram()

    def sampled(self, *, at_ns: int, workload: str, in_flight: int, backlog: int) -> GeneratorSampled:
        """The second as the log keeps it."""
        lateness, latency = self.lateness, self.latency
        sent = lateness.count
        return GeneratorSampled(
            at_ns=at_ns,
            workload=workload,
            due=self.due,
            sent=sent,
            ended=latency.count,
            errors=self.errors,
            dropped=self.dropped,
            in_flight=in_flight,
            backlog=backlog,
            lateness_p50_ns=lateness.percentile(0.5),
            lateness_p99_ns=lateness.percentile(0.99),
            lateness_max_ns=lateness.max_ns if sent else None,
            latency_p95_ns=latency.percentile(0.95),
        )
