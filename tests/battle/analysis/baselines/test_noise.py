"""What several runs of a baseline tell: how noisy it is, what can be seen, and that noise raises no alarm."""

import math
from statistics import stdev
from typing import Any

import numpy as np
import pytest

from battle.analysis.baselines.best_evidence import best_evidence
from battle.analysis.baselines.compare import compare
from battle.analysis.baselines.decide import on_logs
from battle.analysis.baselines.evidence import Evidence
from battle.analysis.baselines.metrics import OF_WORKLOADS
from battle.analysis.baselines.noise import Noise, noise_of
from battle.analysis.baselines.runs import CALIBRATED_RUNS_MIN, extra_noise
from battle.analysis.baselines.snapshot import OneRun, Snapshot
from battle.analysis.reports.comparison import Change
from tests.battle.analysis.baselines.snapshots import snapshot


def calibrated(seed: int, factors: list[float], **values: list[float]) -> Snapshot:
    """A baseline of so many runs; each is as much slower as its factor says. `values` are measured besides."""
    one = snapshot(seed, median_ms=50 * factors[0], requests=3000)
    first = one.runs[0]
    runs = tuple(
        OneRun(
            run_id=f"r{number}",
            seed=number,
            values={
                name: value * factor / factors[0] if value and name.endswith("latency_ns") else value
                for name, value in first.values.items()
            }
            | {name: series[number] for name, series in values.items()},
        )
        for number, factor in enumerate(factors)
    )
    return _with(one, runs=runs)


def _with(one: Snapshot, **changes: Any) -> Snapshot:
    return Snapshot(**{name: getattr(one, name) for name in one.__struct_fields__} | changes)


def of(rows: tuple[Noise, ...], name: str) -> Noise:
    (row,) = (row for row in rows if row.name == name)
    return row


def p95(before: Snapshot, after: Snapshot) -> Change:
    (change,) = (one for one in compare(before, after).changes if one.metric == "p95_latency_ns")
    return change


def test_a_noisy_machine_sees_less() -> None:
    quiet = calibrated(1, [1, 1.001, 0.999, 1, 1.001, 0.999])
    loud = calibrated(1, [1, 1.2, 0.85, 1.1, 0.9, 1.05])
    name = "p95 latency of load"
    assert of(noise_of(loud), name).visible > 0.3 > 0.2 > of(noise_of(quiet), name).visible  # type: ignore[operator]
    assert of(noise_of(loud), name).spread == pytest.approx(
        stdev([1, 1.2, 0.85, 1.1, 0.9, 1.05]) / 1.0167, abs=0.001
    )
    assert of(noise_of(snapshot(1)), name).spread is None


def test_the_same_change_is_worse_on_a_quiet_machine_and_not_told_on_a_noisy_one() -> None:
    after = snapshot(2, median_ms=65, requests=3000)
    assert p95(calibrated(1, [1, 1.001, 0.999, 1, 1.001, 0.999]), after).verdict == "worse"
    loud = p95(calibrated(1, [1, 1.2, 0.85, 1.1, 0.9, 1.05]), after)
    assert loud.verdict == "not_enough_data"
    assert loud.method.endswith("the spread of 6 runs")


def test_one_value_a_run_needs_calibration() -> None:
    def memory(values: list[float]) -> str:
        before = calibrated(1, [1.0] * len(values), gateway_rss_max_bytes=values)
        comparison = compare(before, snapshot(2, values={"gateway_rss_max_bytes": 150e6}))
        (change,) = (one for one in comparison.changes if one.metric == "gateway_rss_max_bytes")
        return change.verdict

    assert memory([100e6]) == "not_enough_data"
    assert memory([100e6, 101e6, 99e6, 100e6, 100e6]) == "worse"
    assert memory([149e6, 151e6, 150e6, 150e6, 150e6]) == "same"
    assert memory([60e6, 200e6, 100e6, 170e6, 90e6]) == "not_enough_data"


def test_only_what_exceeds_the_noise_within_runs_comes_on_top() -> None:
    values = [1.0, 1.1, 0.9, 1.05, 0.95]
    spread = stdev(values)
    assert extra_noise(values[: CALIBRATED_RUNS_MIN - 1], 0.0) == (0.0, math.inf)
    noise, runs = extra_noise(values, 0.0)
    assert noise == pytest.approx(spread * math.sqrt(1.2))
    assert runs == 4
    # Each run's own noise is half of the variance of a difference of two.
    assert extra_noise(values, spread * math.sqrt(2))[0] == pytest.approx(0, abs=1e-7)
    assert extra_noise(values, spread)[0] == pytest.approx(spread * math.sqrt(0.5 * 1.2))


def test_a_machine_whose_runs_differ_by_a_seventh_raises_few_false_alarms() -> None:
    """Without calibration such a machine would fail one run in four."""
    rng = np.random.default_rng(7)
    (metric,) = (metric for metric in OF_WORKLOADS if metric.name == "p95_latency_ns")
    alarms = {True: 0, False: 0}
    for seed in range(25):
        factors = np.exp(0.15 * rng.standard_normal(7)).tolist()
        after = snapshot(5000 + seed, median_ms=50 * factors[6], requests=3000)
        for is_calibrated in alarms:
            before = calibrated(seed + 1, factors[:6] if is_calibrated else factors[:1])
            found = best_evidence(metric, "load", before, after)
            assert isinstance(found, Evidence)
            alarms[is_calibrated] += on_logs(metric, found, 0.99, 0.1) == "worse"
    assert alarms[False] >= 4
    assert alarms[True] <= 1
