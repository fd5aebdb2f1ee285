"""The section on sessions, and the SLOs on them, from scripted logs."""

import re
from pathlib import Path
from typing import Any

import pytest

from battle.analysis.reports.files import read_report, render
from battle.analysis.reports.schema import Report
from battle.store.events import Event, SessionEnded
from tests.battle.histories import MS, S, healthy, write_run


def session(number: int, took_ns: int = 200 * MS, outcome: Any = "ok", **changes: Any) -> SessionEnded:
    fields: dict[str, Any] = {
        "workload": "users",
        "session": number,
        "script": "poll_filter",
        "scheduled_ns": number * 100 * MS,
        "ended_ns": number * 100 * MS + took_ns,
        "outcome": outcome,
        "requests": 3,
        **changes,
    }
    return SessionEnded(**fields)


def lost(number: int, detail: str = "eth_getFilterChanges: error -32000: filter not found") -> SessionEnded:
    return session(number, outcome="failed", detail=detail, failed_request_id=f"w0-{1000 * number + 1}")


def reported(tmp_path: Path, *events: Event, **header: Any) -> Report:
    segments = healthy()
    segments["coordinator"] += events
    return read_report(write_run(tmp_path / "run", segments, **header))


MIXED = (
    *(session(n, (n + 1) * 100 * MS) for n in range(8)),
    lost(8),
    lost(9),
    lost(10, "no receipt"),
    session(11, outcome="unfinished", detail="the load was over"),
)


def test_sessions_are_counted_and_their_failures_named(tmp_path: Path) -> None:
    text = re.sub(" +", " ", render(reported(tmp_path, *MIXED), "markdown"))
    assert "## Sessions (live)" in text
    assert "| users | poll_filter | 12 | 8 | ✗ 3 | 1 | 36 | 400 ms | 800 ms | 800 ms |" in text
    assert "| users | eth_getFilterChanges: error -32000: filter not found | 2 | w0-8001 |" in text
    assert "| users | no receipt | 1 | w0-10001 |" in text


def test_a_run_without_sessions_has_no_such_section(tmp_path: Path) -> None:
    assert "## Sessions" not in render(reported(tmp_path), "markdown")


@pytest.mark.parametrize(
    ("slo", "events", "status", "actual"),
    [
        ({"session_success_rate": 0.7}, MIXED, "met", 8 / 11),
        ({"session_success_rate": 0.8}, MIXED, "missed", 8 / 11),
        ({"session_success_rate": 0.8}, (), "not_measured", None),
        ({"session_success_rate": 0.8}, MIXED[-1:], "not_measured", None),
        ({"p95_session_ms": 800}, MIXED[:8], "met", 800),
        ({"p95_session_ms": 799}, MIXED[:8], "missed", 800),
        ({"p95_session_ms": 5000}, MIXED, "not_measured", None),
    ],
)
def test_slos_on_sessions(
    tmp_path: Path, slo: dict[str, float], events: tuple[Event, ...], status: str, actual: float | None
) -> None:
    (result,) = reported(tmp_path, *events, slo=slo).slos
    assert (result.status, result.measured) == (status, pytest.approx(actual) if actual is not None else None)


def test_an_slo_on_a_part_of_the_time_counts_the_sessions_that_were_due_in_it(tmp_path: Path) -> None:
    slo = {"session_success_rate": 0.9, "when": "early"}
    phase = {"name": "early", "at": 0, "duration": S}
    (result,) = reported(tmp_path, *MIXED, slo=slo, scenario={"name": "x", "phases": [phase]}).slos
    assert result.status == "missed"


def test_a_failure_of_which_the_log_does_not_say_why_is_shown_all_the_same(tmp_path: Path) -> None:
    text = re.sub(" +", " ", render(reported(tmp_path, session(1, outcome="failed")), "markdown"))
    assert "| users | – | 1 | – |" in text
    assert "battle explain" not in text.split("## Sessions")[1].split("\n## ")[0]
