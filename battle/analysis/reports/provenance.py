"""What stands behind a section: the charts that belong to it, and the questions its numbers are the answers to."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from battle.analysis.charts.chart import ChartSet, Kind
from battle.analysis.reports.document import (
    Block,
    Drawing,
    Section,
    Source,
)
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection
from battle.analysis.verdict.parts import is_windowed
from battle.store.catalog import query_text

Asked: TypeAlias = Sequence[tuple[str, Mapping[str, object]]]
"""The queries a log was asked, with their parameters."""

NO_CHARTS = ChartSet()

BRIEF: tuple[Kind, ...] = (
    "latency_over_time",
    "success_over_time",
    "providers_over_time",
    "breaker_lanes",
    "head_delay_over_time",
)
"""The charts that Markdown shows: as many as one reads in a text."""

_PARAMETER = re.compile(r"\$([a-z_]+)\b")


def with_provenance(
    made: Section, section: ReportSection, report: Report, charts: ChartSet, asked: Asked
) -> Section:
    """What was made of a section with its charts, a sentence for each that has nothing to show, and its sources.

    The sources that it was made with stay.
    """
    drawn = [chart for chart in charts.charts if chart.kind in section.charts]
    questions = [
        (name, given)
        for name, given in asked
        if name in section.queries and (section.of_parts or not is_windowed(given))
    ]
    questions += [(chart.query, chart.parameters) for chart in drawn]
    sources = list(made.sources)
    if section.sql:
        sources.append(Source(section.title, section.sql, command_of(section.sql, report.run.run_id)))
    for name, given in questions:
        source = source_of(name, given, report.run.run_id)
        if source not in sources:  # several charts may show one query
            sources.append(source)
    blocks = (*made.blocks, *_drawings(section.charts, charts))
    return msgspec.structs.replace(made, blocks=blocks, sources=tuple(sources))


def _drawings(kinds: Sequence[Kind], charts: ChartSet) -> Iterator[Block]:
    """The charts, then in one paragraph what there is no chart of; in another what only long reports would draw."""
    for kind in kinds:
        chart = charts.of(kind)
        if chart is not None:
            yield Drawing(chart, brief=kind in BRIEF)
    absent = dict(charts.absent)
    for brief in (True, False):
        missing = [absent[kind] for kind in kinds if kind in absent and (kind in BRIEF) == brief]
        if missing:
            yield Drawing(f"Omitted: {' '.join(missing)}", brief=brief)


def source_of(name: str, parameters: Mapping[str, object], run_id: str) -> Source:
    """A shipped query as it was asked: its file, with the parameters' values put where their names were."""
    sql = "\n".join(_line(line, parameters) for line in query_text(name).splitlines())
    return Source(name, sql, command_of(sql, run_id))


def command_of(sql: str, run_id: str) -> str:
    """What to type into a shell to ask the log of a run."""
    return f"battle sql {shlex.quote(run_id)} {shlex.quote(sql)}"


def _line(line: str, parameters: Mapping[str, object]) -> str:
    """A line of SQL with values for its parameters; comments go on speaking of their names."""
    if line.lstrip().startswith("--"):
        return line
    return _PARAMETER.sub(lambda found: _literal(parameters.get(found[1])), line)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_literal(one) for one in value)}]"
    return "'" + str(value).replace("'", "''") + "'"
