"""All that a reader of a report is told counts from the start of the load."""

import re
from pathlib import Path
from typing import Any

import pytest

from battle.analysis.log import Log
from battle.analysis.reports.files import read_report, render
from battle.analysis.time_text import (
    at_text,
    load_began_ns,
    moment_text,
    second_ns,
)
from battle.analysis.verdict.verdict import judge
from battle.store.events import Event, RunChanged
from tests.battle.histories import MS, S, failed, fault, life, open_history, request, tried, write_run

BEGAN_NS = 2300 * MS


def late_phases(*names: Any, end_ns: int = 12 * S) -> list[Event]:
    """A run that took its time to be ready: its load began at 2.3 s."""
    known = {"started": 0, "load_began": BEGAN_NS}
    return [RunChanged(at_ns=known.get(name, end_ns), phase=name) for name in names]


FULL = late_phases("started", "load_began", "load_ended", "ended")


@pytest.mark.parametrize(
    ("at_ns", "began_ns", "expected"),
    [
        (5 * S, BEGAN_NS, "at 2.700 s"),
        (BEGAN_NS, BEGAN_NS, "at 0.000 s"),
        (2 * S, BEGAN_NS, "0.300 s before the load"),
        (5 * S, None, "at 5.000 s of the run"),
        (5 * S, 0, "at 5.000 s"),
    ],
)
def test_a_moment_counts_from_the_load_or_says_from_what(
    at_ns: int, began_ns: int | None, expected: str
) -> None:
    assert at_text(at_ns, began_ns) == expected
    assert expected.endswith(moment_text(at_ns, began_ns))


def test_a_whole_second_begins_no_earlier_than_the_load() -> None:
    assert (second_ns(2, BEGAN_NS), second_ns(3, BEGAN_NS), second_ns(3, None)) == (BEGAN_NS, 3 * S, 3 * S)


def reasons(tmp_path: Path, *events: Event, slo: Any = None, **scenario: Any) -> str:
    with open_history(tmp_path, *events, scenario={"name": "scripted", **scenario}) as run:
        return "\n".join(judge(Log(run), slo).reasons)


def test_checks_count_from_the_begin_of_the_load(tmp_path: Path) -> None:
    crash = life("gateway", "crashed", 5 * S, reason="killed by SIGSEGV")
    never = fault("kill-a.1", None, None, planned_ns=BEGAN_NS + 3 * S)
    interrupted = late_phases("started", "load_began", "interrupted", "ended", end_ns=6 * S)
    said = reasons(tmp_path, *interrupted, crash, *never, request(1, BEGAN_NS))
    assert "it was interrupted at 3.700 s" in said
    assert "gateway crashed at 2.700 s (killed by SIGSEGV)" in said
    assert "kill-a.1 was never applied (due at 3.000 s)" in said


def test_a_retry_storm_counts_from_the_begin_of_the_load(tmp_path: Path) -> None:
    storm = [
        event
        for number in range(20)
        for event in (
            failed(number, 4 * S),
            *(
                tried(number, "a", 4 * S + k * MS, 4 * S + k * MS + 5, "error", attempt=k + 1)
                for k in range(9)
            ),
        )
    ]
    run_dir = write_run(tmp_path / "run", {"coordinator": [*FULL, *storm]})
    report = read_report(run_dir)
    (found,) = [one for one in report.findings if one.checker == "retry_amplification"]
    assert found.summary.startswith("a retry storm of 1 second: at 1.700 s there were")
    assert found.ids == ("second 4 of the run",)  # as the column of its query counts
    assert "| 1.700 s | 20 | 180 | 180 |" in re.sub(" +", " ", render(report, "markdown"))


def test_a_run_that_does_not_heal_counts_from_the_begin_of_the_load(tmp_path: Path) -> None:
    plan = {
        "duration": 6 * S,
        "within": S,
        "max_success_loss": 0.01,
        "max_p95_ratio": 1.5,
        "p95_slack": 10 * MS,
        "min_requests": 20,
        "workload": None,
    }
    moments = range(0, 9 * S, S // 20)
    asked = [request(at // MS, BEGAN_NS + at, 50 * MS if at < 3 * S else 400 * MS) for at in moments]
    said = reasons(
        tmp_path,
        *FULL,
        *fault("kill-a.1", BEGAN_NS + 3 * S, BEGAN_NS + 5 * S),
        *asked,
        workloads=[{"name": "load", "type": "http_constant"}],
        healing=plan,
    )
    assert "after the last fault (kill-a.1, over at 5.000 s): " in said
    assert "continuously since 3 s" in said


def test_system_health_and_faults_tell_one_time(tmp_path: Path) -> None:
    events = [*FULL, *fault("kill-a", BEGAN_NS + 1501 * MS, 6 * S), request(1, BEGAN_NS)]
    text = render(read_report(write_run(tmp_path / "run", {"coordinator": events})), "markdown")
    assert "| kill-a | a      | 1.501 s |" in text
    assert "| a       |     1 |  1.503 s | fault |" in text
    assert "3.80" not in text  # the same moments, counted from the start of the run


def test_without_a_load_times_count_from_the_start_of_the_run_and_say_so(tmp_path: Path) -> None:
    crash = life("gateway", "crashed", 318 * MS, reason="killed by SIGSEGV")
    events = [*late_phases("started", "failed", end_ns=S), crash]
    with open_history(tmp_path / "1", *events) as run:
        assert load_began_ns(Log(run)) is None
    text = render(read_report(write_run(tmp_path / "2", {"coordinator": events})), "markdown")
    assert "it failed at 1.000 s of the run; its load never started" in text
    assert "gateway crashed at 0.318 s of the run" in text
    assert "|     1 | 0.318 s of the run |" in text
