"""What a run measured of all that an SLO can limit. The view `slo` says the same in SQL; a test compares.

The values come from report queries that are asked anyway: on a log of millions the view costs a second.
"""

from typing import Any

from battle.judgement.findings import Log
from battle.judgement.slo import Measure

SLOWEST_LISTED = 10
"""How many of the dearest failovers are listed; the view `failovers` has them all."""


def measures(log: Log) -> dict[str, Measure]:
    """Every measure of the run by its name."""
    return {
        **_of_requests(log.rows("request_kinds")),
        **_of_latencies(log.rows("latencies")),
        **_of_failovers(log),
        "breaker_changes": _breaker_changes(log),
        "gateway_rss_max_bytes": _memory(log.rows("system_health")),
    }


def _of_requests(kinds: list[Any]) -> dict[str, Measure]:
    requests = sum(kind.requests for kind in kinds)
    ok = sum(kind.requests for kind in kinds if kind.outcome == "ok")
    checked = sum(kind.requests for kind in kinds if kind.answer != "none")
    wrong = sum(kind.requests for kind in kinds if kind.answer == "wrong")
    query = "request_kinds"
    return {
        "success_ratio": Measure(query, True, ok / requests)
        if requests
        else Measure(query, False, note="no request ended"),
        "wrong_answers": Measure(query, True, wrong)
        if checked
        else Measure(query, False, note="no answer was checked"),
    }


def _of_latencies(latencies: list[Any]) -> dict[str, Measure]:
    overall = next((row for row in latencies if row.workload is None and row.clock == "due"), None)
    return {f"p{percent}_latency_ns": _percentile(overall, percent) for percent in (50, 95, 99)}


def _percentile(overall: Any, percent: int) -> Measure:
    if overall is None:
        return Measure("latencies", False, note="no request ended")
    value = getattr(overall, f"p{percent}_ns")
    note = f"never: more than {100 - percent} % of the requests were not answered" if value is None else None
    return Measure("latencies", True, value, note)


def _of_failovers(log: Log) -> dict[str, Measure]:
    query = "failovers_summary"
    summary = log.rows(query, limit=SLOWEST_LISTED)[0]
    if not log.rows("provider_shares"):
        unknown = Measure(query, False, note="nobody logged an attempt")
        return {"failovers": unknown, "max_failover_latency_ns": unknown}
    if summary.failovers == 0:
        cost = Measure(query, False, note="there was no failover")
    elif summary.answered == 0:
        cost = Measure(query, True, note="never: no failover was answered")
    else:
        cost = Measure(query, True, summary.cost_max_ns)
    return {"failovers": Measure(query, True, summary.failovers), "max_failover_latency_ns": cost}


def _breaker_changes(log: Log) -> Measure:
    query = "breaker_summary"
    changes = sum(row.changes for row in log.rows(query))
    told = changes > 0 or any(row.source == "gateway" for row in log.rows("provider_shares"))
    return Measure(query, True, changes) if told else Measure(query, False, note="the gateway does not tell")


def _memory(health: list[Any]) -> Measure:
    query = "system_health"
    for row in health:
        if row.node == "gateway" and row.rss_max_bytes is not None:
            return Measure(query, True, row.rss_max_bytes)
    return Measure(query, False, note="the gateway's memory was not sampled")
