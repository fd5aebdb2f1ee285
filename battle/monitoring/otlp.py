"""OpenTelemetry's protocol over HTTP, by the exporters of its SDK: metrics with delta temporality, and spans.

The SDK's own instruments take the time of day when they are called. What is exported here happened at a moment that
the log has, and may have happened yesterday, so its data structures are filled in here and only sent by the SDK.

A thread of its own sends, from a queue that is bounded. While the receiver is slow or away, windows are added up, so
that no count is lost, and spans beyond the bound are dropped and counted.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from battle.actors.redaction import redacted
from battle.formatting import plural
from battle.monitoring.catalog import SCENARIO, Instrument
from battle.monitoring.distribution import Distribution
from battle.monitoring.recorder import ClosedWindow, Labels, Window
from battle.monitoring.spans import Span

SPANS_AT_ONCE = 512
"""In one request: some 200 kB before compression. New Relic refuses more than 1 MB."""

SPANS_WAITING_MAX = 16_384
"""Before further ones are dropped: 32 requests, some 20 MB."""

POINTS_AT_ONCE = 2_000
"""Of metrics in one request, for the same reason."""

REQUEST_SECONDS = 10.0
"""For one request with the SDK's own attempts, of which each waits longer than the one before; OpenTelemetry's
default."""

AGAIN_SECONDS = 2.0
"""Between two requests when the first was refused."""

METRIC_ATTEMPTS_MAX = 30
"""Requests for one window of metrics: 5 minutes, a restart of a collector. Meanwhile later windows wait."""

SPAN_ATTEMPTS_MAX = 2
"""Requests for the same spans: later ones are worth as much."""

END_SECONDS = 20.0
"""After the run, for what is left: two requests to a receiver that does not answer."""

_KINDS = {"client": SpanKind.CLIENT, "server": SpanKind.SERVER, "internal": SpanKind.INTERNAL}
_SCOPE = InstrumentationScope("battle")


class Origin(NamedTuple):
    """What every request says: of which run it is, and when that began (nanoseconds since 1970)."""

    run_id: str
    scenario: str
    world: str
    epoch_ns: int
    share: float

    def resource(self, service: str) -> Resource:
        """Who is said to have sent it."""
        return Resource(
            {
                "service.namespace": "battle",
                "service.name": service,
                "service.instance.id": self.run_id,
                "battle.run_id": self.run_id,
                "battle.scenario": self.scenario,
                "battle.world": self.world,
                "battle.sampling.share": self.share,
            }
        )


class _Session(requests.Session):
    """Remembers how the last request went, in words without a URL."""

    went = ""

    def request(self, *arguments: Any, **options: Any) -> Any:
        try:
            response = super().request(*arguments, **options)
        except requests.Timeout:
            self.went = f"no answer within {REQUEST_SECONDS:g} s"
            raise
        except requests.RequestException as error:
            self.went = f"no connection ({type(error).__name__})"
            raise
        self.went = f"HTTP {response.status_code}"
        return response


class OtlpSink:
    """Sends windows and spans to `url`, to which `/v1/metrics` and `/v1/traces` are added.

    `patient`: nobody is waiting for it to keep up, so taking more waits for the receiver instead of dropping. Keys
    for the receiver come from OTEL_EXPORTER_OTLP_HEADERS, as OpenTelemetry has it.
    """

    def __init__(self, url: str, origin: Origin, *, patient: bool, end_seconds: float = END_SECONDS) -> None:
        logging.getLogger("opentelemetry").setLevel(
            logging.CRITICAL
        )  # its lines may name the URL with its secrets
        self._origin = origin
        self._where = redacted(url)
        self._patient = patient
        self._end_seconds = end_seconds
        self._session = _Session()
        base = url.rstrip("/")
        compression = None if os.environ.get("OTEL_EXPORTER_OTLP_COMPRESSION") else Compression.Gzip
        self._metrics = OTLPMetricExporter(
            f"{base}/v1/metrics",
            timeout=REQUEST_SECONDS,
            compression=compression,
            session=self._session,
            max_export_batch_size=POINTS_AT_ONCE,
        )
        self._traces = OTLPSpanExporter(
            f"{base}/v1/traces", timeout=REQUEST_SECONDS, compression=compression, session=self._session
        )
        self._resources: dict[str, Resource] = {}
        self._changed = threading.Condition()
        self._window: ClosedWindow | None = None
        self._waiting: deque[Span] = deque()
        self._ending = self._given_up = self._stopped = False
        self._taken_spans = self._lost_spans = self._lost_windows = 0
        self._under_way = 0, 0
        self._thread = threading.Thread(target=self._send_all, name="otlp", daemon=True)
        self._thread.start()

    def window(self, closed: ClosedWindow, total: Window) -> None:
        """Take a window; one that still waits to be sent takes it in."""
        with self._changed:
            if self._patient:
                self._changed.wait_for(lambda: self._window is None or self._stopped)
            self._window = closed if self._window is None else _joined(self._window, closed)
            self._changed.notify_all()

    def spans(self, spans: Sequence[Span]) -> None:
        """Take spans; those beyond the bound are dropped."""
        with self._changed:
            for span in spans:
                if self._patient:
                    self._changed.wait_for(lambda: len(self._waiting) < SPANS_WAITING_MAX or self._stopped)
                self._taken_spans += 1
                if len(self._waiting) >= SPANS_WAITING_MAX:
                    self._lost_spans += 1
                else:
                    self._waiting.append(span)
            self._changed.notify_all()

    def finish(self) -> list[str]:
        """Wait until all is sent, or the time for it is over."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        deadline = time.monotonic() + self._end_seconds
        while self._patient and self._thread.is_alive() and not self._given_up:
            self._thread.join(0.1)
        self._thread.join(max(deadline - time.monotonic(), 0))
        with self._changed:
            self._stopped = True
            windows, spans = self._under_way  # nobody knows whether they arrive
            unsent_spans = self._lost_spans + len(self._waiting) + spans
            unsent_windows = self._lost_windows + (self._window is not None) + windows
            self._changed.notify_all()
        self._metrics.shutdown()
        self._traces.shutdown()  # type: ignore[no-untyped-call]
        return list(self._losses(unsent_windows, unsent_spans))

    def _losses(self, windows: int, spans: int) -> Iterator[str]:
        went = f" ({self._session.went})" if self._session.went else ""
        if windows:
            yield f"{plural(windows, 'window')} of metrics could not be delivered to {self._where}{went}"
        if spans:
            yield (
                f"{spans:,} of {plural(self._taken_spans, 'span')} could not be delivered to {self._where}{went}"
            )

    def _send_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_wanted)
                if self._stopped or not self._has_work():
                    return
                window, self._window = self._window, None
                spans = [self._waiting.popleft() for _ in range(min(SPANS_AT_ONCE, len(self._waiting)))]
                self._under_way = int(window is not None), len(spans)
            lost_windows = window is not None and not self._sent(
                self._send_window, window, METRIC_ATTEMPTS_MAX
            )
            lost_spans = spans and not self._sent(self._send_spans, spans, SPAN_ATTEMPTS_MAX)
            with self._changed:
                if self._is_stopped():
                    return  # they were counted as under way
                self._lost_windows += int(lost_windows)
                self._lost_spans += len(spans) if lost_spans else 0
                self._under_way = 0, 0
                self._changed.notify_all()

    def _has_work(self) -> bool:
        return self._window is not None or bool(self._waiting)

    def _is_wanted(self) -> bool:
        return self._has_work() or self._ending or self._stopped

    def _is_stopped(self) -> bool:
        return self._stopped

    def _sent(self, send: Any, what: Any, attempts_max: int) -> bool:
        for attempt in range(attempts_max):
            if self._stopped or self._given_up:
                return False
            if send(what):
                return True
            if self._patient or attempt + 1 == attempts_max:
                break  # the SDK has tried for its whole time already
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, AGAIN_SECONDS)
        if self._patient:
            self._given_up = True
        return False

    def _send_window(self, window: ClosedWindow) -> bool:
        return self._metrics.export(self._encoded(window)) is MetricExportResult.SUCCESS

    def _send_spans(self, spans: list[Span]) -> bool:
        return self._traces.export([self._readable(span) for span in spans]) is SpanExportResult.SUCCESS

    def _encoded(self, window: ClosedWindow) -> MetricsData:
        scope = ScopeMetrics(_SCOPE, list(self._of_window(window)), "")
        return MetricsData([ResourceMetrics(self._resource("battle"), [scope], "")])

    def _of_window(self, window: ClosedWindow) -> Iterator[Metric]:
        delta = window.delta
        times = self._origin.epoch_ns + window.start_ns, self._origin.epoch_ns + window.end_ns
        for instrument, counts in _by_instrument(delta.counts).items():
            sums = [self._number(instrument, labels, times, count) for labels, count in counts]
            yield _metric(instrument, Sum(sums, AggregationTemporality.DELTA, True))
        for instrument, distributions in _by_instrument(delta.distributions).items():
            points = [self._histogram(instrument, labels, times, each) for labels, each in distributions]
            yield _metric(instrument, ExponentialHistogram(points, AggregationTemporality.DELTA))
        for instrument, gauges in _by_instrument(delta.gauges).items():
            values = [self._number(instrument, labels, times, value) for labels, value in gauges]
            yield _metric(instrument, Gauge(values))

    def _number(
        self, instrument: Instrument, labels: Labels, times: tuple[int, int], value: float
    ) -> NumberDataPoint:
        return NumberDataPoint(self._attributes(instrument, labels), *times, value)

    def _histogram(
        self, instrument: Instrument, labels: Labels, times: tuple[int, int], distribution: Distribution
    ) -> ExponentialHistogramDataPoint:
        scale, offset, counts = distribution.buckets()
        return ExponentialHistogramDataPoint(
            self._attributes(instrument, labels),
            *times,
            count=distribution.count,
            sum=distribution.total,
            scale=scale,
            zero_count=distribution.zeros,
            positive=Buckets(offset, counts),
            negative=Buckets(0, []),
            flags=0,
            min=distribution.minimum,
            max=distribution.maximum,
        )

    def _attributes(self, instrument: Instrument, labels: Labels) -> Mapping[str, str]:
        of_series = zip(instrument.labels, labels, strict=True)
        return {SCENARIO: self._origin.scenario, **{name: value for name, value in of_series if value}}

    def _readable(self, span: Span) -> ReadableSpan:
        epoch_ns = self._origin.epoch_ns
        state = TraceState.from_header([span.trace_state])
        parent = None if span.parent_id is None else _context(span.trace_id, span.parent_id, state)
        return ReadableSpan(
            span.name,
            context=_context(span.trace_id, span.span_id, state),
            parent=parent,
            resource=self._resource(span.service),
            attributes=span.attributes,
            kind=_KINDS[span.kind],
            status=Status() if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=epoch_ns + span.start_ns,
            end_time=epoch_ns + span.end_ns,
            instrumentation_scope=_SCOPE,
        )

    def _resource(self, service: str) -> Resource:
        if service not in self._resources:
            self._resources[service] = self._origin.resource(service)
        return self._resources[service]


def _context(trace_id: int, span_id: int, state: TraceState) -> SpanContext:
    return SpanContext(
        trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED), trace_state=state
    )


def _metric(instrument: Instrument, data: Sum | ExponentialHistogram | Gauge) -> Metric:
    return Metric(instrument.name, instrument.meaning, instrument.unit, data)


def _by_instrument(
    series: Mapping[tuple[Instrument, Labels], Any],
) -> dict[Instrument, list[tuple[Labels, Any]]]:
    found: dict[Instrument, list[tuple[Labels, Any]]] = {}
    for (instrument, labels), value in series.items():
        found.setdefault(instrument, []).append((labels, value))
    return found


def _joined(earlier: ClosedWindow, later: ClosedWindow) -> ClosedWindow:
    delta = Window()
    delta.merge(earlier.delta)
    delta.merge(later.delta)
    return ClosedWindow(earlier.start_ns, later.end_ns, delta)
