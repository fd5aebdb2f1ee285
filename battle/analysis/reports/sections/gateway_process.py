"""The section about the gateway's own process: when it ended, and what became of the requests in flight."""

from collections.abc import Mapping
from typing import Any

from battle.analysis.reports.cells import NONE, bad_if_any, count, duration, moment, timed
from battle.analysis.reports.document import Cell, Paragraph, Section, Table, columns, row
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection

ENDS_SHOWN = 20
"""As many as one reads; the view has the others."""

_NOTE = (
    "At: when it was asked to stop, or killed; of a crash, when it showed. Took: from then "
    "until its process had ended. Down: from then until it was ready again. Starting: of that, from when it could be "
    "started again. In flight: requests under way meanwhile. Dropped: of them, those that got no answer. Refused: "
    "requests that found nobody listening, also while it was starting. Cut: WebSocket connections that clients lost. "
    "The view gateway_ends has each."
)


def gateway_process_section(report: Report) -> Section | None:
    """A row for each end of the gateway's process; None when it did not end before the run."""
    ends = GATEWAY_PROCESS.rows(report)
    if not ends:
        return None
    titles = columns(
        ":end", "at", ":how", "took", "down", "starting", "in flight", "dropped", "refused", "cut"
    )
    began_ns = report.run.load_began_ns
    table = Table(titles, tuple(_end_row(one, began_ns) for one in ends[:ENDS_SHOWN]))
    return Section(timed("Gateway process", report.run.world), (table, Paragraph(_NOTE, quiet=True)))


def _end_row(end: Mapping[str, Any], began_ns: int | None) -> tuple[Cell, ...]:
    down_ns = None if end["back_ns"] is None else end["back_ns"] - end["begun_ns"]
    starting_ns = starting_for_ns(end)
    return row(
        end["fault_id"] or Cell("nobody asked", "bad"),
        moment(end["begun_ns"], since_ns=began_ns),
        _how(end),
        duration(end["gone_ns"] - end["begun_ns"]),
        duration(down_ns, Cell("to the end", "bad")),
        NONE if starting_ns is None else duration(starting_ns),
        count(end["in_flight"]),
        bad_if_any(end["dropped"]),
        count(end["refused"]),
        count(end["connections_cut"]) if end["connections_cut"] else NONE,
    )


def starting_for_ns(end: Mapping[str, Any]) -> int | None:
    """How long the gateway took to be ready once it could be started again; None: it never was."""
    if end["back_ns"] is None or end["restarted_ns"] is None:
        return None
    return int(end["back_ns"] - end["restarted_ns"])


def _how(end: Mapping[str, Any]) -> Cell:
    if end["how"] == "crashed":
        return Cell("crashed", "bad")
    if end["how"] == "killed":
        return Cell("SIGKILL")
    return Cell("asked, then SIGKILL", "bad") if end["forced"] else Cell("asked to stop")


GATEWAY_PROCESS = ReportSection(
    place=95,
    title="Gateway process",
    make=gateway_process_section,
    sql="FROM gateway_ends ORDER BY begun_ns, incarnation",
)
