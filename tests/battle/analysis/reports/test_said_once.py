"""What reports say is said once, and is true: of met SLOs, of failovers nobody answered, of the load's length."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from battle.analysis.charts.collect import collect_charts
from battle.analysis.log import Log
from battle.analysis.reports.collect import collect_report
from battle.analysis.reports.files import read_report, read_run, render_reading
from battle.analysis.reports.schema import Report
from battle.analysis.verdict.slo_comparison import SloResult
from battle.analysis.verdict.slo_text import reason_texts, slo_text
from battle.analysis.verdict.verdict import judge
from battle.cli.summary import summary_lines
from battle.scenario.slo.slo import Slo
from battle.store.database import open_run
from battle.store.events import Event, RequestEnded
from tests.battle.histories import (
    MS,
    S,
    failed,
    fault,
    healthy,
    open_history,
    phases,
    published,
    request,
    subscribed,
    tried,
    write_run,
)


def result(name: str, status: Any, note: str | None = None, **more: Any) -> SloResult:
    fields: dict[str, Any] = {"limit": 0, "measured": 0, "unit": "", "query": "q", **more}
    return SloResult(name=name, status=status, note=note, **fields)


def reported(tmp_path: Path, *events: Event, slo: Any = None, **header: Any) -> Report:
    return read_report(write_run(tmp_path / "run", {"all": list(events)}, slo=slo, **header))


# SLOs


def test_what_a_met_slo_rests_on_is_said_with_it() -> None:
    met = result("max_missed_heads", "met", "no head was due")
    assert slo_text(met) == "max_missed_heads 0 (target ≤ 0; no head was due)"
    assert slo_text(result("max_missed_heads", "met")) == "max_missed_heads 0 (target ≤ 0)"


def test_the_terminal_says_that_no_head_was_due(tmp_path: Path) -> None:
    quiet = [*subscribed(2 * S), published(1, S), *phases()]
    report = reported(tmp_path, *quiet, request(1), slo={"max_missed_heads": 0})
    said = "max_missed_heads 0 (target ≤ 0; no head was due)"
    assert f"  ✓ {said}" in list(summary_lines(report, tmp_path))


def test_one_cause_of_several_misses_is_one_reason() -> None:
    causes = ("3 timed out (first: r1)",)
    missed = [
        result("success_rate", "missed", measured=0.5, limit=0.9, unit="ratio", bound=">=", causes=causes),
        result("max_memory_mb", "missed", measured=9, limit=5, unit="MB"),
        result("p95_latency_ms", "missed", measured=900, limit=300, unit="ms", causes=causes),
    ]
    assert list(reason_texts(missed)) == [
        "success_rate was missed: 50 % (target ≥ 90 %); p95_latency_ms was missed: 900 ms (target ≤ 300 "
        "ms): 3 timed out (first: r1)",
        "max_memory_mb was missed: 9 MB (target ≤ 5 MB)",
    ]


def test_one_doubt_about_several_slos_is_one_reason() -> None:
    heads = [
        result(name, "not_measured", "no WebSocket subscription, so no head was expected", measured=None)
        for name in ("max_missed_heads", "max_duplicate_heads", "max_silence_ms")
    ]
    late = "the generator fell behind"
    untrusted = [
        result(name, "not_measured", late, measured=900, limit=300, unit="ms")
        for name in ("p50_latency_ms", "p95_latency_ms")
    ]
    assert list(reason_texts([*heads, *untrusted])) == [
        "max_missed_heads, max_duplicate_heads, max_silence_ms were not measured: no WebSocket subscription, so no "
        "head was expected",
        "p50_latency_ms (900 ms, target ≤ 300 ms); p95_latency_ms (900 ms, target ≤ 300 ms) are not "
        "trusted: the generator fell behind",
    ]


@pytest.mark.parametrize("other", [1, 2, 3])
def test_reasons_of_a_judgement_say_no_cause_twice(tmp_path: Path, other: int) -> None:
    events = [*(failed(n, n * MS) for n in range(30)), *(request(100 + n) for n in range(other))]
    slo = Slo(success_rate=0.9, p50_latency_ms=100, p95_latency_ms=100, p99_latency_ms=100)
    with open_history(tmp_path, *events) as run:
        reasons = " ".join(judge(run, slo).reasons)
    assert reasons.count("30 got HTTP 503 (first: r0)") == 1
    assert all(name in reasons for name in ("success_rate", "p50_", "p95_", "p99_"))


def test_slos_left_out_for_one_reason_are_one_line(tmp_path: Path) -> None:
    omitted = [
        {"slo": slo, "why": why} for slo, why in (("a > 1", "unseen"), ("b", "no memory"), ("c", "unseen"))
    ]
    assert reported(tmp_path, request(1), omitted_slos=omitted).omitted_slos == (
        "a > 1, c: unseen",
        "b: no memory",
    )


def test_a_summary_has_no_empty_paragraph(tmp_path: Path) -> None:
    for slo in (None, {"success_rate": 0.5}):
        report = reported(tmp_path / str(slo), *healthy()["load-load.0"], slo=slo)
        lines = list(summary_lines(report, tmp_path))
        assert all(one or other for one, other in pairwise(lines))


def test_answers_that_cannot_be_checked_are_no_check_that_passed(tmp_path: Path) -> None:
    segments = healthy()
    paced = [one for one in segments["load-load.0"] if not isinstance(one, RequestEnded)]
    segments["load-load.0"] = [*(request(n, n * MS, answer="none") for n in range(100)), *paced]
    scenario = {"providers": [{"type": "real", "name": "mainnet"}], "name": "real"}
    run_dir = write_run(tmp_path / "run", segments, slo={"success_rate": 0.9}, scenario=scenario)
    report = read_report(run_dir)
    assert report.verdict == "PASS"
    assert "answers_are_right" not in {one.checker for one in report.findings}
    assert report.headline.endswith("No answer was checked, because mainnet serves a chain of its own.")


# failovers


def failing_over(*, answered: bool) -> list[Event]:
    events: list[Event] = [*phases(), *fault("kill-a", S, 2 * S)]
    for number in range(3):
        at_ns = S + number * 10 * MS
        events.append((request if answered else failed)(number, at_ns, 900 * MS))
        events.append(tried(number, "a", at_ns, at_ns + 100 * MS, "error"))
        last = "ok" if answered else "error"
        events.append(tried(number, "b", at_ns + 100 * MS, at_ns + 800 * MS, last, attempt=2))
    return events


def test_of_failovers_that_nobody_answered_none_is_the_slowest(tmp_path: Path) -> None:
    run_dir = write_run(
        tmp_path / "run", {"coordinator": failing_over(answered=False)}, slo={"max_failover_latency_ms": 9}
    )
    reading = read_run(run_dir, "markdown")
    text = render_reading(reading, "markdown")
    assert "failovers **3, none answered**" in text
    assert "slowest failover" not in text
    assert "none of them was answered" in text
    assert "until the attempt that answered began" not in text
    [missed] = reading.report.slos
    assert slo_text(missed) == (
        "max_failover_latency_ms was missed: no failover was answered (target ≤ 9 ms)"
    )


def test_failovers_that_were_answered_have_a_slowest(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path / "run", {"all": failing_over(answered=True)}, slo={"success_rate": 0.9})
    text = render_reading(read_run(run_dir, "markdown"), "markdown")
    assert "failovers **3**, slowest failover **100 ms**" in text
    assert "The cost is the time until the attempt that answered began." in text


# the length of the load


def loaded(rate: int, length_ns: int, began_ns: int = 700 * MS, *, over_ns: int = 30 * MS) -> list[Event]:
    """A request each 1/rate seconds; the load is over when the last one was answered."""
    pause_ns = S // rate
    due = range(began_ns, began_ns + length_ns, pause_ns)
    asked: list[Event] = [request(n, at_ns, 20 * MS) for n, at_ns in enumerate(due)]
    began, ended = phases("load_began", "load_ended", end_ns=due[-1] + over_ns)
    return [type(began)(at_ns=began_ns, phase="load_began"), *asked, ended]


@settings(max_examples=5, deadline=None)
@given(
    rate=st.sampled_from([2, 5, 20, 50]),
    length_s=st.integers(5, 25),
    over_ns=st.integers(MS, 900 * MS),
)
def test_a_load_that_went_to_its_end_lasted_as_planned_and_no_cell_is_a_part_of_one(
    tmp_path_factory: pytest.TempPathFactory, rate: int, length_s: int, over_ns: int
) -> None:
    run_dir = tmp_path_factory.mktemp("run") / "run"
    events = loaded(rate, length_s * S, over_ns=over_ns)
    write_run(run_dir, {"all": events}, planned_duration_ns=length_s * S)
    with open_run(run_dir) as run:
        log = Log(run)
        assert collect_report(run, log).run.load_ns == length_s * S
        rows = collect_charts(log, ["throughput_over_time"]).of("throughput_over_time").rows
    lengths = [float(str(row["end"])) - float(str(row["t"])) for row in rows]
    assert max(lengths) - min(lengths) < 1e-5
    assert max(float(str(row["due"])) for row in rows) <= rate + 1 / min(lengths)


@pytest.mark.parametrize(
    ("marks", "load_ns"),
    [
        (["load_began"], 4 * S),
        (["load_began", "interrupted", "load_ended"], 10 * S),
        (["load_began", "load_ended"], 10 * S),
    ],
    ids=["killed", "interrupted", "long before its time"],
)
def test_a_load_that_did_not_go_to_its_end_lasted_as_long_as_it_did(
    tmp_path: Path, marks: list[str], load_ns: int
) -> None:
    events = [*(request(n, n * S) for n in range(5)), *phases(*marks)]
    assert reported(tmp_path, *events, planned_duration_ns=60 * S).run.load_ns == load_ns


# heads in a part of the run


@pytest.mark.parametrize(("due", "status"), [(0, "met"), (3, "not_measured"), (20, "met")])
def test_a_window_with_few_heads_is_not_trusted(tmp_path: Path, due: int, status: str) -> None:
    events = [
        *subscribed(to_ns=100 * S),
        *(published(n, n * S) for n in range(1, 41)),
        *fault("kill-a.1", 10 * S + 500 * MS, (10 + due) * S + 600 * MS),
        *phases(end_ns=100 * S),
    ]
    with open_history(tmp_path, *events, min_requests=20) as run:
        [found] = judge(run, Slo(max_duplicate_heads=0, when="during")).slos
    assert found.status == status
    assert (found.note or "").startswith("of only 3 heads, where 20 are needed") is (due == 3)
