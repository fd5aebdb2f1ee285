"""Intervals for a share, such as the success rate: Wilson's (1927), alone and with failures that come in clusters."""

import math

import numpy as np

from battle.statistics.correlation import spread_of
from battle.statistics.estimate import NOTHING, TOO_SHORT, Estimate, estimated, unbounded
from battle.statistics.student import two_sided
from battle.statistics.summary import LatencySummary


def wilson(successes: int, trials: int, level: float = 0.95) -> Estimate:
    """The share of successes among independent trials, 0 to 1, with Wilson's score interval."""
    assert 0 <= successes <= trials
    if not trials:
        return unbounded(None, level=level, method="wilson", note=NOTHING)
    share = successes / trials
    low, high = wilson_bounds(share, trials, two_sided(level))
    return estimated(share, low, high, level=level, method="wilson")


def success_interval(summary: LatencySummary, level: float = 0.95) -> Estimate:
    """The share of requests that ended ok, with Wilson's interval for their effective number.

    Failures come in clusters, so that the requests tell less than independent ones would: by how much, the
    differences between spans of time say.
    """
    method = "wilson, effective sample"
    if not summary.total:
        return unbounded(None, level=level, method=method, note=NOTHING)
    share = summary.answered / summary.total
    unanswered = np.asarray(summary.unanswered)
    by_cell = summary.counts().sum(axis=1) + unanswered
    spread = spread_of(unanswered - (1 - share) * by_cell)
    if not spread.enough:
        return unbounded(share, level=level, method=method, note=TOO_SHORT)
    independent = summary.total * share * (1 - share)
    design = max(1.0, spread.error**2 / independent) if independent else 1.0
    reach = two_sided(level, spread.freedom if design > 1 else math.inf)
    low, high = wilson_bounds(share, summary.total / design, reach)
    return estimated(share, low, high, level=level, method=method)


def wilson_bounds(share: float, trials: float, errors: float) -> tuple[float, float]:
    """Wilson's interval of so many standard errors; `trials` need not be whole."""
    square = errors * errors / trials
    middle = (share + square / 2) / (1 + square)
    reach = errors * math.sqrt(share * (1 - share) / trials + square / trials / 4) / (1 + square)
    return min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach))
