"""The verdict: FAIL beats INCONCLUSIVE beats PASS, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from battle.judgement.checkers import CHECKERS, Checker, check
from battle.judgement.doubt import doubted
from battle.judgement.findings import Finding, Log, Verdict, worst
from battle.judgement.measures import measures
from battle.judgement.slo import Slo, SloResult, compare
from battle.judgement.words import percent_text

if TYPE_CHECKING:
    from store.database import Run

EXIT_STATUS: dict[Verdict, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}
"""What the command line says to the shell."""

_SLO_VERDICT: dict[str, Verdict] = {"met": "PASS", "missed": "FAIL", "not_measured": "INCONCLUSIVE"}


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a run. `reasons` are those for FAIL, then those for INCONCLUSIVE; a PASS has none."""

    verdict: Verdict
    reasons: tuple[str, ...]
    slos: tuple[SloResult, ...]
    findings: tuple[Finding, ...]


def judge(run: Run | Log, slo: Slo | None, checkers: Sequence[Checker] = CHECKERS) -> Judgement:
    """Judge a run by its log alone. What cannot be judged is INCONCLUSIVE, never an exception."""
    log = run if isinstance(run, Log) else Log(run)
    slo = slo or Slo()
    findings = [check(checker, log, slo) for checker in checkers]
    slos: tuple[SloResult, ...] = ()
    try:
        slos = doubted(compare(slo, measures(log)), findings, log, slo)
    except Exception as error:  # as for a checker that crashes
        summary = f"measuring crashed: {type(error).__name__}: {error}"
        findings.append(Finding(checker="slos", verdict="INCONCLUSIVE", summary=summary))
    if not slo.demands():
        summary = "the scenario has no SLO, so there is nothing to pass"
        findings.append(Finding(checker="slos", verdict="INCONCLUSIVE", summary=summary))
    said = [(finding.verdict, finding.summary) for finding in findings]
    said += [(_SLO_VERDICT[result.status], slo_text(result)) for result in slos]
    return Judgement(
        verdict=worst([verdict for verdict, _ in said]),
        reasons=tuple(text for bad in ("FAIL", "INCONCLUSIVE") for verdict, text in said if verdict == bad),
        slos=slos,
        findings=tuple(findings),
    )


def slo_text(result: SloResult) -> str:
    """An SLO's result as a sentence."""
    bound = "at least" if result.name.startswith(("success", "min")) else "at most"
    demand = f"{bound} {quantity_text(result.limit, result.unit)} demanded"
    if result.status == "not_measured":
        return f"{result.name} was not measured ({result.note}; {demand})"
    return f"{result.name} was {result.status}: {measured_text(result) or result.note}, {demand}"


def measured_text(result: SloResult) -> str | None:
    """What was measured, with digits enough to tell it from the limit: 300.04 ms is not 300 ms."""
    if result.measured is None:
        return None
    limit = quantity_text(result.limit, result.unit)
    texts = (quantity_text(result.measured, result.unit, digits) for digits in (4, 6, 9, 12))
    return next((text for text in texts if text != limit or result.measured == result.limit), limit)


def quantity_text(value: float, unit: str, digits: int = 9) -> str:
    """A limit or a measured value with its unit."""
    if unit == "ratio":
        return percent_text(value)
    rounded = float(f"{value:.{digits}g}") if abs(value) < 10**digits else value
    return f"{rounded:,.9g} {unit}".strip()
