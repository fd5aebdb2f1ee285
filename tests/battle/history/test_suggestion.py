"""Suggested SLOs: runs that were not there yet meet them, and there is none without runs enough."""

import tomllib
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from battle.history.row import HistoryRow
from battle.history.suggestion import (
    ELSEWHERE,
    NOT_PASS,
    NOT_TRUSTED,
    SAME_SEED,
    Setting,
    suggested,
    toml_lines,
    usable_runs,
)
from tests.battle.analysis.statistics.test_tolerance import bimodal, correlated, lognormal, normal
from tests.battle.history.rows import history_row, metric

Law = Callable[[np.random.Generator, int], np.ndarray]


def rows(
    values: Sequence[float] | np.ndarray, name: str = "p95_latency_ms", commits: int = 10
) -> list[HistoryRow]:
    """A run for each value; so many commits have a run each in turn, then come others."""
    return [
        history_row(number, metric(name, float(value)), commit=f"{number // commits:040}")
        for number, value in enumerate(values)
    ]


def held(law: Law, histories: int, runs: int) -> tuple[float, float]:
    """The share of runs after the suggestion that meet it, and the share of histories with a suggestion."""
    rng = np.random.default_rng(6)
    met = []
    for _ in range(histories):
        values = law(rng, runs + 200)
        (slo,) = suggested(rows(values[:runs]))
        if slo.target is not None:
            met.append(float(np.mean(values[runs:] <= slo.target)))
    return float(np.mean(met)), len(met) / histories


@pytest.mark.parametrize("law", [normal, lognormal, bimodal])
def test_held_out_runs_meet_what_was_suggested(law: Law) -> None:
    share, given = held(law, 6, 70)
    assert share >= 0.95
    assert given >= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("law", [normal, lognormal, bimodal])
def test_95_percent_of_held_out_runs_meet_it(law: Law) -> None:
    share, given = held(law, 100, 70)
    assert share >= 0.97
    assert given >= 0.75


@pytest.mark.slow
def test_runs_that_hang_together_meet_it_too() -> None:
    share, given = held(correlated, 40, 240)
    assert share >= 0.95
    assert given >= 0.3


@pytest.mark.slow
@pytest.mark.parametrize("law", [normal, lognormal, bimodal])
def test_in_95_of_100_histories_95_percent_of_all_runs_meet_it(law: Law) -> None:
    """The promise is about each history, not about their mean."""
    rng = np.random.default_rng(8)
    everything = law(rng, 100_000)
    kept = []
    for _ in range(100):
        (slo,) = suggested(rows(law(rng, 70)))
        if slo.target is not None:
            kept.append(np.mean(everything <= slo.target) >= 0.95)
    assert np.mean(kept) >= 0.95


def test_too_few_runs_are_refused_with_how_many_are_missing() -> None:
    values = normal(np.random.default_rng(7), 59)
    (slo,) = suggested(rows(values[:40]))
    assert slo.target is None
    assert slo.missing == 19
    assert slo.problem == "19 runs missing: it has 40, and 59 are needed"
    (enough,) = suggested(rows(values[:40]), Setting(0.9, 0.9))
    assert enough.target is not None


def test_only_runs_since_the_last_step_count() -> None:
    values = np.concatenate([normal(np.random.default_rng(9), 60) + 50, normal(np.random.default_rng(9), 60)])
    (slo,) = suggested(rows(values))
    assert slo.since == "run-60"
    assert slo.target is not None
    assert slo.target < 125


def test_a_metric_that_drifts_is_refused() -> None:
    values = normal(np.random.default_rng(10), 200) + np.linspace(0, 12, 200)
    (slo,) = suggested(rows(values), Setting(0.9, 0.9))
    assert slo.target is None


def test_what_left_out_runs_do_not_meet_is_refused() -> None:
    """All bad runs are of one day: what the other days suggest, that day did not meet."""
    values = normal(np.random.default_rng(15), 60)
    values[[24, 27, 30, 33]] += 100
    (slo,) = suggested(rows(values))
    assert slo.target is None
    assert slo.replay is not None
    assert slo.replay.met == 56
    assert slo.problem is not None
    assert "left-out runs" in slo.problem


def test_each_metric_has_its_direction_and_its_kind() -> None:
    rng = np.random.default_rng(11)
    runs = [
        history_row(
            number,
            metric("success_rate", 0.999 - 0.001 * rng.random()),
            metric("p99_latency_ms", 100 + rng.random()),
            metric("max_wrong_answers", 0.0),
            metric("min_failovers", float(rng.integers(5, 9))),
        )
        for number in range(70)
    ]
    targets = {slo.name: slo.target for slo in suggested(runs)}
    assert targets["success_rate"] is not None
    assert 0.997 <= targets["success_rate"] <= 0.998
    assert targets["p99_latency_ms"] == 110
    assert targets["max_wrong_answers"] == 0
    assert isinstance(targets["max_wrong_answers"], int)
    assert targets["min_failovers"] in (3, 4, 5)


def test_the_margin_is_what_runs_of_one_commit_differ_by() -> None:
    rng = np.random.default_rng(12)
    values = 100 + rng.random(40).repeat(2) + rng.random(80) / 100
    (slo,) = suggested(rows(values, commits=2), Setting(0.6, 0.6))
    assert slo.margin is not None
    assert (slo.margin.same, slo.margin.pairs) == (True, 40)
    assert slo.margin.size < 0.01
    (other,) = suggested(rows(values[::2], commits=1), Setting(0.6, 0.6))
    assert other.margin is not None
    assert (other.margin.same, other.margin.pairs) == (False, 39)
    assert other.margin.size > 0.01


def test_a_percentile_that_was_not_reached_is_the_worst() -> None:
    runs = rows(normal(np.random.default_rng(13), 70))
    runs[10] = history_row(10, metric("p95_latency_ms", None, never=True))
    (slo,) = suggested(runs)
    assert slo.target is None
    assert slo.problem is not None
    assert "never reached" in slo.problem


def test_runs_of_another_kind_are_left_out_and_counted() -> None:
    runs = [
        history_row(1, verdict="FAIL"),
        history_row(2, partial=True),
        history_row(3, distrusted=("late",)),
        history_row(4, machine="m2"),
        history_row(5, world="simulated"),
        history_row(6, gateway="other"),
        history_row(7, scenario_digest="s2"),
        history_row(8),
    ]
    usable = usable_runs(runs)
    assert [one.run_id for one in usable.rows] == ["run-8"]
    assert usable.left_out == {NOT_PASS: 1, NOT_TRUSTED: 2, ELSEWHERE: 4}
    assert usable_runs(runs[:1]).rows == ()


def test_a_seed_counts_once_in_the_simulated_world() -> None:
    runs = [history_row(number, world="simulated", seed=number % 3) for number in range(9)]
    usable = usable_runs(runs)
    assert [one.run_id for one in usable.rows] == ["run-6", "run-7", "run-8"]
    assert usable.left_out == {SAME_SEED: 6}


def test_the_toml_is_what_a_scenario_takes() -> None:
    values = normal(np.random.default_rng(14), 60)
    runs = [
        history_row(
            number,
            metric("p95_latency_ms", float(value)),
            metric("p95_latency_ms", float(value) * 2, workload="reads"),
        )
        for number, value in enumerate(values)
    ]
    whole, reads = tomllib.loads("\n".join(toml_lines(suggested(runs))))["slo"]
    assert whole.keys() == {"p95_latency_ms"}
    assert reads["workload"] == "reads"
    assert 1.5 * whole["p95_latency_ms"] < reads["p95_latency_ms"]


def test_one_run_is_held_to_no_other() -> None:
    (slo,) = suggested(rows([100.0]), Setting(0.5, 0.5))
    assert slo.problem == "1 run missing: it has 1, and 2 are needed"
    assert Setting(0.5, 0.5).runs == 2
