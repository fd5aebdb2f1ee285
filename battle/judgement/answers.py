"""Were the answers right? A gateway that answers fast and wrong has failed."""

from collections.abc import Iterator
from typing import Any

from battle.judgement.continuity import nothing_was_due
from battle.judgement.findings import EVIDENCE_IDS_MAX, Finding, Log
from battle.judgement.slo import Demands
from battle.judgement.words import plural, sentence

_CAUSES = {
    "not_json_rpc": "{n} under a status of success were not JSON-RPC (first: {first})",
    "changed_error": "{n} changed or hid an error that was the right answer (first: {first})",
    "of_another_request": "{n} said to answer another request, swapped (first: {first})",
    "faulty_provider": "{n} came from a provider under a fault (first: {first})",
    "nobody_asked": "{n} came from no known provider (first: {first})",
    "unknown": "{n} came from a provider that no fault held, or that does not log (first: {first})",
}


def answers_are_right(log: Log, demands: Demands) -> Finding:
    """FAIL on any wrong answer or notification, unless an SLO `max_wrong_answers` says how many are tolerable.

    Names what the log can tell of wrong ones: swapped, made by a faulty provider, or by nobody. Requests of which
    nobody knows the end (`missing`), and transactions that providers took more than once, are told beside it.
    A scenario with a real provider has said that answers cannot be checked; only an SLO on them then counts as not
    measured.
    """
    rows = log.rows("workload_answers")
    checked, wrong, stale = (
        sum(getattr(row, name) for row in rows) for name in ("checked", "wrong", "stale")
    )
    unchecked = [row.provider for row in log.rows("real_providers")]
    undecided = sum(row.wrong for row in rows if not demands.decide("max_wrong_answers", row.workload))
    ids = tuple(row.request_id for row in _wrong(log)) if wrong else ()
    told = list(_told(log, wrong)) if checked else []
    wrong_text = f"{wrong:,} were wrong{_decided(wrong, undecided)}"
    summary = f"of {plural(checked, 'checked answer')} {wrong_text} and {stale:,} stale"
    if unchecked and not checked:
        summary = f"no answer was checked: {sentence(unchecked)} serves a chain of its own"
        return Finding(checker="answers_are_right", verdict="PASS", summary=summary)
    if nothing_was_due(log):
        summary = (
            "no answer was checked: the chain had nothing for the subscriptions that are all of the load"
        )
        return Finding(checker="answers_are_right", verdict="PASS", summary=summary)
    return Finding(
        checker="answers_are_right",
        verdict="INCONCLUSIVE" if not checked else "FAIL" if undecided else "PASS",
        summary="; ".join([summary, *told]) if checked else "no answer was checked",
        query="SELECT * FROM requests WHERE answer IN ('wrong', 'stale')",
        ids=ids or _notified(log),
    )


def _wrong(log: Log) -> list[Any]:
    return log.rows("wrong_answers", limit=EVIDENCE_IDS_MAX)


def _notified(log: Log) -> tuple[str, ...]:
    return tuple(row.first_key for row in log.rows("notification_kinds") if row.answer == "wrong")


def _decided(wrong: int, undecided: int) -> str:
    return " (the SLO max_wrong_answers decides)" if wrong and not undecided else ""


def _told(log: Log, wrong: int) -> Iterator[str]:
    if wrong:
        yield from wrong_causes(log)
    missing = sum(kind.requests for kind in log.rows("request_kinds") if kind.outcome == "unknown")
    if missing:
        yield f"{plural(missing, 'answer')} missing"
    (repeated,) = log.rows("repeated_transactions", limit=EVIDENCE_IDS_MAX)
    if repeated.requests:
        yield f"providers took {plural(repeated.requests, 'transaction')} more than once"


def wrong_causes(log: Log) -> Iterator[str]:
    """Where wrong answers come from, a sentence for each cause."""
    for row in log.rows("wrong_answer_causes"):
        if row.cause in _CAUSES:
            yield _CAUSES[row.cause].format(n=f"{row.requests:,}", first=row.first_request_id)
    yield from _notified_as(log, "wrong")


def stale_causes(log: Log) -> Iterator[str]:
    """Where stale answers come from, a sentence for each cause."""
    for row in log.rows("stale_answer_causes"):
        under = "while no provider's head lagged" if row.fault_id is None else f"under {row.fault_id}"
        yield f"{row.requests:,} {under} (first: {row.first_request_id})"
    yield from _notified_as(log, "stale")


def _notified_as(log: Log, answer: str) -> Iterator[str]:
    rows = [row for row in log.rows("notification_kinds") if row.answer == answer]
    if rows:
        first = min(rows, key=lambda row: row.first_at_ns)
        notified = sum(row.notifications for row in rows)
        yield f"{notified:,} of them were notifications (first: {first.first_key})"
