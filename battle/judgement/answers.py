"""Were the answers right? A gateway that answers fast and wrong has failed."""

from typing import Any

from battle.judgement.findings import EVIDENCE_IDS_MAX, Finding, Log
from battle.judgement.slo import Slo
from battle.judgement.words import plural


def answers_are_right(log: Log, slo: Slo) -> Finding:
    """FAIL on any wrong answer, unless the SLO `max_wrong_answers` says how many are tolerable."""
    counts = {"right": 0, "wrong": 0, "stale": 0, "none": 0}
    for kind in log.rows("request_kinds"):
        counts[kind.answer] += kind.requests
    checked = counts["right"] + counts["wrong"] + counts["stale"]
    wrong_ids = [row.request_id for row in _wrong(log)] if counts["wrong"] else []
    return Finding(
        checker="answers_are_right",
        verdict="INCONCLUSIVE" if not checked else "FAIL" if wrong_ids and not _tolerated(slo) else "PASS",
        summary=_summary(checked, counts, slo) if checked else "no answer was checked",
        query="SELECT * FROM requests WHERE answer IN ('wrong', 'stale')",
        ids=tuple(wrong_ids),
    )


def _wrong(log: Log) -> list[Any]:
    return log.rows("wrong_answers", limit=EVIDENCE_IDS_MAX)


def _tolerated(slo: Slo) -> bool:
    return slo.max_wrong_answers is not None


def _summary(checked: int, counts: dict[str, int], slo: Slo) -> str:
    judged_by = " (the SLO max_wrong_answers decides)" if counts["wrong"] and _tolerated(slo) else ""
    return (
        f"of {plural(checked, 'checked answer')} {counts['wrong']:,} were wrong{judged_by} "
        f"and {counts['stale']:,} stale"
    )
