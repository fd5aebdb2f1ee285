"""A measured number with its interval."""

import math

import msgspec

TOO_SHORT = "too short"
TOO_FEW = "too few requests"
NO_UPPER = "no upper bound: too few requests beyond"
NO_FAILURE = "no failure, so it is unknown whether failures cluster"
NO_SUCCESS = "no success, so it is unknown whether successes cluster"
NOTHING = "nothing was measured"


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number, and the interval that holds its true value with probability `level`.

    With `enough`, None stands for what JSON cannot say. `value` None is +infinity: of a latency "never", because too
    many requests were not answered. `high` None: "never", or no upper bound; then `low` alone is below the true value
    with probability `level`. `low` None: "never" when the value is None too, else no lower bound. Without `enough`
    there is no interval: `low` and `high` are None and say nothing, `note` says why ("too short", "too few
    requests", ...), and `value` is what was seen all the same (None: never, or nothing was seen). `method` names the
    calculation; `note` may also qualify an interval.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    enough: bool
    note: str | None = None

    def bounds(self) -> tuple[float, float]:
        """The interval with infinities; everything from -inf to inf when there is none."""
        if not self.enough:
            return -math.inf, math.inf
        none_below = math.inf if self.value is None else -math.inf
        return none_below if self.low is None else self.low, math.inf if self.high is None else self.high

    def excludes(self, value: float) -> bool:
        """Whether the interval says that this is not the true value. False without an interval."""
        low, high = self.bounds()
        return not low <= value <= high


def estimated(
    value: float, low: float, high: float, *, level: float, method: str, note: str | None = None
) -> Estimate:
    """An estimate with its interval; infinities become None."""
    return Estimate(
        value=finite(value),
        low=finite(low),
        high=finite(high),
        level=level,
        method=method,
        enough=True,
        note=note,
    )


def unbounded(value: float | None, *, level: float, method: str, note: str) -> Estimate:
    """An estimate without an interval, and why it has none."""
    seen = None if value is None else finite(value)
    return Estimate(value=seen, low=None, high=None, level=level, method=method, enough=False, note=note)


def finite(value: float) -> float | None:
    """The number, or None for an infinite or undefined one: JSON has neither."""
    return float(value) if math.isfinite(value) else None
