"""From events to whatever receives what is exported: the same for a run that goes on and for one that is over."""

from collections.abc import Sequence
from typing import Protocol

from battle.analysis.reports.schema import Report
from battle.monitoring import catalog, figures
from battle.monitoring.figures import moment_of
from battle.monitoring.recorder import ClosedWindow, Recorder, Window
from battle.monitoring.results import take_results
from battle.monitoring.spans import Span, SpanBuilder
from battle.store.events import Event


class Sink(Protocol):
    """Receives what is exported. No method raises for a receiver that is away: `finish` says what was lost."""

    def window(self, closed: ClosedWindow, total: Window) -> None:
        """Take a window that is complete, and all that was counted up to its end."""

    def spans(self, spans: Sequence[Span]) -> None:
        """Take spans."""

    def finish(self) -> list[str]:
        """Deliver what is left, within a bounded time; returns a sentence for each thing that was lost."""


class Pipeline:
    """Takes the events of one run and passes on windows and spans as they become complete."""

    def __init__(self, recorder: Recorder, builder: SpanBuilder, sinks: Sequence[Sink]) -> None:
        self.recorder = recorder
        self.spans = builder
        self._sinks = sinks
        self._last_ns = 0

    def describe(self, run_id: str, world: str, gateway: str, seed: str) -> None:
        """Say which run it is."""
        self.recorder.gauge(catalog.RUN_INFO, (run_id, world, gateway, seed), 0, 1)

    def take(self, segment: str, event: Event) -> None:
        """Take one event of a segment."""
        self._last_ns = max(self._last_ns, moment_of(event))
        figures.take(self.recorder, event, segment)
        self.spans.take(event)

    def advance(self, until_ns: int) -> None:
        """All that happened before then has been taken: pass on what is complete."""
        for closed in self.recorder.close(until_ns):
            self._pass_on_window(closed)
        self._pass_on_spans(self.spans.release(until_ns))

    def complete(self, report: Report | None) -> None:
        """The run is over: pass on the rest, with the results where there are any."""
        self._pass_on_spans(self.spans.finish(self._last_ns))
        if report is not None:
            take_results(self.recorder, report, self._last_ns)
        for closed in self.recorder.close_all(self._last_ns):
            self._pass_on_window(closed)

    def deliver(self) -> list[str]:
        """Wait, within bounds, until everything has arrived; returns a sentence for each thing that was lost."""
        return [lost for sink in self._sinks for lost in sink.finish()]

    def _pass_on_window(self, closed: ClosedWindow) -> None:
        for sink in self._sinks:
            sink.window(closed, self.recorder.total)

    def _pass_on_spans(self, spans: list[Span]) -> None:
        if spans:
            for sink in self._sinks:
                sink.spans(spans)
