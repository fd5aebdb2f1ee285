"""The latency store: what it believes, how fast it learns, what it forgets."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.policy.benchmark import (
    ALL_METHODS,
    DEFAULT_LATENCY,
    METHODS_LIMIT,
    Benchmark,
    Reading,
)
from battle.actors.units import minutes, ms, seconds

WINDOW = seconds(30)

samples_st = st.lists(st.tuples(st.integers(0, seconds(10)), st.integers(0, seconds(5))), max_size=50)


def measured(latencies, *, seeds=None) -> tuple[Benchmark, int]:
    benchmark, now_ns = Benchmark(WINDOW, seeds or {}), 0
    for latency_ns in latencies:
        now_ns += ms(100)
        benchmark.record("a", "m", latency_ns, now_ns)
    return benchmark, now_ns


def test_unmeasured_it_believes_the_seed_and_else_the_default():
    benchmark = Benchmark(WINDOW, {"a": ms(50)})
    assert benchmark.latency_ns("a", "m", 0) == ms(50)
    assert benchmark.latency_ns("b", "m", 0) == DEFAULT_LATENCY
    assert list(benchmark.seeded()) == [Reading("a", ALL_METHODS, 0, ms(50))]


@given(samples_st, st.integers(0, seconds(5)), st.integers(0, minutes(5)))
def test_a_reading_is_never_outside_of_what_was_seen(samples, seed_ns, later):
    benchmark, now_ns = Benchmark(WINDOW, {"a": seed_ns}), 0
    for wait, latency_ns in samples:
        now_ns += wait
        benchmark.record("a", "m", latency_ns, now_ns)
    seen = [seed_ns, *(latency_ns for _, latency_ns in samples)]
    assert min(seen) - 1 <= benchmark.latency_ns("a", "m", now_ns + later) <= max(seen) + 1


@given(st.integers(ms(1), seconds(2)), st.integers(ms(1), seconds(2)))
def test_it_converges_to_what_it_measures_and_drifts_back_to_the_seed(latency_ns, seed_ns):
    benchmark, now_ns = measured([latency_ns] * 1000, seeds={"a": seed_ns})
    assert benchmark.latency_ns("a", "m", now_ns) == pytest.approx(latency_ns, rel=0.01, abs=ms(5))
    assert benchmark.latency_ns("a", "m", now_ns + minutes(10)) == pytest.approx(seed_ns, abs=ms(1))


@given(st.integers(0, seconds(1)), st.integers(1, seconds(1)), st.integers(0, seconds(300)))
def test_readings_go_back_to_the_seed_without_turning_round(latency_ns, earlier, later):
    benchmark, now_ns = measured([latency_ns] * 3, seeds={"a": ms(100)})
    distances = [
        abs(benchmark.latency_ns("a", "m", now_ns + wait) - ms(100)) for wait in (0, earlier, earlier + later)
    ]
    assert distances == sorted(distances, reverse=True)


def test_the_window_decides_how_soon_a_change_is_believed():
    benchmark, now_ns = measured([ms(50)] * 600 + [ms(500)] * 300)  # one minute fast, then 30 s slow
    share = (1 - exp(-1)) / (1 - exp(-3))
    assert benchmark.latency_ns("a", "m", now_ns) == pytest.approx(ms(50) + ms(450) * share, rel=0.005)


def test_one_sample_is_no_proof():
    benchmark = Benchmark(WINDOW, {"a": ms(50)})
    benchmark.record("a", "m", ms(1000), 0)
    assert ms(50) < benchmark.latency_ns("a", "other", 0) < ms(1000)
    assert benchmark.latency_ns("a", "other", 0) < benchmark.latency_ns("a", "m", 0) < ms(1000)


def test_methods_are_told_apart_and_unmeasured_ones_use_the_providers_own():
    benchmark = Benchmark(WINDOW, {})
    for number in range(200):
        benchmark.record("a", "slow", ms(900), number)
        benchmark.record("a", "fast", ms(100), number)
        benchmark.record("b", "fast", ms(300), number)
    fast, slow, unmeasured = (benchmark.latency_ns("a", method, 200) for method in ("fast", "slow", "new"))
    assert fast < ms(110) < ms(490) < unmeasured < ms(510) < ms(880) < slow
    assert ms(290) < benchmark.latency_ns("b", "fast", 200) < ms(310)


def test_the_snapshot_counts_every_sample_and_agrees_with_the_readings():
    benchmark, now_ns = measured([ms(20)] * 7, seeds={"b": ms(70)})
    assert {(it.provider, it.method): it.samples for it in benchmark.readings(now_ns)} == {
        ("b", "*"): 0,
        ("a", "*"): 7,
        ("a", "m"): 7,
    }
    for reading in benchmark.readings(now_ns):
        assert reading.latency_ns == benchmark.latency_ns(reading.provider, reading.method, now_ns)


def test_clients_cannot_make_it_grow():
    benchmark = Benchmark(WINDOW, {})
    for number in range(3 * METHODS_LIMIT):
        benchmark.record("a", f"m{number}", ms(1), 0)
    readings = list(benchmark.readings(0))
    assert len(readings) == METHODS_LIMIT + 1
    assert readings[0] == Reading("a", ALL_METHODS, 3 * METHODS_LIMIT, benchmark.latency_ns("a", "*", 0))
