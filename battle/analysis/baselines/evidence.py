"""What is known of one change: its size, and how far it may be from the true one. Pure.

A change is judged on a scale on which up and down are alike: the logarithm of after / before, or for a share
after - before.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from battle.analysis.statistics.student import two_sided

Reach: TypeAlias = Callable[[float], tuple[float, float]]
"""How far an interval of a level reaches below and above the change."""


class Evidence(NamedTuple):
    """A change, and how sure it is.

    `within`: what the requests of the two runs show. `noise`: the standard error that comes to it because runs
    differ by more than their requests show, known from `freedom` + 1 runs. `method` names the calculation.
    """

    change: float
    within: Reach
    noise: float = 0.0
    freedom: float = math.inf
    method: str = ""

    def interval(self, level: float) -> tuple[float, float]:
        """What holds the true change with probability `level`."""
        below, above = self._reaches(level)
        return self.change - below, self.change + above

    def visible(self, level: float) -> float:
        """How large a change would have to be, to be distinguished from none."""
        return max(self._reaches(level))

    def _reaches(self, level: float) -> tuple[float, float]:
        # Both errors are independent, so their squares add up; each is as wide as its own freedom asks.
        between = self.noise * two_sided(level, self.freedom) if self.noise else 0.0
        below, above = self.within(level)
        return math.hypot(below, between), math.hypot(above, between)


class Exact(NamedTuple):
    """A change that cannot be by chance; None: it rose from 0."""

    change: float | None
    method: str


class Unknown(NamedTuple):
    """Why nothing can be said of a change."""

    note: str


def relative(change: float) -> float:
    """A change on the scale of logarithms as (after / before) - 1; infinite where no float holds it."""
    return math.expm1(change) if change < 700 else math.inf  # e^709 is the last that a float holds
