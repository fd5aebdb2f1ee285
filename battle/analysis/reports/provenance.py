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


class _Provenance(msgspec.Struct, frozen=True):
    kinds: tuple[Kind, ...] = ()
    queries: tuple[str, ...] = ()


_OF_SECTION: dict[str, _Provenance] = {
    "SLO compliance": _Provenance(queries=("latencies", "workload_answers", "failovers_summary")),
    "What broke, and when": _Provenance(
        ("fault_lanes",), ("fault_effects", "breaker_spans", "node_crashes", "run_phases")
    ),
    "Performance summary": _Provenance(
        (
            "latency_over_time",
            "throughput_over_time",
            "success_over_time",
            "errors_over_time",
            "latency_histogram",
            "percentile_curve",
            "providers_over_time",
        ),
        ("request_kinds", "latencies", "latency_cells", "provider_shares"),
    ),
    "Knee": _Provenance(queries=("step_results",)),
    "WebSocket continuity": _Provenance(
        ("head_delay_over_time",),
        ("websocket_continuity", "head_delays", "disconnects", "heads_after_faults", "gap_fills_summary"),
    ),
    "Failovers": _Provenance(queries=("failovers_summary",)),
    "Retry amplification": _Provenance(queries=("retry_amplification",)),
    "Faults": _Provenance(queries=("fault_effects",)),
    "Circuit breakers": _Provenance(("breaker_lanes",), ("breaker_summary", "breaker_spans")),
    "System health": _Provenance(queries=("system_health", "node_crashes")),
    "Generator health": _Provenance(queries=("generator_health", "latencies")),
    "Log health": _Provenance(queries=("log_health",)),
    "This run": _Provenance(queries=("run_header", "run_phases")),
}
"""By a section's title, without the world that may follow it in brackets."""


def with_provenance(section: Section, report: Report, charts: ChartSet, asked: Asked) -> Section:
    """The section with its charts, a sentence for each that has nothing to show, and its sources.

    A section that already has sources of its own keeps them. Nothing is added to one that is not known here.
    """
    evidence = _OF_SECTION.get(re.sub(r" \([^)]*\)$", "", section.title), _Provenance())
    drawn = [chart for chart in charts.charts if chart.kind in evidence.kinds]
    questions = [(name, given) for name, given in asked if name in evidence.queries]
    questions += [(chart.query, chart.parameters) for chart in drawn]
    sources = list(section.sources)
    for name, given in questions:
        source = source_of(name, given, report.run.run_id)
        if source not in sources:  # several charts may show one query
            sources.append(source)
    if section.title == "Checks":
        sources += _finding_sources(report)
    blocks = (*section.blocks, *_drawings(evidence, charts))
    return msgspec.structs.replace(section, blocks=blocks, sources=tuple(sources))


def _drawings(evidence: _Provenance, charts: ChartSet) -> Iterator[Block]:
    """The charts, then in one paragraph what there is no chart of; in another what only long reports would draw."""
    for kind in evidence.kinds:
        chart = charts.of(kind)
        if chart is not None:
            yield Drawing(chart, brief=kind in BRIEF)
    absent = dict(charts.absent)
    for brief in (True, False):
        missing = [absent[kind] for kind in evidence.kinds if kind in absent and (kind in BRIEF) == brief]
        if missing:
            yield Drawing(f"Omitted: {' '.join(missing)}", brief=brief)


def _finding_sources(report: Report) -> Iterator[Source]:
    for finding in report.findings:
        if finding.query is not None:
            yield Source(finding.checker, finding.query, command_of(finding.query, report.run.run_id))


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
