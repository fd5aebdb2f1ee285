"""Finds the evidence for the change of a metric between two snapshots: the best there is on both sides. Pure."""

import math
from collections.abc import Sequence
from typing import TypeAlias

from battle.baselines.evidence import Evidence, Exact, Reach, Unknown
from battle.baselines.metrics import Metric, key
from battle.baselines.snapshot import Snapshot
from battle.statistics.change import quantile_ratio, rate_difference
from battle.statistics.correlation import BATCHES
from battle.statistics.estimate import Estimate
from battle.statistics.proportion import wilson
from battle.statistics.seeds import VALUES_MIN, student, student_difference, student_ratio
from battle.statistics.student import two_sided
from battle.statistics.summary import LatencySummary

Found: TypeAlias = Evidence | Exact | Unknown

CALIBRATED_RUNS_MIN = 4
"""Of fewer runs nobody can tell by how much runs differ: Student's interval for three is six times as wide as theirs."""

BOOTSTRAP_LEVEL = 0.95
"""Where a thousand replicates still know the interval's ends; wider ones are made of it."""

_BOOTSTRAP_FREEDOM = 2 * (BATCHES - 1)

ONE_RUN = "one run a side cannot tell: calibrate the baseline"
ONE_SIDE = "measured on one side only"


def gather(metric: Metric, workload: str | None, before: Snapshot, after: Snapshot) -> Found:
    """What is known of a metric's change. On logarithms, but for shares."""
    name = key(metric.name, workload)
    olds, news = before.values(name), after.values(name)
    if not olds and not news:
        return Unknown("not measured")
    if len(olds) >= VALUES_MIN and len(news) >= VALUES_MIN and metric.rule != "count":
        return _of_many(metric, olds, news)
    if metric.rule == "count":
        return _of_count(metric, olds, news, repeatable=_same_chance(before, after))
    if metric.rule == "value":
        return _of_value(olds, news)
    one, two = _sample(metric, workload, before), _sample(metric, workload, after)
    if one is None or two is None:
        return Unknown(ONE_SIDE)
    if one == two:
        return Exact(0.0, "the same requests")
    if metric.rule == "share":
        return _of_share(one, two, olds)
    if metric.rule == "throughput":
        return _of_throughput(one, two, olds)
    assert metric.quantile is not None
    return _of_quantile(one, two, metric.quantile, olds, news)


def _same_chance(before: Snapshot, after: Snapshot) -> bool:
    """Whether whatever differs between two simulated runs was caused by what was changed, and not drawn."""
    return before.simulated and after.simulated and before.runs[0].seed == after.runs[0].seed


def _sample(metric: Metric, workload: str | None, snapshot: Snapshot) -> LatencySummary | None:
    if metric.name.startswith("failover"):
        return snapshot.failover_costs
    return next((sample.latencies for sample in snapshot.samples if sample.workload == workload), None)


def _of_many(metric: Metric, olds: Sequence[float], news: Sequence[float]) -> Found:
    """From the values of ten runs or more on both sides, whatever their requests tell."""
    if metric.rule == "share":
        return Evidence(
            _mean(news) - _mean(olds),
            lambda level: _reach(student_difference(olds, news, level)),
            method=f"Welch, {len(olds)} and {len(news)} runs",
        )
    if min(*olds, *news) <= 0:
        return Unknown("there are zeros, which have no ratio")
    return Evidence(
        _mean_log(news) - _mean_log(olds),
        lambda level: _log_reach(student_ratio(olds, news, level)),
        method=f"Welch of logarithms, {len(olds)} and {len(news)} runs",
    )


def _of_quantile(
    one: LatencySummary, two: LatencySummary, q: float, olds: Sequence[float], news: Sequence[float]
) -> Found:
    ratio = quantile_ratio(one, two, q, BOOTSTRAP_LEVEL)
    if not ratio.enough:
        return Unknown(ratio.note or "too short")
    if not ratio.value or ratio.high is None or not ratio.low:
        return Unknown("never answered on one side: see the success rate")
    below, above = _log_reach(ratio)
    noise, freedom = _extra_noise([math.log(v) for v in olds if v > 0], _error(below, above))
    calibrated = len(olds) >= CALIBRATED_RUNS_MIN
    change = _mean_log(news) - _mean_log(olds) if calibrated and news and min(olds) > 0 else math.log(ratio.value)
    return Evidence(
        change, _scaled(below, above), noise, freedom, method=_with_runs("block bootstrap", olds)
    )


def _of_share(one: LatencySummary, two: LatencySummary, olds: Sequence[float]) -> Found:
    difference = rate_difference(one, two, "success", BOOTSTRAP_LEVEL)
    if difference.value is None or not difference.enough:
        return Unknown(difference.note or "too short")
    noise, freedom = _extra_noise(olds, _error(*_reach(difference)))
    return Evidence(
        difference.value,
        lambda level: _reach(rate_difference(one, two, "success", level)),
        noise,
        freedom,
        method=_with_runs("Newcombe", olds),
    )
