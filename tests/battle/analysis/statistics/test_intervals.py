"""What intervals promise beside coverage: they hold what was seen, say never, and know when they cannot tell."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from battle.analysis.statistics.change import (
    NEVER,
    NEVER_BEFORE,
    NEWCOMBE,
    WELCH,
    quantile_difference,
    quantile_ratio,
    rate_difference,
)
from battle.analysis.statistics.correlation import correlation_time, sum_spread
from battle.analysis.statistics.estimate import (
    NO_FAILURE,
    NO_SUCCESS,
    NO_UPPER,
    NOTHING,
    TOO_FEW,
    TOO_SHORT,
    Estimate,
)
from battle.analysis.statistics.proportion import success_interval, wilson
from battle.analysis.statistics.quantiles import quantile_interval
from battle.analysis.statistics.summary import LatencySummary
from tests.battle.analysis.statistics.simulated import (
    bursts,
    correlated,
    latencies,
    summaries,
)
from tests.battle.histories import MS

EMPTY = LatencySummary.from_rows([])


def run_of(took_ns: object) -> LatencySummary:
    (summary,) = summaries(np.asarray(took_ns, dtype=np.float64)[None, :])
    return summary


def steady(seed: int, slower: float = 1.0, failing: float = 0.0, requests: int = 9000) -> LatencySummary:
    rng = np.random.default_rng(seed)
    took_ns = slower * latencies(correlated(rng, 1, 0, requests))[0]
    return run_of(np.where(rng.random(requests) < failing, np.inf, took_ns))


samples = st.lists(st.one_of(st.floats(1, 1e12), st.just(np.inf)), min_size=1, max_size=400)


@settings(deadline=None, max_examples=50)
@given(samples, st.floats(0.01, 0.999), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_holds_the_exact_quantile(took_ns: list[float], q: float, level: float) -> None:
    estimate = quantile_interval(run_of(took_ns), q, level)
    exact = sorted(took_ns)[max(0, math.ceil(q * len(took_ns)) - 1)]
    low, high = estimate.bounds()
    assert low * (1 - 1e-9) <= exact <= high * (1 + 1e-9)
    value = math.inf if estimate.value is None else estimate.value
    assert low <= value <= high
    assert msgspec.json.decode(msgspec.json.encode(estimate), type=Estimate) == estimate


@settings(deadline=None, max_examples=25)
@given(samples, samples, st.sampled_from([0.5, 0.95]))
def test_a_change_holds_its_value(before: list[float], after: list[float], q: float) -> None:
    one, two = run_of(before), run_of(after)
    for estimate in (
        quantile_ratio(one, two, q, replicates=50),
        quantile_difference(one, two, q, replicates=50),
        rate_difference(one, two),
        rate_difference(one, two, "throughput"),
    ):
        low, high = estimate.bounds()
        if estimate.enough:
            assert low <= (math.inf if estimate.value is None else estimate.value) <= high
        assert estimate.enough or estimate.note


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_holds_the_share(one: int, two: int, level: float) -> None:
    estimate = wilson(min(one, two), max(one, two), level)
    if not max(one, two):
        assert (estimate.value, estimate.note) == (None, NOTHING)
        return
    low, high = estimate.bounds()
    assert estimate.value is not None
    assert 0 <= low <= estimate.value <= high <= 1
    assert high > low


def test_wilson_as_published() -> None:
    # Newcombe 1998, table I, method 3 without continuity correction: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    for successes, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        estimate = wilson(successes, trials)
        assert [estimate.low, estimate.high] == pytest.approx([low, high], abs=5e-5)


def test_a_stricter_level_is_wider() -> None:
    summary = steady(1)
    widths = [quantile_interval(summary, 0.95, level) for level in (0.8, 0.95, 0.99)]
    reach = [high - low for low, high in (estimate.bounds() for estimate in widths)]
    assert reach == sorted(reach)
    assert reach[0] < reach[2]


def test_who_was_not_answered_waits_for_ever() -> None:
    summary = steady(2, failing=0.04)
    assert quantile_interval(summary, 0.95).high is not None
    never = quantile_interval(summary, 0.97)
    assert (never.enough, never.value, never.low, never.high, never.note) == (True, None, None, None, None)
    assert never.bounds() == (math.inf, math.inf)
    between = quantile_interval(summary, 0.958)
    assert between.value is not None
    assert (between.high, between.note) == (None, None)


def test_few_requests_have_no_upper_bound_and_fewer_none_at_all() -> None:
    some = quantile_interval(steady(3, requests=200), 0.99)
    assert some.value is not None
    assert (some.enough, some.high, some.note) == (True, None, NO_UPPER)
    assert quantile_interval(steady(3, requests=3), 0.5).note in (TOO_FEW, TOO_SHORT)


def test_a_run_that_only_drifts_is_too_short() -> None:
    drifting = run_of(50 * MS * np.linspace(1, 2, 9000))
    estimate = quantile_interval(drifting, 0.5)
    assert (estimate.enough, estimate.low, estimate.high, estimate.note) == (False, None, None, TOO_SHORT)
    assert estimate.value == pytest.approx(75 * MS, rel=0.01)
    assert quantile_ratio(steady(1), drifting, 0.5).note == TOO_SHORT
    late = run_of(np.where(np.arange(9000) > 8000, np.inf, 50 * MS))
    assert success_interval(late).note == TOO_SHORT
    assert rate_difference(steady(1), late).note == TOO_SHORT
    assert rate_difference(steady(1), late, "throughput").note == TOO_SHORT


def test_latencies_all_alike_are_known_to_a_bin() -> None:
    estimate = quantile_interval(run_of([50 * MS] * 500), 0.95)
    low, high = estimate.bounds()
    assert low <= 50 * MS <= high <= low * 1.0101
    ratio = quantile_ratio(run_of([50 * MS] * 500), run_of([60 * MS] * 500), 0.95)
    assert ratio.value == pytest.approx(1.2, rel=0.01)
    assert ratio.excludes(1)


def test_a_slower_run_is_found_and_an_equal_one_is_not() -> None:
    slower = quantile_ratio(steady(1), steady(2, slower=1.2), 0.95)
    assert slower.excludes(1)
    assert not slower.excludes(1.2)
    assert not quantile_ratio(steady(1), steady(2), 0.95).excludes(1)
    difference = quantile_difference(steady(1), steady(2, slower=1.2), 0.5)
    assert not difference.excludes(10 * MS)
    assert difference.excludes(0)


def test_the_same_seed_gives_the_same_interval() -> None:
    one, two = steady(1), steady(2)
    assert quantile_ratio(one, two, 0.95, seed=5) == quantile_ratio(one, two, 0.95, seed=5)
    assert quantile_ratio(one, two, 0.95, seed=5) != quantile_ratio(one, two, 0.95, seed=6)


def test_changes_to_and_from_never() -> None:
    well, ill = steady(1), steady(2, failing=0.3)
    worse = quantile_ratio(well, ill, 0.95)
    assert (worse.enough, worse.value, worse.high) == (True, None, None)
    assert worse.excludes(1)
    better = quantile_ratio(ill, well, 0.95)
    assert (better.value, better.low) == (0, 0)
    assert better.excludes(1)
    assert quantile_difference(ill, well, 0.95).note == NEVER_BEFORE
    assert quantile_ratio(ill, ill, 0.95).note == NEVER


def test_a_change_needs_requests_beyond_the_quantile_in_both_runs() -> None:
    few, many = steady(3, requests=400), steady(1)
    assert quantile_ratio(many, few, 0.99).note == TOO_FEW
    assert quantile_difference(few, many, 0.99).note == TOO_FEW
    assert quantile_ratio(few, many, 0.95).enough


def test_rates() -> None:
    well, ill = steady(1, failing=0.01), steady(2, failing=0.05)
    success = rate_difference(well, ill)
    assert success.value == pytest.approx(-0.04, abs=0.006)
    assert success.excludes(0)
    throughput = rate_difference(well, ill, "throughput")
    assert throughput.value == pytest.approx(-2, abs=0.3)
    assert throughput.excludes(0)
    assert not rate_difference(well, well).excludes(0)
    assert (success.method, throughput.method) == (NEWCOMBE, NEWCOMBE)
    assert rate_difference(EMPTY, well).note == NOTHING


def test_without_requests_nothing_is_estimated() -> None:
    for estimate in (
        quantile_interval(EMPTY, 0.5),
        success_interval(EMPTY),
        quantile_ratio(EMPTY, steady(1), 0.5),
        quantile_difference(steady(1), EMPTY, 0.5),
    ):
        assert (estimate.enough, estimate.value, estimate.note) == (False, None, NOTHING)


def test_failures_in_clusters_make_the_interval_wider() -> None:
    rng = np.random.default_rng(2)
    alone, together = bursts(rng, 1, 1.0001, 99)[0], bursts(rng, 1, 20, 1980)[0]
    one, two = (success_interval(run_of(np.where(failed, np.inf, 50 * MS))) for failed in (alone, together))
    (one_low, one_high), (two_low, two_high) = one.bounds(), two.bounds()
    assert two_high - two_low > 2 * (one_high - one_low)


def test_what_all_ended_alike_tells_nothing_of_clusters() -> None:
    well, ill = run_of([50 * MS] * 100), run_of([np.inf] * 100)
    for run, value, note in ((well, 1, NO_FAILURE), (ill, 0, NO_SUCCESS)):
        alone = success_interval(run)
        assert (alone.enough, alone.value, alone.low, alone.note) == (False, value, None, note)
        both = rate_difference(run, run)
        assert (both.enough, both.value, both.note) == (False, 0, note)
    assert rate_difference(well, ill).excludes(0)


def test_a_run_without_failures_is_taken_to_be_as_clustered_as_the_other() -> None:
    rng = np.random.default_rng(2)
    well = run_of([50 * MS] * 9000)
    alone, together = (
        rate_difference(well, run_of(np.where(bursts(rng, 1, on, off)[0], np.inf, 50 * MS)))
        for on, off in ((1.0001, 99), (50, 4950))
    )
    assert alone.excludes(0)
    assert not together.excludes(0)
    assert together.value is not None
    assert together.value < 0


def test_uneven_requests_make_throughput_uncertain_by_themselves() -> None:
    rng = np.random.default_rng(2)

    def uneven() -> LatencySummary:
        due_ns = np.sort(rng.integers(0, 180 * 10**9, 9000))
        return LatencySummary.from_samples(due_ns, np.where(rng.random(9000) < 0.01, np.inf, 50 * MS))

    throughput = rate_difference(uneven(), uneven(), "throughput")
    low, high = throughput.bounds()
    even_low, even_high = rate_difference(
        steady(1, failing=0.01), steady(2, failing=0.01), "throughput"
    ).bounds()
    assert throughput.method == WELCH
    assert high - low > 3 * (even_high - even_low)


def test_without_an_upper_bound_the_lower_one_alone_is_as_sure() -> None:
    """It is that of an interval with two bounds, of which each is missed half as often."""
    summary = steady(3, requests=250)
    alone, of_two = quantile_interval(summary, 0.99, 0.95), quantile_interval(summary, 0.99, 0.9)
    assert alone.note == NO_UPPER
    assert alone.low == pytest.approx(of_two.low)


@pytest.mark.parametrize(("keep", "times"), [(0.0, 1), (0.5, 3), (0.8, 9)])
def test_the_correlation_time_of_a_known_process(keep: float, times: float) -> None:
    rng = np.random.default_rng(4)
    noise = rng.standard_normal(20_000)
    for at in range(1, len(noise)):
        noise[at] += keep * noise[at - 1]
    assert correlation_time(noise - noise.mean()) == pytest.approx(times, rel=0.15)


def test_the_spread_of_independent_cells() -> None:
    rng = np.random.default_rng(4)
    cells = rng.standard_normal((4000, 100))
    squares = [sum_spread(row - row.mean()).error ** 2 for row in cells]
    assert np.mean(squares) == pytest.approx(100, rel=0.03)
