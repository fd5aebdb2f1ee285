"""How requests fared, and how those failed that did."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from battle.analysis.log import Log
from battle.analysis.verdict.metric_reading import MetricReading
from battle.analysis.verdict.parts import Part, part_of
from battle.analysis.verdict.requests import QUERY, request_measures, unanswered_text
from battle.analysis.verdict.slo_comparison import Measure, SloResult, noted
from battle.formatting import LISTED_MAX, plural
from battle.scenario.slo.metric import Metric
from battle.scenario.slo.metrics.requests import (
    P50_LATENCY_MS,
    P90_LATENCY_MS,
    P95_LATENCY_MS,
    P99_LATENCY_MS,
    P999_LATENCY_MS,
    SUCCESS_RATE,
)

_FAILURES = {
    "timeout": "timed out",
    "refused": "were refused a connection",
    "no_websocket": "got no WebSocket connection",
    "reset": "lost their connection (reset)",
    "closed": "lost their connection (closed)",
    "protocol": "got a protocol error",
    "not_json_rpc": "got an answer that is not JSON-RPC",
    "wrong_id": "got an answer with another request's id",
    "wrong_batch": "got a batch with answers missing, repeated or not asked for",
    "unsent": "were not sent: no connection was free in time",
    "unread": "were abandoned by the client: too much was left unread",
    "interrupted": "were under way when the load was stopped",
}


def _measured(metric: Metric, log: Log, part: Part) -> Measure:
    row = request_measures(log, part)
    left_out = part.beyond.note if _leaves_out(log, part, row) else None
    if not row.requests:
        when = f"{part.scope.text} was due" if not part.is_whole else "ended"
        return Measure(QUERY, False, note=noted(f"no request {when}", left_out))
    value, of = getattr(row, metric.key), None if part.is_whole else f"of {plural(row.requests, 'request')}"
    if value is None:
        never = unanswered_text(metric.key, of or "of the requests")
        return Measure(QUERY, True, None, noted(never, left_out))
    return Measure(QUERY, True, value, noted(of, left_out))


def _leaves_out(log: Log, part: Part, row: Any) -> bool:
    return bool(part.beyond.workloads) and row.requests < request_measures(log, part.with_all_steps).requests


def _failures(log: Log, result: SloResult, workload: str | None) -> Iterator[str]:
    """How requests failed; of latency, because a request that failed counts as longer than any."""
    part = part_of(log, result.scope)
    rows = log.rows("failure_causes", **part.times, workload=workload, method=result.scope.method)
    for row in rows[:LISTED_MAX]:
        yield f"{row.requests:,} {_failure_text(row)} (first: {row.first_request_id})"
    if rest := sum(row.requests for row in rows[LISTED_MAX:]):
        yield f"{rest:,} failed in other ways"


def _failure_text(row: Any) -> str:
    if row.failure in _FAILURES:
        return _FAILURES[row.failure]
    status = "" if row.http_status is None else f"HTTP {row.http_status}"
    code = "" if row.rpc_code is None else f"JSON-RPC error {row.rpc_code}"
    said = " with ".join(filter(None, (status, code)))
    return f"got {said}" if said else f"failed ({row.failure or 'no reason was logged'})"


def _latency(log: Log, result: SloResult, workload: str | None) -> Iterator[str]:
    """A percentile that was never reached: what failed. Of one that was, the number says it all."""
    if result.never:
        yield from _failures(log, result, workload)


def _percentile(metric: Metric) -> MetricReading:
    return MetricReading(metric=metric, measure=partial(_measured, metric), causes=_latency)


SUCCESS = MetricReading(metric=SUCCESS_RATE, measure=partial(_measured, SUCCESS_RATE), causes=_failures)
P50 = _percentile(P50_LATENCY_MS)
P90 = _percentile(P90_LATENCY_MS)
P95 = _percentile(P95_LATENCY_MS)
P99 = _percentile(P99_LATENCY_MS)
P999 = _percentile(P999_LATENCY_MS)
