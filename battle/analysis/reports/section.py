"""What a section of the report is: how it is made, and what its numbers rest on. Each is defined in `sections/`."""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from battle.analysis.charts.chart import Kind
from battle.analysis.reports.document import Section
from battle.analysis.reports.schema import Report

Rows: TypeAlias = tuple[dict[str, Any], ...]


class ReportSection(msgspec.Struct, frozen=True, kw_only=True):
    """One section of a report, all of it.

    `place` orders the sections. `title` is what it is called, also where it cannot be made. `make` returns None when
    this kind of run has nothing to say about it.

    `queries` are the names of shipped queries that its numbers come from, and `charts` are drawn below it. `sql` is a
    question of its own to the log: its rows are in `report.section_rows` under the title, and in report.json.
    `of_parts`: its numbers are also of parts of the run. Else a query counts only as it was asked of the whole run.
    """

    place: int
    title: str
    make: Callable[[Report], Section | None]
    queries: tuple[str, ...] = ()
    charts: tuple[Kind, ...] = ()
    sql: str = ""
    of_parts: bool = False

    def rows(self, report: Report) -> Rows:
        """The rows of its own question. Raises LookupError when it could not be asked."""
        if self.title not in report.section_rows:
            why = next((one.why for one in report.omitted if one.part == section_part(self)), "never asked")
            raise LookupError(f"its question has no answer: {why}")
        return report.section_rows[self.title]


def section_part(section: ReportSection) -> str:
    """How an omission names the question of a section."""
    return f"the question of the section {section.title!r}"
