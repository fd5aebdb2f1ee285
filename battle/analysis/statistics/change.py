"""Intervals for what changed between two runs: their latencies by block bootstrap, their rates by their spreads."""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from battle.analysis.statistics.bins import BINNING
from battle.analysis.statistics.bootstrap import Resampled, Values, resampled
from battle.analysis.statistics.correlation import Spread, sum_spread
from battle.analysis.statistics.estimate import (
    NO_FAILURE,
    NO_SUCCESS,
    NOTHING,
    TOO_FEW,
    TOO_SHORT,
    Estimate,
    estimated,
    unbounded,
)
from battle.analysis.statistics.proportion import Sample, success_sample, wilson_bounds
from battle.analysis.statistics.student import two_sided
from battle.analysis.statistics.summary import LatencySummary

Rate: TypeAlias = Literal["success", "throughput"]

REPLICATES = 1000
BOOTSTRAP = "block bootstrap"
NEWCOMBE = "newcombe, effective samples"
WELCH = "welch, effective samples"
NEVER = "in both runs too many requests failed for this percentile"
NEVER_BEFORE = "before, too many requests failed for this percentile"

BEYOND_MIN = 5
"""So many requests must be beyond a quantile in either run: replicates go no further than the slowest request."""

EVEN = 0.3
"""What varies by less than this share of another thing adds nearly nothing to it: squares add up."""

Scale: TypeAlias = Callable[[Values], Values]
"""What makes changes of a quantile differences."""


class _Seen(msgspec.Struct, frozen=True):
    """What was seen of a change: of both runs, or why it has no interval."""

    value: float
    parts: tuple[Resampled, Resampled] | None = None
    problem: str | None = None


def quantile_ratio(
    before: LatencySummary,
    after: LatencySummary,
    q: float,
    level: float = 0.95,
    seed: int = 1,
    replicates: int = REPLICATES,
) -> Estimate:
    """How many times the quantile of `before` that of `after` is, with its interval: 1.2 is 20 % slower.

    None is infinite: answered before, and never after. The same seed gives the same interval. Values are
    interpolated in bins of 1 %, so a ratio is known to a percent even of latencies that are all alike.
    """
    seen = _seen(before, after, q, seed, replicates, lambda one, two: two / one)
    if seen.parts is None:
        return unbounded(seen.value, level=level, method=BOOTSTRAP, note=seen.problem or NOTHING)
    logs = _bounds(seen.parts, level, np.log, math.log(seen.value) if seen.value else -math.inf)
    with np.errstate(over="ignore"):
        low, high = (float(np.exp(bound)) for bound in logs)
    return estimated(seen.value, low, high, level=level, method=BOOTSTRAP)


def quantile_difference(
    before: LatencySummary,
    after: LatencySummary,
    q: float,
    level: float = 0.95,
    seed: int = 1,
    replicates: int = REPLICATES,
) -> Estimate:
    """By how many nanoseconds the quantile of `after` is above that of `before`, with its interval.

    As `quantile_ratio`, with None for a bound that is missing below. When the quantile was never answered before,
    there is no difference.
    """
    seen = _seen(before, after, q, seed, replicates, lambda one, two: two - one)
    if seen.value == -math.inf and seen.parts is not None:
        return unbounded(math.nan, level=level, method=BOOTSTRAP, note=NEVER_BEFORE)
    if seen.parts is None:
        return unbounded(seen.value, level=level, method=BOOTSTRAP, note=seen.problem or NOTHING)
    low, high = _bounds(seen.parts, level, np.positive, seen.value)
    return estimated(seen.value, low, high, level=level, method=BOOTSTRAP)


def rate_difference(
    before: LatencySummary, after: LatencySummary, rate: Rate = "success", level: float = 0.95
) -> Estimate:
    """By how much a rate of `after` is above that of `before`, with its interval.

    `success` is the share of requests that succeeded, 0 to 1 (Newcombe 1998, with effective samples); where all ended
    alike in both there is no interval, where in one its failures are taken to come in clusters as those of the other.
    `throughput` is the requests that succeeded per second of load (Welch 1947, on the spread in time).
    """
    if not (before.total and after.total):
        return unbounded(None, level=level, method=NEWCOMBE if rate == "success" else WELCH, note=NOTHING)
    return _success(before, after, level) if rate == "success" else _throughput(before, after, level)


def welch_freedom(variances: tuple[float, float], freedoms: tuple[float, float]) -> float:
    """The degrees of freedom of a sum of two variances; infinite where nothing varies, or all is known."""
    parts = sum(variance**2 / freedom for variance, freedom in zip(variances, freedoms, strict=True))
    return sum(variances) ** 2 / parts if parts else math.inf


def _success(before: LatencySummary, after: LatencySummary, level: float) -> Estimate:
    one, two = success_sample(before), success_sample(after)
    value = two.share - one.share
    if one.uniform and not value:
        return unbounded(value, level=level, method=NEWCOMBE, note=NO_FAILURE if one.share else NO_SUCCESS)
    if not (one.enough and two.enough):
        return unbounded(value, level=level, method=NEWCOMBE, note=TOO_SHORT)
    low, high = _newcombe(_clustered(one, before, two, after), (1.0, 1.0), level)
    return estimated(value, low, high, level=level, method=NEWCOMBE)


def _clustered(
    one: Sample, before: LatencySummary, two: Sample, after: LatencySummary
) -> tuple[Sample, Sample]:
    """The samples; one of requests that all ended alike, which shows no clusters, is as clustered as the other."""
    cost = min(one.size / before.total, two.size / after.total)
    if one.uniform:
        one = msgspec.structs.replace(one, size=cost * before.total)
    if two.uniform:
        two = msgspec.structs.replace(two, size=cost * after.total)
    return one, two


def _newcombe(
    samples: tuple[Sample, Sample], per_s: tuple[float, float], level: float
) -> tuple[float, float]:
    """The bounds of the difference of shares of what came at so many per second (1: of the shares themselves)."""
    one_variance, two_variance = (
        sample.variance * rate**2 for sample, rate in zip(samples, per_s, strict=True)
    )
    freedom = welch_freedom((one_variance, two_variance), (samples[0].freedom, samples[1].freedom))
    errors = two_sided(level, freedom)
    (one, one_low, one_high), (two, two_low, two_high) = (
        (rate * sample.share, *(rate * bound for bound in wilson_bounds(sample.share, sample.size, errors)))
        for sample, rate in zip(samples, per_s, strict=True)
    )
    down = math.hypot(two - two_low, one_high - one)
    up = math.hypot(two_high - two, one - one_low)
    return two - one - down, two - one + up


def _throughput(before: LatencySummary, after: LatencySummary, level: float) -> Estimate:
    (one, one_spread), (two, two_spread) = _per_s(before, answered=True), _per_s(after, answered=True)
    value = two - one
    if not (one_spread.enough and two_spread.enough):
        return unbounded(value, level=level, method=WELCH, note=TOO_SHORT)
    variances = one_spread.error**2, two_spread.error**2
    if not any(variances):
        return estimated(value, value, value, level=level, method=WELCH)
    (one_rate, one_came), (two_rate, two_came) = _per_s(before), _per_s(after)
    if max(one_came.error, two_came.error) <= EVEN * math.sqrt(sum(variances)):
        # Requests came evenly, so that only failures make the rate of answers vary.
        samples = _clustered(success_sample(before), before, success_sample(after), after)
        low, high = _newcombe(samples, (one_rate, two_rate), level)
        return estimated(value, low, high, level=level, method=NEWCOMBE)
    freedom = welch_freedom(variances, (one_spread.freedom, two_spread.freedom))
    reach = two_sided(level, freedom) * math.sqrt(sum(variances))
    return estimated(value, value - reach, value + reach, level=level, method=WELCH)


def _per_s(summary: LatencySummary, *, answered: bool = False) -> tuple[float, Spread]:
    """How many requests came, or succeeded, per second of load, and how that varies."""
    by_cell = summary.counts().sum(axis=1) + (0 if answered else np.asarray(summary.unanswered))
    per_s = by_cell / (summary.span_ns / 1e9)
    return float(per_s.sum()), sum_spread(per_s - per_s.mean())


def _seen(
    before: LatencySummary,
    after: LatencySummary,
    q: float,
    seed: int,
    replicates: int,
    change: Callable[[float, float], float],
) -> _Seen:
    assert before.binning == after.binning == BINNING, "summaries of different binnings cannot be compared"
    if not (before.total and after.total):
        return _Seen(math.nan, problem=NOTHING)
    rng = np.random.Generator(np.random.Philox(seed))
    one, two = (resampled(summary, q, replicates, rng) for summary in (before, after))
    if math.isinf(one.value) and math.isinf(two.value):
        return _Seen(math.nan, problem=NEVER)
    value = change(one.value, two.value)
    if not (one.enough and two.enough):
        return _Seen(value, problem=TOO_SHORT)
    if min(before.total, after.total) * min(q, 1 - q) < BEYOND_MIN:
        return _Seen(value, problem=TOO_FEW)
    return _Seen(value, (one, two))


def _bounds(
    parts: tuple[Resampled, Resampled], level: float, scale: Scale, value: float
) -> tuple[float, float]:
    """The bounds on a scale on which changes are differences."""
    earlier, later = (scale(part.quantiles) for part in parts)
    with np.errstate(invalid="ignore"):
        changes = later - earlier
    undecided = np.isnan(changes)  # never in both: the change might be anything
    tail = round((1 - level) / 2 * (len(changes) - 1))
    least = np.sort(np.where(undecided, -math.inf, changes))[tail]
    most = np.sort(np.where(undecided, math.inf, changes))[-1 - tail]
    stretch = _stretch(parts, (earlier, later), level)
    return _stretched(value, min(least, value), stretch), _stretched(value, max(most, value), stretch)


def _stretch(parts: tuple[Resampled, Resampled], scaled: tuple[Values, Values], level: float) -> float:
    """How much wider the interval is than the replicates: too few blocks, and Student's tails for the normal ones."""
    raw = [_robust_variance(values) for values in scaled]
    full = raw[0] * parts[0].stretch ** 2, raw[1] * parts[1].stretch ** 2
    if not any(full) or not all(map(math.isfinite, full)):
        return 1.0
    freedom = welch_freedom(full, (parts[0].freedom, parts[1].freedom))
    return math.sqrt(sum(full) / sum(raw)) * two_sided(level, freedom) / two_sided(level)


def _robust_variance(values: Values) -> float:
    """The variance by the middle two thirds, which single replicates that were never answered do not reach."""
    low, high = np.quantile(values, (0.1587, 0.8413), method="nearest")
    return float((high - low) / 2) ** 2 if low < high else 0.0


def _stretched(value: float, bound: float, by: float) -> float:
    return value + (bound - value) * by if math.isfinite(value) and math.isfinite(bound) else float(bound)
