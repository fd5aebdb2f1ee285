"""What was counted as Prometheus has it: families of samples with cumulative counts and classic histograms."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from battle.monitoring.catalog import INSTRUMENTS, SCENARIO, Instrument
from battle.monitoring.distribution import BOUNDS_S, Distribution
from battle.monitoring.recorder import Labels, Recorder, Window


def families(window: Window, scenario: str) -> Iterator[Metric]:
    """All metrics of a window that have a value."""
    found: dict[Instrument, list[tuple[Labels, Any]]] = {}
    values: tuple[Mapping[tuple[Instrument, Labels], Any], ...] = (
        window.counts,
        window.distributions,
        window.gauges,
    )
    for of_kind in values:
        for (instrument, labels), value in of_kind.items():
            found.setdefault(instrument, []).append((labels, value))
    for instrument in INSTRUMENTS:
        if instrument in found:
            yield _family(instrument, scenario, found[instrument])


def _family(instrument: Instrument, scenario: str, series: list[tuple[Labels, Any]]) -> Metric:
    names = (SCENARIO, *instrument.labels)
    about = instrument.prometheus, instrument.meaning
    if instrument.kind == "distribution":
        histogram = HistogramMetricFamily(*about, labels=names)
        for labels, distribution in series:
            histogram.add_metric((scenario, *labels), list(_buckets(distribution)), distribution.total)
        return histogram
    plain: CounterMetricFamily | GaugeMetricFamily
    plain = (CounterMetricFamily if instrument.kind == "count" else GaugeMetricFamily)(*about, labels=names)
    for labels, value in series:
        plain.add_metric((scenario, *labels), value)
    return plain


def _buckets(distribution: Distribution) -> Iterator[tuple[str, int]]:
    """Upper bounds and how many values are not above them."""
    below = 0
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), distribution.fixed, strict=True):
        below += count
        yield bound, below


def exposed(window: Window, scenario: str, accept: str = "") -> tuple[bytes, str]:
    """The text of all metrics, and its content type: OpenMetrics for whoever accepts it."""
    encoder, content_type = choose_encoder(accept)
    return encoder(_registry(window, scenario)), content_type


def exposition(recorder: Recorder, scenario: str) -> str:
    """The text of all metrics of a run, in Prometheus' text format."""
    return generate_latest(_registry(recorder.until_now(), scenario)).decode()


def samples(recorder: Recorder, scenario: str) -> list[dict[str, Any]]:
    """The same as plain data: name, labels and value of each sample."""
    return [
        {"name": sample.name, "labels": sample.labels, "value": sample.value}
        for family in families(recorder.until_now(), scenario)
        for sample in family.samples
    ]


def _registry(window: Window, scenario: str) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(list(families(window, scenario))))
    return registry


class _Families(Collector):
    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        return iter(self._found)
