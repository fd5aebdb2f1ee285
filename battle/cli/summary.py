"""What `battle run` prints at the end: the verdict first, then why, then where to look."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from battle.analysis.reports.files import FILES
from battle.analysis.reports.schema import Report
from battle.analysis.verdict.slo_text import slo_text
from battle.terminal_text import escaped

_MARKS = {"met": "✓", "missed": "✗", "not_measured": "?"}


def verdict_lines(report: Report) -> Iterator[str]:
    """The verdict in the first line, then why, and what to look at though it passed."""
    yield f"{report.verdict_text}: {report.headline}"
    yield from (f"  - {reason}" for reason in report.reasons)
    yield from (f"  - warning: {warning}" for warning in report.warnings)


def summary_lines(report: Report, run_dir: Path) -> Iterator[str]:
    """The summary of a run, for a person at a terminal."""
    yield from verdict_lines(report)
    yield from _paragraph(_slo_lines(report))
    yield ""
    yield f"  reports  {run_dir / FILES['markdown']}"
    for form in ("html", "json", "junit"):
        yield f"           {run_dir / FILES[form]}"
    yield f'  query    battle sql {shlex.quote(str(run_dir))} "SELECT * FROM fault_windows"'


def _paragraph(lines: Iterable[str]) -> Iterator[str]:
    """The lines after an empty one; nothing at all when there are none."""
    for place, line in enumerate(lines):
        yield from ("", line) if place == 0 else (line,)


def _slo_lines(report: Report) -> Iterator[str]:
    for result in report.slos:
        yield f"  {_MARKS[result.status]} {slo_text(result)}"
    for one in report.workload_slos:
        for result in one.slos:
            yield f"  {_MARKS[result.status]} {one.workload}: {slo_text(result)}"
    yield from (f"  - left out: {escaped(omitted)}" for omitted in report.omitted_slos)
    yield from (f"  - {escaped(change)}" for change in report.changes)
    yield from passed_checkers(report)


def passed_checkers(report: Report) -> Iterator[str]:
    """What the scenario's own checkers found to be well; what they found wrong is a reason or a warning."""
    for finding in report.findings:
        if finding.is_of_author and finding.verdict == "PASS" and not finding.warns:
            yield f"  {_MARKS['met']} {escaped(finding.checker)}: {escaped(finding.summary)}"
    yield from (f"  {escaped(omission.text)}" for omission in report.omitted)
