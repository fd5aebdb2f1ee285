"""Slow drift of a series of runs: a level that moves by so little per run that no step shows.

The CUSUM, the sum of all deviations from the mean so far (Page 1954), goes far from zero when the mean moves. How far
noise takes it is known (Ploberger and Krämer 1992: a Brownian bridge, so the law of Kolmogorov). It is measured by
the spread of neighbours' differences, which a drift does not widen. A step moves a CUSUM as well: it is a drift only
where a level that moves in a straight line from some run on explains the runs better than a step does.
"""

import math

import msgspec
import numpy as np

from battle.analysis.statistics.change_points import (
    CLIP,
    Numbers,
    Values,
    likely_places,
    series_of,
    spread_of,
)

DRIFT_LEVEL = 0.001
"""The largest p-value of a drift: strict, as a trend is looked at after each run."""

DRIFT_RUNS_MIN = 20
"""With fewer runs a slow drift looks like noise, or like a step."""

_TERMS = 100
"""Of the series for Kolmogorov's law; terms fall as exp(-k^2)."""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """From run `index` on the level moved steadily from `before` to `after`, which it has at the last run.

    `index` is the likeliest place; with 99 % confidence it is a run from `first` to `last`.

    `per_run` is how far it moves with each run, in the unit of the metric. `size` is the relative change (0.15: 15 %
    higher); None where the level before is zero. `p_value` is how likely so large a CUSUM is without any change.
    """

    index: int
    first: int
    last: int
    before: float
    after: float
    per_run: float
    size: float | None
    p_value: float


def drift(
    values: Numbers,
    variances: Numbers | None = None,
    *,
    level: float = DRIFT_LEVEL,
    size_min: float = 0.0,
) -> Drift | None:
    """The drift of a series of runs, or None. Values and variances are those of `change_points`.

    `level` is the largest p-value, `size_min` the smallest relative change. A series with a step is best cut there
    first. A series with an infinite value ("never") has no drift.
    """
    assert 0 < level < 1
    assert size_min >= 0
    series = series_of(values, variances)
    runs = len(series.values)
    if runs < DRIFT_RUNS_MIN or series.infinite.any() or not np.ptp(series.values):
        return None
    clipped = _without_outliers(series.values)
    p_value = _cusum_p_value(clipped, series.weights)
    if p_value > level:
        return None
    since, first, last, lines = _hinge(clipped, series.weights)
    if _step_squares(clipped, series.weights) <= _squares(clipped - lines, series.weights):
        return None
    before, after = float(lines[0]), float(lines[-1])
    size = (after - before) / abs(before) if before else None
    if size is not None and abs(size) < size_min:
        return None
    per_run = (after - before) / (runs - 1 - since)
    return Drift(
        index=int(series.at[since]),
        first=int(series.at[first]),
        last=int(series.at[last]),
        before=before,
        after=after,
        per_run=per_run,
        size=size,
        p_value=p_value,
    )


def kolmogorov_tails(value: float) -> float:
    """How likely a Brownian bridge is further than this from zero anywhere."""
    if value < 0.2:
        return 1.0  # The series converges slowly there; the true value differs from 1 by less than 1e-12.
    terms = (-1) ** (np.arange(_TERMS)) * np.exp(-2 * (np.arange(1, _TERMS + 1) * value) ** 2)
    return min(1.0, max(0.0, 2 * float(terms.sum())))


def _without_outliers(values: Values) -> Values:
    """The values, each no further than three standard deviations from the median of the five around it."""
    reach = CLIP * spread_of(values)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, mode="edge"), 5)
    centre = np.median(around, axis=1)
    return np.asarray(np.clip(values, centre - reach, centre + reach))


def _cusum_p_value(values: Values, weights: Values) -> float:
    scales = np.sqrt(weights)
    mean = float(np.average(values, weights=weights))
    spread = spread_of((values - mean) * scales)
    if not spread:
        return 0.0
    # Each run takes its share of the weight of all as its share of time, so that the sum ends at zero.
    sums = np.cumsum(weights * (values - mean))
    return kolmogorov_tails(float(np.abs(sums).max()) / (spread * math.sqrt(float(weights.sum()))))


def _hinge(values: Values, weights: Values) -> tuple[int, int, int, Values]:
    """The run from which on the level moves, the first and the last that it may be, and the level of each run.

    The level is that of least squares over all such runs.
    """
    runs = len(values)
    sinces = np.arange(runs - DRIFT_RUNS_MIN // 2)
    moved = np.maximum(0.0, np.arange(runs)[None, :] - sinces[:, None])
    shares = weights / weights.sum()
    moved_mean, mean = moved @ shares, float(values @ shares)
    slopes = ((moved - moved_mean[:, None]) @ (shares * (values - mean))) / (
        (moved - moved_mean[:, None]) ** 2 @ shares
    )
    lines = mean + slopes[:, None] * (moved - moved_mean[:, None])
    squares = (values - lines) ** 2 @ shares
    best = int(np.argmin(squares))
    return best, *likely_places(squares, runs - 3), np.asarray(lines[best])


def _step_squares(values: Values, weights: Values) -> float:
    """What the best single step leaves unexplained."""
    weight, sums = np.cumsum(weights), np.cumsum(weights * values)
    gained = sums[:-1] ** 2 / weight[:-1] + (sums[-1] - sums[:-1]) ** 2 / (weight[-1] - weight[:-1])
    return float(weights @ values**2 - gained.max())


def _squares(residuals: Values, weights: Values) -> float:
    return float(weights @ residuals**2)
