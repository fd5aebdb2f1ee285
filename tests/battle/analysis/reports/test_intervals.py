"""How a report says how sure it is: beside each percentile, of each clock and workload, or why it cannot."""

import re
from pathlib import Path

import pytest

from battle.analysis.reports.files import read_report, render
from battle.analysis.reports.interval_text import interval_cell, share_text
from battle.analysis.reports.intervals import SuccessInterval
from battle.analysis.reports.schema import Report
from battle.analysis.statistics.estimate import (
    NO_FAILURE,
    NO_UPPER,
    TOO_SHORT,
    Estimate,
    estimated,
    unbounded,
)
from battle.analysis.statistics.proportion import wilson
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import MS, S, failed, healthy, phases, request, write_run


def estimate(value: float, low: float, high: float, note: str | None = None) -> Estimate:
    return estimated(value, low, high, level=0.95, method="test", note=note)


NEVER = float("inf")


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (estimate(52.1e6, 50.9e6, 53.8e6), "50.9 to 53.8 ms"),
        (estimate(0.995e9, 0.98e9, 1.02e9), "980 ms to 1.02 s"),
        (estimate(70e9, 65e9, 75e9), "1 min 5 s to 1 min 15 s"),
        (estimate(50e6, 45e6, NEVER), "at least 45 ms"),
        (estimate(NEVER, 45e6, NEVER), "at least 45 ms"),
        (estimate(NEVER, NEVER, NEVER), "too many failed"),
        (estimate(50e6, 45e6, NEVER, NO_UPPER), "at least 45 ms"),
        (unbounded(50e6, level=0.95, method="test", note=TOO_SHORT), "too short"),
        (unbounded(None, level=0.95, method="test", note=TOO_SHORT), "too short"),
    ],
)
def test_the_interval_of_a_percentile(known: Estimate, text: str) -> None:
    assert interval_cell(known).text == text


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (estimate(0.99, 0.94551, 0.99824), "95 % CI 94.5 % to 99.9 %"),
        (estimate(0.9999, 0.99981, 0.99995), "95 % CI 99.981 % to 99.995 %"),
        (estimate(1.0, 0.9999999, 1.0), "95 % CI 99.999 % to 100 %"),
        (
            unbounded(1.0, level=0.95, method="test", note=NO_FAILURE),
            "95 % CI 96.3 % to 100 %, assuming independent failures",
        ),
        (unbounded(0.9, level=0.95, method="test", note=TOO_SHORT), "too short for a confidence interval"),
    ],
)
def test_a_rate_with_its_interval_is_never_rounded_inwards(known: Estimate, text: str) -> None:
    assert (
        share_text(SuccessInterval(workload=None, success=known, independent=wilson(100, 100)), 0.95) == text
    )


def report_of(run_dir: Path, *events: object, world: str = "live") -> Report:
    segments = {**healthy(), "coordinator": phases(), "load-load.0": list(events)}
    return read_report(write_run(run_dir, segments, world=world))  # type: ignore[arg-type]  # events


def test_the_values_are_the_exact_percentiles(tmp_path: Path) -> None:
    report = read_report(golden_run(tmp_path / "run"))
    exact = {(row.workload, row.clock): row for row in report.latencies}
    assert {(row.workload, row.clock) for row in report.intervals.latencies} == {
        (workload, clock) for workload, clock in exact if clock != "late"
    }
    for row in report.intervals.latencies:
        same = exact[row.workload, row.clock]
        assert (row.p50.value, row.p95.value, row.p99.value) == (same.p50_ns, same.p95_ns, same.p99_ns)
        for found in (row.p50, row.p95, row.p99):
            low, high = found.bounds()
            assert found.value is not None
            assert low <= found.value <= high
    (of_all, of_load) = report.intervals.successes
    assert (of_all.workload, of_load.workload) == (None, "load")
    assert of_all.success.value == of_all.independent.value == 0.99


def test_waiting_before_sending_shows_between_the_clocks(tmp_path: Path) -> None:
    events = [request(n, n * 50 * MS, 90 * MS, sent_ns=n * 50 * MS + 60 * MS) for n in range(200)]
    rows = report_of(tmp_path / "run", *events).intervals.latencies
    p50 = {row.clock: row.p50.bounds() for row in rows if row.workload is None}
    assert p50["due"][0] <= 90 * MS <= p50["due"][1]
    assert p50["sent"][0] <= 30 * MS <= p50["sent"][1] < p50["due"][0]


def test_a_run_that_drifts_is_too_short_and_says_why(tmp_path: Path) -> None:
    events = [request(n, n * 50 * MS, (50 + n) * MS) for n in range(100)]
    events += [failed(100 + n, 5 * S + n * 50 * MS) for n in range(50)]
    text = render(report_of(tmp_path / "run", *events), "markdown")
    assert "100 of 150 requests succeeded (66.666 %, too short for a confidence interval)" in text
    assert re.search(r"\| from scheduled time +\| load +\| +too short \|", text)
    assert "“Too short”: the run is shorter than 20 correlation times" in text


@pytest.mark.parametrize(
    ("world", "words"), [("simulated", "this one seed"), ("live", "this run on this machine")]
)
def test_what_the_intervals_are_about(tmp_path: Path, world: str, words: str) -> None:
    report = read_report(golden_run(tmp_path / "run", world=world))
    assert words in report.intervals.note
    assert words in render(report, "markdown")
    assert words in render(report, "html")
    assert "These are 95 % confidence intervals." in render(report, "markdown")


def test_without_requests_there_are_none(tmp_path: Path) -> None:
    report = report_of(tmp_path / "run")
    assert (report.intervals.latencies, report.intervals.successes) == ((), ())
    assert "No request ended." in render(report, "markdown")
