"""Errors that are right answers: what a gateway made of them, as scripted histories tell."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.error_answers import errors_are_passed_on
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.events import AttemptServed, Event, RequestEnded
from tests.battle.histories import MS, failed, open_history, request, served


def asked(number: int = 1, **changes: Any) -> RequestEnded:
    """A request that an error answers, sent at 1 ms and answered with it at 50 ms."""
    return request(number, 0, 50 * MS, **{"expected_rpc_code": -32602, "rpc_code": -32602, **changes})


def refused(
    number: int = 1, provider: str = "a", at_ms: int = 5, took_ms: int = 10, **changes: Any
) -> AttemptServed:
    """A provider's answer with the right error."""
    return served(number, provider, at_ms * MS, took_ms * MS, **{"rpc_code": -32602, **changes})


def found(tmp_path: Path, *events: Event, slo: Slo | None = None) -> Finding:
    with open_history(tmp_path, *events) as run:
        finding = errors_are_passed_on(Log(run), SloSet(run=slo or Slo()))
    assert finding is not None
    return finding


def test_a_run_without_such_errors_is_not_judged(tmp_path: Path) -> None:
    with open_history(tmp_path, request(1), failed(2, rpc_code=-32000)) as run:
        assert errors_are_passed_on(Log(run), SloSet()) is None


def test_errors_that_were_passed_on_pass(tmp_path: Path) -> None:
    finding = found(tmp_path, asked(1), refused(1), asked(2), refused(2, "b"))
    assert (finding.verdict, finding.severity) == ("PASS", None)
    assert finding.summary == "2 of 2 errors that were right answers reached the client"


@pytest.mark.parametrize(
    ("changes", "got"),
    [
        ({"outcome": "error", "answer": "wrong", "rpc_code": -32000, "failure": "rpc_error"}, "error -32000"),
        ({"outcome": "error", "answer": "none", "rpc_code": -32603, "failure": "rpc_error"}, "error -32603"),
        ({"outcome": "ok", "answer": "wrong", "rpc_code": None}, "a result"),
        (
            {
                "outcome": "error",
                "answer": "none",
                "rpc_code": None,
                "failure": "http_status",
                "http_status": 502,
            },
            "HTTP status 502 without an answer",
        ),
    ],
)
def test_an_error_that_was_changed_or_hidden_fails(tmp_path: Path, changes: dict[str, Any], got: str) -> None:
    finding = found(tmp_path, asked(1), refused(1), asked(2, **changes), refused(2))
    assert (finding.verdict, finding.severity, finding.ids) == ("FAIL", "harm", ("r2",))
    assert (
        f"the gateway changed or hid 1 (first: r2, a answered -32602 and the client got {got})"
        in finding.summary
    )


HIDDEN: dict[str, Any] = {"outcome": "error", "answer": "none", "rpc_code": None, "failure": "http_status"}


@pytest.mark.parametrize(
    "attempts",
    [
        [],
        [refused(replied_ns=None, outcome="unknown")],
        [refused(took_ms=70)],  # after the client had its answer
        [
            refused(took_ms=30),
            refused(1, "b", at_ms=20, rpc_code=-32000, outcome="error"),
        ],  # given up meanwhile
        [refused(rpc_code=-32000, outcome="error")],
    ],
)
def test_a_gateway_that_got_no_right_answer_hid_none(tmp_path: Path, attempts: list[Event]) -> None:
    finding = found(tmp_path, asked(**HIDDEN), *attempts)
    assert (finding.verdict, finding.severity) == ("PASS", None)


def test_an_answer_counts_that_was_logged_just_after_the_client_had_it(tmp_path: Path) -> None:
    late = refused(at_ms=5, took_ms=46)
    assert late.replied_ns == asked().ended_ns + MS
    finding = found(tmp_path, asked(**HIDDEN), late)
    assert (finding.verdict, finding.ids) == ("FAIL", ("r1",))


def test_a_request_that_nobody_knows_the_end_of_was_not_changed(tmp_path: Path) -> None:
    lost = asked(outcome="unknown", answer="none", failure="timeout", rpc_code=None)
    assert found(tmp_path, lost, refused()).verdict == "PASS"


def test_an_error_that_was_retried_is_a_warning(tmp_path: Path) -> None:
    finding = found(tmp_path, asked(), refused(), refused(1, "b", at_ms=20))
    assert (finding.verdict, finding.severity, finding.ids) == ("PASS", "warning", ("r1",))
    assert "the gateway retried 1, though the first answer was right (first: r1)" in finding.summary


@pytest.mark.parametrize(
    "events",
    [
        [
            asked(),
            refused(1, "b", at_ms=2, took_ms=1, rpc_code=None, outcome="error"),
            refused(),
        ],  # a failover
        [asked(), refused(), refused(1, "b", at_ms=7)],  # a hedge
        [
            asked(expected_rpc_code=-32000, rpc_code=-32000),
            refused(rpc_code=-32000),
            refused(1, "b", at_ms=20, rpc_code=-32000),
        ],
    ],
)
def test_what_is_no_retry_of_an_answer_warns_of_nothing(tmp_path: Path, events: list[Event]) -> None:
    assert found(tmp_path, *events).severity is None


def test_an_slo_on_wrong_answers_decides_about_those_but_not_about_hidden_ones(tmp_path: Path) -> None:
    slo = Slo(max_wrong_answers=5)
    wrong = asked(answer="wrong", rpc_code=None)
    assert found(tmp_path / "wrong", wrong, refused(), slo=slo).verdict == "PASS"
    assert found(tmp_path / "hidden", asked(**HIDDEN), refused(), slo=slo).verdict == "FAIL"
