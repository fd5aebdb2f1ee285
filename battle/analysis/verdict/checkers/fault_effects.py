"""Did each fault do what it is for? A fault that had no effect never counts as survived."""

from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding, Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.formatting import duration_text, plural, sentence
from battle.scenario.slo.slo import Demands

_SIGNS = {
    "killed": "{target} was killed",
    "stopped": "{target} was asked to stop, and did",
    "kept_down": "{target} was down already, and stayed so",
    "paused": "{target} was paused",
    "refused_attempts": "{refused_attempts} refused",
    "stalled_attempts": "{stalled_attempts} under way to its end",
    "tagged_heads": "{tagged_heads} under it",
    "tagged_subscriptions": "{tagged_subscriptions} under it",
    "acted": "it acted on connections {actions}",
    "lost_connections": "{lost_connections} lost",
    "silent_subscriptions": "{silent_subscriptions} fell silent",
    "failed_attempts": "{failed_attempts}",
    "tagged_attempts": "{tagged_attempts} under it",
    "breaker_changes": "{breaker_changes}",
    "traffic_ceased": "its traffic ceased",
    "clients_failed": "{cut_off_errors} failed while no provider could be reached",
    "kept_away": "the gateway kept away from {target} since an earlier step of it",
}
_NOTHING_HAPPENED = {
    "killed": "no death by its SIGKILL is in the log",
    "stopped": "no stop because of it is in the log",
    "paused": "the log does not say that {target} was paused",
    "tagged_attempts": "no attempt at {target} came under it",
    "acted": "it touched no connection to {target}",
    "refused_attempts": "nobody was refused at {target}",
}
"""By the first of the signs that its kind asks for."""

_ALONE = {
    "killed": "killed {target}",
    "stopped": "stopped {target}",
    "kept_down": "kept {target} down",
    "paused": "paused {target}",
}


def faults_took_effect(log: Log, demands: Demands) -> Finding:
    """INCONCLUSIVE when a planned fault was not applied, or nothing in the log shows its effect.

    What counts as the effect of a kind is in the view `fault_rules`. Each fault of the timeline is held to it by
    itself, also each step of a ramp and each one of many at random moments: a step without effect was not survived,
    it did not happen. It is the scenario's business to give every one of them traffic, with fewer or longer steps
    where there is little. Only who keeps away since an earlier step had its effect need not feel the rest. A fault
    whose target the gateway had given up before is `providers_used_again`'s to tell.

    A fault at a group ("*", "tag:cheap") is held to it as one: it took effect when one of them felt it, and those
    that got no request meanwhile had nothing to feel it by.
    """
    faults = log.rows("fault_effects")
    given_up = {row.fault_id for row in _not_used_again(log)}
    idle = [fault for fault in faults if not fault.effect_observed and fault.fault_id not in given_up]
    spared = _unasked(log, idle)
    idle = [fault for fault in idle if fault.fault_id not in spared]
    planned = log.rows("chaos_entries")[0].entries
    if not faults:
        summary = "no fault was planned"
        if planned:
            summary = f"the scenario plans {plural(planned, 'fault')}, and none is in the log"
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


UNUSED_MAX_NS = 5 * 10**9
"""So long a gateway may keep away from a provider that is back while clients fail: as long as breakers commonly stay
open."""

LOST_AFTER_NS = 10 * 10**9
"""A gateway that keeps away for so long from a provider that is back has not just put it aside for a while: proxies
commonly do that for ten seconds."""

FAILED_MIN = 5
"""Fewer requests that failed meanwhile may have failed for reasons of their own."""


def providers_used_again(log: Log, demands: Demands) -> Finding | None:
    """A warning when the gateway did not use a provider again after a fault there was over.

    That is so when a later fault met a provider that had not been used since an earlier one: it is lost to the
    gateway until it is started again, and what the later fault would have done is not known. It is also so when a
    provider was back for more than `UNUSED_MAX_NS` and got nothing, while most requests failed, or for more than
    `LOST_AFTER_NS` to the end of the load, while others got requests. Where there was less time than that, the
    finding says so. Does not apply otherwise.
    """
    lost = _not_used_again(log)
    after = log.rows("providers_after_faults")
    shunned = [row for row in after if _clients_failed(row) and _unused_ns(row) > UNUSED_MAX_NS]
    told = {row.since_fault_id for row in lost} | {row.fault_id for row in shunned}
    left = [
        row
        for row in after
        if row.used_ns is None
        and row.fault_id not in told
        and (_clients_failed(row) or (row.is_last and row.others))
    ]
    gone = [row for row in left if row.is_last and row.others and _unused_ns(row) > LOST_AFTER_NS]
    unseen = [row for row in left if row not in gone]
    if not lost and not shunned and not left:
        return None
    began_ns = load_began_ns(log)
    problems = [
        f"{row.target} was not used again after {row.since_fault_id} ended, and {row.fault_id} began "
        f"{duration_text(row.unused_ns)} later"
        for row in lost
    ]
    problems += [_shunned_text(row, began_ns) for row in shunned]
    problems += [f"{_left_text(row)}, while others got {plural(row.others, 'attempt')}" for row in gone]
    return Finding(
        checker="providers_used_again",
        verdict="PASS",
        severity="warning" if problems else None,
        summary=sentence(problems or [_unseen_text(row) for row in unseen]),
        query="SELECT fault_id, attempts_before, leaked_attempts, effect_observed FROM fault_windows",
        ids=tuple(dict.fromkeys(row.fault_id for row in (*lost, *shunned, *left)))[:EVIDENCE_IDS_MAX],
    )


def _clients_failed(row: Any) -> bool:
    """Whether most requests failed while a provider was back and got nothing."""
    return bool(row.failed >= FAILED_MIN and 2 * row.failed > row.due)


def _unused_ns(row: Any) -> int:
    used_ns = row.until_ns if row.used_ns is None else row.used_ns
    return int(used_ns - row.ended_ns)


def _shunned_text(row: Any, began_ns: int | None) -> str:
    until = "to the end" if row.used_ns is None else f"for {duration_text(_unused_ns(row))}"
    if not row.was_open:
        breaker = ""
    elif row.closed_ns is None:
        breaker = ", its breaker did not close any more"
    else:
        breaker = f", its breaker closed {at_text(row.closed_ns, began_ns)}"
    return (
        f"{row.target} was back {at_text(row.ended_ns, began_ns)} ({row.fault_id} was over), and the gateway sent it "
        f"nothing {until}, while {row.failed:,} of {plural(row.due, 'request')} failed{breaker}"
    )


def _left_text(row: Any) -> str:
    until = "to the end of the load" if row.is_last else "before the next fault there"
    return f"{row.target} was not used again in the {duration_text(_unused_ns(row))} after {row.fault_id}, {until}"


def _unseen_text(row: Any) -> str:
    failed = (
        f", in which {row.failed:,} of {plural(row.due, 'request')} failed" if _clients_failed(row) else ""
    )
    return f"{_left_text(row)}{failed}: too little time to see whether it would be"


def _unasked(log: Log, idle: list[Any]) -> dict[str, str]:
    """What is said of faults at those of a group that got no request while others felt it, by their ids."""
    if not idle:
        return {}
    return {
        row.fault_id: f"{row.target} got no request under {row.fault_id} (aimed at {row.aimed_at!r})"
        for row in log.rows("unasked_of_group")
    }


def _not_used_again(log: Log) -> list[Any]:
    if all(fault.effect_observed for fault in log.rows("fault_effects")):
        return []
    return log.rows("providers_not_used_again")


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
    for sign in fault.evidence:
        if sign in _ALONE and sign in fault.signs:
            did = _ALONE[sign].format(target=fault.target)
            return f"{fault.fault_id} {did}, and no effect of that is in the log: {_idle_text(fault, used)}"
    first = next(iter(fault.signs), "")
    nothing = _NOTHING_HAPPENED.get(first, f"nobody knows the effect of a fault of kind {fault.kind!r}")
    unused = used and fault.target not in used and fault.target != "gateway"
    why = f" ({_idle_text(fault, used)})" if unused and not fault.failure else ""
    return f"{fault.fault_id} had no effect: " + (fault.failure or nothing.format(target=fault.target)) + why


def _idle_text(fault: Any, used: set[str]) -> str:
    """What its target got of the load."""
    if used and fault.target not in used:
        return f"{fault.target} got no request in the whole run, the gateway never used it"
    if fault.attempts_before and fault.source == "providers":
        few = plural(fault.attempts_before, "request")
        return f"{fault.target} got {few} in as much time before it, so that none came any more shows nothing"
    return f"{fault.target} got no traffic"
