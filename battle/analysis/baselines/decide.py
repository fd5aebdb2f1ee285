"""From the evidence of a change to better, same, worse or not enough data. Pure.

Better and worse need both: a change beyond the threshold, and an interval that excludes none. Same needs that a
change of twice the threshold would have been seen. All else is not enough data.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from battle.analysis.baselines.best_evidence import NEVER
from battle.analysis.baselines.counts import Tally
from battle.analysis.baselines.evidence import Evidence, Exact
from battle.analysis.baselines.metrics import Metric
from battle.analysis.reports.comparison import Answer, Change
from battle.analysis.statistics.estimate import TOO_FEW, TOO_SHORT

BLIND_THRESHOLDS = 2.0
"""An interval that reaches further than so many thresholds has not shown that there is no change."""

SHARE_PRECISION = 0.01
"""Of the success rate, whose failures have no threshold of their own where there are none: one point."""


NO_GAIN = "not a gain, because the success rate is worse"

_ROUNDING = 1e-9
"""A change of just the threshold does not exceed it, whatever floats say."""


class Settings(NamedTuple):
    """What counts as a change, and how sure one must be of all of them together."""

    threshold: float = 0.1
    level: float = 0.95


DEFAULT = Settings()


def on_logs(metric: Metric, evidence: Evidence, level: float, threshold: float) -> Answer:
    """The answer for a ratio, whose logarithm is in `evidence`."""
    limit = math.log1p(threshold)
    return _answer(
        metric,
        evidence,
        level,
        counts=abs(evidence.change) > limit,
        precise=evidence.visible(level) <= BLIND_THRESHOLDS * limit,
        needs_certainty=True,
    )


def on_shares(
    metric: Metric, evidence: Evidence, before: float, after: float, level: float, threshold: float
) -> Answer:
    """The answer for a share near 1: what counts is how many times as many failed, or as few."""
    least, most = sorted((1 - before, 1 - after))
    return _answer(
        metric,
        evidence,
        level,
        counts=most > (1 + threshold) * least,
        precise=evidence.visible(level) <= SHARE_PRECISION,
        # A few failures more or less are seen in any run, and are many times as many.
        needs_certainty=False,
    )


def on_exact(metric: Metric, exact: Exact, threshold: float) -> Answer:
    """The answer for what cannot differ by chance."""
    if exact.change is None:
        return direction(metric, math.inf)
    # On logarithms up and down are alike.
    size = abs(math.log1p(exact.change)) if exact.change > -1 else math.inf
    counts = size > math.log1p(threshold) * (1 + _ROUNDING)
    return direction(metric, exact.change) if counts else "same"


def on_counts(metric: Metric, tally: Tally, level: float, threshold: float) -> Answer:
    """The answer for two counts. Where nothing points to a change they are the same: few never show more."""
    least, most = sorted((tally.before, tally.after))
    if most <= (1 + max(threshold, tally.threshold)) * least:
        return "same"
    low, high = tally.interval(level)
    return "not_enough_data" if low <= 1 <= high else direction(metric, tally.after - tally.before)


def fell_undecided(change: Change, threshold: float) -> bool:
    """Whether a workload's success or latency got much worse by its values, and no interval says if by chance.

    One long outage in a run is like that: from this run alone nobody knows how often there is one.
    """
    if not change.decides or change.workload is None or change.note not in (TOO_SHORT, TOO_FEW):
        return False
    if change.before is None or change.after is None:
        return False
    if change.unit == "share":
        return change.before - change.after > SHARE_PRECISION
    return change.unit == "ns" and change.after > (1 + threshold) ** BLIND_THRESHOLDS * change.before


def worse_undecided(change: Change, threshold: float) -> bool:
    """Whether a deciding metric got worse by more than the threshold, and nobody knows whether by chance."""
    return change.decides and change.verdict == "not_enough_data" and _by_values(change, threshold)


def without_gains(changes: Sequence[Change], threshold: float) -> tuple[Change, ...]:
    """The changes, of which none is better where the success rate is worse, or may be.

    Where requests are no longer answered there is less to retry and less to wait for, and a broken gateway would
    look like a frugal one. What is of the whole run is no better when any workload's success is worse.
    """
    lost = {
        change.workload
        for change in changes
        if change.unit == "share" and (change.verdict == "worse" or worse_undecided(change, threshold))
    }
    return tuple(
        replace(change, verdict="not_enough_data", note=NO_GAIN)
        if change.verdict == "better" and (change.workload in lost or (change.workload is None and lost))
        else change
        for change in changes
    )


def _by_values(change: Change, threshold: float) -> bool:
    """Whether its values alone say that it got worse by more than the threshold."""
    before, after = change.before, change.after
    if before is None or after is None:
        return before is not None and change.note == NEVER
    if change.unit == "share":
        before, after = 1 - before, 1 - after  # what counts is how many times as many failed
    return after > (1 + threshold) * (1 + _ROUNDING) * before + _ROUNDING


def direction(metric: Metric, change: float) -> Answer:
    """Whether a change is for the better or for the worse."""
    return "worse" if (change > 0) == metric.more_is_worse else "better"


def _answer(
    metric: Metric, evidence: Evidence, level: float, *, counts: bool, precise: bool, needs_certainty: bool
) -> Answer:
    low, high = evidence.interval(level)
    if counts and not low <= 0 <= high:
        return direction(metric, evidence.change)
    if not precise or (counts and needs_certainty):
        return "not_enough_data"
    return "same"
