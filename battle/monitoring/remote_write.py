"""Prometheus' remote write, version 1: each window's totals as samples with the time they are of.

The message has four small types, so it is declared here and not generated. Its compression has to be Snappy's; what
is sent is a stream of literals, which every decoder reads, because the figures of a run are small and a library for
it would be one more dependency with compiled code.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from battle.actors.redaction import redacted
from battle.errors import BattleError
from battle.formatting import plural
from battle.monitoring.exposition import families
from battle.monitoring.recorder import ClosedWindow, Window
from battle.monitoring.spans import Span
from battle.outgoing import Request, optional_secret, send

AUTHORIZATION = "PROMETHEUS_AUTHORIZATION"
"""The environment variable with the value of the header `Authorization`: `Bearer ...` or `Basic ...`."""

SAMPLES_AT_ONCE = 2_000
"""In one request, as Prometheus sends at most by default."""

_LITERAL_BYTES = 2**16


class RemoteWriteSink:
    """Sends the totals of each window to `url`, labelled with the job `battle` and the run's id as the instance."""

    def __init__(self, url: str, run_id: str, scenario: str, epoch_ns: int) -> None:
        self._url = url
        self._run_id = run_id
        self._scenario = scenario
        self._epoch_ns = epoch_ns
        self._samples: list[tuple[dict[str, str], float, int]] = []
        self._lost: str | None = None
        self._lost_samples = 0

    def window(self, closed: ClosedWindow, total: Window) -> None:
        """Take the totals of a window."""
        at_ms = (self._epoch_ns + closed.end_ns) // 10**6
        for family in families(total, self._scenario):
            for sample in family.samples:
                labels = {"__name__": sample.name, "job": "battle", "instance": self._run_id, **sample.labels}
                self._samples.append((labels, sample.value, at_ms))
        while len(self._samples) >= SAMPLES_AT_ONCE:
            self._send(self._samples[:SAMPLES_AT_ONCE])
            del self._samples[:SAMPLES_AT_ONCE]

    def spans(self, spans: Sequence[Span]) -> None:
        """Prometheus has none."""

    def finish(self) -> list[str]:
        """Send the rest."""
        if self._samples:
            self._send(self._samples)
        if self._lost is None:
            return []
        return [
            f"{plural(self._lost_samples, 'sample')} could not be delivered to {redacted(self._url)}: {self._lost}"
        ]

    def _send(self, samples: Sequence[tuple[dict[str, str], float, int]]) -> None:
        if self._lost is not None:
            self._lost_samples += len(samples)
            return
        authorization = optional_secret(AUTHORIZATION)
        headers = {
            "content-type": "application/x-protobuf",
            "content-encoding": "snappy",
            "x-prometheus-remote-write-version": "0.1.0",
            "user-agent": "battle",
        }
        if authorization is not None:
            headers["authorization"] = authorization.reveal()
        request = Request(
            service="Prometheus",
            method="POST",
            url=self._url,
            headers=headers,
            body=snappy(write_request(samples)),
            repeatable=True,
            secrets=[authorization] if authorization is not None else [],
        )
        try:
            send(request)
        except BattleError as error:
            self._lost, self._lost_samples = str(error), len(samples)


def write_request(samples: Sequence[tuple[dict[str, str], float, int]]) -> bytes:
    """The message with these samples: labels, value, and time in milliseconds since 1970."""
    series: dict[tuple[tuple[str, str], ...], Any] = {}
    message: Any = _WriteRequest()
    for labels, value, at_ms in samples:
        key = tuple(sorted((name, text) for name, text in labels.items() if text))
        if key not in series:
            series[key] = message.timeseries.add()
            for name, text in key:
                series[key].labels.add(name=name, value=text)
        series[key].samples.add(value=value, timestamp=at_ms)
    encoded: bytes = message.SerializeToString()
    return encoded


def snappy(data: bytes) -> bytes:
    """The data in Snappy's block format, as literals."""
    return _varint(len(data)) + b"".join(_literals(data))


def _literals(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _LITERAL_BYTES):
        part = data[start : start + _LITERAL_BYTES]
        yield bytes([61 << 2]) + (len(part) - 1).to_bytes(2, "little") + part


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _declared() -> Any:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="battle/remote.proto", package="prometheus", syntax="proto3"
    )

    def message(of_type: str, **fields: tuple[int, int, str | None]) -> None:
        declared = file.message_type.add(name=of_type)
        for field, (number, kind, of) in fields.items():
            repeated = of is not None
            declared.field.add(
                name=field,
                number=number,
                type=kind,
                type_name=f".prometheus.{of}" if of else None,
                label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL,
            )

    message("Label", name=(1, kinds.TYPE_STRING, None), value=(2, kinds.TYPE_STRING, None))
    message("Sample", value=(1, kinds.TYPE_DOUBLE, None), timestamp=(2, kinds.TYPE_INT64, None))
    message("TimeSeries", labels=(1, kinds.TYPE_MESSAGE, "Label"), samples=(2, kinds.TYPE_MESSAGE, "Sample"))
    message("WriteRequest", timeseries=(1, kinds.TYPE_MESSAGE, "TimeSeries"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


_WriteRequest = _declared()
