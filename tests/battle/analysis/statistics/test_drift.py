"""Slow drift: seen where the level moves by little per run, not in noise, steps and single outliers."""

import math

import numpy as np
import pytest

from battle.analysis.statistics.change_points import Values
from battle.analysis.statistics.drift import drift, kolmogorov_tails


def noise(seed: int, runs: int, spread: float = 5) -> Values:
    return np.random.default_rng(seed).normal(100, spread, runs)


def test_a_slow_rise_is_found_with_its_slope() -> None:
    found = drift(noise(1, 200) + np.linspace(0, 20, 200))
    assert found is not None
    assert found.size == pytest.approx(0.2, abs=0.05)
    assert found.per_run == pytest.approx(0.1, abs=0.03)
    assert found.p_value < 0.001


def test_a_slow_fall_is_found_too() -> None:
    found = drift(noise(2, 200) - np.linspace(0, 20, 200))
    assert found is not None
    assert found.per_run == pytest.approx(-0.1, abs=0.03)


def test_where_it_begins_is_found() -> None:
    found = drift(noise(3, 200, 2) + np.maximum(0, np.arange(200) - 100) * 0.3)
    assert found is not None
    assert found.index == pytest.approx(100, abs=15)
    assert found.before == pytest.approx(100, abs=1)


def test_a_bad_run_does_not_hide_where_it_goes() -> None:
    values = noise(1, 200) + np.linspace(0, 20, 200)
    values[190] = 2000
    found = drift(values)
    assert found is not None
    assert found.after == pytest.approx(120, abs=4)


def test_noise_does_not_drift() -> None:
    assert [seed for seed in range(20) if drift(noise(seed, 100)) is not None] == []


def test_a_rise_that_noise_may_be_is_no_drift() -> None:
    rises = [noise(seed, 60) + np.linspace(0, 8, 60) for seed in (5, 28, 33)]
    assert all(drift(rise, level=0.5) is not None for rise in rises)
    assert [rise for rise in rises if drift(rise) is not None] == []


def test_noise_does_not_drift_however_often_one_looks() -> None:
    values = noise(4, 200)
    assert [runs for runs in range(20, 201, 4) if drift(values[:runs]) is not None] == []


@pytest.mark.slow
def test_false_alarms_are_rare_and_drifts_are_found() -> None:
    rng = np.random.default_rng(5)
    assert sum(drift(rng.normal(100, 5, 1000)) is not None for _ in range(400)) <= 4
    looks = [rng.normal(100, 5, 300) for _ in range(40)]
    assert sum(any(drift(run[:runs]) is not None for runs in range(20, 301)) for run in looks) <= 2
    rising = [drift(rng.normal(100, 5, 200) + np.linspace(0, 15, 200)) for _ in range(200)]
    assert sum(found is not None for found in rising) >= 190


def test_a_step_is_no_drift() -> None:
    assert drift(noise(6, 100) + 15 * (np.arange(100) >= 60)) is None


def test_an_outlier_is_no_drift() -> None:
    values = noise(7, 100)
    values[70] = 1000
    assert drift(values) is None


def test_weights_find_what_noisy_runs_hide() -> None:
    """A third of the runs are ten times as noisy. With their variances known a drift is seen far more often."""
    spreads = np.where(np.arange(100) % 3 == 2, 10.0, 1.0)
    runs = [100 + np.linspace(0, 3, 100) + (noise(seed, 100, 1) - 100) * spreads for seed in range(20)]
    assert sum(drift(run, spreads**2) is not None for run in runs) >= 15
    assert sum(drift(run) is not None for run in runs) <= 5


@pytest.mark.parametrize("values", [[], [1.0] * 100, list(range(19)), [None] * 50, [1.0] * 30 + [math.inf]])
def test_few_alike_or_infinite_runs_do_not_drift(values: list[float | None]) -> None:
    assert drift(values) is None


def test_missing_runs_do_not_shift_the_place() -> None:
    rising: list[float | None] = list[float | None](
        noise(3, 200, 2) + np.maximum(0, np.arange(200) - 100) * 0.3
    )
    rising[:60:2] = [None] * 30
    found = drift(rising)
    assert found is not None
    assert found.index == pytest.approx(100, abs=15)


def test_a_drift_without_any_noise_is_certain() -> None:
    found = drift([float(at) for at in range(100, 160)])
    assert found is not None
    assert found.index == 0
    assert found.per_run == pytest.approx(1)
    assert found.size == pytest.approx(0.59)


def test_small_drifts_can_be_left_out() -> None:
    rising = noise(1, 200, 1) + np.linspace(0, 4, 200)
    assert drift(rising) is not None
    assert drift(rising, size_min=0.1) is None


def test_kolmogorov_as_in_his_table() -> None:
    assert kolmogorov_tails(1.3581) == pytest.approx(0.05, abs=1e-4)
    assert kolmogorov_tails(1.6276) == pytest.approx(0.01, abs=1e-4)
    assert kolmogorov_tails(0.1) == 1


def test_where_it_begins_is_among_the_runs_that_are_given() -> None:
    kept = []
    for seed in range(20):
        found = drift(noise(seed, 200, 2) + np.maximum(0, np.arange(200) - 100) * 0.1)
        assert found is not None
        assert found.first < found.index < found.last
        kept.append(found.first <= 100 <= found.last)
    assert sum(kept) >= 19
