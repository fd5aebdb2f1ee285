"""Intervals over repetitions: one value per seed or run, ten or more of them (Student 1908, Welch 1947)."""

import math
from collections.abc import Sequence

import msgspec

from battle.analysis.statistics.estimate import Estimate, estimated, unbounded
from battle.analysis.statistics.student import two_sided

VALUES_MIN = 10
"""Fewer repetitions are too few to see whether they are alike."""

FEW = "fewer than 10 repetitions"
ENDLESS = "a repetition has no finite value"


class _Sample(msgspec.Struct, frozen=True):
    mean: float
    error: float
    freedom: int


def student(values: Sequence[float], level: float = 0.95) -> Estimate:
    """The mean of independent values, with Student's interval. One infinite value ("never") leaves none."""
    if (problem := _problem(values)) is not None:
        mean = math.fsum(values) / len(values) if values else None
        return unbounded(mean, level=level, method="student", note=problem)
    sample = _sample(values)
    reach = two_sided(level, sample.freedom) * sample.error
    return estimated(sample.mean, sample.mean - reach, sample.mean + reach, level=level, method="student")


def student_difference(before: Sequence[float], after: Sequence[float], level: float = 0.95) -> Estimate:
    """How much larger the mean of `after` is than that of `before`, with Welch's interval."""
    for values in (before, after):
        if (problem := _problem(values)) is not None:
            both = before and after
            value = math.fsum(after) / len(after) - math.fsum(before) / len(before) if both else None
            return unbounded(value, level=level, method="welch", note=problem)
    one, two = _sample(before), _sample(after)
    value = two.mean - one.mean
    error = math.hypot(one.error, two.error)
    if not error:
        return estimated(value, value, value, level=level, method="welch")
    freedom = error**4 / (one.error**4 / one.freedom + two.error**4 / two.freedom)
    reach = two_sided(level, freedom) * error
    return estimated(value, value - reach, value + reach, level=level, method="welch")


def student_ratio(before: Sequence[float], after: Sequence[float], level: float = 0.95) -> Estimate:
    """How many times the geometric mean of `after` is that of `before`, with Welch's interval of the logarithms.

    All values must be positive.
    """
    assert all(value > 0 for value in (*before, *after))
    logs = student_difference(
        [math.log(value) for value in before], [math.log(value) for value in after], level
    )
    value, low, high = (
        None if bound is None else math.exp(bound) for bound in (logs.value, logs.low, logs.high)
    )
    return msgspec.structs.replace(logs, value=value, low=low, high=high, method="welch of logarithms")


def _problem(values: Sequence[float]) -> str | None:
    if len(values) < VALUES_MIN:
        return FEW
    return None if all(math.isfinite(value) for value in values) else ENDLESS


def _sample(values: Sequence[float]) -> _Sample:
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return _Sample(mean, math.sqrt(squares / (len(values) - 1) / len(values)), len(values) - 1)
