"""Which metrics are compared, what their values are in a report, and what kind of evidence each needs. Pure."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from battle.analysis.reports.comparison import Unit
from battle.analysis.reports.schema import Latency, Report

Rule: TypeAlias = Literal["quantile", "share", "throughput", "value", "count"]
"""What separates a change from noise: the requests of a run, their success, their pace, its runs, or a count."""


class Metric(NamedTuple):
    """A metric and its rule.

    `decides`: a confirmed regression of it makes the comparison fail; the others inform. `harm`: of a count that
    must be 0, so that any rise from 0 is worse. `quantile`: of the latencies, or of the failovers' costs.
    """

    name: str
    text: str
    unit: Unit
    rule: Rule
    decides: bool
    more_is_worse: bool = True
    harm: bool = False
    quantile: float | None = None


OF_WORKLOADS = (
    Metric("p50_latency_ns", "p50 latency", "ns", "quantile", True, quantile=0.5),
    Metric("p95_latency_ns", "p95 latency", "ns", "quantile", True, quantile=0.95),
    Metric("p99_latency_ns", "p99 latency", "ns", "quantile", True, quantile=0.99),
    Metric("success_ratio", "success rate", "share", "share", True, more_is_worse=False),
)
"""Compared for each workload, and for all together, which informs when there are several."""

OF_SUBSCRIBERS = (Metric("head_delay_p99_ns", "p99 delay of heads", "ns", "value", True),)
"""Compared for each workload that subscribes to heads."""

OF_RUNS = (
    Metric("failover_p95_ns", "p95 cost of failovers", "ns", "quantile", True, quantile=0.95),
    Metric("failover_max_ns", "slowest failover", "ns", "value", False),
    Metric("attempts_per_request", "attempts per request", "ratio", "value", True),
    Metric(
        "answered_per_s", "answered requests per second", "per_s", "throughput", False, more_is_worse=False
    ),
    Metric("gateway_rss_max_bytes", "gateway's memory", "bytes", "value", True),
    Metric("wrong_answers", "wrong answers", "count", "count", True, harm=True),
    Metric("stale_answers", "stale answers", "count", "count", True),
    Metric("missed_heads", "missed heads", "count", "count", True, harm=True),
    Metric("duplicate_heads", "duplicate heads", "count", "count", True, harm=True),
    Metric("failovers", "failovers", "count", "count", True),
    Metric("breaker_changes", "breaker changes", "count", "count", False),
)
"""Compared for the whole run."""


AS_FOR_SLOS = (
    "gateway_rss_max_bytes",
    "wrong_answers",
    "stale_answers",
    "missed_heads",
    "duplicate_heads",
    "failovers",
    "breaker_changes",
)
"""What an SLO can limit is measured as for one."""


def key(metric: str, workload: str | None) -> str:
    """The key of a metric's value: the names of workloads have no stroke."""
    return metric if workload is None else f"{workload}/{metric}"


def values_of(report: Report, counted: Mapping[str, float | None]) -> dict[str, float | None]:
    """Each metric's value in a run, by its key. None: not measured; for a percentile also "never".

    `counted` has the values of `AS_FOR_SLOS`, by their names.
    """
    values = dict(_of_workloads(report))
    values |= {key("head_delay_p99_ns", row.workload): row.p99_ns for row in report.websocket.delays}
    return values | _of_run(report) | {name: counted.get(name) for name in AS_FOR_SLOS}


def _of_workloads(report: Report) -> Iterator[tuple[str, float | None]]:
    for row in report.latencies:
        if row.clock == "due":
            yield key("p50_latency_ns", row.workload), row.p50_ns
            yield key("p95_latency_ns", row.workload), row.p95_ns
            yield key("p99_latency_ns", row.workload), row.p99_ns
            yield key("success_ratio", row.workload), _share(row)


def _share(row: Latency) -> float | None:
    return row.counted / row.requests if row.requests else None


def _of_run(report: Report) -> dict[str, float | None]:
    return {
        "failover_p95_ns": report.failovers.cost_p95_ns,
        "failover_max_ns": report.failovers.cost_max_ns,
        "attempts_per_request": report.amplification.attempts_per_request,
        "answered_per_s": _answered_per_s(report),
    }


def _answered_per_s(report: Report) -> float | None:
    load_ns = report.run.load_ns
    return report.requests.ok * 1e9 / load_ns if load_ns and report.requests.total else None
