"""Tolerance bounds: as sure as they say, for any distribution, and rounded to the safe side."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.analysis.statistics.tolerance import (
    confidence_of,
    effective_runs,
    readable,
    replayed,
    runs_needed,
    tolerance,
)


@pytest.mark.parametrize(
    ("coverage", "confidence", "runs"), [(0.9, 0.9, 22), (0.95, 0.95, 59), (0.99, 0.95, 299)]
)
def test_as_many_runs_as_in_the_tables_of_wilks(coverage: float, confidence: float, runs: int) -> None:
    assert runs_needed(coverage, confidence) == runs
    values = list(np.random.default_rng(1).normal(100, 5, runs))
    bound = tolerance(values, coverage=coverage, confidence=confidence)
    assert bound is not None
    assert (bound.bound, bound.rank) == (max(values), 1)
    assert tolerance(values[1:], coverage=coverage, confidence=confidence) is None


def test_more_runs_need_not_be_bound_by_the_worst() -> None:
    """The 95/95 bound of 93 runs is the second worst, of 124 the third (tables of Somerville 1958)."""
    values = np.random.default_rng(2).normal(100, 5, 124)
    ranks = [found.rank for runs in (92, 93, 123, 124) if (found := tolerance(list(values[:runs])))]
    assert ranks == [1, 2, 2, 3]


def test_the_lower_bound_mirrors_the_upper_one() -> None:
    values = list(np.random.default_rng(3).normal(100, 5, 100))
    upper, lower = tolerance([-value for value in values]), tolerance(values, above=False)
    assert upper is not None
    assert lower is not None
    assert lower.bound == -upper.bound


def normal(rng: np.random.Generator, runs: int) -> np.ndarray:
    return rng.normal(100, 5, runs)


def lognormal(rng: np.random.Generator, runs: int) -> np.ndarray:
    return rng.lognormal(4, 0.5, runs)


def bimodal(rng: np.random.Generator, runs: int) -> np.ndarray:
    return rng.normal(100, 3, runs) + 40 * (rng.random(runs) < 0.3)


def correlated(rng: np.random.Generator, runs: int) -> np.ndarray:
    """Each run is half as far from the mean as the one before, and the rest is new."""
    values = rng.normal(0, 1, runs)
    for at in range(1, runs):
        values[at] = 0.5 * values[at - 1] + math.sqrt(0.75) * values[at]
    return 100 + 5 * values


@pytest.mark.parametrize("law", [normal, lognormal, bimodal])
def test_a_bound_is_as_sure_as_it_says(law: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    """In 95 of 100 histories 95 % of all runs are within it; 300 histories: noise of 1.3 %."""
    rng = np.random.default_rng(4)
    enough = np.quantile(law(rng, 100_000), 0.95)
    sure = 0
    for _ in range(300):
        bound = tolerance(list(law(rng, 60)))
        # Now and then independent runs look correlated, and get no bound.
        sure += bound is None or bool(bound.bound >= enough)
    assert sure / 300 >= 0.92


def test_runs_that_hang_together_count_as_fewer() -> None:
    rng = np.random.default_rng(5)
    effective = [effective_runs(list(correlated(rng, 300))) for _ in range(20)]
    assert np.mean(effective) == pytest.approx(100, rel=0.25)
    assert effective_runs(list(normal(rng, 300))) == 300
    assert effective_runs([1.0] * 100) == 100
    assert tolerance(list(np.arange(100.0))) is None


def test_a_replay_counts_the_left_out_runs_that_meet_the_others() -> None:
    values = [1.0] * 90 + [2.0] * 10
    assert replayed(values, 1, 0.0).met == 90
    assert replayed(values, 1, 1.0).met == 100
    assert replayed([-value for value in values], 1, 0.0, above=False).met == 90


@pytest.mark.parametrize(
    ("bound", "kind", "target"),
    [
        (123.4, {}, 130),
        (130.0, {}, 130),
        (0.1234, {}, 0.13),
        (1.0001, {}, 1.1),
        (98_765, {}, 99_000),
        (2.1, {"whole": True}, 3),
        (0.0, {"whole": True}, 0),
    ],
)
def test_targets_are_readable_and_on_the_safe_side(
    bound: float, kind: dict[str, bool], target: float
) -> None:
    assert readable(bound, above=True, **kind) == target


@pytest.mark.parametrize(("bound", "target"), [(0.98765, 0.987), (0.99987, 0.99987), (1.0, 1.0), (0.5, 0.5)])
def test_a_share_keeps_two_digits_of_what_fails(bound: float, target: float) -> None:
    assert readable(bound, above=False, share=True) == target


@given(st.floats(1e-3, 1e9), st.booleans())
def test_no_target_is_tighter_than_the_bound(bound: float, above: bool) -> None:
    target = readable(bound, above=above)
    assert target >= bound * (1 - 1e-9) if above else target <= bound * (1 + 1e-9)
    assert abs(target - bound) <= 0.11 * bound


def test_the_confidence_of_the_worst_is_the_simple_formula() -> None:
    assert confidence_of(59, 1, 0.95) == pytest.approx(1 - 0.95**59)
