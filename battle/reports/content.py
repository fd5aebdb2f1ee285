"""Arranges a report: which sections there are, and what the top of it says."""

from battle.charts.chart import ChartSet
from battle.judgement.findings import Finding
from battle.judgement.words import duration_text, percent_text, plural
from battle.reports.breaker_section import breaker_section
from battle.reports.chaos_sections import failover_section, fault_section
from battle.reports.comparison_section import comparison_section
from battle.reports.document import (
    Cell,
    Code,
    Document,
    Figure,
    Paragraph,
    Section,
    Table,
    Tone,
    columns,
    row,
)
from battle.reports.evidence import NO_CHARTS, Asked, with_evidence
from battle.reports.health_sections import generator_section, log_section, system_section
from battle.reports.load_facts import due, load_text, missed, only_subscriptions, subscriptions
from battle.reports.load_sections import performance_section, slo_section
from battle.reports.rate_sections import amplification_section, knee_section
from battle.reports.schema import Report
from battle.reports.story_section import story_section
from battle.reports.values import NEVER, duration
from battle.reports.websocket_section import websocket_section

_VERDICT_TONES: dict[str, Tone] = {"PASS": "good", "FAIL": "bad", "INCONCLUSIVE": "doubtful"}


def arrange(report: Report, charts: ChartSet = NO_CHARTS, asked: Asked = ()) -> Document:
    """The report as a document, ready to be rendered: with its charts, and with what the log was asked for it."""
    return Document(
        title=report.run.scenario,
        verdict=report.verdict,
        headline=report.headline,
        context=_context(report),
        figures=_figures(report),
        reasons=report.reasons,
        warnings=report.warnings,
        sections=tuple(
            with_evidence(section, report, charts, asked)
            for section in _sections(report)
            if section is not None
        ),
    )


def _sections(report: Report) -> tuple[Section | None, ...]:
    """All sections in their order; None for what this kind of run has nothing to say about."""
    return (
        slo_section(report),
        story_section(report),
        performance_section(report),
        comparison_section(report),
        knee_section(report),
        websocket_section(report),
        failover_section(report),
        amplification_section(report),
        fault_section(report),
        breaker_section(report),
        system_section(report),
        generator_section(report),
        log_section(report),
        _findings_section(report),
        _run_section(report),
    )


def world_text(report: Report) -> str:
    """The world, and what its numbers are worth."""
    if report.run.world == "simulated":
        return "simulated world: times are virtual, they say how the gateway behaves, not how fast it is"
    return f"{report.run.world} world"


def _context(report: Report) -> tuple[str, ...]:
    run = report.run
    load = "load of unknown length" if run.load_ns is None else f"{duration_text(run.load_ns)} of load"
    seed = "" if run.seed is None else f", seed {run.seed}"
    parts = [
        f"{run.scenario} against gateway {run.gateway}{seed}",
        world_text(report),
        f"{load}, {load_text(report)}, {plural(len(report.faults), 'fault')}",
    ]
    if run.partial:
        parts.append("PARTIAL: the run did not go to its end")
    return tuple(parts)


def _figures(report: Report) -> tuple[Figure, ...]:
    virtual = "virtual " if report.run.world == "simulated" else ""
    overall = next((row for row in report.latencies if row.workload is None and row.clock == "due"), None)
    figures = _figures_of_subscriptions(report) if only_subscriptions(report) else []
    if overall is not None:
        figures.append(Figure("ended ok", percent_text(overall.counted / overall.requests)))
        figures.append(Figure(f"{virtual}p95 latency", duration(overall.p95_ns, NEVER).text))
    moved = sum(streams.failovers for streams in report.websocket.stream_failovers)
    if report.failovers.failovers or not (moved or only_subscriptions(report)):
        figures.append(Figure("failovers", f"{report.failovers.failovers:,}"))
    if moved:
        figures.append(Figure("stream failovers", f"{moved:,}"))
    if report.failovers.cost_max_ns is not None:
        figures.append(Figure(f"{virtual}dearest failover", duration_text(report.failovers.cost_max_ns)))
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


def _findings_section(report: Report) -> Section:
    rows = tuple(
        row(
            finding.checker,
            _verdict_cell(finding),
            ", ".join(finding.ids),
            finding.summary,
        )
        for finding in report.findings
    )
    return Section(
        "Checks",
        (
            Paragraph("What had to hold for the numbers above to mean anything.", quiet=True),
            Table(columns(":check", ":verdict", ":about", ":finding"), rows, stacks=True),
        ),
    )


def _verdict_cell(finding: Finding) -> Cell:
    if finding.warns:
        return Cell("warning", "doubtful") if finding.verdict == "PASS" else Cell("FAIL (warning)", "bad")
    return Cell(finding.verdict, _VERDICT_TONES[finding.verdict])


def _run_section(report: Report) -> Section:
    run = report.run
    facts = {
        "run": run.run_id,
        "started": run.started_at or "unknown",
        "world": run.world,
        "gateway": run.gateway,
        "seed": "none" if run.seed is None else str(run.seed),
        **{f"host: {name}": _plain(value) for name, value in run.host.items()},
        **{f"version: {name}": _plain(value) for name, value in run.versions.items()},
    }
    rows = tuple(row(name, value) for name, value in facts.items())
    ask = Code(f'battle sql {run.run_id} "SELECT * FROM fault_windows"')
    return Section(
        "This run", (Table(columns(":fact", ":value"), rows), Paragraph("Ask its log yourself:"), ask)
    )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value)
    if isinstance(value, int):
        return f"{value:,}"
    return "unknown" if value is None else str(value)
