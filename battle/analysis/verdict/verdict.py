"""The verdict: FAIL beats INCONCLUSIVE beats PASS, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from battle.analysis.findings import Finding, Verdict, made_strict, worst
from battle.analysis.log import Log
from battle.analysis.verdict.attribution import attribute_outage
from battle.analysis.verdict.bench import Trouble, attributed, troubles
from battle.analysis.verdict.causes import with_causes
from battle.analysis.verdict.checker import Checker
from battle.analysis.verdict.checkers.provider_reach import without_providers
from battle.analysis.verdict.knee import Knee, knees
from battle.analysis.verdict.own_checkers import own_findings
from battle.analysis.verdict.registry import CHECKERS, check
from battle.analysis.verdict.slo_comparison import SloResult
from battle.analysis.verdict.slo_results import WorkloadSlos, run_results, workload_results
from battle.analysis.verdict.slo_text import reason_texts
from battle.scenario.slo.slo import Slo, SloSet, slo_set

if TYPE_CHECKING:
    from battle.analysis.log import Log
    from battle.store.database import Run


_SLO_VERDICT: dict[str, Verdict] = {"met": "PASS", "missed": "FAIL", "not_measured": "INCONCLUSIVE"}


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
    own_checkers: Sequence[str] | None = None,
) -> Judgement:
    """Judge a run by its log alone. What cannot be judged is INCONCLUSIVE, never an exception.

    `slo` are the SLOs, on the run and on parts of it; `workload_slos` more of them, on single workloads by their
    names. A `strict` judgement fails on a warning. Fewer than `min_requests` prove nothing; None is what the run's
    scenario says. What stale answers it tolerates is the scenario's `staleness`. `own_checkers` names checkers of an
    author's own that judge as well; None means those of the scenario.
    """
    log = run if isinstance(run, Log) else Log(run)
    least = log.header.min_requests if min_requests is None else min_requests
    stated = {"min_requests": least, "staleness": log.header.staleness}
    slos = msgspec.structs.replace(slo_set(slo, workload_slos), **stated)
    findings = [found for checker in checkers if (found := check(checker, log, slos)) is not None]
    findings += own_findings(log, log.header.checkers if own_checkers is None else own_checkers)
    findings = without_providers(findings)
    broken: tuple[Trouble, ...] = ()
    results: tuple[SloResult, ...] = ()
    of_workloads: tuple[WorkloadSlos, ...] = ()
    found_knees: tuple[Knee, ...] = ()
    try:
        broken = troubles(log)
        found_knees = knees(log, slos)
        results, of_workloads = _results(log, slos, findings, broken, found_knees)
    except Exception as error:  # as for a checker that crashes
        of = "".join(f" {name}" for name in getattr(error, "__notes__", ()))
        summary = f"measuring{of} crashed: {type(error).__name__}: {error}"
        findings.append(Finding(checker="slos", verdict="INCONCLUSIVE", summary=summary))
    if not slos.any:
        summary = "the scenario has no SLO, so there is nothing to pass"
        findings.append(Finding(checker="slos", verdict="INCONCLUSIVE", summary=summary))
    findings = attributed(findings, broken)
    if strict:
        findings = [made_strict(finding) for finding in findings]
    verdicts = [finding.verdict for finding in findings]
    verdicts += [_SLO_VERDICT[result.status] for result in slo_results(results, of_workloads)]
    return Judgement(
        verdict=worst(verdicts),
        reasons=(
            *_reasons("FAIL", findings, results, of_workloads),
            *_reasons("INCONCLUSIVE", findings, results, of_workloads),
        ),
        slos=results,
        findings=tuple(findings),
        workload_slos=of_workloads,
        knees=found_knees,
        warnings=tuple(one.summary for one in findings if one.warns and one.verdict == "PASS"),
    )


_Results: TypeAlias = tuple[tuple[SloResult, ...], tuple[WorkloadSlos, ...]]


def _results(
    log: Log, slos: SloSet, findings: list[Finding], broken: tuple[Trouble, ...], found: tuple[Knee, ...]
) -> _Results:
    """What became of the SLOs, of the run and its parts and of single workloads, with the causes of misses."""
    of_run = run_results(log, slos, findings, broken, found)
    of_workloads = workload_results(log, slos, found, findings, broken)
    return tuple(attribute_outage(with_causes(log, one), log, one.scope.workload) for one in of_run), tuple(
        WorkloadSlos(
            workload=one.workload,
            slos=tuple(
                attribute_outage(with_causes(log, result, one.workload), log, one.workload)
                for result in one.slos
            ),
        )
        for one in of_workloads
    )


def slo_results(of_run: Sequence[SloResult], of_workloads: Sequence[WorkloadSlos]) -> Iterator[SloResult]:
    """All of them, in the order in which they are reported."""
    yield from of_run
    for one in of_workloads:
        yield from one.slos


def _reasons(
    verdict: Verdict,
    findings: Sequence[Finding],
    of_run: Sequence[SloResult],
    of_workloads: Sequence[WorkloadSlos],
) -> Iterator[str]:
    yield from (finding.summary for finding in findings if finding.verdict == verdict)
    yield from reason_texts([one for one in of_run if _SLO_VERDICT[one.status] == verdict])
    for own in of_workloads:
        for text in reason_texts([one for one in own.slos if _SLO_VERDICT[one.status] == verdict]):
            yield f"workload {own.workload}: {text}"
