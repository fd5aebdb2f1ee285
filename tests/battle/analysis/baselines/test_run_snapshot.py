"""What a baseline takes from a run: every number as its queries have it."""

from pathlib import Path

import pytest

from battle.analysis.baselines.metrics import values_of
from battle.analysis.baselines.run_snapshot import metric_values, take
from battle.analysis.statistics.quantiles import quantile_interval
from battle.store.catalog import query_names
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import MS, S, failed, open_history, request, tried, write_run


def test_the_golden_run_as_a_snapshot(tmp_path: Path) -> None:
    taken = take(golden_run(tmp_path / "run"))
    assert (taken.name, taken.verdict, taken.partial, taken.distrusted) == ("golden", "PASS", False, ())
    assert taken.identity.scenario == "http_failover"
    assert taken.host == {"cpus": 2, "system": "Linux"}
    values = taken.runs[0].values
    assert values["load/success_ratio"] == 0.99
    assert values["load/p50_latency_ns"] == values["p50_latency_ns"] == pytest.approx(43 * MS, abs=3 * MS)
    assert (values["failovers"], values["breaker_changes"], values["wrong_answers"]) == (3, 3, 0)
    assert values["stale_answers"] == 1
    assert values["attempts_per_request"] == pytest.approx(1.03)
    assert values["answered_per_s"] == pytest.approx(9.9)
    assert values["missed_heads"] is None
    (sample,) = taken.samples
    assert (sample.workload, sample.latencies.total, sample.latencies.answered) == ("load", 100, 99)
    assert taken.failover_costs is not None
    assert taken.failover_costs.total == 3


def test_the_values_of_a_repetition_are_those_of_its_snapshot(tmp_path: Path) -> None:
    run_dir = golden_run(tmp_path / "run")
    one, report = metric_values(run_dir)
    assert one == take(run_dir).runs[0]
    assert report.run.run_id == "golden"
    assert values_of(report, {})["p95_latency_ns"] == one.values["p95_latency_ns"]


def test_the_summary_of_a_baseline_has_the_quantiles_of_the_run(tmp_path: Path) -> None:
    events = [request(n, n * 10 * MS, (20 + n % 100) * MS) for n in range(2000)]
    taken = take(write_run(tmp_path / "run", {"load": events}))
    for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
        exact = taken.runs[0].values[f"load/{name}_latency_ns"]
        assert quantile_interval(taken.samples[0].latencies, q).value == pytest.approx(exact, rel=0.01)


def test_several_workloads_have_samples_of_their_own_and_one_together(tmp_path: Path) -> None:
    events = [request(n, n * MS, workload="reads" if n % 4 else "calls") for n in range(400)]
    taken = take(write_run(tmp_path / "run", {"load": events}))
    assert [(s.workload, s.latencies.total) for s in taken.samples] == [
        (None, 400),
        ("calls", 100),
        ("reads", 300),
    ]


def test_an_empty_run_has_nothing_and_is_no_mistake(tmp_path: Path) -> None:
    taken = take(write_run(tmp_path / "run", {}))
    assert (taken.samples, taken.failover_costs, taken.verdict) == ((), None, "INCONCLUSIVE")
    assert taken.distrusted


def test_that_nothing_was_demanded_is_no_doubt_of_the_measurement(tmp_path: Path) -> None:
    taken = take(golden_run(tmp_path / "run"))
    without = take(golden_run(tmp_path / "without", slo=None))
    assert (taken.verdict, without.verdict, without.distrusted) == ("PASS", "INCONCLUSIVE", ())


def test_failovers_are_counted_by_time_and_by_cost(tmp_path: Path) -> None:
    events = [
        *(request(n, n * S, 100 * MS) for n in range(10)),
        *(tried(n, "a", n * S, n * S + MS, "error") for n in (0, 5)),
        *(tried(n, "b", n * S + 20 * MS, n * S + 30 * MS, attempt=2) for n in (0, 5)),
        # One that failed throughout has cost all its time, and began after the last request was due.
        failed(20, 9 * S, 2 * S),
        tried(20, "a", 10 * S, 10 * S + 50 * MS, "error"),
        tried(20, "b", 10 * S + 50 * MS, 10 * S + 80 * MS, "error", attempt=2),
    ]
    with open_history(tmp_path, *events) as run:
        (row,) = run.query("failover_cells", cells=10)
    assert "failover_cells" in query_names()
    assert (row.workload, row.clock, row.cells) == (None, "due", 10)
    places = [(place // 4096, 1.01 ** (place % 4096 - 1) / MS) for place in row.places]
    assert [cell for cell, _ in places] == [0, 5, 9]
    assert [cost for _, cost in places] == [
        pytest.approx(20, rel=0.011),
        pytest.approx(20, rel=0.011),
        pytest.approx(80, rel=0.011),
    ]
    assert row.counts == [1, 1, 1]


def test_the_last_failover_of_however_long_a_load_is_in_the_last_cell(tmp_path: Path) -> None:
    year_ns = 31_536_000 * S
    events = [
        request(1, 0, S),
        request(2, year_ns, S),
        tried(2, "a", year_ns, year_ns + MS, "error"),
        tried(2, "b", year_ns + 20 * MS, year_ns + 30 * MS, attempt=2),
    ]
    with open_history(tmp_path, *events) as run:
        (row,) = run.query("failover_cells", cells=100)
    assert [place // 4096 for place in row.places] == [row.cells - 1]
