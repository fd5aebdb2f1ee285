"""Why an SLO was missed: what the log says beside the number, from the same rows as the checkers' findings.

An SLO with a limit takes the decision from the checker of the same thing; it must not take the cause from the reader.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgspec

from battle.analysis.log import Log
from battle.analysis.time_text import load_began_ns
from battle.analysis.verdict.checkers.answers import stale_causes, wrong_causes
from battle.analysis.verdict.checkers.continuity import break_causes
from battle.analysis.verdict.checkers.retries import storm_text
from battle.analysis.verdict.parts import part_of
from battle.analysis.verdict.slo_comparison import SloResult
from battle.formatting import LISTED_MAX, duration_text, sentence
from battle.scenario.slo.scope import RUN
from battle.scenario.slo.slo import OF_REQUESTS
from battle.scenario.slo.windows import WHOLE

Causes: TypeAlias = Callable[[Log, SloResult, str | None], Iterator[str]]
"""From the log, a missed SLO, and the workload it is about (None: all of them), to sentences."""

SLOWEST_LISTED = 10
"""How many of the slowest failovers are listed; the view `failovers` has them all."""

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


def with_causes(log: Log, result: SloResult, workload: str | None = None) -> SloResult:
    """The result with what the log says of the cause, when it was missed."""
    if result.status != "missed" or result.name not in _CAUSES:
        return result
    found = tuple(_CAUSES[result.name](log, result, workload or result.scope.workload))
    # What is asked of the whole run alone must not pass for what happened in a part of it.
    if found and result.scope.when != RUN and result.name not in OF_REQUESTS:
        found = (f"in the whole run {sentence(found)}",)
    return msgspec.structs.replace(result, causes=found)


def _failures(log: Log, result: SloResult, workload: str | None) -> Iterator[str]:
    """How requests failed; of latency, because a request that failed counts as longer than any."""
    windows = part_of(log, result.scope).windows if result.scope.timed else WHOLE
    rows = log.rows(
        "failure_causes",
        starts_ns=tuple(start for start, _ in windows),
        ends_ns=tuple(end for _, end in windows),
        workload=workload,
        method=result.scope.method,
    )
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


def _failover(log: Log, result: SloResult, workload: str | None) -> Iterator[str]:
    (summary,) = log.rows("failovers_summary", limit=SLOWEST_LISTED)
    for one in summary.slowest[:1]:
        took = duration_text(one["cost_ns"])
        asked = ", then ".join(one["providers"][:LISTED_MAX])
        yield f"the slowest was {one['request_id']}: {asked}, which took {took} more"


def _storm(log: Log, result: SloResult, workload: str | None) -> Iterator[str]:
    if text := storm_text(log, result.limit, load_began_ns(log)):
        yield text


_CAUSES: dict[str, Causes] = {
    "success_rate": _failures,
    "p50_latency_ms": _latency,
    "p95_latency_ms": _latency,
    "p99_latency_ms": _latency,
    "max_wrong_answers": lambda log, result, workload: wrong_causes(log),
    "max_stale_answers": lambda log, result, workload: stale_causes(log),
    "max_failover_latency_ms": _failover,
    "max_attempts_per_request": _storm,
    "max_missed_heads": lambda log, result, workload: break_causes(log, workload, "missed"),
    "max_duplicate_heads": lambda log, result, workload: break_causes(log, workload, "duplicated"),
    "max_silence_ms": lambda log, result, workload: break_causes(log, workload, None),
    "max_head_delay_ms": lambda log, result, workload: break_causes(log, workload, None),
}
