"""The span of time that the charts of a run share, and the words and numbers for its moments."""

from collections.abc import Iterable
from typing import Any

import msgspec

from battle.analysis.charts.cells import (
    UNIT_NS,
    cell_ns,
    even,
    rounded,
    time_unit,
)
from battle.analysis.charts.chart import (
    Chart,
    Kind,
    Row,
    Shade,
    TimeAxis,
    Value,
)
from battle.analysis.log import Log
from battle.formatting import duration_text

LABEL_LENGTH_MAX = 40
"""Of a name in a legend or beside a lane: a longer one would leave no room for the chart."""


class Span(msgspec.Struct, frozen=True):
    """The span of time that charts over time share, its cells, and when faults were in force.

    It is the load, as long as the log says when that was; the axis counts from its start, as plans and reports do.
    """

    from_ns: int
    to_ns: int
    cell_ns: int
    axis: TimeAxis
    virtual: bool
    shades: tuple[Shade, ...] = ()

    def parameters(self, **more: int | str) -> dict[str, int | str]:
        """What queries over time are asked with."""
        return {"from_ns": self.from_ns, "to_ns": self.to_ns, "cell_ns": self.cell_ns, **more}

    def at(self, at_ns: int) -> float:
        """A moment on the axis."""
        assert self.axis.unit != "run", "a span of one run has time"
        return rounded((at_ns - self.from_ns) / UNIT_NS[self.axis.unit], 7)

    def chart(
        self,
        *,
        kind: Kind,
        title: str,
        about: str,
        unit: str,
        query: str,
        rows: Iterable[Row],
        parameters: dict[str, int | str] | None = None,
        shaded: bool = True,
    ) -> Chart:
        """A chart over this span; its `query` was asked with the span's own parameters unless others are given.

        `shaded`: it shows when faults were in force.
        """
        return Chart(
            kind=kind,
            title=title,
            about=about,
            unit=unit,
            query=query,
            parameters=self.parameters() if parameters is None else parameters,
            rows=tuple(rows),
            virtual=self.virtual,
            time=self.axis,
            shades=self.shades if shaded else (),
        )

    def cell_text(self) -> str:
        """The length of a cell, for people."""
        return f"Each cell is {duration_text(self.cell_ns)}."


def span_of(log: Log) -> Span | None:
    """The span of a run; None when its log has nothing that takes time."""
    [row] = log.rows("load_span")
    if row.from_ns is None or row.to_ns is None or row.to_ns <= row.from_ns:
        return None
    length_ns = row.to_ns - row.from_ns
    unit = time_unit(length_ns)
    virtual = any(header.world == "simulated" for header in log.rows("run_header"))
    axis = TimeAxis(
        f"simulated time since the load began ({unit})" if virtual else f"time since the load began ({unit})",
        unit,
        0,
        rounded(length_ns / UNIT_NS[unit], 7),
    )
    cell = even(length_ns, cell_ns(length_ns, max(row.requests, row.heads)))
    span = Span(row.from_ns, row.to_ns, cell, axis, virtual)
    shades = log.rows("fault_lanes", **span.parameters(by="all", limit=1))
    return msgspec.structs.replace(
        span,
        shades=tuple(
            Shade(span.at(one.started_ns), span.at(one.ended_ns), faults_text(one)) for one in shades
        ),
    )


def faults_text(row: Any) -> str:
    """The faults of a row of `fault_lanes`: the first by their ids, the others counted."""
    more = row.faults - len(row.named)
    return ", ".join(label(name) for name in row.named) + (f" and {more} more" if more > 0 else "")


def label(text: str) -> str:
    """A name, cut where it would take the room of the chart."""
    return text if len(text) <= LABEL_LENGTH_MAX else f"{text[: LABEL_LENGTH_MAX - 1]}…"


def number(value: float | None) -> Value:
    """A value, to as many digits as a chart can show."""
    return None if value is None else rounded(value)
