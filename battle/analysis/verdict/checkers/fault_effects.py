"""Did each fault do what it is for? A fault that had no effect never counts as survived."""

from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.provider_return import not_used_again, unasked
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet

_SIGNS = {
    "killed": "{target} was killed",
    "stopped": "{target} was asked to stop, and stopped",
    "kept_down": "{target} was already down, and stayed down",
    "paused": "{target} was paused",
    "refused_attempts": "{refused_attempts} refused",
    "stalled_attempts": "{stalled_attempts} still in flight at its end",
    "tagged_heads": "{tagged_heads} affected",
    "tagged_subscriptions": "{tagged_subscriptions} affected",
    "acted": "it acted {actions}",
    "lost_connections": "{lost_connections} lost",
    "silent_subscriptions": "{silent_subscriptions} fell silent",
    "failed_attempts": "{failed_attempts}",
    "tagged_attempts": "{tagged_attempts} affected",
    "breaker_changes": "{breaker_changes}",
    "traffic_ceased": "its traffic stopped",
    "clients_failed": "{cut_off_errors} failed while no provider could be reached",
    "kept_away": "the gateway has avoided {target} since an earlier step of it",
}
_NOTHING_HAPPENED = {
    "killed": "the log has no crash by its SIGKILL",
    "stopped": "the log has no stop caused by it",
    "paused": "the log does not show that {target} was paused",
    "tagged_attempts": "no attempt at {target} was affected",
    "acted": "no connection to {target} was affected",
    "refused_attempts": "no connection to {target} was refused",
}
"""By the first of the signs that its kind asks for."""

_ALONE = {
    "killed": "killed {target}",
    "stopped": "stopped {target}",
    "kept_down": "kept {target} down",
    "paused": "paused {target}",
}


def faults_took_effect(log: Log, slos: SloSet) -> Finding:
    """INCONCLUSIVE when a planned fault was not applied, or nothing in the log shows its effect.

    What counts as the effect of a kind is in the view `fault_rules`. Each fault of the timeline is held to it by
    itself, also each step of a ramp and each one of many at random moments: a step without effect was not survived,
    it did not happen. It is the scenario's business to give every one of them traffic, with fewer or longer steps
    where there is little. Only who keeps away since an earlier step had its effect need not feel the rest. A fault
    whose target the gateway had given up before is left to `providers_used_again`.

    A fault at a group ("*", "group:cheap") is held to it as one: it took effect when one of them felt it, and those
    that got no request meanwhile had nothing to feel it by.
    """
    faults = log.rows("fault_effects")
    given_up = {row.fault_id for row in not_used_again(log)}
    idle = [fault for fault in faults if not fault.effect_observed and fault.fault_id not in given_up]
    spared = unasked(log, idle)
    idle = [fault for fault in idle if fault.fault_id not in spared]
    planned = log.rows("chaos_entries")[0].entries
    if not faults:
        summary = "no fault was planned"
        if planned:
            summary = f"the scenario plans {plural(planned, 'fault')}, but none is in the log"
    elif idle:
        shares = {row.provider for row in log.rows("provider_shares")}
        summary = sentence([_why_idle(fault, shares, load_began_ns(log)) for fault in idle])
    else:
        summary = f"{plural(len(faults) - len(given_up) - len(spared), 'fault')} took effect"
        summary += "".join(f"; {text}" for text in spared.values())
    return Finding(
        checker="faults_took_effect",
        verdict="INCONCLUSIVE" if idle or (planned and not faults) else "PASS",
        summary=summary,
        query="SELECT fault_id, evidence, effect_observed FROM fault_windows",
        ids=tuple(fault.fault_id for fault in (idle or faults)[:EVIDENCE_IDS_MAX]),
    )


FAULTS_TOOK_EFFECT = PlacedChecker(place=100, checker=faults_took_effect, rests_on_bench=False)


def effect_text(fault: Any) -> str:
    """The evidence of a fault's effect in words; empty when there is none."""
    facts = {
        "target": fault.target,
        "failed_attempts": plural(fault.failed_attempts or 0, "failed attempt"),
        "tagged_attempts": plural(fault.tagged_attempts, "attempt"),
        "breaker_changes": plural(fault.breaker_changes or 0, "breaker change"),
        "refused_attempts": plural(fault.refused_attempts or 0, "attempt"),
        "stalled_attempts": plural(fault.stalled_attempts or 0, "attempt"),
        "tagged_heads": plural(fault.tagged_heads, "head"),
        "tagged_subscriptions": plural(fault.tagged_subscriptions, "subscription change"),
        "lost_connections": plural(fault.lost_connections or 0, "WebSocket connection"),
        "silent_subscriptions": plural(fault.silent_subscriptions, "subscription"),
        "cut_off_errors": plural(fault.cut_off_errors, "request"),
        "actions": plural(fault.actions, "time"),
    }
    return ", ".join(_SIGNS[sign].format(**facts) for sign in fault.evidence)


def _why_idle(fault: Any, used: set[str], began_ns: int | None) -> str:
    """`used`: the providers that got any attempt in the run, as far as attempts are logged."""
    if fault.started_ns is None:
        due = "" if fault.planned_ns is None else f" (due {at_text(fault.planned_ns, began_ns)})"
        return f"{fault.fault_id} was never applied{due}" + (f": {fault.failure}" if fault.failure else "")
    if not fault.signs and not fault.failure:
        rule = f"the view fault_rules has no row for the kind {fault.kind!r} (`make pages` writes it)"
        return f"whether {fault.fault_id} had an effect is unknown: {rule}"
    for sign in fault.evidence:
        if sign in _ALONE and sign in fault.signs:
            did = _ALONE[sign].format(target=fault.target)
            return f"{fault.fault_id} {did}, but the log shows no effect: {_idle_text(fault, used)}"
    first = next(iter(fault.signs), "")
    nothing = _NOTHING_HAPPENED.get(first, f"the effect of a fault of kind {fault.kind!r} is unknown")
    unused = used and fault.target not in used and fault.target != "gateway"
    why = f" ({_idle_text(fault, used)})" if unused and not fault.failure else ""
    return f"{fault.fault_id} had no effect: " + (fault.failure or nothing.format(target=fault.target)) + why


def _idle_text(fault: Any, used: set[str]) -> str:
    """What its target got of the load."""
    if used and fault.target not in used:
        return f"{fault.target} got no request in the whole run: the gateway never used it"
    if fault.attempts_before and fault.source == "providers":
        few = plural(fault.attempts_before, "request")
        return f"{fault.target} got {few} in the same time before it, too few to show that traffic stopped"
    return f"{fault.target} got no traffic"
