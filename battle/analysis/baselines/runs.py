"""What several runs show of a change: how much runs differ anyway. Pure."""

import math
from collections.abc import Sequence
from statistics import fmean, variance

from battle.analysis.baselines.evidence import Evidence, Unknown
from battle.analysis.baselines.metrics import Metric
from battle.analysis.statistics.estimate import Estimate
from battle.analysis.statistics.seeds import VALUES_MIN, student_difference, student_ratio

CALIBRATED_RUNS_MIN = 4
"""Fewer do not show how much runs differ."""

NOTHING = "not measured"
ONE_SIDE = "measured on one side only"
ONE_RUN = "one run on each side is not enough: calibrate the baseline"
ZEROS = "some values are zero, so there is no ratio"


def calibrated(values: Sequence[float]) -> bool:
    """Whether there are runs enough to know how much they differ."""
    return len(values) >= CALIBRATED_RUNS_MIN


def middle(values: Sequence[float]) -> float:
    """What a run of this kind measures: the mean of enough runs, else what the first one did."""
    return fmean(values) if calibrated(values) else values[0]


def log_middle(values: Sequence[float]) -> float:
    """The same on logarithms; all values are above 0."""
    return middle([math.log(value) for value in values])


def typical(values: Sequence[float]) -> float | None:
    """The same, to be shown: the geometric mean where there is one."""
    if not values:
        return None
    return math.exp(log_middle(values)) if min(values) > 0 else middle(values)


def extra_noise(values: Sequence[float], error: float) -> tuple[float, float]:
    """By how much the next run differs from these beyond what their requests show: standard error and freedom.

    `error` is that of a difference between two runs, as their requests show it.
    """
    if not calibrated(values):
        return 0.0, math.inf
    beyond = max(0.0, variance(values) - error**2 / 2)
    return math.sqrt(beyond * (1 + 1 / len(values))), len(values) - 1


def with_runs(method: str, values: Sequence[float]) -> str:
    """The method, and that the differences between runs came to it."""
    return f"{method}, and the spread of {len(values)} runs" if calibrated(values) else method


def many(metric: Metric, olds: Sequence[float], news: Sequence[float]) -> Evidence | None:
    """From the values of ten runs or more on both sides; None: there are not so many."""
    if len(olds) < VALUES_MIN or len(news) < VALUES_MIN:
        return None
    runs = f"{len(olds)} and {len(news)} runs"
    if metric.rule == "share" or min(*olds, *news) <= 0:
        difference = fmean(news) - fmean(olds)
        return Evidence(
            difference, lambda level: _reach(student_difference(olds, news, level)), method=f"Welch, {runs}"
        )
    return Evidence(
        log_middle(news) - log_middle(olds),
        lambda level: _log_reach(student_ratio(olds, news, level)),
        method=f"Welch on logarithms, {runs}",
    )


def next_run(olds: Sequence[float], news: Sequence[float]) -> Evidence | Unknown:
    """From one value a run: whether the new one is like those of enough old ones."""
    if not calibrated(olds):
        return Unknown(ONE_RUN)
    if min(*olds, *news) <= 0:
        return Unknown(ZEROS)
    noise, freedom = extra_noise([math.log(value) for value in olds], 0.0)
    return Evidence(
        log_middle(news) - log_middle(olds), _nothing, noise, freedom, f"Student, {len(olds)} runs"
    )


def _nothing(level: float) -> tuple[float, float]:
    return 0.0, 0.0


def _reach(estimate: Estimate) -> tuple[float, float]:
    low, high = estimate.bounds()
    value = estimate.value or 0.0
    return value - low, high - value


def _log_reach(estimate: Estimate) -> tuple[float, float]:
    low, high = estimate.bounds()
    value = estimate.value or 1.0
    return math.log(value / low), math.log(high / value)
