"""What a session of pytest has for a CI service. It is registered in CI alone.

A run that did not pass is annotated when a test that used it failed: a test may well expect a FAIL.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path

import pytest

from battle.analysis.findings import verdict_text
from battle.analysis.reports.files import kept_report
from battle.analysis.reports.markdown import escaped
from battle.ci.annotations import Annotation, Place, Places, report_annotations
from battle.ci.gitlab import Sample, samples_of
from battle.ci.publish import Outcome, places_in, publish
from battle.pytest_plugin.fixture import results_of
from battle.pytest_plugin.options import out_of
from battle.pytest_plugin.record import Run, runs_of

_BLAMED = "battle_blamed"
"""The attribute of a failed test's report that has the directories of its runs that did not pass."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the report of a test that failed name the runs that did not pass."""
    report = yield
    if report.failed:
        blamed = [str(result.run_dir) for result in results_of(item) if not result.passed]
        setattr(report, _BLAMED, blamed)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write annotations, the summary and the metrics of all runs of the session."""
    runs = runs_of(terminalreporter, config)
    if not runs:
        return
    failed = [*terminalreporter.stats.get("failed", ()), *terminalreporter.stats.get("error", ())]
    blamed = {run_dir: report for report in failed for run_dir in getattr(report, _BLAMED, ())}
    found = chain.from_iterable(
        _annotations(Path(run_dir), report, config.rootpath) for run_dir, report in blamed.items()
    )
    samples = chain.from_iterable(_samples(Path(run_dir)) for run_dir in runs)
    publish(
        Outcome(
            annotations=tuple(found),
            summary=lambda: _summary(list(runs.values())),
            out=out_of(config),
            samples=tuple(samples),
        )
    )


def _samples(run_dir: Path) -> Iterator[Sample]:
    report = kept_report(run_dir)
    yield from () if report is None else samples_of(report)


def _annotations(run_dir: Path, test: pytest.TestReport, root: Path) -> list[Annotation]:
    report = kept_report(run_dir)
    return [] if report is None else report_annotations(report, _places(test, root))


def _places(test: pytest.TestReport, root: Path) -> Places:
    """A test's own line; of a scenario file the line of the scenario, or of its SLO."""
    file, line, name = test.location
    in_file = places_in(f"{root / file}:{name}")
    here = in_file(None)
    if line is None or here is None:
        return in_file
    return lambda _slo: Place(here.file, line + 1)


def _summary(runs: list[Run]) -> str:
    lines = ["## Battles", "", "| verdict | scenario | world | seed | gateway | test |"]
    lines.append("| --- | --- | --- | ---: | --- | --- |")
    for run in runs:
        verdict = verdict_text(run["verdict"], int(run["warnings"]))
        cells = (verdict, *(escaped(run[name]) for name in ("scenario", "world", "seed", "gateway", "test")))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
