"""Do providers get requests again after a fault is over?"""

from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import duration_text, plural, sentence
from battle.scenario.slo.slo import SloSet

UNUSED_MAX_NS = 5 * 10**9
"""So long a gateway may keep away from a provider that is back while clients fail: as long as breakers commonly stay
open."""


LOST_AFTER_NS = 10 * 10**9
"""A gateway that keeps away for so long from a provider that is back has not just put it aside for a while: proxies
commonly do that for ten seconds."""


FAILED_MIN = 5
"""Fewer requests that failed meanwhile may have failed for reasons of their own."""


def providers_used_again(log: Log, slos: SloSet) -> Finding | None:
    """A warning when the gateway did not use a provider again after a fault there was over.

    That is so when a later fault met a provider that had not been used since an earlier one: it is lost to the
    gateway until it is started again, and what the later fault would have done is not known. It is also so when a
    provider was back for more than `UNUSED_MAX_NS` and got nothing, while most requests failed, or for more than
    `LOST_AFTER_NS` to the end of the load, while others got requests. Where there was less time than that, the
    finding says so. Does not apply otherwise.
    """
    lost = not_used_again(log)
    after = log.rows("providers_after_faults")
    shunned = [row for row in after if _clients_failed(row) and _unused_ns(row) > UNUSED_MAX_NS]
    reported = {row.since_fault_id for row in lost} | {row.fault_id for row in shunned}
    left = [
        row
        for row in after
        if row.used_ns is None
        and row.fault_id not in reported
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


PROVIDERS_USED_AGAIN = PlacedChecker(place=110, checker=providers_used_again, rests_on_bench=False)


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
        breaker = ", its breaker never closed"
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


def unasked(log: Log, idle: list[Any]) -> dict[str, str]:
    """What is said of faults at those of a group that got no request while others felt it, by their ids."""
    if not idle:
        return {}
    return {
        row.fault_id: f"{row.target} got no request under {row.fault_id} (aimed at {row.aimed_at!r})"
        for row in log.rows("unasked_of_group")
    }


def not_used_again(log: Log) -> list[Any]:
    if all(fault.effect_observed for fault in log.rows("fault_effects")):
        return []
    return log.rows("providers_not_used_again")
