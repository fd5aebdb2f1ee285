"""Were the answers right? A gateway that answers fast and wrong has failed."""

from collections.abc import Iterator, Sequence
from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding, Severity, Verdict
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.continuity import no_heads_expected
from battle.formatting import names_text, plural, sentence
from battle.scenario.slo.slo import SloSet

STALE_RATIO_MAX = 0.01
"""So much of the answers a gateway may pass on before it notices that a provider lags, without a warning."""

_CAUSES = {
    "not_json_rpc": "{n} came with HTTP 2xx, or over a WebSocket, without being JSON-RPC (first: {first})",
    "changed_error": "{n} changed or hid an error that was the right answer (first: {first})",
    "of_another_request": "{n} had the id of another request (first: {first})",
    "of_another_batch": "{n} were batches with answers missing, repeated or not asked for (first: {first})",
    "faulty_provider": "{n} came from a provider under a fault (first: {first})",
    "nobody_asked": "{n} came from no known provider (first: {first})",
    "changed": "{n} had the right answer from a provider, and another one at the client (first: {first})",
    "unknown": "{n} match no provider's log (first: {first})",
}


def nothing_to_check(log: Log) -> str | None:
    """Why no answer can have been checked, as a sentence; None when some was, or should have been."""
    if any(row.checked for row in log.rows("workload_answers")):
        return None
    if real := [row.provider for row in log.rows("real_providers")]:
        serve = "serves a chain of its own" if len(real) == 1 else "serve a chain of their own"
        return f"No answer was checked, because {names_text(real)} {serve}."
    if no_heads_expected(log):
        return "No answer was checked, because the load is subscriptions only, and nothing was due to them."
    return None


def answers_are_right(log: Log, slos: SloSet) -> Finding | None:
    """FAIL on any wrong answer or notification, unless an SLO `max_wrong_answers` says how many are tolerable.

    Names the causes of wrong ones that the log shows: swapped, made by a faulty provider, or by nobody, and beside
    them requests of which nobody knows the end (`missing`). INCONCLUSIVE when none was checked. Does not apply where
    none can have been (`nothing_to_check`): then only an SLO on them counts as not measured.
    """
    if nothing_to_check(log) is not None:
        return None
    rows = log.rows("workload_answers")
    checked, wrong, stale = (
        sum(getattr(row, name) for row in rows) for name in ("checked", "wrong", "stale")
    )
    undecided = sum(row.wrong for row in rows if not slos.decide("max_wrong_answers", row.workload))
    ids = tuple(row.request_id for row in _wrong(log)) if wrong else ()
    causes = list(_causes(log, wrong)) if checked else []
    wrong_text = f"{wrong:,} were wrong{_decided(wrong, undecided)}"
    summary = f"of {plural(checked, 'checked answer')} {wrong_text} and {stale:,} stale"
    return Finding(
        checker="answers_are_right",
        verdict="INCONCLUSIVE" if not checked else "FAIL" if undecided else "PASS",
        summary="; ".join([summary, *causes]) if checked else "no answer was checked",
        query="SELECT * FROM requests WHERE answer IN ('wrong', 'stale')",
        ids=ids or _notified(log),
    )


ANSWERS_ARE_RIGHT = PlacedChecker(place=120, checker=answers_are_right, rests_on_bench=False)


def answers_are_fresh(log: Log, slos: SloSet) -> Finding | None:
    """FAIL on stale answers and notifications that no fault explains, unless an SLO `max_stale_answers` decides.

    A gateway may pass on what a lagging provider says, until some time after the fault that made it lag; at other
    times no answer is older than a few blocks. How long and how many the scenario's `Staleness` says. A warning when
    more than `STALE_RATIO_MAX` of the answers were stale under such a fault although another provider had newer ones.
    Does not apply when no answer was checked.
    """
    rows = log.rows("workload_answers")
    checked, stale = (sum(getattr(row, name) for row in rows) for name in ("checked", "stale"))
    if not checked:
        return None
    if not stale:
        return _on_stale("PASS", f"none of {plural(checked, 'checked answer')} was stale")
    blocks, settle_ns = slos.staleness.blocks, slos.staleness.settle
    untimely = log.rows("untimely_answers", blocks=blocks, settle_ns=settle_ns, limit=EVIDENCE_IDS_MAX)
    undecided = [row for row in untimely if not slos.decide("max_stale_answers", row.workload)]
    decided = " (the SLO max_stale_answers decides)" if untimely and not undecided else ""
    found = [_untimely(row) for row in undecided or untimely]
    passed_on = [
        row
        for row in log.rows("avoidable_stale_answers", blocks=blocks)
        if not slos.decide("max_stale_answers", row.workload)
    ]
    if not found and sum(row.answers for row in passed_on) > STALE_RATIO_MAX * checked:
        return _passed_on(passed_on, checked)
    return _on_stale(
        "FAIL" if undecided else "PASS",
        sentence(found) + decided if found else _explained(checked, stale, blocks),
        [one for row in undecided or untimely for one in row.first_ids],
    )


ANSWERS_ARE_FRESH = PlacedChecker(place=160, checker=answers_are_fresh, rests_on_bench=True)


def _passed_on(rows: list[Any], checked: int) -> Finding:
    summary = (
        f"{sum(row.answers for row in rows):,} of {plural(checked, 'checked answer')} were stale while a fault "
        f"made a provider lag, though another provider had newer ones (max_stale_answers sets a target)"
    )
    return _on_stale("PASS", summary, [row.first_request_id for row in rows], severity="warning")


def _on_stale(
    verdict: Verdict, summary: str, ids: Sequence[str] = (), *, severity: Severity | None = None
) -> Finding:
    return Finding(
        checker="answers_are_fresh",
        verdict=verdict,
        severity=severity,
        summary=summary,
        query="SELECT request_id, workload, method, blocks_behind, stale_ns FROM requests WHERE answer = 'stale'",
        ids=tuple(ids)[:EVIDENCE_IDS_MAX],
    )


def _untimely(row: Any) -> str:
    behind = (
        "" if row.blocks_behind_max is None else f", up to {plural(row.blocks_behind_max, 'block')} behind"
    )
    counts = [
        plural(count, noun)
        for count, noun in ((row.requests, "answer"), (row.notifications, "notification"))
        if count
    ]
    return (
        f"workload {row.workload}: {' and '.join(counts)} about old heads while no fault made a provider lag{behind} "
        f"(first: {row.first_ids[0]}){_cause_text(row)}"
    )


def _cause_text(row: Any) -> str:
    return f"; a provider under a fault answered {row.under_fault:,} of them" if row.under_fault else ""


def _explained(checked: int, stale: int, blocks: int) -> str:
    tolerated = f", or by {'one block' if blocks == 1 else f'{blocks} blocks at most'}" if blocks else ""
    return f"{stale:,} of {plural(checked, 'checked answer')} stale, all explained by a fault{tolerated}"


def _wrong(log: Log) -> list[Any]:
    return log.rows("wrong_answers", limit=EVIDENCE_IDS_MAX)


def _notified(log: Log) -> tuple[str, ...]:
    return tuple(row.first_key for row in log.rows("notification_kinds") if row.answer == "wrong")


def _decided(wrong: int, undecided: int) -> str:
    return " (the SLO max_wrong_answers decides)" if wrong and not undecided else ""


def _causes(log: Log, wrong: int) -> Iterator[str]:
    if wrong:
        yield from wrong_causes(log)
    missing = sum(kind.requests for kind in log.rows("request_kinds") if kind.outcome == "unknown")
    if missing:
        yield f"{plural(missing, 'answer')} missing"


def wrong_causes(log: Log) -> Iterator[str]:
    """Where wrong answers come from, a sentence for each cause."""
    for row in log.rows("wrong_answer_causes"):
        if row.cause in _CAUSES:
            text = _CAUSES[row.cause].format(n=f"{row.requests:,}", first=row.first_request_id)
            yield text if row.cause == "faulty_provider" else text + _cause_text(row)
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
