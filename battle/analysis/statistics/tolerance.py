"""Tolerance bounds: what most runs stay within, from the runs there are, whatever their distribution.

The bound is one of the runs' values (Wilks 1941): of 59 runs the worst is, with 95 % confidence, one that 95 % of all
runs do not exceed; of 22 runs one that 90 % do not exceed, with 90 % confidence. With more runs it need not be the
worst. Runs that hang together in time count as fewer.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

COVERAGE = 0.95
"""The share of runs that shall stay within the bound."""

CONFIDENCE = 0.95
"""How sure that is, over all histories that there might have been."""

FOLDS = 5
"""A replay leaves out a fifth of the runs at a time, which were made one after the other."""

_SIGNIFICANT = 2.0
"""Correlations of so many standard errors are real; smaller ones are what independent runs show."""


class Tolerance(msgspec.Struct, frozen=True, kw_only=True):
    """The bound is the `rank`-th worst of `runs` values. `effective` is for how many independent ones they count."""

    bound: float
    rank: int
    runs: int
    effective: int
    confidence: float


class Replay(msgspec.Struct, frozen=True):
    """How many runs met the bound that runs other than they make, with its margin."""

    met: int
    runs: int


def runs_needed(coverage: float = COVERAGE, confidence: float = CONFIDENCE) -> int:
    """The fewest independent runs whose worst is a bound: 22 for 0.9 and 0.9, 59 for 0.95 and 0.95."""
    assert 0 < coverage < 1
    assert 0 < confidence < 1
    return math.ceil(math.log1p(-confidence) / math.log(coverage) - 1e-9)


def confidence_of(runs: int, rank: int, coverage: float) -> float:
    """How sure it is that so large a share of runs is not beyond the `rank`-th worst of so many."""
    beyond = (
        math.comb(runs, worse) * (1 - coverage) ** worse * coverage ** (runs - worse) for worse in range(rank)
    )
    return 1 - math.fsum(beyond)


def tolerance(
    values: Sequence[float],
    *,
    above: bool = True,
    coverage: float = COVERAGE,
    confidence: float = CONFIDENCE,
) -> Tolerance | None:
    """The bound that most runs do not exceed (`above`), or are not below. None: there are too few runs.

    The values are in the order of the runs. Infinity is a value like any other; none may be nan.
    """
    effective = effective_runs(values)
    if effective < runs_needed(coverage, confidence):
        return None
    rank = 1
    while confidence_of(effective, rank + 1, coverage) >= confidence:
        rank += 1
    return Tolerance(
        bound=_worst(values, rank, above=above),
        rank=rank,
        runs=len(values),
        effective=effective,
        confidence=confidence_of(effective, rank, coverage),
    )


def effective_runs(values: Sequence[float]) -> int:
    """For how many independent runs these count: fewer where each is like the one before it (Bartlett 1946)."""
    runs = len(values)
    correlation = _correlation(values)
    if correlation <= _SIGNIFICANT / math.sqrt(max(1, runs)):
        return runs
    return max(1, math.floor(runs * (1 - correlation) / (1 + correlation)))


def replayed(values: Sequence[float], rank: int, margin: float, *, above: bool = True) -> Replay:
    """Leave out each fifth of the runs in turn, and hold it to the bound of the others.

    The others are fewer, so their bound is the rank that is the same share of them, at least the worst.
    """
    met = 0
    for part in np.array_split(np.arange(len(values)), min(FOLDS, len(values))):
        left_out = {int(at) for at in part}
        others = [value for at, value in enumerate(values) if at not in left_out]
        if not others:
            continue
        bound = _worst(others, max(1, rank * len(others) // len(values)), above=above)
        held = bound + margin if above else bound - margin
        met += sum(values[at] <= held if above else values[at] >= held for at in left_out)
    return Replay(met, len(values))


def readable(bound: float, *, above: bool, whole: bool = False, share: bool = False) -> float:
    """The bound with two significant digits, rounded away from the runs; of a share the part missing to 1 has them.

    `whole`: a whole number instead.
    """
    if not math.isfinite(bound):
        return bound
    if share:
        missing = _rounded(1 - bound, up=not above)
        return float(f"{min(1.0, max(0.0, 1 - missing)):.12g}")
    if whole:
        return math.ceil(bound - 1e-9) if above else math.floor(bound + 1e-9)
    return _rounded(bound, up=above)


def _rounded(value: float, *, up: bool) -> float:
    if value < 1e-12:
        return 0.0
    places = math.floor(math.log10(value)) - 1
    unit = 10.0**places
    steps = math.ceil(value / unit - 1e-9) if up else math.floor(value / unit + 1e-9)
    return float(f"{steps * unit:.12g}")


def _worst(values: Sequence[float], rank: int, *, above: bool) -> float:
    return sorted(values, reverse=above)[rank - 1]


def _correlation(values: Sequence[float]) -> float:
    """Of each run with the next, by ranks, which outliers do not dominate."""
    if len(values) < 3:
        return 0.0
    numbers = np.asarray(values, dtype=np.float64)
    order = np.sort(numbers)
    ranks = np.searchsorted(order, numbers) + np.searchsorted(order, numbers, side="right")
    ranks = ranks - ranks.mean()
    squares = float(ranks @ ranks)
    return float(ranks[1:] @ ranks[:-1]) / squares if squares else 0.0
