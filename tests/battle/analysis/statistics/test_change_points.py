"""Steps in a series of runs: found where they are, and not where only noise, an outlier or a weight is."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from battle.analysis.statistics.change_points import ChangePoint, Values, change_points

NOISE = 0.05
"""Runs of one commit on one machine differ by about so much in their p95 (coefficient of variation)."""


def series(rng: np.random.Generator, runs: int, step_at: int | None = None, noise: float = NOISE) -> Values:
    """Runs around 100, from `step_at` on 15 % higher."""
    values = rng.normal(100, 100 * noise, runs)
    if step_at is not None:
        values[step_at:] *= 1.15
    return values


def stepped(repetitions: int, noise: float = NOISE, seed: int = 5) -> Iterator[tuple[Values, int]]:
    """Series of 200 runs, and where their step is: anywhere but at the very ends."""
    rng = np.random.default_rng(seed)
    for _ in range(repetitions):
        at = int(rng.integers(30, 170))
        yield series(rng, 200, at, noise), at


def is_near(points: tuple[ChangePoint, ...], at: int, runs: int = 5) -> bool:
    return any(abs(point.index - at) <= runs for point in points)


def test_a_step_of_15_percent_is_found_within_five_runs_of_its_place() -> None:
    found = [change_points(values) for values, _ in stepped(20)]
    assert sum(is_near(points, at) for points, (_, at) in zip(found, stepped(20), strict=True)) >= 19
    sizes = [points[0].size for points in found if len(points) == 1]
    assert np.median([size for size in sizes if size is not None]) == pytest.approx(0.15, abs=0.02)


def test_the_fifth_run_after_a_step_is_enough() -> None:
    assert sum(is_near(change_points(values[: at + 5]), at) for values, at in stepped(20)) >= 18


@pytest.mark.slow
def test_a_step_is_found_in_95_of_100_repetitions() -> None:
    """What the guide promises, for runs that differ by 5 %; the table in docs/statistics.md has other noises."""
    repetitions = list(stepped(400, seed=11))
    whole = sum(is_near(change_points(values), at) for values, at in repetitions)
    soon = sum(is_near(change_points(values[: at + 5]), at) for values, at in repetitions)
    assert whole / 400 >= 0.98
    assert soon / 400 >= 0.95


def test_noise_has_no_step() -> None:
    rng = np.random.default_rng(1)
    assert sum(len(change_points(series(rng, 1000))) for _ in range(2)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "lognormal", "outliers"])
def test_a_thousand_runs_of_noise_give_at_most_one_point(law: str) -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        values = series(rng, 1000)
        if law == "lognormal":
            values = rng.lognormal(0, 0.1, 1000)
        if law == "outliers":
            values = np.where(rng.random(1000) < 0.01, 1.6, 1) * values
        found.append(len(change_points(values)))
    # One run in a hundred 60 % slower: now and then two of them, with a slow one between, look like a level of three.
    assert np.mean(np.array(found) <= 1) >= (0.95 if law == "outliers" else 0.98)


@pytest.mark.slow
def test_looking_after_each_run_gives_few_false_alarms() -> None:
    """All looks at 250 runs together: fewer than one alarm in three such series."""
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(12):
        values = series(rng, 250)
        alarms += len({point.index // 5 for runs in range(10, 251) for point in change_points(values[:runs])})
    assert alarms <= 4


def test_several_steps_are_found_each_with_the_levels_beside_it() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(100, 3, 300)
    values[100:] += 20
    values[160:] -= 30
    first, second = change_points(values)
    assert [first.index, second.index] == [pytest.approx(100, abs=1), pytest.approx(160, abs=1)]
    assert first.before == pytest.approx(100, abs=1)
    assert first.after == second.before == pytest.approx(120, abs=1.5)
    assert second.size == pytest.approx(-0.25, abs=0.02)
    assert max(first.p_value, second.p_value) < 1e-6


@pytest.mark.parametrize("bad", [[50], [50, 51], [50, 90]])
def test_a_few_bad_runs_are_no_step(bad: list[int]) -> None:
    values = series(np.random.default_rng(4), 100)
    values[bad] = 1000
    assert change_points(values) == ()


def test_of_three_bad_runs_two_are_no_step() -> None:
    values = series(np.random.default_rng(4), 100)
    values[[97, 99]] = 1000
    assert change_points(values) == ()


def test_a_bad_run_does_not_hide_a_step() -> None:
    values = series(np.random.default_rng(15), 80, 40, noise=0.03)
    values[[20, 60]] = 1000
    (point,) = change_points(values)
    assert point.index == pytest.approx(40, abs=2)
    assert point.size == pytest.approx(0.15, abs=0.03)


def test_any_difference_is_a_step_where_nothing_varies() -> None:
    """The simulated world gives the same value each time."""
    (point,) = change_points([5.0] * 10 + [5.1] * 3)
    assert (point.index, point.before, point.p_value) == (10, 5.0, 0.0)
    assert point.after == pytest.approx(5.1)
    assert change_points([5.0] * 50) == ()
    assert change_points([5.0] * 10 + [5.1] + [5.0] * 10) == ()


def test_rare_failures_are_no_step() -> None:
    rng = np.random.default_rng(6)
    values = np.where(rng.random(1000) < 0.03, 0.99, 1.0)
    assert change_points(values) == ()


def test_what_is_known_badly_counts_for_little() -> None:
    """Ten runs with a hundred times the variance are higher by chance; the same values known well are a step."""
    rng = np.random.default_rng(8)
    values = np.concatenate([rng.normal(100, 1, 60), rng.normal(103, 1, 10)])
    variances = [1.0] * 60 + [100.0] * 10
    known = change_points(values, [1.0] * 70)
    assert known
    assert known[0].index == pytest.approx(60, abs=1)
    noisy = np.concatenate([rng.normal(100, 1, 60), 103 + rng.normal(0, 10, 10)])
    assert change_points(noisy, variances) == ()


def test_weights_find_what_noisy_runs_hide() -> None:
    """A third of the runs are ten times as noisy. With their variances known the step is seen far more often."""
    rng = np.random.default_rng(9)
    spreads = np.where(np.arange(80) % 3 == 2, 10.0, 1.0)
    weighted = plain = 0
    for _ in range(20):
        values = 100 + 2 * (np.arange(80) >= 40) + rng.normal(0, 1, 80) * spreads
        weighted += is_near(change_points(values, spreads**2), 40)
        plain += is_near(change_points(values), 40)
    assert weighted >= plain + 8


def test_an_unknown_variance_is_the_usual_one() -> None:
    values = series(np.random.default_rng(10), 80, 40)
    known: list[float | None] = [4.0] * 80
    some = [None if at % 7 == 0 else 4.0 for at in range(80)]
    assert change_points(values, known) == change_points(values, some)
    assert change_points(values, [None] * 80) == change_points(values)
    assert change_points(values, [0.0] * 80) == change_points(values)


def test_runs_without_a_value_are_left_out_and_do_not_shift_the_place() -> None:
    values: list[float | None] = list[float | None](series(np.random.default_rng(11), 80, 40, noise=0.01))
    values[10] = values[20] = None
    values[30] = math.nan
    (point,) = change_points(values)
    assert point.index == 40


def test_infinity_is_the_worst_value_and_once_no_step() -> None:
    good = list(series(np.random.default_rng(12), 40))
    (point,) = change_points([*good, *[math.inf] * 5])
    assert (point.index, point.after, point.size) == (40, math.inf, None)
    assert change_points([*good, math.inf, *good]) == ()
    assert change_points([math.inf] * 10) == ()


@pytest.mark.parametrize("values", [[], [1.0], [None, math.nan], [1.0, 2.0], [1.0, 1.0, 2.0, 2.0]])
def test_few_runs_have_no_step(values: list[float | None]) -> None:
    assert change_points(values) == ()


def test_a_level_of_zero_has_no_relative_change() -> None:
    (point,) = change_points([0.0] * 10 + [1.0] * 10)
    assert (point.before, point.after, point.size) == (0.0, 1.0, None)


def test_small_steps_can_be_left_out() -> None:
    values = [100.0] * 20 + [101.0] * 20 + [150.0] * 20
    assert [point.index for point in change_points(values)] == [20, 40]
    assert [point.index for point in change_points(values, size_min=0.05)] == [40]


def test_variances_must_fit() -> None:
    with pytest.raises(ValueError, match="3 values have 2 variances"):
        change_points([1.0, 2.0, 3.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="negative"):
        change_points([1.0, 2.0, 3.0], [1.0, -1.0, 1.0])


def test_the_place_of_a_step_is_among_those_that_are_given() -> None:
    found = [(points[0], at) for values, at in stepped(40) if len(points := change_points(values)) == 1]
    assert len(found) >= 38
    assert sum(point.first <= at <= point.last for point, at in found) >= 38
    assert np.median([point.last - point.first for point, _ in found]) <= 6


def test_without_noise_there_is_one_place() -> None:
    (point,) = change_points([10.0] * 8 + [None] + [12.0] * 4)
    assert (point.first, point.index, point.last) == (9, 9, 9)


def test_a_run_between_both_levels_is_surely_of_neither() -> None:
    (point,) = change_points([10.0] * 19 + [13.0] + [20.0] * 6)
    assert (point.first, point.index, point.last) == (19, 20, 20)
    (point,) = change_points([10.0] * 19 + [17.0] + [20.0] * 6)
    assert (point.first, point.index, point.last) == (19, 19, 20)
