"""What a gateway does with transactions is said and not judged: to resend them and not to are both sound."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.transactions import transactions
from battle.scenario.slo.slo import SloSet
from battle.store.events import Event
from tests.battle.histories import MS, S, failed, open_history, phases, request, served

SEND: dict[str, Any] = {"method": "eth_sendRawTransaction"}
BROKEN: dict[str, Any] = {**SEND, "outcome": "error", "http_status": 503}


def found(tmp_path: Path, *events: Event) -> Finding | None:
    with open_history(tmp_path, *phases(), *events) as run:
        return transactions(Log(run), SloSet())


@pytest.mark.parametrize(
    ("events", "summary", "ids"),
    [
        (
            [request(1, **SEND), served(1, "a", 0, **SEND)],
            "1 transaction, none reached providers more than once; none failed at a provider, so it is not known "
            "whether the gateway resends",
            (),
        ),
        (
            [
                request(1, **SEND),
                served(1, "a", 0, **SEND),
                failed(2, S, MS, failure="http_status", http_status=503, **SEND),
                served(2, "a", S, **BROKEN),
            ],
            "2 transactions, none reached providers more than once; 1 failed at one provider and was not resent",
            ("r2",),
        ),
        (
            [request(1, **SEND), served(1, "a", 0, **BROKEN), served(1, "b", MS, **SEND)],
            "1 of 1 transaction reached providers more than once (resent, hedged or broadcast)",
            ("r1",),
        ),
        (
            [
                request(1, **SEND),
                served(1, "a", 0, **SEND),
                served(1, "b", 0, **SEND),
                failed(2, S, MS, failure="http_status", http_status=503, **SEND),
                served(2, "a", S, **BROKEN),
            ],
            "1 of 2 transactions reached providers more than once (resent, hedged or broadcast), and 1 taken more "
            "than once; 1 failed at one provider and was not resent",
            ("r2", "r1"),
        ),
        (
            [request(1, **SEND), served(1, "a", 0, **SEND, request_id=None)],
            "1 transaction: the providers' log has none of their ids",
            (),
        ),
    ],
    ids=["no need", "never resends", "resends", "broadcasts some", "rewrites ids"],
)
def test_both_policies_pass_and_are_said(
    tmp_path: Path, events: list[Event], summary: str, ids: tuple[str, ...]
) -> None:
    finding = found(tmp_path, *events)
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", None)
    assert (finding.summary, finding.ids) == (summary, ids)


def test_a_batch_of_transactions_is_not_one_that_was_sent_again(tmp_path: Path) -> None:
    calls = [served(1, "a", 0, **SEND), served(1, "a", 0, **SEND)]
    assert found(tmp_path, request(1, method="batch"), *calls) is None


def test_without_transactions_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert found(tmp_path, request(1), served(1, "a", 0), served(1, "b", 0)) is None
