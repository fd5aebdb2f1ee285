"""Which missed demands prove nothing: the test bench, and not the gateway, may be why they were missed.

FAIL beats INCONCLUSIVE, so a demand must not count as missed when what it demands had no chance to happen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from battle.judgement.findings import Finding, Log
from battle.judgement.generator import SENT_RATIO_MIN, lateness_bound_ns
from battle.judgement.limits import hindrance
from battle.judgement.slo import NEVER_BUT, OF_REQUESTS, RULES, Measure, Slo, SloResult, compare
from battle.judgement.visibility import gateway_reports

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
    excuses = _reactions(log, findings)
    missed = {result.name for result in results if result.status == "missed"}
    late, cut = "generator_kept_pace" in _unsure(findings), "run_is_complete" in _unsure(findings)
    if (late or cut) and missed & OF_LOAD:
        query, bound_ns = "punctual_requests", lateness_bound_ns(slo) if late else None
        (row,) = log.rows(query, late_ns=bound_ns, workload=workload, cut=cut)
        excuses |= _not_the_gateways(query, row, slo, late=late)
    excuses |= _hindered(log)
    return tuple(_excused(result, excuses) for result in results)


def doubted_part(
    results: Sequence[SloResult],
    findings: Sequence[Finding],
    log: Log,
    slo: Slo,
    times: Mapping[str, object],
) -> tuple[SloResult, ...]:
    """Likewise, of a part of the run; `times` are the parameters that say when that was.

    A generator that kept pace over the whole run may have been late just then, so its lateness in this part counts.
    """
    excuses = _reactions(log, findings)
    if OF_LOAD & {result.name for result in results if result.status == "missed"}:
        query, bound_ns = "scoped_requests", lateness_bound_ns(slo)
        part = {**times, "workload": slo.workload, "method": slo.method}
        (row,) = log.rows(query, **part, late_ns=None, cut=False)
        late = row.sent_ratio < SENT_RATIO_MIN or (row.late_p99_ns or 0) > bound_ns
        late, cut = late or "generator_kept_pace" in _unsure(findings), "run_is_complete" in _unsure(findings)
        if late or cut:
            (punctual,) = log.rows(query, **part, late_ns=bound_ns if late else None, cut=cut)
            excuses |= _not_the_gateways(query, punctual, slo, late=late)
    excuses |= _hindered(log)
    return tuple(_excused(result, excuses) for result in results)


def _hindered(log: Log) -> dict[str, str]:
    """A bench at a limit of the machine fails requests itself, and one that was stopped lets faults last too long."""
    why = hindrance(log)
    return {} if why is None else dict.fromkeys(OF_LOAD | REACTIONS, why)


def _unsure(findings: Sequence[Finding]) -> set[str]:
    return {finding.checker for finding in findings if finding.verdict != "PASS"}


def _reactions(log: Log, findings: Sequence[Finding]) -> dict[str, str]:
    """Why the gateway may have had no chance to react, by the demands on its reactions."""
    unsure = _unsure(findings)
    excuses: dict[str, str] = {}
    if not gateway_reports(log).attempts:
        excuses["min_failovers"] = "a connection that was refused is not visible from outside"
    if "faults_took_effect" in unsure:
        excuses |= dict.fromkeys(REACTIONS, "a fault had no effect, so there was less to react to")
    if "run_is_complete" in unsure:
        excuses |= dict.fromkeys(REACTIONS, "the run is partial, so there was less to react to")
    return excuses


def _excused(result: SloResult, excuses: Mapping[str, str]) -> SloResult:
    if result.status != "missed" or result.name not in excuses:
        return result
    why = excuses[result.name]
    note = f"{NEVER_BUT}{why}" if result.never else why
    return msgspec.structs.replace(result, status="not_measured", note=note)


def _not_the_gateways(query: str, row: Any, slo: Slo, *, late: bool) -> dict[str, str]:
    """The demands that were met by the requests in `row`: those the gateway is answerable for."""
    nothing = Measure(query, False)
    punctual = {rule.metric: nothing for rule in RULES.values()}
    if row.requests:
        for metric in ("success_ratio", "p50_latency_ns", "p95_latency_ns", "p99_latency_ns"):
            punctual[metric] = Measure(query, True, getattr(row, metric))
    why = "the run was cut off, and the requests that were not cut off with it did not miss it"
    if late:
        why = "the generator fell behind, and what it sent on time did not miss it"
    return {
        result.name: why
        for result in compare(slo, punctual)
        if result.name in OF_LOAD and result.status != "missed"
    }
