"""Intervals for a share, such as the success rate: Wilson's (1927), alone and with failures that come in clusters."""

import math

import msgspec
import numpy as np

from battle.analysis.statistics.correlation import share_spread
from battle.analysis.statistics.estimate import (
    NO_FAILURE,
    NO_SUCCESS,
    NOTHING,
    TOO_SHORT,
    Estimate,
    estimated,
    unbounded,
)
from battle.analysis.statistics.student import two_sided
from battle.analysis.statistics.summary import LatencySummary

METHOD = "wilson"
IN_TIME = "wilson, effective sample"

CLUSTER_COST = 0.6
"""As decision 0010 found it: less than for quantiles, as Wilson's interval knows that few clusters are skewed."""

SINGLY = 0.8
"""A number of effective requests that is this share of all differs from it by chance: failures came singly."""


class Sample(msgspec.Struct, frozen=True):
    """A share, and how many independent requests would show as much, with what freedom their number is known.

    One of requests that all ended alike, a `uniform` one, does not show that; there `size` is their number, as if
    each had ended on its own. Without `enough` the run is too short for the size to be believed.
    """

    share: float
    size: float
    freedom: float
    enough: bool

    @property
    def uniform(self) -> bool:
        """Whether all or none succeeded."""
        return self.share in (0, 1)

    @property
    def variance(self) -> float:
        """By how much the share varies from run to run."""
        return self.share * (1 - self.share) / self.size


def wilson(successes: int, trials: int, level: float = 0.95) -> Estimate:
    """The share of successes among independent trials, 0 to 1, with Wilson's score interval."""
    assert 0 <= successes <= trials
    if not trials:
        return unbounded(None, level=level, method=METHOD, note=NOTHING)
    share = successes / trials
    low, high = wilson_bounds(share, trials, two_sided(level))
    return estimated(share, low, high, level=level, method=METHOD)


def success_interval(summary: LatencySummary, level: float = 0.95) -> Estimate:
    """The share of requests that succeeded, with Wilson's interval for their effective number.

    Failures come in clusters, so that requests show less than as many independent ones would; how much less, the
    differences between spans of time say. It never counts for more than `wilson` does. Where all ended alike there
    is nothing to show that, and no interval: `NO_FAILURE`, `NO_SUCCESS`.
    """
    if not summary.total:
        return unbounded(None, level=level, method=IN_TIME, note=NOTHING)
    sample = success_sample(summary)
    if sample.uniform:
        note = NO_FAILURE if sample.share else NO_SUCCESS
        return unbounded(sample.share, level=level, method=IN_TIME, note=note)
    if not sample.enough:
        return unbounded(sample.share, level=level, method=IN_TIME, note=TOO_SHORT)
    low, high = wilson_bounds(sample.share, sample.size, two_sided(level, sample.freedom))
    return estimated(sample.share, low, high, level=level, method=IN_TIME)


def success_sample(summary: LatencySummary) -> Sample:
    """What the requests show of the share that ends ok; there is at least one."""
    share = summary.answered / summary.total
    answered = summary.counts().sum(axis=1)
    trials = (answered + np.asarray(summary.unanswered)).astype(np.float64)
    spread = share_spread(answered.astype(np.float64), trials, CLUSTER_COST)
    if spread.size >= SINGLY * summary.total:
        return Sample(share, summary.total, math.inf, spread.enough)
    return Sample(share, spread.size, spread.freedom, spread.enough)


def wilson_bounds(share: float, size: float, errors: float) -> tuple[float, float]:
    """Wilson's interval of so many standard errors; `size` need not be whole."""
    square = errors * errors / size
    middle = (share + square / 2) / (1 + square)
    reach = errors * math.sqrt(share * (1 - share) / size + square / size / 4) / (1 + square)
    # Rounding must not leave the share itself outside.
    return min(share, max(0.0, middle - reach)), max(share, min(1.0, middle + reach))
