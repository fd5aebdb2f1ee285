"""A metric that an SLO can limit: what its target may be, what it is about, and how it is measured."""

import re
from typing import Any, Literal, TypeAlias

import msgspec

from battle.actors.spec.collection import Collected
from battle.actors.units import not_a_share
from battle.scenario.slo.sql import Bound

Part: TypeAlias = Literal["window", "workload", "method"]
"""A part of a run that a metric can be measured of: a window of time, one workload, one method."""

_PARAMETER = re.compile(r"\$([a-z_]+)\b")
_OF_PART: dict[Part, tuple[str, ...]] = {
    "window": ("starts_ns", "ends_ns"),
    "workload": ("workload",),
    "method": ("method",),
}


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: a field of `Slo`, by which an SLO in words begins: "max_open_seconds <= 2 during faults".

    It is measured by a question to the log that gives one row: by `sql` or by `query`. NULL says that the log does
    not show it; a column `note` may say more. One with neither is measured by a `MetricReading` in
    `battle/analysis/verdict/metrics/`.
    """

    place: int
    """Orders the fields of `Slo`, and so the results."""

    name: str

    unit: str = ""
    """Of the target: "ratio", "ms", or whatever stands behind a number."""

    at_least: bool = False
    """Whether the target is a lower bound."""

    count: bool = False
    """Whether it is a whole number from 0."""

    sql: str = ""
    """The question, with a column `value`."""

    query: str = ""
    """The name of a shipped query that is the question."""

    column: str = "value"
    """The column of it."""

    nothing: str = "the log does not show it"
    """What NULL means; not said of what the gateway did not report."""

    log_name: str = ""
    """What the view `slo` calls it, if that is not its name."""

    scale: float = 1
    """How much of the unit is 1 in the log."""

    parts: tuple[Part, ...] = ()
    """What it can be measured of. With `sql` that follows from the parameters which it reads: `$starts_ns` and
    `$ends_ns` (lists: the windows of time), `$workload` and `$method` (NULL for all)."""

    collect: Collected | None = "requests"
    """What the scenario must collect for it."""

    needs: Literal["requests", "heads", "websockets", "sessions"] | None = None
    """What the load must send, subscribe to or use for it."""

    reported: Literal["attempts", "breakers"] | None = None
    """What the gateway must report for it."""

    of_process: bool = False
    """Whether it is sampled of the gateway's process, which must run here."""

    samples: Literal["requests", "answers", "heads"] | None = None
    """Too few of these, and a target that was met is not trusted."""

    reaction: bool = False
    """Whether the gateway does it only when a fault has an effect."""

    rests_on_bench: bool = False
    """Whether a load node or a mock provider that died can be why its target is missed. Metrics of requests need not
    say it: they are compared again without the requests that the bench spoilt."""

    @property
    def key(self) -> str:
        """What its measured value is called."""
        return self.log_name or self.name

    @property
    def bound(self) -> Bound:
        """How the measured value must compare with the target."""
        return ">=" if self.at_least else "<="

    @property
    def of_requests(self) -> bool:
        """Whether it says how the requests of a load fare, which a load of another rate may meet or miss."""
        return self.samples == "requests"

    def problem(self, limit: float) -> str | None:
        """What is wrong with a target; None when nothing is."""
        if self.unit == "ratio":
            return None if 0 < limit <= 1 else not_a_share(limit, "above 0 and at most 1")
        if self.count:
            return f"must be 0 or more, not {limit}" if limit < 0 else None
        return None if limit > 0 else f"must be above 0, not {limit}"

    def can_be_of(self, part: Part) -> bool:
        """Whether it can be measured of such a part of a run."""
        return set(_OF_PART[part]) <= self._read if self.sql else part in self.parts

    def parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """Those of the parameters given that its question reads."""
        return {name: value for name, value in given.items() if name in self._read}

    @property
    def _read(self) -> set[str]:
        if self.sql:
            return set(_PARAMETER.findall(self.sql))
        return {name for part in self.parts for name in _OF_PART[part]}
