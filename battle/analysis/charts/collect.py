"""Asks the log for the charts of a run: one query for each, aggregated where the log is, never sampled."""

from collections.abc import Callable, Collection
from typing import TypeAlias, get_args

from battle.analysis.charts import fault_charts, load_charts
from battle.analysis.charts.chart import Chart, ChartSet, Kind, RunKind
from battle.analysis.charts.time_span import Span, span_of
from battle.analysis.log import Log
from battle.analysis.omissions import Parts

Maker: TypeAlias = Callable[[Log, Span], Chart | str]
"""Answers with the chart, or with a sentence that says why there is none."""

EVERY_KIND: tuple[Kind, ...] = get_args(RunKind)


MAKERS: dict[Kind, Maker] = {
    "fault_lanes": fault_charts.fault_lanes,
    "latency_histogram": load_charts.histogram,
    "percentile_curve": load_charts.percentiles,
    "latency_over_time": load_charts.latency,
    "throughput_over_time": load_charts.throughput,
    "success_over_time": load_charts.success,
    "errors_over_time": load_charts.errors,
    "providers_over_time": fault_charts.providers,
    "breaker_lanes": fault_charts.breakers,
    "head_delay_over_time": fault_charts.head_delays,
}


def collect_charts(log: Log, kinds: Collection[Kind] = EVERY_KIND, parts: Parts | None = None) -> ChartSet:
    """The charts of these kinds that the log has something for, and why the others are left out.

    One that cannot be made is left out as well; `parts` remembers it.
    """
    parts = parts or Parts()
    span = parts.make("the time axis of all charts", lambda: span_of(log), lambda omission: omission.text)
    if span is None:
        span = "The log has nothing to draw."
    if isinstance(span, str):
        return ChartSet(absent=tuple((kind, span) for kind in kinds))
    made = [(kind, _made(kind, log, span, parts)) for kind in EVERY_KIND if kind in kinds]
    return ChartSet(
        charts=tuple(one for _, one in made if isinstance(one, Chart)),
        absent=tuple((kind, one) for kind, one in made if isinstance(one, str)),
    )


def _made(kind: Kind, log: Log, span: Span, parts: Parts) -> Chart | str:
    name = kind.replace("_", " ")
    return parts.make(f"the chart {name}", lambda: MAKERS[kind](log, span), lambda omission: omission.text)
