"""Arranges a report: which sections there are, and what the top of it says."""

from functools import partial
from typing import cast

from battle.analysis.charts.chart import ChartSet
from battle.analysis.omissions import Omission, Parts
from battle.analysis.reports.cells import percentile
from battle.analysis.reports.document import (
    Document,
    Figure,
    Paragraph,
    Section,
)
from battle.analysis.reports.load_facts import (
    due,
    load_text,
    missed,
    only_subscriptions,
    subscriptions,
)
from battle.analysis.reports.provenance import NO_CHARTS, Asked, with_provenance
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection
from battle.analysis.reports.sections import SECTIONS
from battle.analysis.reports.sections.failures import failovers_text
from battle.formatting import duration_text, percent_text, plural


def layout(
    report: Report, charts: ChartSet = NO_CHARTS, asked: Asked = (), parts: Parts | None = None
) -> Document:
    """The report as a document, ready to be rendered: with its charts, and with what the log was asked for it.

    What cannot be made of it is named in its place, and `parts` remembers it.
    """
    parts, facts = parts or Parts(), _known(report)
    made = [
        parts.make(
            f"the section {section.title!r}",
            partial(_section, section, facts, charts, asked),
            partial(_omitted_section, section.title),
        )
        for section in SECTIONS
    ]
    return Document(
        title=report.run.scenario,
        verdict=report.verdict,
        headline=report.headline,
        context=_context(facts, parts),
        figures=parts.make("the figures at the top", lambda: _figures(facts), lambda omission: ()),
        reasons=report.reasons,
        warnings=report.warnings,
        sections=tuple(section for section in made if section is not None),
    )


def _section(section: ReportSection, report: Report, charts: ChartSet, asked: Asked) -> Section | None:
    made = section.make(report)
    return None if made is None else with_provenance(made, section, report, charts, asked)


def _omitted_section(title: str, omission: Omission) -> Section:
    return Section(title, (Paragraph(omission.text),))


class _OmittedError(Exception):
    """A field was read that could not be collected: "none" must not be said of what is not known."""


class _Known:
    """A report whose omitted fields cannot be read."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._omitted = {omission.part: omission.why for omission in report.omitted}

    def __getattr__(self, name: str) -> object:
        if name in self._omitted:
            raise _OmittedError(f"{name} could not be collected: {self._omitted[name]}")
        return getattr(self._report, name)


def _known(report: Report) -> Report:
    return cast(Report, _Known(report)) if report.omitted else report


def world_text(report: Report) -> str:
    """The world, and what its numbers are worth."""
    if report.run.world == "simulated":
        return "simulated world: times show how the gateway behaves, not how fast it is"
    return f"{report.run.world} world"


def _context(report: Report, parts: Parts) -> tuple[str, ...]:
    run = report.run
    seed = "" if run.seed is None else f", seed {run.seed}"
    lines = [
        f"{run.scenario} against gateway {run.gateway}{seed}",
        world_text(report),
        parts.make("what the load was", lambda: _load(report), lambda omission: omission.text),
    ]
    if run.partial:
        lines.append("PARTIAL: the run did not complete")
    return tuple(lines)


def _load(report: Report) -> str:
    load_ns = report.run.load_ns
    load = "load of unknown length" if load_ns is None else f"{duration_text(load_ns)} of load"
    return f"{load}, {load_text(report)}, {plural(len(report.faults), 'fault')}"


def _figures(report: Report) -> tuple[Figure, ...]:
    simulated = " (simulated time)" if report.run.world == "simulated" else ""
    overall = next((row for row in report.latencies if row.workload is None and row.clock == "due"), None)
    figures = _figures_of_subscriptions(report) if only_subscriptions(report) else []
    if overall is not None:
        figures.append(Figure("success rate", percent_text(overall.counted / overall.requests)))
        figures.append(Figure(f"p95 latency{simulated}", percentile(overall.p95_ns, 95).text))
    moved = sum(streams.failovers for streams in report.websocket.stream_failovers)
    if report.failovers.failovers or not (moved or only_subscriptions(report)):
        figures.append(Figure("failovers", failovers_text(report.failovers)))
    if moved:
        figures.append(Figure("stream failovers", f"{moved:,}"))
    if report.failovers.answered and report.failovers.cost_max_ns is not None:
        figures.append(Figure(f"slowest failover{simulated}", duration_text(report.failovers.cost_max_ns)))
    if report.faults:
        effective = sum(fault.effect_observed for fault in report.faults)
        figures.append(Figure("faults that took effect", f"{effective} of {len(report.faults)}"))
    return tuple(figures)


def _figures_of_subscriptions(report: Report) -> list[Figure]:
    return [
        Figure("subscriptions", f"{subscriptions(report):,}"),
        Figure("heads and logs due" if report.websocket.logs else "heads due", f"{due(report):,}"),
        Figure("missed", f"{missed(report):,}"),
    ]
