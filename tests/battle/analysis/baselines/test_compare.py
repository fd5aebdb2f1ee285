"""Comparisons with known answers, and what holds for all of them."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from battle.analysis.baselines.compare import compare, confirmed, together
from battle.analysis.baselines.decide import NO_GAIN, Settings
from battle.analysis.baselines.snapshot import Sample, Snapshot
from battle.analysis.reports.comparison import Change, Comparison
from battle.analysis.statistics.summary import LatencySummary
from battle.errors import BattleError
from tests.battle.analysis.baselines.snapshots import (
    S,
    drawn,
    one_run,
    snapshot,
)

MIRRORED = {"better": "worse", "worse": "better", "same": "same", "not_enough_data": "not_enough_data"}


def of(comparison: Comparison, metric: str) -> Change:
    (change,) = (change for change in comparison.changes if change.metric == metric)
    return change


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {change.metric: change.verdict for change in comparison.changes}


@settings(max_examples=10)
@given(
    seed=st.integers(1, 10**6),
    requests=st.integers(1, 3000),
    failing=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    world=st.sampled_from(["live", "simulated"]),
    runs=st.sampled_from([1, 5]),
)
def test_a_run_is_the_same_as_itself(seed: int, requests: int, failing: float, world: str, runs: int) -> None:
    one = snapshot(seed, requests=requests, failing=failing, world=world, runs=runs)
    comparison = compare(one, one)
    assert set(verdicts(comparison).values()) == {"same"}
    assert all(change.change == 0 for change in comparison.changes)
    assert comparison.exit_status == 0


@settings(max_examples=10)
@given(
    seeds=st.tuples(st.integers(1, 1000), st.integers(1001, 2000)),
    slower=st.floats(0.5, 2),
    failing=st.tuples(st.sampled_from([0.0, 0.01, 0.1]), st.sampled_from([0.0, 0.01, 0.1])),
)
def test_the_other_way_round_it_is_the_mirror(
    seeds: tuple[int, int], slower: float, failing: tuple[float, float]
) -> None:
    before = snapshot(seeds[0], failing=failing[0], requests=3000)
    after = snapshot(seeds[1], median_ms=50 * slower, failing=failing[1], requests=3000)
    there, back = compare(before, after), compare(after, before)
    for change in there.changes:
        mirrored = of(back, change.metric)
        if change.change is None or mirrored.change is None:
            assert change.change is mirrored.change is None
        elif change.unit == "share":
            assert mirrored.change == pytest.approx(-change.change)
        else:
            assert (1 + change.change) * (1 + mirrored.change) == pytest.approx(1)
        if NO_GAIN in (change.note, mirrored.note):  # what got faster while more failed is no gain
            assert "worse" in (change.verdict, mirrored.verdict)
        elif not _on_the_edge(change):
            assert mirrored.verdict == MIRRORED[change.verdict]


def _on_the_edge(change: Change) -> bool:
    """Whether the bootstrap's own luck, drawn anew the other way round, could decide."""
    bounds = (change.low, change.high, change.visible)
    return any(bound is not None and abs(abs(bound) - edge) < 0.03 for bound in bounds for edge in (0, 0.21))


@settings(max_examples=5)
@given(seed=st.integers(1, 1000), slower=st.sampled_from([0.8, 1.0, 1.3]), power=st.sampled_from([-2, 3]))
def test_the_unit_of_time_does_not_matter(seed: int, slower: float, power: int) -> None:
    def pair(median_ms: float) -> Comparison:
        return compare(
            snapshot(seed, median_ms=median_ms), snapshot(seed + 5000, median_ms=median_ms * slower)
        )

    one, scaled = pair(50), pair(50 * 10.0**power)
    for change in one.changes:
        if change.unit == "ns" and change.change is not None:
            assert of(scaled, change.metric).change == pytest.approx(change.change)
        if not _on_the_edge(change):
            assert of(scaled, change.metric).verdict == change.verdict


def test_a_slower_run_is_worse_by_as_much_as_it_is_slower() -> None:
    comparison = compare(snapshot(1), snapshot(3, median_ms=65))
    assert comparison.exit_status == 1
    for metric in ("p50_latency_ns", "p95_latency_ns", "p99_latency_ns"):
        change = of(comparison, metric)
        assert change.verdict == "worse"
        assert change.low is not None
        assert change.high is not None
        assert 0 < change.low < 0.3 < change.high
        assert change.low < change.change < change.high  # type: ignore[operator]  # a change of a ratio is a number
    assert comparison.headline.startswith("Worse than run-0-1: p50 latency of load rose by ")
    assert "; 2 more metrics got worse" in comparison.headline


def test_a_faster_run_is_better_and_nothing_is_worse() -> None:
    comparison = compare(snapshot(1), snapshot(2, median_ms=35))
    assert (comparison.exit_status, verdicts(comparison)["p95_latency_ns"]) == (0, "better")
    assert comparison.headline.startswith("Not worse than run-0-1: p50 latency of load fell by ")


def test_a_change_below_the_threshold_does_not_count_however_certain() -> None:
    before, after = snapshot(1, requests=60_000), snapshot(2, median_ms=54, requests=60_000)
    change = of(compare(before, after), "p50_latency_ns")
    assert change.verdict == "same"
    assert change.low is not None
    assert change.low > 0
    assert of(compare(before, after, Settings(0.05)), "p50_latency_ns").verdict == "worse"


def test_a_change_that_may_be_luck_does_not_count_however_large() -> None:
    changes = [
        of(
            compare(snapshot(seed, requests=300, sigma=1.5), snapshot(seed + 1, requests=300, sigma=1.5)),
            name,
        )
        for seed in range(10, 20, 2)
        for name in ("p50_latency_ns", "p95_latency_ns")
    ]
    large = [change for change in changes if change.change is not None and abs(change.change) > 0.1]
    assert len(large) >= 5
    assert {change.verdict for change in large} == {"not_enough_data"}


def test_failures_count_by_how_many_times_as_many_they_are() -> None:
    few, more = snapshot(1, failing=0.005, sigma=0.1), snapshot(2, failing=0.02, sigma=0.1)
    comparison = compare(few, more)
    change = of(comparison, "success_ratio")
    assert (change.verdict, comparison.exit_status) == ("worse", 1)
    assert change.change == pytest.approx(-0.015, abs=0.004)
    assert "points" in comparison.headline
    assert of(compare(more, few), "success_ratio").verdict == "better"
    assert of(compare(few, snapshot(3, failing=0.005, sigma=0.1)), "success_ratio").verdict == "same"


def test_too_short_a_run_can_tell_nothing() -> None:
    comparison = compare(snapshot(1, requests=8), snapshot(2, requests=8))
    assert comparison.exit_status == 3
    assert comparison.headline.startswith("Not enough data to say whether this is worse than run-0-1: ")


ONE_ATTEMPT = {"attempts_per_request": 1.0}


def outage(seconds: int) -> Snapshot:
    """A run whose requests were not answered for so long, in one go: nobody knows how often that happens."""
    due_ns, took_ns = drawn(1)
    hit = np.where((due_ns > 20 * S) & (due_ns < (20 + seconds) * S), np.inf, took_ns)
    summary = LatencySummary.from_samples(due_ns, hit, workload="load")
    parts = {
        "runs": (one_run(1, 1, hit, **ONE_ATTEMPT),),
        "samples": (Sample(workload="load", latencies=summary),),
    }
    return snapshot(1, world="simulated", changes=parts)


def test_one_long_outage_is_not_called_no_worse() -> None:
    """It has no interval, as a run with one event is too short; all else that can be told does not make up for it."""
    before = snapshot(1, world="simulated", values=ONE_ATTEMPT)
    comparison = compare(before, outage(25))
    assert of(comparison, "success_ratio").note == "too short"
    assert of(comparison, "attempts_per_request").verdict == "same"
    assert (comparison.status, comparison.exit_status) == ("not_enough_data", 3)
    assert "success rate of load fell, from 100 % to 58" in comparison.headline
    assert "it is not known whether that was by chance (too short)" in comparison.headline
    assert compare(outage(25), before).exit_status == 0, "what got better by as much is no reason to doubt"


def test_what_got_much_worse_by_its_values_alone_is_no_all_clear() -> None:
    """One run on each side cannot tell of these whether it was chance, so nothing is confirmed: exit status 0."""
    usual = {"attempts_per_request": 1.0, "gateway_rss_max_bytes": 40e6, "failovers": 0.0}
    before = snapshot(1, values=usual)
    more = {"attempts_per_request": 1.3, "gateway_rss_max_bytes": 90e6, "failovers": 1.0}
    comparison = compare(before, snapshot(2, values=more))
    assert (comparison.status, comparison.exit_status) == ("nothing_worse", 0)
    assert comparison.headline.startswith(
        "Perhaps worse than run-0-1, but there is not enough data: attempts per request rose by 30 %, "
        "gateway's memory rose by 125 %, failovers rose from none to 1; nothing else is worse: "
    )
    hardly = compare(before, snapshot(2, values={**usual, "attempts_per_request": 1.09}))
    assert hardly.headline.startswith("Not worse than run-0-1: ")
    less = compare(snapshot(2, values=more), before)
    assert less.headline.startswith("Not worse than run-0-2: "), "what fell is nothing to worry about"


def test_a_latency_with_too_wide_an_interval_is_named_when_it_rose() -> None:
    shape: dict[str, Any] = {"world": "simulated", "values": ONE_ATTEMPT, "requests": 400, "sigma": 1.5}
    comparison = compare(snapshot(1, **shape), snapshot(1, **shape, median_ms=60))
    change = of(comparison, "p50_latency_ns")
    assert (change.verdict, change.note, comparison.exit_status) == ("not_enough_data", None, 0)
    assert comparison.headline.startswith(
        "Perhaps worse than run-0-1, but there is not enough data: p50 latency of load rose by "
    )


def test_nothing_is_better_where_requests_are_no_longer_answered() -> None:
    """Same seed in the simulated world: that attempts became fewer is certain, and so is why."""
    retried = snapshot(1, world="simulated", values={"attempts_per_request": 2.0, "stale_answers": 9.0})
    frugal = {"attempts_per_request": 1.1, "stale_answers": 0.0}
    better = compare(retried, snapshot(1, world="simulated", median_ms=35, values=frugal))
    assert {"p50_latency_ns", *frugal} <= {c.metric for c in better.changes if c.verdict == "better"}
    collapsed = compare(retried, snapshot(1, world="simulated", median_ms=35, failing=0.4, values=frugal))
    assert of(collapsed, "success_ratio").verdict == "worse"
    assert "better" not in verdicts(collapsed).values()
    assert (of(collapsed, "attempts_per_request").verdict, of(collapsed, "attempts_per_request").note) == (
        "not_enough_data",
        NO_GAIN,
    )
    perhaps = compare(snapshot(1, world="simulated", values={"attempts_per_request": 2.0}), outage(25))
    assert of(perhaps, "success_ratio").verdict == "not_enough_data"
    assert of(perhaps, "attempts_per_request").note == NO_GAIN


def test_nothing_worse_in_a_measurement_that_cannot_be_trusted_is_no_answer() -> None:
    unsure = snapshot(2, changes={"distrusted": ("the generator was late",)})
    comparison = compare(snapshot(1), unsure)
    assert comparison.exit_status == 3
    assert comparison.cautions == ("run-0-2 cannot be trusted: the generator was late",)
    slow = snapshot(2, median_ms=80, changes={"distrusted": ("the generator was late",)})
    assert compare(snapshot(1), slow).exit_status == 1


def test_worlds_are_not_compared() -> None:
    with pytest.raises(BattleError, match="never compared across worlds"):
        compare(snapshot(1, world="live"), snapshot(1, world="simulated"))


def test_what_differs_is_said() -> None:
    other = {
        "host": {"cpu": "Better", "cpus": 2},
        "versions": {"battle": "0.2.0"},
        "parts": {"providers": "zz", "workloads": "bb", "chaos": "dd", "labels": "ee"},
        "gateway_digest": "ee",
    }
    assert compare(snapshot(1), snapshot(2, changes=other)).differences == (
        "the scenario has changed: chaos, providers",
        "the gateway is set up differently",
        "other machine: cpu Any before, Better after",
        "other versions: battle 0.1.0 before, 0.2.0 after",
    )
    assert compare(snapshot(1), snapshot(2)).differences == ()
    itself = ("the baseline was made from this run, so nothing can be worse",)
    assert compare(snapshot(1), snapshot(1)).differences == itself
    virtual = compare(
        snapshot(1, world="simulated"), snapshot(2, world="simulated", changes={"host": {"cpus": 64}})
    )
    assert virtual.differences == (), "in virtual time no machine shows"


def test_only_what_is_seen_again_is_confirmed() -> None:
    before = snapshot(1)
    first = compare(before, snapshot(2, median_ms=70, failing=0.03))
    assert {"p50_latency_ns", "success_ratio"} <= {c.metric for c in first.changes if c.verdict == "worse"}
    slow_only = confirmed(first, compare(before, snapshot(3, median_ms=70)))
    assert (slow_only.exit_status, slow_only.confirmed_by) == (1, "run-0-3")
    assert of(slow_only, "p50_latency_ns").confirmed is True
    assert of(slow_only, "success_ratio").confirmed is False
    neither = confirmed(first, compare(before, snapshot(4)))
    assert neither.exit_status == 0
    assert "a second run did not confirm that p50 latency of load rose by" in neither.headline


def test_more_intervals_are_each_wider_so_that_they_hold_together() -> None:
    assert together(0.95, 1) == 0.95
    assert together(0.95, 5) == pytest.approx(0.99)
    assert together(0.95, 0) == 0.95
    wide = of(compare(snapshot(1), snapshot(2), Settings(level=0.999)), "p95_latency_ns")
    narrow = of(compare(snapshot(1), snapshot(2), Settings(level=0.8)), "p95_latency_ns")
    assert wide.low < narrow.low < narrow.high < wide.high  # type: ignore[operator]  # all of them are numbers


def test_ten_runs_on_both_sides_are_compared_by_their_values() -> None:
    before, after = snapshot(1, runs=10, requests=500), snapshot(100, runs=12, requests=500, median_ms=60)
    change = of(compare(before, after), "p50_latency_ns")
    assert change.method == "Welch on logarithms, 10 and 12 runs"
    assert change.verdict == "worse"
    means = [
        math.fsum(math.log(one.values["load/p50_latency_ns"] or 0) for one in side.runs) / len(side.runs)
        for side in (before, after)
    ]
    assert change.change == pytest.approx(math.exp(means[1] - means[0]) - 1)


def test_a_percentile_that_is_never_reached_is_left_to_the_success_rate() -> None:
    comparison = compare(snapshot(1), snapshot(2, failing=0.03))
    assert of(comparison, "p99_latency_ns").verdict == "not_enough_data"
    assert of(comparison, "success_ratio").verdict == "worse"


def test_all_workloads_together_inform_only() -> None:
    def of_two(seed: int, median_ms: float) -> object:
        one = snapshot(seed, median_ms=median_ms)
        (sample,) = one.samples
        values = {name.removeprefix("load/"): value for name, value in one.runs[0].values.items()}
        run = msgspec.structs.replace(one.runs[0], values={**one.runs[0].values, **values})
        both = (msgspec.structs.replace(sample, workload=None), sample)
        return msgspec.structs.replace(one, samples=both, runs=(run,))

    comparison = compare(of_two(1, 50), of_two(2, 80))  # type: ignore[arg-type]  # snapshots
    decides = {(c.metric, c.workload): c.decides for c in comparison.changes if c.verdict == "worse"}
    assert decides[("p95_latency_ns", "load")] is True
    assert decides[("p95_latency_ns", None)] is False
