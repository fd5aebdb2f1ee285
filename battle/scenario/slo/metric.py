"""A metric that an SLO can limit: its name, and the question to the log by which it is measured."""

import re
from typing import Any, Literal, TypeAlias

import msgspec

from battle.actors.spec.collection import Collected

Part: TypeAlias = Literal["window", "workload", "method"]
"""A part of a run that a metric can be measured of: a window of time, one workload, one method."""

_PARAMETER = re.compile(r"\$([a-z_]+)\b")
_OF_PART: dict[Part, tuple[str, ...]] = {
    "window": ("starts_ns", "ends_ns"),
    "workload": ("workload",),
    "method": ("method",),
}


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. Its `name` is a field of `Slo`, and begins SLOs in words: "max_open_seconds <= 2 during faults".

    `sql` gives one row with the column `value`, a number, or NULL when the log does not show it, which `nothing` says
    in words; a column `note` may say more. What it can be measured of follows from the parameters that it reads:
    `$starts_ns` and `$ends_ns` (lists: the windows of time), `$workload` and `$method` (NULL for all).

    `unit` is that of the value: "ratio", "ms" or whatever stands behind a number. With `at_least` a limit is a lower
    bound. A `count` is a whole number from 0. `collect` is what the scenario must collect for it.
    """

    name: str
    sql: str
    unit: str = ""
    at_least: bool = False
    count: bool = False
    collect: Collected | None = "requests"
    nothing: str = "the log does not show it"

    def can_be_of(self, part: Part) -> bool:
        """Whether it can be measured of such a part of a run."""
        return set(_OF_PART[part]) <= self._read

    def parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """Those of the parameters given that it reads."""
        return {name: value for name, value in given.items() if name in self._read}

    @property
    def _read(self) -> set[str]:
        return set(_PARAMETER.findall(self.sql))
