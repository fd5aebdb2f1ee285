"""Intervals for what changed between two runs: their latencies by block bootstrap, their rates by their spreads."""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from battle.statistics.binning import BINNING
from battle.statistics.bootstrap import Resampled, Values, resampled
from battle.statistics.correlation import Spread, sum_spread
from battle.statistics.estimate import NO_UPPER, NOTHING, TOO_SHORT, Estimate, estimated, unbounded
from battle.statistics.proportion import success_interval
from battle.statistics.quantiles import quantile_interval
from battle.statistics.student import two_sided
from battle.statistics.summary import LatencySummary

Rate: TypeAlias = Literal["success", "throughput"]

REPLICATES = 1000
BOOTSTRAP = "block bootstrap"
NEWCOMBE = "newcombe, effective samples"
WELCH = "welch, effective samples"
NEVER = "never answered in either run"
NEVER_BEFORE = "never answered before"
OPEN = "open on one side: too few requests beyond"


class _Seen(msgspec.Struct, frozen=True):
    """What was seen of a change: why it has no interval, or on which sides too few requests leave that open."""

    value: float
    problem: str | None = None
    open_below: bool = False
    open_above: bool = False

    def bounds(self, low: float, high: float, least: float) -> tuple[float, float]:
        """The bounds, with those replaced that are open; `least` is below all values."""
        return least if self.open_below else low, math.inf if self.open_above else high

    @property
    def note(self) -> str | None:
        """What there is to say about the interval."""
        return OPEN if self.open_below or self.open_above else None


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
    interpolated in bins of 1 %, so a ratio is known to a percent even of latencies that are all alike. Where one of
    the quantiles has no upper bound, the ratio has none on that side either: 0 below, None above.
    """
    seen = _seen(before, after, q, level, lambda one, two: two / one)
    if seen.problem is not None:
        return unbounded(seen.value, level=level, method=BOOTSTRAP, note=seen.problem)
    log_value = math.log(seen.value) if seen.value else -math.inf
    logs = _bounds(before, after, q, level, seed, replicates, np.log, log_value)
    with np.errstate(over="ignore"):
        low, high = seen.bounds(float(np.exp(logs[0])), float(np.exp(logs[1])), 0.0)
    return estimated(seen.value, low, high, level=level, method=BOOTSTRAP, note=seen.note)


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
    seen = _seen(before, after, q, level, lambda one, two: two - one)
    if seen.problem is None and seen.value == -math.inf:
        seen = _Seen(math.nan, NEVER_BEFORE)
    if seen.problem is not None:
        return unbounded(seen.value, level=level, method=BOOTSTRAP, note=seen.problem)
    bounds = _bounds(before, after, q, level, seed, replicates, np.positive, seen.value)
    low, high = seen.bounds(*bounds, -math.inf)
    return estimated(seen.value, low, high, level=level, method=BOOTSTRAP, note=seen.note)


def rate_difference(
    before: LatencySummary, after: LatencySummary, rate: Rate = "success", level: float = 0.95
) -> Estimate:
    """By how much a rate of `after` is above that of `before`, with its interval.

    `success` is the share of requests that ended ok, 0 to 1 (Newcombe 1998, on intervals of `success_interval`);
    `throughput` the requests that ended ok per second of load (Welch 1947, on the spread in time).
    """
    if not (before.total and after.total):
        return unbounded(None, level=level, method=NEWCOMBE if rate == "success" else WELCH, note=NOTHING)
    return _success(before, after, level) if rate == "success" else _throughput(before, after, level)


def welch_freedom(variances: tuple[float, float], freedoms: tuple[float, float]) -> float:
    """The degrees of freedom of a sum of two variances, of which one is positive."""
    parts = sum(variance**2 / freedom for variance, freedom in zip(variances, freedoms, strict=True))
    return sum(variances) ** 2 / parts


def _success(before: LatencySummary, after: LatencySummary, level: float) -> Estimate:
    one, two = success_interval(before, level), success_interval(after, level)
    assert one.value is not None
    assert two.value is not None
    value = two.value - one.value
    if not (one.enough and two.enough):
        return unbounded(value, level=level, method=NEWCOMBE, note=TOO_SHORT)
    (one_low, one_high), (two_low, two_high) = one.bounds(), two.bounds()
    down = math.hypot(two.value - two_low, one_high - one.value)
    up = math.hypot(two_high - two.value, one.value - one_low)
    return estimated(value, value - down, value + up, level=level, method=NEWCOMBE)


def _throughput(before: LatencySummary, after: LatencySummary, level: float) -> Estimate:
    (one, one_spread), (two, two_spread) = _answered_per_s(before), _answered_per_s(after)
    value = two - one
    if not (one_spread.enough and two_spread.enough):
        return unbounded(value, level=level, method=WELCH, note=TOO_SHORT)
    variances = one_spread.error**2, two_spread.error**2
    if not any(variances):
        return estimated(value, value, value, level=level, method=WELCH)
    freedom = welch_freedom(variances, (one_spread.freedom, two_spread.freedom))
    reach = two_sided(level, freedom) * math.sqrt(sum(variances))
    return estimated(value, value - reach, value + reach, level=level, method=WELCH)


def _answered_per_s(summary: LatencySummary) -> tuple[float, Spread]:
    answered = summary.counts().sum(axis=1) / (summary.span_ns / 1e9)
    return float(answered.sum()), sum_spread(answered - answered.mean())


def _seen(
    before: LatencySummary,
    after: LatencySummary,
    q: float,
    level: float,
    change: Callable[[float, float], float],
) -> _Seen:
    assert before.binning == after.binning == BINNING, "summaries of different binnings cannot be compared"
    one, two = quantile_interval(before, q, level), quantile_interval(after, q, level)
    if not (before.total and after.total):
        return _Seen(math.nan, NOTHING)
    if one.value is None and two.value is None:
        return _Seen(math.nan, NEVER)
    value = change(_or_never(one.value), _or_never(two.value))
    for estimate in (one, two):
        if not estimate.enough:
            return _Seen(value, estimate.note)
    return _Seen(value, None, one.note == NO_UPPER, two.note == NO_UPPER)


def _bounds(
    before: LatencySummary,
    after: LatencySummary,
    q: float,
    level: float,
    seed: int,
    replicates: int,
    scale: Callable[[Values], Values],
    value: float,
) -> tuple[float, float]:
    """The bounds on a scale on which changes are differences."""
    rng = np.random.Generator(np.random.Philox(seed))
    one, two = (resampled(summary, q, replicates, rng) for summary in (before, after))
    earlier, later = scale(one.quantiles), scale(two.quantiles)
    with np.errstate(invalid="ignore"):
        changes = later - earlier
    undecided = np.isnan(changes)  # never in both: the change might be anything
    tail = round((1 - level) / 2 * (replicates - 1))
    least = np.sort(np.where(undecided, -math.inf, changes))[tail]
    most = np.sort(np.where(undecided, math.inf, changes))[-1 - tail]
    stretch = _stretch((one, two), (earlier, later), level)
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


def _or_never(value: float | None) -> float:
    return math.inf if value is None else value
