"""Whether a count changed: wrong answers, missed heads, failovers. Pure.

Counts have no requests behind them that would show how they vary. Three things help: two simulated runs of one seed
do not differ by chance; several runs show how they differ; else a count must double, and not by chance.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, variance
from typing import NamedTuple

from battle.analysis.baselines.evidence import Exact, Unknown
from battle.analysis.baselines.metrics import Metric
from battle.analysis.baselines.runs import NOTHING, ONE_SIDE, calibrated
from battle.analysis.statistics.proportion import wilson
from battle.analysis.statistics.student import two_sided

COARSE_THRESHOLD = 1.0
"""One event makes many of a kind: a lost connection all the heads behind it. Uncalibrated it must double."""


class Tally(NamedTuple):
    """Two counts, and an interval of a level for how many times the first the second is. `threshold`: at least."""

    before: float
    after: float
    interval: Callable[[float], tuple[float, float]]
    threshold: float
    method: str


def count_found(
    metric: Metric, olds: Sequence[float], news: Sequence[float], *, repeatable: bool
) -> Tally | Exact | Unknown:
    """What is known of a count's change. `repeatable`: the first runs of both sides cannot differ by chance."""
    if not olds or not news:
        return Unknown(ONE_SIDE if olds or news else NOTHING)
    if max(*olds, *news) == 0:
        return Exact(0.0, "none in either run")
    if repeatable:
        before, after = olds[0], news[0]
        return Exact(after / before - 1 if before else _from_none(after), "same seed, so nothing is random")
    if metric.harm and max(olds) == 0:
        return Exact(None, "none before")
    return _of_runs(olds, fmean(news)) if calibrated(olds) else _of_two(round(olds[0]), round(news[0]))


def _from_none(after: float) -> float | None:
    return None if after else 0.0


def _of_two(before: int, after: int) -> Tally:
    """Of two independent counts, given their sum, each one of it belongs to either side like a coin's toss."""

    def interval(level: float) -> tuple[float, float]:
        low, high = wilson(after, before + after, level).bounds()
        return low / (1 - low), high / (1 - high) if high < 1 else math.inf

    return Tally(before, after, interval, COARSE_THRESHOLD, "Wilson, two counts")


def _of_runs(olds: Sequence[float], after: float) -> Tally:
    before, runs = fmean(olds), len(olds)
    # A count varies at least like independent events, also when a few runs had the same by chance.
    error = math.sqrt(max(variance(olds), before, 1.0) * (1 + 1 / runs))

    def interval(level: float) -> tuple[float, float]:
        reach = error * two_sided(level, runs - 1)
        bounds = (max(0.0, after - reach), after + reach)
        low, high = (bound / before if before else math.inf * bound if bound else 0.0 for bound in bounds)
        return low, high

    return Tally(before, after, interval, 0.0, f"Student, {runs} runs")
