"""The verdict: FAIL beats INCONCLUSIVE beats PASS, with the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from battle.judgement.bench import Trouble, attributed, troubles
from battle.judgement.causes import with_causes
from battle.judgement.checkers import CHECKERS, Checker, check
from battle.judgement.demanded import WorkloadSlos, run_results, workload_results
from battle.judgement.evidence import stated_minimum
from battle.judgement.findings import Finding, Log, Verdict, strictly, worst
from battle.judgement.knee import Knee, knees
from battle.judgement.reached import doubted_without_providers
from battle.judgement.scalar import Bound
from battle.judgement.slo import Slo, SloResult, demands_of
from battle.judgement.staleness import stated_staleness
from battle.judgement.words import percent_text, plural, sentence

if TYPE_CHECKING:
    from store.database import Run

EXIT_STATUS: dict[Verdict, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}
"""What the command line says to the shell."""

_SLO_VERDICT: dict[str, Verdict] = {"met": "PASS", "missed": "FAIL", "not_measured": "INCONCLUSIVE"}


_BOUNDS: dict[Bound, str] = {
    "<=": "at most",
    "<": "less than",
    ">=": "at least",
    ">": "more than",
    "==": "exactly",
    "!=": "anything but",
}


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a run.

    `reasons` are those for FAIL, then those for INCONCLUSIVE; a PASS has none. `warnings` are what the findings warn
    of; a strict judgement makes them reasons for FAIL, and none is left.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    slos: tuple[SloResult, ...]
    findings: tuple[Finding, ...]
    workload_slos: tuple[WorkloadSlos, ...] = ()
    knees: tuple[Knee, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(
    run: Run | Log,
    slo: Slo | Sequence[Slo] | None,
    checkers: Sequence[Checker] = CHECKERS,
    workload_slos: Mapping[str, Slo] | None = None,
    *,
    strict: bool = False,
    min_requests: int | None = None,
) -> Judgement:
    """Judge a run by its log alone. What cannot be judged is INCONCLUSIVE, never an exception.

    `slo` are the demands, on the run and on parts of it; `workload_slos` more of them, on single workloads by their
    names. A `strict` judgement fails on a warning. Fewer than `min_requests` prove nothing; None is what the run's
    scenario says. What stale answers it tolerates is the scenario's `staleness`.
    """
    log = run if isinstance(run, Log) else Log(run)
    least = stated_minimum(log) if min_requests is None else min_requests
    stated = {"min_requests": least, "staleness": stated_staleness(log)}
    demands = msgspec.structs.replace(demands_of(slo, workload_slos), **stated)
    findings = [found for checker in checkers if (found := check(checker, log, demands)) is not None]
    findings = doubted_without_providers(findings)
    broken: tuple[Trouble, ...] = ()
    slos: tuple[SloResult, ...] = ()
    of_workloads: tuple[WorkloadSlos, ...] = ()
    found_knees: tuple[Knee, ...] = ()
    try:
        broken = troubles(log)
        found_knees = knees(log, demands)
        slos = tuple(
            with_causes(log, result) for result in run_results(log, demands, findings, broken, found_knees)
        )
        of_workloads = tuple(
            WorkloadSlos(
                workload=one.workload,
                slos=tuple(with_causes(log, result, one.workload) for result in one.slos),
            )
            for one in workload_results(log, demands, found_knees, findings, broken)
        )
    except Exception as error:  # as for a checker that crashes
        summary = f"measuring crashed: {type(error).__name__}: {error}"
        findings.append(Finding(checker="slos", verdict="INCONCLUSIVE", summary=summary))
    if not demands.any:
        summary = "the scenario has no SLO, so there is nothing to pass"
        findings.append(Finding(checker="slos", verdict="INCONCLUSIVE", summary=summary))
    findings = attributed(findings, broken)
    if strict:
        findings = [strictly(finding) for finding in findings]
    said = [(finding.verdict, finding.summary) for finding in findings]
    said += [(_SLO_VERDICT[result.status], reason_text(result)) for result in slos]
    said += [
        (_SLO_VERDICT[result.status], f"workload {one.workload}: {reason_text(result)}")
        for one in of_workloads
        for result in one.slos
    ]
    return Judgement(
        verdict=worst([verdict for verdict, _ in said]),
        reasons=tuple(text for bad in ("FAIL", "INCONCLUSIVE") for verdict, text in said if verdict == bad),
        slos=slos,
        findings=tuple(findings),
        workload_slos=of_workloads,
        knees=found_knees,
        warnings=tuple(one.summary for one in findings if one.warns and one.verdict == "PASS"),
    )


def verdict_text(verdict: str, warnings: int) -> str:
    """The verdict as the first line of every report says it: "PASS with 2 warnings"."""
    return f"{verdict} with {plural(warnings, 'warning')}" if verdict == "PASS" and warnings else verdict


def slo_text(result: SloResult) -> str:
    """An SLO's result as a sentence."""
    demand = f"{_BOUNDS[result.bound]} {quantity_text(result.limit, result.unit)} demanded"
    if result.never and result.note:
        missed = "is not trusted" if result.doubted else f"was {result.status}"
        return f"{result.title} {missed}: {result.note}, {demand}"
    if result.doubted:
        return f"{result.title} is not trusted: {measured_text(result)}, but {result.note}, {demand}"
    if result.status == "not_measured":
        return f"{result.title} was not measured ({result.note}; {demand})"
    return f"{result.title} was {result.status}: {measured_text(result)}, {demand}"


def reason_text(result: SloResult) -> str:
    """An SLO's result as a sentence, with what the log says of why it was missed."""
    causes = f": {sentence(result.causes)}" if result.causes else ""
    return slo_text(result) + causes


def measured_text(result: SloResult) -> str | None:
    """What was measured, with digits enough to tell it from the limit: 300.04 ms is not 300 ms."""
    if result.measured is None:
        return "not reached" if result.never else None
    limit = quantity_text(result.limit, result.unit)
    texts = (quantity_text(result.measured, result.unit, digits) for digits in (4, 6, 9, 12))
    return next((text for text in texts if text != limit or result.measured == result.limit), limit)


def quantity_text(value: float, unit: str, digits: int = 9) -> str:
    """A limit or a measured value with its unit."""
    if unit == "ratio":
        return percent_text(value)
    rounded = float(f"{value:.{digits}g}") if abs(value) < 10**digits else value
    return f"{rounded:,.9g} {unit}".strip()
