"""Student's t against published tables, and intervals over repetitions against worked examples."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.analysis.statistics.seeds import (
    ENDLESS,
    FEW,
    student,
    student_difference,
    student_ratio,
)
from battle.analysis.statistics.student import incomplete_beta, t_quantile

TABLE = [
    (0.975, 1, 12.7062047),
    (0.975, 2, 4.3026527),
    (0.95, 4, 2.1318468),
    (0.975, 9, 2.2621572),
    (0.995, 9, 3.2498355),
    (0.9995, 3, 12.9239786),
    (0.975, 19, 2.0930241),
    (0.975, 120, 1.9799304),
    (0.025, 9, -2.2621572),
    (0.5, 7, 0.0),
]


@pytest.mark.parametrize(("probability", "freedom", "published"), TABLE)
def test_students_t_is_as_published(probability: float, freedom: float, published: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(published, abs=1e-7)


def test_students_t_becomes_normal() -> None:
    normal = NormalDist().inv_cdf(0.975)
    assert t_quantile(0.975, 1e9) == normal
    assert t_quantile(0.975, 999_999) == pytest.approx(normal, abs=1e-5)


@given(st.floats(0.001, 0.999), st.floats(0.1, 500), st.floats(0.1, 500))
def test_the_incomplete_beta_function_is_a_distribution(x: float, a: float, b: float) -> None:
    value = incomplete_beta(x, a, b)
    assert -1e-9 <= value <= 1 + 1e-9
    assert value + incomplete_beta(1 - x, b, a) == pytest.approx(1, abs=1e-6)


@given(st.floats(0, 1), st.integers(1, 40))
def test_the_incomplete_beta_function_of_one(x: float, a: int) -> None:
    assert incomplete_beta(x, a, 1) == pytest.approx(x**a, abs=1e-12)


def test_the_mean_of_ten_seeds() -> None:
    estimate = student([float(value) for value in range(1, 11)])
    # mean 5.5, standard deviation 3.02765, divided by sqrt(10), times 2.262157
    assert estimate.value == 5.5
    assert estimate.low == pytest.approx(5.5 - 2.1658506, abs=1e-6)
    assert estimate.high == pytest.approx(5.5 + 2.1658506, abs=1e-6)


def test_too_few_repetitions_have_no_interval() -> None:
    estimate = student([1.0] * 9)
    assert (estimate.enough, estimate.value, estimate.low, estimate.note) == (False, 1.0, None, FEW)
    assert student([]).value is None
    assert not student_difference([1.0] * 10, [2.0] * 9).enough


def test_a_seed_that_was_never_answered_leaves_no_interval() -> None:
    estimate = student([1.0] * 10 + [math.inf])
    assert (estimate.enough, estimate.value, estimate.note) == (False, None, ENDLESS)


def test_welch_by_hand() -> None:
    one = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
    two = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 25.5]
    estimate = student_difference(one, two)
    errors = [np.var(values, ddof=1) / len(values) for values in (one, two)]
    freedom = sum(errors) ** 2 / sum(error**2 / 14 for error in errors)
    reach = t_quantile(0.975, float(freedom)) * math.sqrt(sum(errors))
    assert estimate.value == pytest.approx(np.mean(two) - np.mean(one))
    assert estimate.high == pytest.approx(np.mean(two) - np.mean(one) + reach)
    assert 27 < freedom < 28
    assert estimate.excludes(0)


def test_a_ratio_is_one_of_geometric_means() -> None:
    before = [10.0 * 1.1**number for number in range(10)]
    estimate = student_ratio(before, [2 * value for value in before])
    assert estimate.value == pytest.approx(2)
    low, high = estimate.bounds()
    assert low * high == pytest.approx(4)
    assert low < 2 < high


def test_seeds_that_all_agree_leave_no_doubt() -> None:
    estimate = student_difference([5.0] * 10, [7.0] * 10)
    assert (estimate.low, estimate.value, estimate.high) == (2.0, 2.0, 2.0)


def test_the_interval_of_the_mean_covers() -> None:
    values = np.random.default_rng(3).normal(7, 2, (2000, 10))
    covered = [not student(row.tolist()).excludes(7) for row in values]
    assert 0.93 < np.mean(covered) < 0.97
