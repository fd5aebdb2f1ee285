"""The section on the run itself: what made it, and how to ask its log."""

from battle.analysis.reports.document import Code, Paragraph, Section, Table, columns, row
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection


def run_section(report: Report) -> Section:
    """The run by its id, world, seed, machine and versions."""
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
    return Section("This run", (Table(columns(":fact", ":value"), rows), Paragraph("Query its log:"), ask))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value)
    if isinstance(value, int):
        return f"{value:,}"
    return "unknown" if value is None else str(value)


THIS_RUN = ReportSection(place=150, title="This run", make=run_section, queries=("run_header", "run_phases"))
