"""The first sentence of a report: may we ship?"""

from collections.abc import Sequence

from battle.analysis.reports.schema import FaultEffect
from battle.analysis.verdict.verdict import Judgement, slo_results
from battle.formatting import plural


def headline(
    judgement: Judgement,
    faults: Sequence[FaultEffect],
    world: str,
    tested: str = "",
    *,
    anything: bool = True,
) -> str:
    """One sentence that answers the question, and one that says why; of a PASS also how little was `tested`.

    `anything`: whether the gateway had anything to do at all.
    """
    if judgement.verdict == "PASS":
        slos = list(slo_results(judgement.slos, judgement.workload_slos))
        passed = _passed(len(slos), faults, world, anything=anything)
        return f"{_warned(judgement.warnings)}{passed} {tested if anything else ''}".rstrip()
    first, others = judgement.reasons[0], len(judgement.reasons) - 1
    more = f" (and {plural(others, 'more reason')})" if others else ""
    if judgement.verdict != "FAIL":
        return f"No verdict: {first}{more}."
    return f"{_refusal(judgement)}, because {first}{more}."


def _refusal(judgement: Judgement) -> str:
    slos = slo_results(judgement.slos, judgement.workload_slos)
    missed = any(result.status == "missed" for result in slos)
    harm = missed or any(finding.severity == "harm" for finding in judgement.findings)
    return "Do not ship" if harm else "Do not ship (strict: a warning fails the run)"


def _warned(warnings: Sequence[str]) -> str:
    """The warnings of a PASS come first."""
    if not warnings:
        return ""
    others = len(warnings) - 1
    more = f" (and {plural(others, 'more warning')})" if others else ""
    return f"{warnings[0]}{more}. "


def _passed(slos: int, faults: Sequence[FaultEffect], world: str, *, anything: bool) -> str:
    """ "OK to ship" is said of a gateway that survived something: without a fault its survival was not tested."""
    met = "The SLO was met" if slos == 1 else f"All {slos} SLOs were met"
    if not anything:
        return f"{met}, but no request was sent and nothing was due to a subscription, so nothing was tested."
    if not faults:
        return f"{met}, but no fault was planned, so whether the gateway survives one was not tested."
    ship = (
        "OK to ship (behaviour only: simulated, speed not tested)." if world == "simulated" else "OK to ship."
    )
    effective = sum(fault.effect_observed for fault in faults)
    avoided = sum("kept_away" in fault.evidence for fault in faults)
    how = (
        f" ({avoided} of them at a provider that the gateway had avoided since an earlier step)"
        if avoided
        else ""
    )
    return f"{ship} {met} while {plural(effective, 'fault')} took effect{how}."
