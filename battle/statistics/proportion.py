"""Intervals for a share, such as the success rate: Wilson's (1927), alone and with failures that come in clusters."""

import math

import numpy as np

from battle.statistics.correlation import Spread, share_spread
from battle.statistics.estimate import NOTHING, TOO_SHORT, Estimate, estimated, unbounded
from battle.statistics.student import two_sided
from battle.statistics.summary import LatencySummary

METHOD = "wilson"
IN_TIME = "wilson, effective sample"
NO_FAILURE = "as if failures came singly: there was none to tell"


def wilson(successes: int, trials: int, level: float = 0.95) -> Estimate:
    """The share of successes among independent trials, 0 to 1, with Wilson's score interval."""
    assert 0 <= successes <= trials
    if not trials:
        return unbounded(None, level=level, method=METHOD, note=NOTHING)
    share = successes / trials
    low, high = _wilson_bounds(share, trials, two_sided(level))
    return estimated(share, low, high, level=level, method=METHOD)


def success_interval(summary: LatencySummary, level: float = 0.95) -> Estimate:
    """The share of requests that ended ok, with Wilson's interval for their effective number.

    Failures come in clusters, so that requests tell less than as many independent ones would; how much less, the
    differences between spans of time say. It never counts for more than `wilson` does.
    """
    if not summary.total:
        return unbounded(None, level=level, method=IN_TIME, note=NOTHING)
    share = summary.answered / summary.total
    if share in (0, 1):
        low, high = _wilson_bounds(share, summary.total, two_sided(level))
        note = NO_FAILURE if share else None
        return estimated(share, low, high, level=level, method=IN_TIME, note=note)
    answered = summary.counts().sum(axis=1)
    trials = (answered + np.asarray(summary.unanswered)).astype(np.float64)
    spread = share_spread(answered.astype(np.float64), trials)
    if not spread.enough:
        return unbounded(share, level=level, method=IN_TIME, note=TOO_SHORT)
    effective = min(summary.total, share * (1 - share) / spread.error**2) if spread.error else summary.total
    low, high = _wilson_bounds(
        share, effective, two_sided(level, _freedom(summary.total, effective, share, spread))
    )
    return estimated(share, low, high, level=level, method=IN_TIME)


def _freedom(total: int, effective: float, share: float, spread: Spread) -> float:
    """Degrees of freedom: as many as for a normal variable when failures come singly, few when in few clusters."""
    clustered = 1 - effective / total
    if not clustered:
        return math.inf
    clusters = max(1.0, effective * min(share, 1 - share))
    return 1 / (1 / spread.cosines + clustered / clusters)


def _wilson_bounds(share: float, trials: float, errors: float) -> tuple[float, float]:
    """Wilson's interval of so many standard errors; `trials` need not be whole."""
    square = errors * errors / trials
    middle = (share + square / 2) / (1 + square)
    reach = errors * math.sqrt(share * (1 - share) / trials + square / trials / 4) / (1 + square)
    # Rounding must not leave the share itself outside.
    return min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach))
