"""Did each fault do what it is for? A fault that had no effect never counts as survived."""

from typing import Any

from battle.judgement.findings import EVIDENCE_IDS_MAX, Finding, Log
from battle.judgement.slo import Slo
from battle.judgement.words import plural, seconds_text, sentence

_SIGNS = {
    "killed": "{target} was killed",
    "failed_attempts": "{failed_attempts}",
    "tagged_attempts": "{tagged_attempts} under it",
    "breaker_changes": "{breaker_changes}",
    "traffic_ceased": "its traffic ceased",
}
_NOTHING_HAPPENED = {
    "kill": "no death by its SIGKILL is in the log",
    "flap": "no death by its SIGKILL is in the log",
    "degrade": "no attempt at {target} came under it",
}


def faults_took_effect(log: Log, slo: Slo) -> Finding:
    """INCONCLUSIVE when a planned fault was not applied, or nothing in the log shows its effect."""
    faults = log.rows("fault_effects")
    idle = [fault for fault in faults if not fault.effect_observed]
    planned = log.rows("chaos_entries")[0].entries
    if not faults:
        summary = "no fault was planned"
        if planned:
            summary = f"the scenario plans {plural(planned, 'fault')}, and none is in the log"
    elif idle:
        summary = sentence([_why_idle(fault) for fault in idle])
    else:
        summary = f"{plural(len(faults), 'fault')} took effect"
    return Finding(
        checker="faults_took_effect",
        verdict="INCONCLUSIVE" if idle or (planned and not faults) else "PASS",
        summary=summary,
        query="SELECT fault_id, evidence, effect_observed FROM fault_windows",
        ids=tuple(fault.fault_id for fault in (idle or faults)[:EVIDENCE_IDS_MAX]),
    )


def effect_text(fault: Any) -> str:
    """The evidence of a fault's effect in words; empty when there is none."""
    facts = {
        "target": fault.target,
        "failed_attempts": plural(fault.failed_attempts, "failed attempt"),
        "tagged_attempts": plural(fault.tagged_attempts, "attempt"),
        "breaker_changes": plural(fault.breaker_changes, "breaker change"),
    }
    return ", ".join(_SIGNS[sign].format(**facts) for sign in fault.evidence)


def _why_idle(fault: Any) -> str:
    if fault.started_ns is None:
        due = "" if fault.planned_ns is None else f" (due at {seconds_text(fault.planned_ns)})"
        return f"{fault.fault_id} was never applied{due}" + (f": {fault.failure}" if fault.failure else "")
    if "killed" in fault.evidence:
        return f"{fault.fault_id} killed {fault.target}, and nobody noticed: it got no traffic"
    nothing = _NOTHING_HAPPENED.get(fault.kind, "the log shows no effect at {target}")
    return f"{fault.fault_id} had no effect: " + nothing.format(target=fault.target)
