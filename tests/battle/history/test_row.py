"""The row of a run: what its SLOs and its report say, and what tells machines apart."""

import json
from pathlib import Path
from typing import Any

import pytest

from battle.analysis.reports.files import read_report
from battle.history.row import machine_digest, machine_text
from battle.history.run_row import read_row, source_of
from battle.scenario.slo.metrics import METRICS
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import MS, failed, request, write_run
from tests.headers import replace_header

HOST: dict[str, Any] = {
    "system": "Linux 6.8.0-1017-azure",
    "machine": "x86_64",
    "cpu": "EPYC",
    "cpus": 4,
    "memory_bytes": 16_770_000_000,
}


def test_the_golden_run_as_a_row(tmp_path: Path) -> None:
    run_dir = golden_run(tmp_path / "run")
    row, report = read_row(run_dir), read_report(run_dir)
    assert (row.run_id, row.scenario, row.verdict, row.requests) == ("golden", "http_failover", "PASS", 100)
    assert (row.trusted, row.distrusted, row.partial) == (True, (), False)
    assert [one.name for one in row.metrics] == list(METRICS)
    by_slo = {one.name: one.measured for one in report.slos if one.measured is not None}
    for name, measured in by_slo.items():
        assert row.metric(name).value == pytest.approx(measured)
    of_all: Any = next(
        one for one in report.intervals.latencies if (one.clock, one.workload) == ("due", None)
    )
    interval = of_all.p95
    p95: Any = row.metric("p95_latency_ms")
    assert (p95.low, p95.high) == (interval.low * 1e-6, interval.high * 1e-6)
    assert p95.low <= p95.value <= p95.high
    success: Any = row.metric("success_rate")
    assert success.low < success.value == 0.99 < success.high
    missed: Any = row.metric("max_missed_heads")
    assert (missed.value, missed.never, missed.low) == (None, False, None)


def test_each_of_several_workloads_has_its_metrics(tmp_path: Path) -> None:
    events = [request(n, n * MS, workload="reads" if n % 4 else "calls") for n in range(400)]
    row = read_row(write_run(tmp_path / "run", {"load": events}))
    assert {one.workload for one in row.metrics} == {None, "reads", "calls"}
    assert row.metric("success_rate", "reads").value == 1
    assert row.metric("max_memory_mb", "reads") is None  # of no workload


def test_a_percentile_that_was_never_reached_is_not_one_that_was_not_measured(tmp_path: Path) -> None:
    events = [failed(n, n * MS) if n % 2 else request(n, n * MS) for n in range(400)]
    row = read_row(write_run(tmp_path / "run", {"load": events}))
    p95: Any
    delay: Any
    p95, delay = row.metric("p95_latency_ms"), row.metric("max_head_delay_ms")
    assert (p95.value, p95.never) == (None, True)
    assert (delay.value, delay.never) == (None, False)


def test_the_commit_of_the_run_stands_in_its_row(tmp_path: Path) -> None:
    run_dir = golden_run(tmp_path / "run")
    header = json.loads((run_dir / "run.json").read_text())
    replace_header(run_dir, header | {"commit": "c0ffee", "branch": "main", "dirty": True})
    row = read_row(run_dir)
    assert (row.commit, row.branch, row.dirty) == ("c0ffee", "main", True)


def test_a_machine_is_the_same_whatever_does_not_make_it_faster() -> None:
    same = machine_digest(HOST)
    assert (
        machine_digest({**HOST, "memory_bytes": 16_500_000_000, "system": "Linux 6.8.0-1021-azure"}) == same
    )
    others: list[dict[str, Any]] = [
        {"cpu": "Xeon"},
        {"cpus": 2},
        {"memory_bytes": 33_000_000_000},
        {"system": "Linux 6.11.0"},
        {"machine": "aarch64"},
        {"runner": "github github-hosted"},
    ]
    digests = {machine_digest({**HOST, **other}) for other in others}
    assert len(digests | {same}) == len(others) + 1
    assert machine_digest({}) == machine_digest({"cpu": None, "memory_bytes": "much", "system": 1})


def test_a_machine_in_words() -> None:
    assert machine_text(HOST) == "EPYC, 4 CPUs, 16 GiB, Linux 6.8"
    assert machine_text({}) == "unknown machine"


@pytest.mark.parametrize(
    ("command", "source"),
    [
        ("battle run 'my battles/pool.py:late' --world live --seed 1", "my battles/pool.py:late"),
        (None, None),
        ("make battle", None),
        ("battle run", None),
        ("battle run 'x", None),
    ],
)
def test_what_one_types_for_the_scenario_is_kept(command: str | None, source: str | None) -> None:
    assert source_of(command) == source
