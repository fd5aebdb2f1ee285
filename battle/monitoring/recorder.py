"""What was counted, in windows of time and in total. Pure.

A window of the run's time is closed once everything that happened in it has been read. Closed windows are what delta
temporality wants; their sum is what Prometheus wants. What is read after its window was closed counts in the oldest
window that is open, so nothing is lost and nothing is counted twice.
"""

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from battle.monitoring.catalog import Instrument
from battle.monitoring.distribution import Distribution

WINDOW_NS = 5 * 10**9
"""5 s of the run: fine enough to see a fault of 10 s, and what New Relic and Datadog keep apart at best."""

LABEL_VALUES_MAX = 100
"""Different values of one label of one metric. Further ones are exported as `other`: backends charge by series."""

SERIES_MAX = 2_000
"""Label sets of one metric. Further ones are exported with `other` in place of every value."""

OTHER = "other"

Labels: TypeAlias = tuple[str, ...]
Series: TypeAlias = tuple[Instrument, Labels]


class Window(msgspec.Struct):
    """What one window of time, or all of them together, amounts to."""

    counts: dict[Series, int] = {}
    distributions: dict[Series, Distribution] = {}
    gauges: dict[Series, float] = {}

    def merge(self, other: "Window") -> None:
        """Add a later window's counts to these, and take its gauges."""
        for series, count in other.counts.items():
            self.counts[series] = self.counts.get(series, 0) + count
        for series, distribution in other.distributions.items():
            self.distributions.setdefault(series, Distribution()).merge(distribution)
        self.gauges.update(other.gauges)


class ClosedWindow(msgspec.Struct, frozen=True):
    """A window that is complete: from when to when in the run's time, and what came to be in it.

    Its gauges are all those that are known at its end, not only those that changed.
    """

    start_ns: int
    end_ns: int
    delta: Window


class Recorder:
    """Takes counts, values and gauges with the moment they are of."""

    def __init__(self) -> None:
        self.total = Window()
        """The closed windows together."""
        self._open: dict[int, Window] = {}
        self._first_open = 0
        self._values: dict[tuple[Instrument, int], set[str]] = {}
        self._known: dict[Series, Series] = {}
        self._series: dict[Instrument, int] = {}

    def count(self, instrument: Instrument, labels: Labels, at_ns: int, number: int = 1) -> None:
        """Count something that happened `number` times."""
        counts = self._window(at_ns).counts
        series = self._bounded(instrument, labels)
        counts[series] = counts.get(series, 0) + number

    def observe(self, instrument: Instrument, labels: Labels, at_ns: int, value_s: float) -> None:
        """Count a value, in seconds, in a distribution."""
        distributions = self._window(at_ns).distributions
        series = self._bounded(instrument, labels)
        if series not in distributions:
            distributions[series] = Distribution()
        distributions[series].add(value_s)

    def gauge(self, instrument: Instrument, labels: Labels, at_ns: int, value: float) -> None:
        """Set a value of the moment."""
        self._window(at_ns).gauges[self._bounded(instrument, labels)] = value

    def close(self, until_ns: int) -> Iterator[ClosedWindow]:
        """Close the windows that end by then, oldest first; those in which nothing happened are left out."""
        end = until_ns // WINDOW_NS
        for number in sorted(number for number in self._open if number < end):
            self._first_open = number + 1
            yield self._closed(number, (number + 1) * WINDOW_NS)
        self._first_open = max(self._first_open, end)

    def close_all(self, last_ns: int) -> Iterator[ClosedWindow]:
        """Close all windows: no more will come. The last one ends at `last_ns`, which is the end of the run."""
        for number in sorted(self._open):
            self._first_open = number + 1
            end = (number + 1) * WINDOW_NS
            if not self._open.keys() - {number}:
                end = max(min(end, last_ns + 1), number * WINDOW_NS + 1)
            yield self._closed(number, end)

    def until_now(self) -> Window:
        """All windows together, also those that are still open."""
        whole = Window()
        whole.merge(self.total)
        for number in sorted(self._open):
            whole.merge(self._open[number])
        return whole

    def _closed(self, number: int, end_ns: int) -> ClosedWindow:
        window = self._open.pop(number)
        self.total.merge(window)
        delta = Window(window.counts, window.distributions, dict(self.total.gauges))
        return ClosedWindow(number * WINDOW_NS, end_ns, delta)

    def _window(self, at_ns: int) -> Window:
        number = max(at_ns // WINDOW_NS, self._first_open)
        if number not in self._open:
            self._open[number] = Window()
        return self._open[number]

    def _bounded(self, instrument: Instrument, labels: Labels) -> Series:
        """The series, or where there are too many, the one that stands for the rest."""
        series = instrument, labels
        if series in self._known:
            return self._known[series]
        bounded = (
            instrument,
            tuple(self._bounded_value(instrument, place, value) for place, value in enumerate(labels)),
        )
        if bounded not in self._known:
            if self._series.get(instrument, 0) >= SERIES_MAX:
                return instrument, (OTHER,) * len(labels)
            self._series[instrument] = self._series.get(instrument, 0) + 1
            self._known[bounded] = bounded
        return bounded

    def _bounded_value(self, instrument: Instrument, place: int, value: str) -> str:
        values = self._values.setdefault((instrument, place), set())
        if value in values:
            return value
        if len(values) >= LABEL_VALUES_MAX:
            return OTHER
        values.add(value)
        return value
