"""Statements that were true of the log and odd to read: each has its sentence here."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from battle.analysis.reports.files import read_report, render
from battle.analysis.verdict.slo_comparison import SloResult
from battle.analysis.verdict.slo_text import measured_text, slo_text
from battle.cli.summary import summary_lines
from battle.store.events import Event
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import MS, S, failed, fault, healthy, phases, request, sample, tried, write_run


def lines(run_dir: Path) -> list[str]:
    return [re.sub(r"\s+", " ", line) for line in render(read_report(run_dir), "markdown").splitlines()]


def idle_run(tmp_path: Path, **slo: float) -> Path:
    """A fault that nobody noticed, so that a missed SLO on reactions proves nothing."""
    segments = healthy()
    segments["coordinator"] += fault("kill-b", 3 * S, 5 * S, target="b")
    return write_run(tmp_path / "run", segments, slo=slo)


def test_a_value_that_cannot_be_trusted_is_not_called_unmeasured(tmp_path: Path) -> None:
    run_dir = idle_run(tmp_path, min_failovers=1, max_memory_mb=256)
    report = read_report(run_dir)
    why = "a fault had no effect, so there was less to react to"
    said = f"min_failovers is not trusted: 0 (target ≥ 1), but {why}"
    assert report.slos[0].status == "not_measured"  # as programs read it
    assert said in report.reasons
    assert f"| min_failovers | ≥ 1 | 0 | ? not trusted | {why} |" in lines(run_dir)
    assert any(
        line.startswith("| max_memory_mb | ≤ 256 MB | – | ? not measured |") for line in lines(run_dir)
    )
    assert ">not trusted</td>" in render(report, "html")
    assert f"  ? {said}" in list(summary_lines(report, run_dir))
    (error,) = [
        case.find("error")
        for case in ElementTree.fromstring(render(report, "junit")).iter("testcase")
        if case.get("name") == "min_failovers"
    ]
    assert error is not None
    assert (error.get("message"), error.get("type")) == (said, "not_measured")


def test_what_was_never_reached_and_is_not_trusted_says_both(tmp_path: Path) -> None:
    gave_up = [failed(n, 0, 10 * S, sent_ns=None, failure="unsent") for n in range(20, 30)]
    events = [*phases(), sample(S, 1000, 100), *(request(n, 0, 20 * MS) for n in range(10)), *gave_up]
    text = lines(write_run(tmp_path / "run", {"coordinator": events}, slo={"p95_latency_ms": 300}))
    why = "not reached, but the generator fell behind, and the requests it sent on time met it"
    assert f"| p95_latency_ms | ≤ 300 ms | not reached | ? not trusted | {why} |" in text
    assert f"2. p95_latency_ms is not trusted: {why} (target ≤ 300 ms)" in [
        re.sub(r"^\d+", "2", line) for line in text
    ]


def missed(events: list[Event], tmp_path: Path, slo: object, **scenario: object) -> list[str]:
    header: dict[str, Any] = {"scenario": {"name": "scripted", **scenario}, "slo": slo}
    return lines(write_run(tmp_path / "run", {"coordinator": [*phases(), *events]}, **header))


def test_a_latency_that_was_never_reached_says_how_many_were_not_answered(tmp_path: Path) -> None:
    events = [*(request(n, n * MS) for n in range(10)), *(failed(n, n * MS) for n in range(10, 15))]
    slo = [{"p95_latency_ms": 300}, {"p50_latency_ms": 300, "workload": "load", "when": "during"}]
    down = [*fault("kill-a", 10 * MS, S), tried(10, "a", 11 * MS, 12 * MS, "error")]
    text = "\n".join(missed([*events, *down], tmp_path, slo))
    never = "more than 5 % of the requests did not succeed"
    assert f"p95_latency_ms was missed: {never} (target ≤ 300 ms)" in text
    assert f"| p95_latency_ms | ≤ 300 ms | not reached | ✗ missed | {never} |" in text
    assert (
        "p50_latency_ms during faults of workload load was missed: more than 50 % of 5 requests did not succeed "
        "(target ≤ 300 ms)"
    ) in text


@pytest.mark.parametrize(
    ("result", "measured"),
    [
        ({"measured": 3.0, "status": "met"}, "3 ms"),
        ({"measured": None, "status": "missed"}, "not reached"),
        ({"measured": None, "status": "not_measured", "note": "nobody looked"}, None),
    ],
)
def test_never_is_a_measurement_and_nothing_is_none(result: dict[str, object], measured: str | None) -> None:
    one = SloResult(**{"name": "p95", "limit": 5, "unit": "ms", "query": "request_measures", **result})  # type: ignore[arg-type]
    assert measured_text(one) == measured
    assert one.untrusted is False
    assert slo_text(one).count("None") == 0


def test_requests_that_never_left_did_not_fail(tmp_path: Path) -> None:
    unsent = [failed(n, 0, S, sent_ns=None, failure="unsent", http_status=None) for n in (1, 2)]
    cut = failed(3, 0, S, sent_ns=None, failure="interrupted", http_status=None)
    refused = failed(4, 0, S, sent_ns=None, failure="refused", http_status=None)
    text = "\n".join(missed([*unsent, cut, refused, failed(5), request(6)], tmp_path, None))
    assert "2 failed; 3 were not sent by the load generator." in text


def test_a_generator_that_was_never_late_is_on_time(tmp_path: Path) -> None:
    events = [*(request(n, n * MS, sent_ns=n * MS) for n in range(10)), sample(S, 10)]
    text = "\n".join(missed(events, tmp_path, None))
    assert "10 of 10 due requests were sent, 99 % of them on time (bound: 50 ms)" in text


def test_what_nobody_measured_has_no_column(tmp_path: Path) -> None:
    simulated = lines(golden_run(tmp_path / "1", world="simulated"))
    assert "| node | loop lag max | tasks | open files | threads |" in simulated
    assert "| gateway | 300 µs | 5 | 9 | 3 |" in simulated
    assert "*Not measured in this run: memory, CPU.*" in simulated
    live = "\n".join(lines(golden_run(tmp_path / "2")))
    assert (
        "| node | memory at start | memory max | CPU mean | CPU max | loop lag max | tasks | open files | threads |"
        in live
    )
    assert "Not measured in this run" not in live
