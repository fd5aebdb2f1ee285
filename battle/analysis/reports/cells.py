"""How a report says its values. What is None is named, never shown as 0."""

import shlex
from typing import Any

from battle.analysis.reports.document import Cell, Code
from battle.analysis.reports.schema import Report
from battle.analysis.time_text import moment_text
from battle.formatting import duration_text

NOT_MEASURED = Cell("not measured", "quiet")
NONE = Cell("–", "quiet")


def timed(title: str, world: str) -> str:
    """A section's title with the world whose times it shows."""
    return f"{title} (simulated time)" if world == "simulated" else f"{title} ({world})"


def duration(value_ns: int | None, otherwise: Cell = NONE) -> Cell:
    """A span of time."""
    return otherwise if value_ns is None else Cell(duration_text(value_ns))


def percentile(value_ns: int | None, percent: float) -> Cell:
    """A percentile of the latency. One that was not reached says why: too many requests did not succeed."""
    return duration(value_ns, Cell(f"not reached (> {100 - percent:g} % failed)", "unsure"))


def moment(at_ns: int | None, otherwise: Cell = NONE, *, since_ns: int | None) -> Cell:
    """A moment of the run, counted from `since_ns`: the start of the load; None: it never began."""
    return otherwise if at_ns is None else Cell(moment_text(at_ns, since_ns))


def count(value: int | None, otherwise: Cell = NONE) -> Cell:
    """A number of things."""
    return otherwise if value is None else Cell(f"{value:,}")


def explain_command(report: Report, *which: str) -> Code:
    """The command that explains some requests of this run."""
    return Code(shlex.join(("battle", "explain", report.run.run_id, *which)))


def bad_if_any(value: int) -> Cell:
    """A number that ought to be 0."""
    return Cell(f"{value:,}", "bad" if value else "plain")


def megabytes(value_bytes: int | None) -> Cell:
    """Memory, in units of 1,000,000 bytes."""
    return NOT_MEASURED if value_bytes is None else Cell(f"{value_bytes / 1e6:,.1f} MB")


def percent(value: float | None) -> Cell:
    """Use of a processor, where 100 is one whole core."""
    return NOT_MEASURED if value is None else Cell(f"{value:.1f} %")


def text(value: Any) -> Cell:
    """Anything else."""
    return NONE if value is None or value == "" else Cell(str(value))
