"""A section of the report, as a contributor adds one: this file in battle/analysis/reports/sections/."""

from battle.analysis.reports.document import Section, Table, columns, row
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection


def slowest_methods(report: Report) -> Section | None:
    """The methods by their slowest request; None when nothing was answered."""
    rows = SLOWEST_METHODS.rows(report)
    cells = tuple(row(one["method"], f"{one['slowest_ms']:g} ms") for one in rows)
    return Section("Slowest methods", (Table(columns(":method", "slowest"), cells),)) if rows else None


SLOWEST_METHODS = ReportSection(
    place=35,
    title="Slowest methods",
    make=slowest_methods,
    sql="""
        SELECT method, max(ended_ns - scheduled_ns) / 1e6 AS slowest_ms FROM requests
        WHERE outcome = 'ok' GROUP BY method ORDER BY slowest_ms DESC
    """,
)
