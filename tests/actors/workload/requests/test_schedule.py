"""Schedules are tested in microseconds of real time: nothing runs."""

from itertools import islice, pairwise
from math import exp, isqrt
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from battle.actors.spec.workloads import HttpConstant, HttpPoisson
from battle.actors.units import minutes, ms, seconds
from battle.actors.workload.requests.schedule import (
    Constant,
    Poisson,
    Schedule,
    resumed,
    schedule_of,
    sharded,
)

RATES = st.floats(0.01, 10_000, allow_nan=False)
DURATIONS = st.integers(ms(1), seconds(2))
SEEDS = st.integers(0, 2**64 - 1)


def gaps(schedule: Schedule) -> list[int]:
    return [later - earlier for earlier, later in pairwise(schedule)]


def test_a_constant_rate_is_evenly_spaced_from_zero() -> None:
    assert list(Constant(4, seconds(1))) == [0, ms(250), ms(500), ms(750)]


def test_a_rate_that_does_not_divide_a_second_does_not_drift() -> None:
    schedule = Constant(3, minutes(60))
    assert schedule.count() == 10_800
    assert schedule.due_ns(3 * 3_599) == seconds(3_599)


@given(RATES, DURATIONS)
def test_a_constant_schedule_counts_exactly_what_falls_into_its_duration(rate: float, duration: int) -> None:
    schedule = Constant(rate, duration)
    due = list(schedule)
    assert len(due) == schedule.count() >= 1
    assert due[-1] < duration <= schedule.due_ns(len(due))
    assert due == sorted(due)


def test_a_schedule_of_ten_million_is_iterated_without_being_built() -> None:
    assert list(islice(Constant(1_000_000, minutes(600)), 3)) == [0, 1_000, 2_000]
    assert len(list(islice(Poisson(1_000_000, minutes(600), 1), 3))) == 3


@given(SEEDS)
def test_poisson_arrivals_lie_in_the_duration_and_in_order(seed: int) -> None:
    due = list(Poisson(500, seconds(1), seed))
    assert due == sorted(due)
    assert due[0] >= 0
    assert due[-1] < seconds(1)


@settings(max_examples=25)
@given(SEEDS, st.floats(500, 5_000))
def test_poisson_gaps_have_the_mean_and_spread_of_an_exponential_distribution(seed: int, rate: float) -> None:
    found = gaps(Poisson(rate, round(4_000 / rate * 1e9), seed))
    mean = 1e9 / rate
    # Six standard errors; an evenly spaced schedule has a spread of 0, a uniform one of 0.58.
    assert fmean(found) == pytest.approx(mean, rel=6 / isqrt(len(found)))
    assert pstdev(found) == pytest.approx(mean, rel=12 / isqrt(len(found)))


@settings(max_examples=25)
@given(SEEDS)
def test_poisson_gaps_pass_kolmogorov_and_smirnov(seed: int) -> None:
    found = sorted(gaps(Poisson(1_000, seconds(4), seed)))
    expected = [1 - exp(-gap / 1e6) for gap in found]
    size = len(found)
    distance = max(max((i + 1) / size - share, share - i / size) for i, share in enumerate(expected))
    assert distance < 2.6 / size**0.5  # once in 400,000 schedules


@settings(max_examples=25)
@given(SEEDS)
def test_poisson_gaps_do_not_depend_on_one_another(seed: int) -> None:
    found = gaps(Poisson(1_000, seconds(4), seed))
    mean = fmean(found)
    products = fmean((a - mean) * (b - mean) for a, b in pairwise(found))
    assert abs(products / pstdev(found) ** 2) < 6 / len(found) ** 0.5


@settings(max_examples=25)
@given(SEEDS, st.floats(10, 1_000))
def test_poisson_counts_scatter_around_rate_times_duration(seed: int, rate: float) -> None:
    expected = rate * 10
    assert abs(sum(1 for _ in Poisson(rate, seconds(10), seed)) - expected) < 6 * expected**0.5 + 6


@given(SEEDS)
def test_equal_schedules_are_equal_and_other_seeds_give_others(seed: int) -> None:
    assert list(Poisson(50, seconds(2), seed)) == list(Poisson(50, seconds(2), seed))
    assert list(Poisson(50, seconds(2), seed)) != list(Poisson(50, seconds(2), seed + 1))


@given(SEEDS, st.integers(1, 9), st.booleans())
def test_shards_together_are_exactly_the_whole(seed: int, shards: int, constant: bool) -> None:
    whole: Schedule = Constant(200, seconds(1)) if constant else Poisson(200, seconds(1), seed)
    dealt = [arrival for shard in range(shards) for arrival in sharded(whole, shard, shards)]
    assert sorted(dealt) == list(enumerate(whole))


def test_a_shard_sends_every_so_many_th_arrival() -> None:
    assert list(sharded(Constant(10, seconds(1)), 1, 4)) == [(1, ms(100)), (5, ms(500)), (9, ms(900))]


@pytest.mark.parametrize(("shard", "shards"), [(-1, 2), (2, 2), (0, 0)])
def test_a_shard_that_does_not_exist_is_refused(shard: int, shards: int) -> None:
    with pytest.raises(ValueError, match="shard must be"):
        sharded(Constant(1, seconds(1)), shard, shards)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [Constant, lambda rate, duration: Poisson(rate, duration, 1)])
def test_an_impossible_rate_is_refused_when_the_schedule_is_made(kind: type[Constant], rate: float) -> None:
    with pytest.raises(ValueError, match="rate must be above 0"):
        kind(rate, seconds(1))


@pytest.mark.parametrize("kind", [Constant, lambda rate, duration: Poisson(rate, duration, 1)])
def test_an_impossible_duration_is_refused_when_the_schedule_is_made(kind: type[Constant]) -> None:
    with pytest.raises(ValueError, match="duration must be above 0"):
        kind(1, 0)


def test_a_scenario_s_words_become_schedules() -> None:
    constant = schedule_of(HttpConstant("m", rate=5, duration=seconds(2)), 1)
    poisson = schedule_of(HttpPoisson("m", rate=5, duration=seconds(2)), 1)
    assert constant == Constant(5, seconds(2))
    assert poisson == Poisson(5, seconds(2), 1)


def test_a_resumed_schedule_leaves_out_what_was_missed() -> None:
    arrivals = iter([(0, 0), (1, 100), (2, 200), (3, 300), (4, 400)])
    rest, missed = resumed(arrivals, away_since_ns=150, now_ns=300)
    assert missed == 1
    assert list(rest) == [(3, 300), (4, 400)]


def test_a_schedule_that_ended_meanwhile_leaves_nothing() -> None:
    rest, missed = resumed(iter([(0, 0), (1, 100)]), away_since_ns=0, now_ns=101)
    assert missed == 2
    assert list(rest) == []
