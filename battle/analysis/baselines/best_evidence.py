"""Finds the evidence for the change of a metric between two snapshots: the best that both sides have. Pure."""

import math
from collections.abc import Sequence
from typing import TypeAlias

from battle.analysis.baselines.counts import Tally, count_found
from battle.analysis.baselines.evidence import (
    Evidence,
    Exact,
    Reach,
    Unknown,
)
from battle.analysis.baselines.metrics import Metric, key
from battle.analysis.baselines.runs import (
    NOTHING,
    ONE_SIDE,
    extra_noise,
    log_middle,
    many,
    middle,
    next_run,
    with_runs,
)
from battle.analysis.baselines.snapshot import Snapshot
from battle.analysis.statistics.change import quantile_ratio, rate_difference
from battle.analysis.statistics.estimate import NO_FAILURE, NO_SUCCESS, Estimate
from battle.analysis.statistics.proportion import wilson
from battle.analysis.statistics.student import two_sided
from battle.analysis.statistics.summary import LatencySummary

Found: TypeAlias = Evidence | Exact | Tally | Unknown

BOOTSTRAP_LEVEL = 0.95
"""Where a thousand replicates still know the interval's ends; wider intervals are made of it."""

SCALING_FREEDOM = 8
"""Half of what the statistics have at best: high percentiles rest on few requests, and so have about as many."""

NEVER = "on one side too many requests failed for this percentile: see the success rate"
SAME = "the same requests"
SINGLY = "Wilson, assuming independent failures"
SAME_SEED = "same seed, so nothing is random"


def best_evidence(metric: Metric, workload: str | None, before: Snapshot, after: Snapshot) -> Found:
    """What is known of a metric's change: of its logarithm, but of a share of the share itself."""
    name = key(metric.name, workload)
    olds, news = before.values(name), after.values(name)
    if metric.rule == "count":
        return count_found(metric, olds, news, repeatable=same_draws(before, after))
    if metric.rule != "value":
        one, two = _sample(metric, workload, before), _sample(metric, workload, after)
        if one is None or two is None:
            return Unknown(NOTHING if one is two else ONE_SIDE)
        if one == two:
            return Exact(0.0, SAME)
        if (found := many(metric, olds, news)) is not None:
            return found
        return _of_samples(metric, one, two, olds, news)
    if not olds or not news:
        return Unknown(ONE_SIDE if olds or news else NOTHING)
    if same_draws(before, after):
        return Exact(news[0] / olds[0] - 1 if olds[0] else None, SAME_SEED)
    return many(metric, olds, news) or next_run(olds, news)


def against_another(metric: Metric, workload: str | None, snapshot: Snapshot) -> Found:
    """What would be known of a metric's change if another run of the same kind were compared with this snapshot."""
    olds = snapshot.values(key(metric.name, workload))
    if not olds:
        return Unknown(NOTHING)
    if metric.rule == "count":
        return count_found(metric, olds, olds[:1], repeatable=False)
    if metric.rule == "value":
        return next_run(olds, olds[:1])
    sample = _sample(metric, workload, snapshot)
    return Unknown(NOTHING) if sample is None else _of_samples(metric, sample, sample, olds, olds[:1])


def same_draws(before: Snapshot, after: Snapshot) -> bool:
    """Whether all that differs between two runs was caused by what was changed: simulated, and of one seed."""
    if before.runs[0].run_id == after.runs[0].run_id:
        return True
    return before.simulated and after.simulated and before.runs[0].seed == after.runs[0].seed


def _sample(metric: Metric, workload: str | None, snapshot: Snapshot) -> LatencySummary | None:
    if metric.name.startswith("failover"):
        return snapshot.failover_costs
    if workload is None and len(snapshot.samples) == 1:
        return snapshot.samples[0].latencies
    return next((sample.latencies for sample in snapshot.samples if sample.workload == workload), None)


def _of_samples(
    metric: Metric, one: LatencySummary, two: LatencySummary, olds: Sequence[float], news: Sequence[float]
) -> Found:
    match metric.rule:
        case "share":
            return _of_share(one, two, olds, news)
        case "throughput":
            return _of_throughput(one, two, olds, news)
        case _:
            assert metric.quantile is not None
            return _of_quantile(one, two, metric.quantile, olds, news)


def _of_quantile(
    one: LatencySummary, two: LatencySummary, q: float, olds: Sequence[float], news: Sequence[float]
) -> Found:
    ratio = quantile_ratio(one, two, q, BOOTSTRAP_LEVEL)
    if not ratio.enough:
        return Unknown(ratio.note or NOTHING)
    if not ratio.value or not ratio.low or ratio.high is None or not olds or not news:
        return Unknown(NEVER)
    below, above = math.log(ratio.value / ratio.low), math.log(ratio.high / ratio.value)
    noise, freedom = extra_noise([math.log(value) for value in olds], _error(below, above))
    return Evidence(
        log_middle(news) - log_middle(olds),
        _scaled(below, above),
        noise,
        freedom,
        with_runs("block bootstrap", olds),
    )


def _of_share(
    one: LatencySummary, two: LatencySummary, olds: Sequence[float], news: Sequence[float]
) -> Found:
    difference = rate_difference(one, two, "success", BOOTSTRAP_LEVEL)
    if difference.note in (NO_FAILURE, NO_SUCCESS):
        noise, freedom = extra_noise(olds, 0.0)
        return Evidence(
            middle(news) - middle(olds), _singly(one, two), noise, freedom, with_runs(SINGLY, olds)
        )
    if not difference.enough:
        return Unknown(difference.note or NOTHING)
    noise, freedom = extra_noise(olds, _error(*_reach(difference)))
    return Evidence(
        middle(news) - middle(olds),
        lambda level: _reach(rate_difference(one, two, "success", level)),
        noise,
        freedom,
        with_runs("Newcombe", olds),
    )


def _singly(one: LatencySummary, two: LatencySummary) -> Reach:
    """For two runs whose requests all ended alike: whether failures would come in clusters is unknown."""

    def within(level: float) -> tuple[float, float]:
        bounds = [wilson(run.answered, run.total, level).bounds() for run in (one, two)]
        reach = math.hypot(*(high - low for low, high in bounds))
        return reach, reach

    return within


def _of_throughput(
    one: LatencySummary, two: LatencySummary, olds: Sequence[float], news: Sequence[float]
) -> Found:
    difference = rate_difference(one, two, "throughput", BOOTSTRAP_LEVEL)
    if not difference.enough or min(middle(olds or [0]), middle(news or [0])) <= 0:
        return Unknown(difference.note or NOTHING)
    # As a share of the rate: for changes that can be seen at all, that is what its logarithm changes by.
    below, above = (reach / min(middle(olds), middle(news)) for reach in _reach(difference))
    noise, freedom = extra_noise([math.log(value) for value in olds], _error(below, above))
    return Evidence(
        log_middle(news) - log_middle(olds), _scaled(below, above), noise, freedom, with_runs("Welch", olds)
    )


def _reach(estimate: Estimate) -> tuple[float, float]:
    assert estimate.value is not None
    low, high = estimate.bounds()
    return estimate.value - low, high - estimate.value


def _error(below: float, above: float) -> float:
    """The standard error behind an interval of the usual level."""
    return (below + above) / 2 / two_sided(BOOTSTRAP_LEVEL, SCALING_FREEDOM)


def _scaled(below: float, above: float) -> Reach:
    """An interval of the usual level, made one of another."""
    usual = two_sided(BOOTSTRAP_LEVEL, SCALING_FREEDOM)

    def within(level: float) -> tuple[float, float]:
        times = two_sided(level, SCALING_FREEDOM) / usual
        return below * times, above * times

    return within
