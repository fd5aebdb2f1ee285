"""A receiver of OpenTelemetry's protocol over HTTP: real requests, parsed with the published message types."""

import gzip
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Received:
    """What came, and how the receiver is to behave: `statuses` are given one after the other, then 200."""

    def __init__(self) -> None:
        self.metrics: list[Any] = []
        self.traces: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.url = ""
        self._lock = threading.Lock()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        with self._lock:
            self.headers.append(headers)
            if self.statuses:
                return self.statuses.pop(0)
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if path == "/v1/metrics":
                self.metrics.append(ExportMetricsServiceRequest.FromString(body))
            elif path == "/v1/traces":
                self.traces.append(ExportTraceServiceRequest.FromString(body))
            else:
                return 404
            return 200

    def points(self, name: str) -> Iterator[tuple[dict[str, str], Any]]:
        """Each point of a metric, with its attributes, in the order of arrival."""
        for request in self.metrics:
            for of_resource in request.resource_metrics:
                for scope in of_resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == name:
                            for point in getattr(metric, metric.WhichOneof("data")).data_points:
                                yield attributes(point.attributes), point

    def sums(self, name: str, *labels: str) -> Counter[tuple[str, ...]]:
        """The delta sums of a counter, added up by these labels."""
        found: Counter[tuple[str, ...]] = Counter()
        for labelled, point in self.points(name):
            key = tuple(labelled.get(label, "") for label in labels)
            found[key] += int(point.as_double or point.as_int)
        return found

    def last(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The last values of a gauge."""
        return {
            tuple(labelled.get(label, "") for label in labels): point.as_double or float(point.as_int)
            for labelled, point in self.points(name)
        }

    def spans(self) -> Iterator[tuple[str, Any, dict[str, Any]]]:
        """Each span with its service and its attributes."""
        for request in self.traces:
            for of_resource in request.resource_spans:
                service = attributes(of_resource.resource.attributes)["service.name"]
                for scope in of_resource.scope_spans:
                    for span in scope.spans:
                        yield service, span, attributes(span.attributes)

    def histogram(self, name: str) -> tuple[int, dict[tuple[int, int], int]]:
        """The count of a histogram, and its buckets by scale and index."""
        total, buckets = 0, Counter[tuple[int, int]]()
        for _, point in self.points(name):
            total += point.count
            for place, count in enumerate(point.positive.bucket_counts):
                buckets[point.scale, point.positive.offset + place] += count
        return total, buckets


def attributes(pairs: Any) -> dict[str, Any]:
    """Attributes as a dictionary."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@contextmanager
def otlp_receiver() -> Iterator[Received]:
    """A receiver on loopback, at a port that the kernel picks."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(received.take(self.path, headers, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # a connection of a client that forgot to close it would be waited for
    received.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
