"""What did the gateway make of errors that are right answers? They are for the client, at once and as they are."""

from collections.abc import Iterator, Mapping
from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet


def errors_are_passed_on(log: Log, slos: SloSet) -> Finding | None:
    """FAIL when a provider answered with the error that is the right answer, and the client got something else.

    A warning when the gateway asked again after such an answer: it costs time and attempts, and changes nothing.
    Where the client got a wrong answer and an SLO `max_wrong_answers` limits those, that decides. Errors about blocks
    that are not there may be asked again elsewhere, and calls in batches are not distinguished.

    Does not apply when no right answer is an error.
    """
    (row,) = log.rows("right_errors", limit=EVIDENCE_IDS_MAX)
    if not row.expected:
        return None
    harmful = row.changed_errors if slos.run.max_wrong_answers is not None else row.changed
    return Finding(
        checker="errors_are_passed_on",
        verdict="FAIL" if harmful else "PASS",
        severity="harm" if harmful else "warning" if row.retried else None,
        summary=sentence(list(_sentences(row))),
        query="SELECT * FROM requests WHERE expected_rpc_code IS NOT NULL AND answer <> 'right'",
        ids=(*(one["request_id"] for one in row.first_changed), *row.first_retried)[:EVIDENCE_IDS_MAX],
    )


ERRORS_ARE_PASSED_ON = PlacedChecker(place=130, checker=errors_are_passed_on, rests_on_bench=False)


def _sentences(row: Any) -> Iterator[str]:
    yield f"{row.passed_on:,} of {plural(row.expected, 'error')} that were right answers reached the client"
    if row.changed:
        first = row.first_changed[0]
        yield f"the gateway changed or hid {row.changed:,} (first: {first['request_id']}, {_change(first)})"
    if row.retried:
        first = row.first_retried[0]
        yield f"the gateway retried {row.retried:,}, though the first answer was right (first: {first})"


def _change(one: Mapping[str, Any]) -> str:
    if one["rpc_code"] is not None:
        got = f"error {one['rpc_code']}"
    elif one["outcome"] == "ok":
        got = "a result"
    else:
        got = f"HTTP status {one['http_status']} without an answer"
    return f"{one['provider']} answered {one['expected_rpc_code']} and the client got {got}"
