"""What a run measured of all that an SLO can limit. The view `slo` says the same in SQL; a test compares.

The values come from report queries that are asked anyway: on a log of millions the view costs a second.
"""

from collections.abc import Mapping
from typing import Any

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.continuity import delay_row, head_rows, no_heads_expected
from battle.analysis.verdict.checkers.heights import height_rows
from battle.analysis.verdict.checkers.retries import amplification
from battle.analysis.verdict.slo_comparison import Measure
from battle.analysis.visibility import gateway_reports, unseen_text
from battle.scenario.slo.staleness import Staleness
from battle.scenario.slo.windows import WHOLE

WHOLE_TIMES: Mapping[str, object] = {
    "starts_ns": tuple(start for start, _ in WHOLE),
    "ends_ns": tuple(end for _, end in WHOLE),
}
"""The one window that is all of the run, as parameters of queries."""

SLOWEST_LISTED = 10
"""How many of the slowest failovers are listed; the view `failovers` has them all."""


def measures(log: Log, attempts_limit: float | None = None) -> dict[str, Measure]:
    """Every measure of the run by its name. `attempts_limit` only saves asking for amplification twice."""
    return {
        **_of_requests(log, None),
        **_of_latencies(log.rows("latencies"), None),
        **_of_heads(log, None),
        **_of_heights(log, None),
        **_of_failovers(log),
        "disconnects": disconnects(log, None, WHOLE_TIMES),
        "attempts_per_request": _attempts(log, attempts_limit),
        "breaker_changes": _breaker_changes(log),
        "gateway_rss_max_bytes": _memory(log.rows("system_health")),
    }


def workload_measures(log: Log, workload: str) -> dict[str, Measure]:
    """What one workload measured of all that can be demanded of one."""
    return {
        **_of_requests(log, workload),
        **_of_latencies(log.rows("latencies"), workload),
        **_of_heads(log, workload),
        "disconnects": disconnects(log, workload, WHOLE_TIMES),
        **_of_heights(log, workload),
    }


def unavoidable_stale(
    log: Log, windows: Mapping[str, object], workload: str | None = None, method: str | None = None
) -> int:
    """How many answers were stale while no provider had anything newer to give."""
    (row,) = log.rows("unavoidable_stale_answers", **windows, workload=workload, method=method)
    return int(row.answers)


def unavoidable_text(unavoidable: int) -> str | None:
    """What is said of those beside the others."""
    return f"{unavoidable:,} more while no provider had anything newer" if unavoidable else None


def _of_requests(log: Log, workload: str | None) -> dict[str, Measure]:
    rows = [row for row in log.rows("workload_answers") if workload in (None, row.workload)]
    names = ("requests", "ok", "checked", "wrong", "stale")
    requests, ok, checked, wrong, stale = (sum(getattr(row, name) for row in rows) for name in names)
    unavoidable = unavoidable_stale(log, WHOLE_TIMES, workload) if stale else 0
    query = "workload_answers"
    if no_heads_expected(log, workload):
        unchecked = Measure(query, True, 0, "nothing was due")
    else:
        unchecked = Measure(query, False, note="no answer was checked")
    return {
        "success_ratio": Measure(query, True, ok / requests)
        if requests
        else Measure(query, False, note="no request ended"),
        "wrong_answers": Measure(query, True, wrong) if checked else unchecked,
        "stale_answers": Measure(query, True, stale - unavoidable, unavoidable_text(unavoidable))
        if checked
        else unchecked,
    }


def _of_latencies(latencies: list[Any], workload: str | None) -> dict[str, Measure]:
    due = next((row for row in latencies if row.workload == workload and row.clock == "due"), None)
    return {f"p{percent}_latency_ns": _percentile(due, percent) for percent in (50, 95, 99)}


def _of_heads(log: Log, workload: str | None) -> dict[str, Measure]:
    query = "websocket_continuity"
    rows = [row for row in head_rows(log) if workload in (None, row.workload)]
    if not any(row.due or row.received for row in rows):
        return dict.fromkeys(
            ("missed_heads", "duplicate_heads", "longest_silence_ns", "head_delay_p99_ns"),
            nothing_due(query, known=any(row.heights for row in rows)),
        )
    delay = delay_row(log, workload)
    return {
        "missed_heads": Measure(query, True, sum(row.missed for row in rows)),
        "duplicate_heads": Measure(query, True, sum(row.duplicated for row in rows)),
        "longest_silence_ns": Measure(query, True, max(row.longest_silence_ns for row in rows)),
        "head_delay_p99_ns": Measure(
            "head_delays", False, note="no head arrived for a block produced after its client subscribed"
        )
        if delay is None
        else Measure("head_delays", True, delay.p99_ns),
    }


def nothing_due(query: str, *, known: bool, when: str = "") -> Measure:
    """What clients got of the heads when none was due. `known`: what the chain had is in the log."""
    if known:
        return Measure(query, True, 0, f"no head was due {when}".rstrip())
    return Measure(query, False, note=f"no WebSocket subscription, so no head was expected {when}".rstrip())


def disconnects(log: Log, workload: str | None, windows: Mapping[str, object]) -> Measure:
    """The client connections lost in the windows of time, but for those that the bench itself cut."""
    query = "disconnects"
    rows = [row for row in log.rows(query, **windows) if workload in (None, row.workload)]
    if not rows:
        return Measure(query, False, note="no client opened a WebSocket")
    gateway, client, bench = (
        sum(getattr(row, side) for row in rows) for side in ("gateway", "client", "bench")
    )
    made = [(gateway, "by the gateway"), (client, "by the client"), (bench, "by faults, not counted")]
    note = ", ".join(f"{cuts:,} {side}" for cuts, side in made if cuts)
    return Measure(query, True, gateway + client, note or None)


def _of_heights(log: Log, workload: str | None) -> dict[str, Measure]:
    rows = [row for row in height_rows(log, Staleness()) if workload in (None, row.workload)]
    deepest = max((row.blocks_max for row in rows), default=None)
    unknown = Measure("heights_of_clients", False, note="no answer names its block")
    measured = unknown if deepest is None else Measure("heights_of_clients", True, deepest)
    return {"height_regression_max_blocks": measured}


def _attempts(log: Log, limit: float | None) -> Measure:
    query = "retry_amplification"
    row = amplification(log, limit)
    if not row.attempts or row.attempts_per_request is None:
        return Measure(query, False, note="no attempt was logged, or no request was sent")
    if row.worst_attempts_per_request is None:
        return Measure(query, True, row.attempts_per_request)
    return Measure(query, True, row.worst_attempts_per_request)


def _percentile(row: Any, percent: int) -> Measure:
    if row is None:
        return Measure("latencies", False, note="no request ended")
    value = getattr(row, f"p{percent}_ns")
    note = unanswered_text(percent, "of the requests") if value is None else None
    return Measure("latencies", True, value, note)


def unanswered_text(percent: int, whose: str) -> str:
    """Why a percentile of the latency was never reached. How they failed, fast or slow, is the causes' to say."""
    return f"more than {100 - percent} % {whose} did not succeed"


def _of_failovers(log: Log) -> dict[str, Measure]:
    query = "failovers_summary"
    summary = log.rows(query, limit=SLOWEST_LISTED)[0]
    if summary.failovers is None:
        unknown = Measure(query, False, note=unseen_text(gateway_reports(log).kind, "attempts"))
        return {"failovers": unknown, "max_failover_latency_ns": unknown}
    if summary.failovers == 0:
        cost = Measure(query, False, note="there was no failover")
    elif summary.answered == 0:
        cost = Measure(query, True, note="no failover was answered")
    else:
        cost = Measure(query, True, summary.cost_max_ns)
    return {"failovers": Measure(query, True, summary.failovers), "max_failover_latency_ns": cost}


def _breaker_changes(log: Log) -> Measure:
    query, reports = "breaker_summary", gateway_reports(log)
    if not reports.breakers:
        return Measure(query, False, note=unseen_text(reports.kind, "breakers"))
    return Measure(query, True, sum(row.changes for row in log.rows(query)))


def _memory(health: list[Any]) -> Measure:
    query = "system_health"
    for row in health:
        if row.node == "gateway" and row.rss_max_bytes is not None:
            return Measure(query, True, row.rss_max_bytes)
    return Measure(query, False, note="the gateway's memory was not sampled")
