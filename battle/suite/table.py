"""What `battle suite` prints: the verdict first, then a row for each scenario and why it did not pass. Pure."""

import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from battle.formatting import duration_text
from battle.suite.files import SUITE_FILES, context_lines, report_link
from battle.suite.results import ScenarioResult, SuiteReport, SuiteRun, by_scenario
from battle.terminal_text import escaped

_REASON_WIDTH = 110
_HEADINGS = ("scenario", "verdict", "passed", "time", "report")


def suite_lines(report: SuiteReport, suite_dir: Path) -> Iterator[str]:
    """The summary of a suite, for a person at a terminal."""
    yield f"{report.verdict_text}: {report.headline}"
    for line in context_lines(report):
        yield f"  {line}"
    yield ""
    results = by_scenario(report.runs)
    rows = [_cells(result, suite_dir) for result in results]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    yield _line(_HEADINGS, widths)
    for result, row in zip(results, rows, strict=True):
        yield _line(row, widths)
        for reason in result.reasons:
            yield from textwrap.wrap(
                escaped(reason), _REASON_WIDTH, initial_indent="    ", subsequent_indent="      "
            )
    yield ""
    yield f"  reports  {suite_dir / SUITE_FILES[0]}"
    yield from (f"           {suite_dir / name}" for name in SUITE_FILES[1:])


def progress_line(number: int, total: int, run: SuiteRun) -> str:
    """One run of the suite is over."""
    reasons = (*run.reasons, *run.warnings)
    why = f": {escaped(reasons[0])}" if reasons else ""
    took = f" in {duration_text(run.took_ns)}" if run.took_ns else ""
    return f"[{number}/{total}] {run.scenario}, seed {run.seed}: {run.status_text}{took}{why}"


def _cells(result: ScenarioResult, suite_dir: Path) -> tuple[str, ...]:
    link = report_link(result.shown, "markdown")
    return (
        result.scenario,
        result.status_text,
        f"{result.passed}/{result.runs}",
        duration_text(result.took_ns),
        "-" if link is None else os.path.normpath(suite_dir / link),
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    name, status, passed, time, report = cells
    return f"{name:<{widths[0]}}  {status:<{widths[1]}}  {passed:>{widths[2]}}  {time:>{widths[3]}}  {report}"
