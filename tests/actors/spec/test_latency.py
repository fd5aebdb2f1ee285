"""Latencies follow their distribution, are never negative, and depend on their key alone."""

from statistics import fmean, median, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.rng import Draws
from battle.actors.spec.latency import (
    Empirical,
    LogNormal,
    Normal,
    Uniform,
    draw_latency,
    mean_of,
)
from battle.actors.units import ms

DRAWS = Draws(1, "latency")
MANY = 4000

durations = st.integers(0, ms(10_000))
latencies = (
    durations
    | st.tuples(durations, durations).map(lambda pair: Uniform(min(pair), max(pair)))
    | st.builds(Normal, durations, durations)
    | st.builds(LogNormal, st.integers(1, ms(100)), st.floats(0, 3))
    | st.builds(Empirical, st.lists(durations, min_size=1).map(tuple))
)


def sample(latency):
    return [draw_latency(latency, DRAWS, "request", number) for number in range(MANY)]


@given(latencies, st.text(), st.integers())
def test_a_latency_is_a_whole_number_of_nanoseconds_that_follows_from_its_key(latency, name, attempt):
    drawn = draw_latency(latency, DRAWS, name, attempt)
    assert isinstance(drawn, int)
    assert drawn >= 0
    assert draw_latency(latency, Draws(1, "latency"), name, attempt) == drawn


@pytest.mark.parametrize(
    "latency", [Uniform(0, ms(9)), Normal(ms(50), ms(9)), LogNormal(ms(5), 1.0), Empirical((1, 2, 3, 4))]
)
def test_other_keys_and_seeds_draw_anew(latency):
    assert len(set(sample(latency)[:50])) > 3
    other_seed = [draw_latency(latency, Draws(2, "latency"), "request", number) for number in range(50)]
    assert other_seed != sample(latency)[:50]


@pytest.mark.parametrize(
    "latency",
    [ms(7), Uniform(0, ms(9)), Normal(ms(50), ms(9)), LogNormal(ms(5), 1.0), Empirical((1, 2, 3, 4))],
)
def test_what_is_drawn_has_the_mean_that_is_said(latency):
    assert fmean(sample(latency)) == pytest.approx(mean_of(latency), rel=0.1)


def test_a_constant_is_constant():
    assert set(sample(ms(20))) == {ms(20)}


def test_uniform_covers_its_range_evenly_with_both_ends():
    assert set(sample(Uniform(3, 5))) == {3, 4, 5}
    drawn = sample(Uniform(ms(10), ms(30)))
    assert fmean(drawn) == pytest.approx(ms(20), rel=0.02)
    assert stdev(drawn) == pytest.approx(ms(20) / 12**0.5, rel=0.05)


def test_normal_has_its_mean_and_deviation_and_is_cut_off_at_zero():
    drawn = sample(Normal(ms(50), ms(10)))
    assert fmean(drawn) == pytest.approx(ms(50), rel=0.02)
    assert stdev(drawn) == pytest.approx(ms(10), rel=0.05)
    cut = sample(Normal(0, ms(10)))
    assert 0.4 < cut.count(0) / MANY < 0.6


def test_lognormal_has_its_median_and_a_long_tail():
    drawn = sorted(sample(LogNormal(ms(50), 0.5)))
    assert median(drawn) == pytest.approx(ms(50), rel=0.05)
    assert drawn[round(0.8413 * MANY)] == pytest.approx(ms(50) * 2.71828**0.5, rel=0.1)


def test_empirical_draws_each_sample_equally_often():
    drawn = sample(Empirical((ms(1), ms(2), ms(2), ms(7))))
    shares = {value: drawn.count(value) / MANY for value in (ms(1), ms(2), ms(7))}
    assert shares == {
        ms(1): pytest.approx(0.25, abs=0.03),
        ms(2): pytest.approx(0.5, abs=0.03),
        ms(7): pytest.approx(0.25, abs=0.03),
    }
