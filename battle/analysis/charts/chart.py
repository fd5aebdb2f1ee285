"""What a chart is, before it is drawn in any way."""

from typing import Literal, TypeAlias

import msgspec

RunKind: TypeAlias = Literal[
    "fault_lanes",
    "latency_histogram",
    "percentile_curve",
    "latency_over_time",
    "throughput_over_time",
    "success_over_time",
    "errors_over_time",
    "providers_over_time",
    "breaker_lanes",
    "head_delay_over_time",
]
"""The charts of a run."""

Kind: TypeAlias = RunKind | Literal["metric_trend"]
"""These, and that of a metric over the runs of a history."""

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = dict[str, Value]


class TimeAxis(msgspec.Struct, frozen=True):
    """The span of a chart over time, in `unit` since the load began. The title says when the time is virtual.

    A chart of many runs counts them, from 1.
    """

    title: str
    unit: Literal["s", "min", "h", "run"]
    start: float
    end: float


class Shade(msgspec.Struct, frozen=True):
    """A span in which faults were in force, on the time axis, and the first of their names."""

    start: float
    end: float
    label: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to draw, and where they came from.

    `rows` are those of `query` in the log, asked with `parameters`; moments are named `t` and `end` and counted in
    the unit of the time axis. `unit` is that of the values. `about` says in a sentence what is drawn. `virtual`:
    all times in it are of the simulated world.
    """

    kind: Kind
    title: str
    about: str
    unit: str
    query: str
    parameters: dict[str, int | str]
    rows: tuple[Row, ...]
    virtual: bool
    time: TimeAxis | None = None
    shades: tuple[Shade, ...] = ()


class ChartSet(msgspec.Struct, frozen=True):
    """All charts of a run; `absent` says of each other kind why there is nothing to draw."""

    charts: tuple[Chart, ...] = ()
    absent: tuple[tuple[Kind, str], ...] = ()

    def of(self, kind: Kind) -> Chart | None:
        """The chart of this kind, if there is one."""
        return next((chart for chart in self.charts if chart.kind == kind), None)
