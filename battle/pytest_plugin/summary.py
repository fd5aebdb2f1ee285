"""A run in some lines, for the message of a test that fails."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from battle.analysis.findings import Finding
from battle.analysis.reports.files import FILES
from battle.analysis.reports.schema import Report
from battle.terminal_text import spelled


def summary_text(report: Report, run_dir: Path) -> str:
    """The verdict, each reason with its evidence, and where the report lies."""
    return "\n".join(spelled(line) for line in _lines(report, run_dir))


def _lines(report: Report, run_dir: Path) -> Iterator[str]:
    run = report.run
    yield f"{report.verdict_text} against {run.gateway}: {report.headline}"
    findings = {finding.summary: finding for finding in report.findings}
    for reason in report.reasons:
        yield f"  - {reason}"
        if reason in findings:
            yield from _evidence(findings[reason], run_dir)
    yield from (f"  - warning: {warning}" for warning in report.warnings)
    yield f"  run     {run.scenario}, {run.world} world, seed {run.seed}, gateway {run.gateway}"
    yield f"  report  {run_dir / FILES['html']}"


def _evidence(finding: Finding, run_dir: Path) -> Iterator[str]:
    if finding.ids:
        yield f"      seen in {', '.join(finding.ids)}"
    if finding.query:
        query = " ".join(finding.query.split())
        yield f"      battle sql {shlex.quote(str(run_dir))} {shlex.quote(query)}"
