"""Change points of a series of runs: from which run on a metric has another level.

E-divisive finds candidates (Matteson and James 2014): the split of a window whose sides differ most in energy
distance. As in Hunter (Fleming and others 2023), windows overlap, candidates pass a lenient t test there, and then
the weakest are merged until each that is left passes the strict one, between its neighbours.

Runs are weighted by their known variances. Three things differ from Hunter, because a trend is looked at after each
run and because machines have bad days:

- The p-value pays for the choice of the place: it is multiplied by the number of places (Bonferroni), and of pairs
  of places for a level that is over again. A place is refined by least squares.
- Within each side runs are pulled in to three robust standard deviations (winsorized, Tukey and McLaughlin 1963), and
  a rank test must agree (Mann and Whitney 1947): one bad run is no step, and neither are two of three.
- A test uses the spread of both sides together, so that three runs beyond a step can be enough.

Where nothing varies within both sides, as in the simulated world with one seed, any difference is a step.

Where a step is, is less sure than that there is one. Its place is given with a confidence set: all places whose
likelihood is not much smaller than that of the likeliest one (Hansen 2000, whose bound holds for small steps and is
wide for large ones), and next to them runs that are beyond all others of their side, towards the other side.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from battle.analysis.statistics.student import normal_tails, t_tails

Values = NDArray[np.float64]

Numbers: TypeAlias = Sequence[float | None] | Values
"""One for each run, in order; None or nan: unknown."""

LEVEL = 0.01
"""The largest p-value of a change point: with it, 1,000 runs of noise give a point in less than one of 100 series."""

RUNS_MIN = 3
"""A level takes so many runs: two bad ones in a row are common on a shared machine."""

WINDOWS = (50, 200)
"""Runs looked at together: few find steps that are undone soon, many find small ones."""

LENIENT = 10
"""Candidates may have a p-value so many times the strict one: the segments of the last test are longer."""

RANK_LEVEL = 0.005
"""The rank test only keeps outliers out: with this, neither two bad runs of three nor three of four are a step."""

CLIP = 3.0
"""Runs further than so many robust standard deviations from the median of their side are pulled in to that."""

MAD = 1.4826
"""The standard deviation of a normal distribution in median absolute deviations."""

WEIGHTS_RATIO = 20.0
"""No run counts so many times more than a usual one, whatever variance it is said to have."""

PLACE_LIKELIHOOD = -2 * math.log(1 - math.sqrt(0.99))
"""Twice the log likelihood ratio up to which a place is in the set that has the true one with 99 % (Hansen 2000)."""

ROUNDING = 1e-12
"""Squares that are so small a share of all squares are those of numbers that are alike."""

_HALVINGS = 40

BEYOND = 10.0
"""Infinity stands so many times the range of the other values beyond them: it is the worst, and can be averaged."""


class ChangePoint(msgspec.Struct, frozen=True, kw_only=True):
    """From run `index` on the level is `after`, and was `before` since the change point before this one.

    `index` is the likeliest place; with 99 % confidence it is a run from `first` to `last`.

    Levels are weighted means without outliers, infinite where most runs are. `size` is the relative change (0.15:
    15 % higher); None where the level before is zero or a level is infinite. `p_value` is how likely a step at least
    this clear is without any change, anywhere in the two segments.
    """

    index: int
    first: int
    last: int
    before: float
    after: float
    size: float | None
    p_value: float


class Series(msgspec.Struct, frozen=True):
    """Runs that have a value: which they are, their values with infinities replaced, their relative weights."""

    at: NDArray[np.int64]
    values: Values
    weights: Values
    infinite: Values


class _Test(msgspec.Struct, frozen=True):
    before: float
    after: float
    p_value: float


def change_points(
    values: Numbers,
    variances: Numbers | None = None,
    *,
    level: float = LEVEL,
    size_min: float = 0.0,
    runs_min: int = RUNS_MIN,
) -> tuple[ChangePoint, ...]:
    """The steps of a series of runs, in order. Runs without a value (None, nan) are left out, infinity is the worst.

    `variances` are the squared standard errors of the values; an unknown one (None) is taken to be the usual one.
    They add to the variance between runs, which is estimated. `level` is the largest p-value, `size_min` the smallest
    relative change, `runs_min` the fewest runs of a level. ValueError: not one variance for each value, or negative.
    """
    assert 0 < level < 1
    assert size_min >= 0
    assert runs_min >= 1
    series = series_of(values, variances)
    candidates = sorted(set(_candidates(series, min(1.0, LENIENT * level), runs_min)))
    return tuple(_merged(series, candidates, level, size_min))


def series_of(values: Numbers, variances: Numbers | None = None) -> Series:
    """The runs that have a value, and their weights: 1 / (variance of the run + variance between runs), about 1."""
    if variances is not None and len(variances) != len(values):
        raise ValueError(f"{len(values)} values have {len(variances)} variances")
    numbers = _numbers(values)
    at = np.flatnonzero(~np.isnan(numbers))
    raw = numbers[at]
    finite = _finite(raw)
    weights = np.ones(len(at))
    if variances is not None:
        weights = _weights(finite, _numbers(variances)[at])
    return Series(at, finite, weights, np.where(np.isinf(raw), raw, 0.0))


def spread_of(values: Values) -> float:
    """The standard deviation between runs by the differences of neighbours, which no step or drift makes larger."""
    if len(values) < 2:
        return 0.0
    differences = np.abs(np.diff(values))
    robust = MAD * float(np.median(differences))
    return (robust or float(np.sqrt(np.mean(differences**2)))) / math.sqrt(2)


def _numbers(values: Numbers) -> Values:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _finite(values: Values) -> Values:
    """The values with infinities replaced by something far beyond the others."""
    known = values[np.isfinite(values)]
    if len(known) == len(values):
        return values
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    far = BEYOND * ((high - low) or abs(high) or 1.0)
    return np.clip(values, low - far, high + far)


def _weights(values: Values, variances: Values) -> Values:
    known = variances[np.isfinite(variances)]
    if (known < 0).any():
        raise ValueError("a variance is negative")
    if not len(known):
        return np.ones(len(values))
    variances = np.where(np.isfinite(variances), variances, np.median(known))
    total = variances + _between(values, variances)
    middle = float(np.median(total))
    if not middle:
        return np.ones(len(values))
    weights = 1 / np.clip(total / middle, 1 / WEIGHTS_RATIO, None)
    return np.asarray(weights / weights.mean())


def _between(values: Values, variances: Values) -> float:
    """The variance between runs: with it neighbours differ by what they should (as Mandel and Paule 1970)."""
    squares = np.diff(values) ** 2
    within = variances[:-1] + variances[1:]
    low, high = 0.0, float(squares.max(initial=0.0)) * MAD**2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = within + 2 * middle
        larger = np.median(squares / np.where(expected, expected, 1.0)) > 1 / MAD**2
        low, high = (middle, high) if larger else (low, middle)
    return low


def _candidates(series: Series, level: float, runs_min: int) -> Iterator[int]:
    """Where some window has a split that passes the lenient test."""
    waiting = _windows(len(series.values))
    while waiting:
        start, end = waiting.pop()
        if (split := _best_split(series, start, end, runs_min)) is None:
            continue
        at, stop = _placed(series, start, *split, runs_min), split[1]
        if _tested(series, start, at, stop, stop - start - 1).p_value <= level:
            yield at
            waiting += [(start, at), (at, end)]


def _windows(runs: int) -> list[tuple[int, int]]:
    """Overlapping windows of each length, the last of each at the end of the series."""
    found = set()
    for length in WINDOWS:
        last = max(0, runs - length)
        found |= {(start, min(start + length, runs)) for start in (*range(0, last, length // 2), last)}
    return sorted(found)


def _best_split(series: Series, start: int, end: int, runs_min: int) -> tuple[int, int] | None:
    """The split `at`, and the end `stop` of what differs from there on, with the largest energy distance."""
    runs = end - start
    if runs < 2 * runs_min:
        return None
    values, weights = series.values[start:end], series.weights[start:end]
    distances = np.abs(values[:, None] - values[None, :]) * (weights[:, None] * weights[None, :])
    total = np.zeros((runs + 1, runs + 1))
    np.cumsum(np.cumsum(distances, axis=0), axis=1, out=total[1:, 1:])
    weight, square = (np.concatenate(([0.0], np.cumsum(part))) for part in (weights, weights**2))
    # Rows: where to split; columns: where the second side ends.
    inner = np.diagonal(total)
    one, two = weight[:, None], weight[None, :] - weight[:, None]
    one_pairs = one**2 - square[:, None]
    two_pairs = two**2 - (square[None, :] - square[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        across = 2 * (total - inner[:, None]) / (one * two)
        first = np.where(one_pairs > 0, inner[:, None] / one_pairs, 0.0)
        second = np.where(two_pairs > 0, (inner[None, :] - 2 * total + inner[:, None]) / two_pairs, 0.0)
        energy = one * two / (one + two) * (across - first - second)
    place, stop = np.arange(runs + 1)[:, None], np.arange(runs + 1)[None, :]
    energy = np.where((place >= runs_min) & (stop - place >= runs_min), energy, -np.inf)
    best, till = np.unravel_index(int(np.argmax(energy)), energy.shape)
    return (start + int(best), start + int(till)) if energy[best, till] > 0 else None


def _placed(series: Series, start: int, at: int, stop: int, runs_min: int) -> int:
    """The split near `at` that leaves least squares, without what is further out than either side: the likeliest."""
    left = _squares_left(series, start, at, stop)
    places = np.arange(runs_min, stop - start - runs_min + 1)
    return start + int(places[np.argmin(left[places - 1])])


def _squares_left(series: Series, start: int, at: int, stop: int) -> Values:
    """What each split leaves of the squares, from that after the first run on; `at` says which runs are far out."""
    sides = [series.values[start:at], series.values[at:stop]]
    centres = [float(np.median(side)) for side in sides]
    residuals = np.concatenate([np.abs(side - centre) for side, centre in zip(sides, centres, strict=True)])
    reach = CLIP * MAD * float(np.median(residuals))
    values = np.clip(series.values[start:stop], min(centres) - reach, max(centres) + reach)
    weights = series.weights[start:stop]
    weight, sums = np.cumsum(weights), np.cumsum(weights * (values - values.mean()))
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = sums[:-1] ** 2 / weight[:-1] + (sums[-1] - sums[:-1]) ** 2 / (weight[-1] - weight[:-1])
    squares = float(series.weights[start:stop] @ (values - values.mean()) ** 2)
    return np.asarray(np.maximum(squares - gained, ROUNDING * squares))


def likely_places(squares: Values, runs: int) -> tuple[int, int]:
    """The first and the last place of those that leave hardly more squares than the best one does."""
    ratios = runs * np.log(squares / squares.min()) if squares.min() else np.where(squares, np.inf, 0.0)
    likely = np.flatnonzero(ratios <= PLACE_LIKELIHOOD)
    return int(likely[0]), int(likely[-1])


def _place_range(series: Series, start: int, at: int, stop: int) -> tuple[int, int]:
    """The first and the last run at which the step may be: see the theory at the head."""
    first, last = likely_places(_squares_left(series, start, at, stop), stop - start - 2)
    first, last = min(at, start + 1 + first), max(at, start + 1 + last)
    before, after = series.values[start:at], series.values[at:stop]
    sign = 1.0 if np.median(after) > np.median(before) else -1.0
    values = sign * series.values
    while first - 1 > start and values[first - 1] > values[start : first - 1].max():
        first -= 1
    while last + 1 < stop and values[last] < values[last + 1 : stop].min():
        last += 1
    return first, last


def _tested(series: Series, start: int, at: int, stop: int, places: int) -> _Test:
    """The levels of both sides of `at`, and the p-value of their difference: 1 when the rank test says no."""
    one, two = slice(start, at), slice(at, stop)
    sides = [series.values[one], series.values[two]]
    weights = [series.weights[one], series.weights[two]]
    clipped = _clipped(sides, weights)
    levels = [float(np.average(side, weights=weight)) for side, weight in zip(clipped, weights, strict=True)]
    difference = levels[1] - levels[0]
    squares = sum(
        float(weight @ (side - centre) ** 2)
        for side, weight, centre in zip(clipped, weights, levels, strict=True)
    )
    before, after = (
        _level(series.infinite[part], centre) for part, centre in zip((one, two), levels, strict=True)
    )
    exact = not np.ptp(sides[0]) and not np.ptp(sides[1])
    if not difference or not (exact or _ranks_agree(sides)):
        return _Test(before, after, 1.0)
    freedom = stop - start - 2
    error = math.sqrt(squares / max(1, freedom) * sum(1 / float(weight.sum()) for weight in weights))
    if not error:
        return _Test(before, after, 0.0)
    p_value = t_tails(abs(difference) / error, freedom) * places if freedom else 1.0
    return _Test(before, after, min(1.0, p_value))


def _places(series: Series, start: int, at: int, stop: int) -> int:
    """Among how many places this one was chosen: among pairs where the short side is over, and so has two ends."""
    over = stop < len(series.values) if stop - at <= at - start else start > 0
    return (stop - start - 1) ** (2 if over else 1)


def _clipped(sides: list[Values], weights: list[Values]) -> list[Values]:
    """The sides, their outliers pulled in; as they are where most runs of a side are alike."""
    scales = [np.sqrt(weight) for weight in weights]
    centres = [float(np.median(side)) for side in sides]
    residuals = np.concatenate(
        [(side - centre) * scale for side, centre, scale in zip(sides, centres, scales, strict=True)]
    )
    reach = CLIP * (MAD * float(np.median(np.abs(residuals))))
    if not reach:
        return sides
    return [
        np.clip(side, centre - reach / scale, centre + reach / scale)
        for side, centre, scale in zip(sides, centres, scales, strict=True)
    ]


def _ranks_agree(sides: list[Values]) -> bool:
    """Whether runs of one side are above those of the other more often than noise explains; ties count half."""
    one, two = np.sort(sides[0]), sides[1]
    above = (np.searchsorted(one, two) + np.searchsorted(one, two, side="right")).sum() / 2
    pairs = len(one) * len(two)
    error = math.sqrt(pairs * (len(one) + len(two) + 1) / 12)
    return normal_tails(abs(float(above) - pairs / 2) / error) <= RANK_LEVEL


def _level(infinite: Values, mean: float) -> float:
    """The level of a side, infinite where most of its runs are."""
    return float(np.median(infinite)) if np.isinf(np.median(infinite)) else mean


def _merged(series: Series, candidates: list[int], level: float, size_min: float) -> list[ChangePoint]:
    """The candidates without the weak ones, the weakest first, as each changes the segments of its neighbours."""
    points = list(candidates)
    while points:
        edges = [0, *points, len(series.values)]
        found = [_point(series, *part) for part in zip(edges, points, edges[2:], strict=False)]
        weakest = max(range(len(points)), key=lambda at: found[at].p_value)
        if found[weakest].p_value <= level:
            weakest = min(range(len(points)), key=lambda at: _magnitude(found[at]))
            if _magnitude(found[weakest]) >= size_min:
                return found
        else:
            weakest = _in_the_way(series, edges, found, weakest, level)
        del points[weakest]
    return []


def _in_the_way(
    series: Series, edges: list[int], found: list[ChangePoint], weakest: int, level: float
) -> int:
    """The weakest point, or a smaller step beside it that leaves it too few runs to pass its tests."""
    for at in (weakest - 1, weakest + 1):
        if 0 <= at < len(found) and _magnitude(found[at]) < _magnitude(found[weakest]):
            start, stop = edges[min(at, weakest)], edges[max(at, weakest) + 2]
            if _point(series, start, edges[weakest + 1], stop).p_value <= level:
                return at
    return weakest


def _point(series: Series, start: int, at: int, stop: int) -> ChangePoint:
    test = _tested(series, start, at, stop, _places(series, start, at, stop))
    known = test.before and math.isfinite(test.before) and math.isfinite(test.after)
    first, last = _place_range(series, start, at, stop)
    return ChangePoint(
        index=int(series.at[at]),
        first=int(series.at[first]),
        last=int(series.at[last]),
        before=test.before,
        after=test.after,
        size=(test.after - test.before) / abs(test.before) if known else None,
        p_value=test.p_value,
    )


def _magnitude(point: ChangePoint) -> float:
    return math.inf if point.size is None else abs(point.size)
