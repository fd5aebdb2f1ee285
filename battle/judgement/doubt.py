"""Which missed demands prove nothing: the test bench, and not the gateway, may be why they were missed.

FAIL beats INCONCLUSIVE, so a demand must not count as missed when what it demands had no chance to happen.
"""

from collections.abc import Mapping, Sequence

import msgspec

from battle.judgement.findings import Finding, Log
from battle.judgement.generator import lateness_bound_ns
from battle.judgement.slo import OF_REQUESTS, RULES, Measure, Slo, SloResult, compare

REACTIONS = frozenset({"min_failovers", "min_breaker_changes"})
"""Demands on how the gateway reacts to faults: without effective faults there is nothing to react to."""

OF_LOAD = frozenset(OF_REQUESTS)
"""Demands that a late generator can miss all by itself: latency and time-outs count from the due time."""


def doubted(
    results: Sequence[SloResult],
    findings: Sequence[Finding],
    log: Log,
    slo: Slo,
    workload: str | None = None,
) -> tuple[SloResult, ...]:
    """The results of the run or of one workload, with each miss that proves nothing turned into `not_measured`."""
    unsure = {finding.checker for finding in findings if finding.verdict != "PASS"}
    excuses: dict[str, str] = {}
    if all(row.source == "providers" for row in log.rows("provider_shares")):
        excuses["min_failovers"] = "the gateway does not tell, and a refused connection leaves no trace"
    if "faults_took_effect" in unsure:
        excuses |= dict.fromkeys(REACTIONS, "a fault had no effect, so there was less to react to")
    if "run_is_complete" in unsure:
        excuses |= dict.fromkeys(REACTIONS, "the run is partial, so there was less to react to")
    missed = {result.name for result in results if result.status == "missed"}
    if "generator_kept_pace" in unsure and missed & OF_LOAD:
        excuses |= _not_the_gateways(log, slo, workload)
    return tuple(_excused(result, excuses) for result in results)


def _excused(result: SloResult, excuses: Mapping[str, str]) -> SloResult:
    if result.status != "missed" or result.name not in excuses:
        return result
    return msgspec.structs.replace(result, status="not_measured", note=excuses[result.name])


def _not_the_gateways(log: Log, slo: Slo, workload: str | None) -> dict[str, str]:
    """The demands that were met by the requests sent on time: those the gateway is answerable for."""
    query = "punctual_requests"
    (row,) = log.rows(query, late_ns=lateness_bound_ns(slo), workload=workload)
    nothing = Measure(query, False)
    punctual = {rule.metric: nothing for rule in RULES.values()}
    if row.requests:
        for metric in ("success_ratio", "p50_latency_ns", "p95_latency_ns", "p99_latency_ns"):
            punctual[metric] = Measure(query, True, getattr(row, metric))
    why = "the generator fell behind, and what it sent on time did not miss it"
    return {
        result.name: why
        for result in compare(slo, punctual)
        if result.name in OF_LOAD and result.status != "missed"
    }
