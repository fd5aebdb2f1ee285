"""Asks the log for the charts of a run: one query for each, aggregated where the log is, never sampled."""

from collections.abc import Callable, Collection
from typing import TypeAlias, get_args

from battle.charts import chaos_charts, load_charts
from battle.charts.chart import Chart, ChartSet, Kind
from battle.charts.span import Span, span_of
from battle.judgement.findings import Log

Maker: TypeAlias = Callable[[Log, Span], Chart | str]
"""Answers with the chart, or with a sentence that says why there is none."""

EVERY_KIND: tuple[Kind, ...] = get_args(Kind)


MAKERS: dict[Kind, Maker] = {
    "fault_lanes": chaos_charts.fault_lanes,
    "latency_histogram": load_charts.histogram,
    "percentile_curve": load_charts.percentiles,
    "latency_over_time": load_charts.latency,
    "throughput_over_time": load_charts.throughput,
    "success_over_time": load_charts.success,
    "errors_over_time": load_charts.errors,
    "providers_over_time": chaos_charts.providers,
    "breaker_lanes": chaos_charts.breakers,
    "head_delay_over_time": chaos_charts.head_delays,
}


def collect_charts(log: Log, kinds: Collection[Kind] = EVERY_KIND) -> ChartSet:
    """The charts of these kinds that the log has something for, and why the others are left out."""
    span = span_of(log)
    if span is None:
        return ChartSet(absent=tuple((kind, "The log has nothing to draw.") for kind in kinds))
    made = [(kind, MAKERS[kind](log, span)) for kind in EVERY_KIND if kind in kinds]
    return ChartSet(
        charts=tuple(one for _, one in made if isinstance(one, Chart)),
        absent=tuple((kind, one) for kind, one in made if isinstance(one, str)),
    )
