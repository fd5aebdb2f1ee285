"""Puts what came out of a command where the CI service looks for it; outside of CI it does nothing.

Nothing here changes a verdict: what cannot be written is reported on stderr.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import msgspec

from battle.analysis.reports.comparison import Comparison
from battle.analysis.reports.files import FILES, write_whole
from battle.analysis.reports.schema import Report
from battle.ci.annotations import (
    Annotation,
    Place,
    Places,
    comparison_annotations,
    nowhere,
    report_annotations,
)
from battle.ci.environment import Environment, environment
from battle.ci.github import annotation_commands, fitting_summary, output_lines
from battle.ci.gitlab import Sample, merged_metrics, samples_of
from battle.ci.location import line_of
from battle.errors import plain
from battle.store.regular import read_regular

GITLAB = "gitlab"
"""Below the directory for results: what `artifacts:reports` of GitLab names."""

METRICS = "metrics.txt"
METRICS_BYTES_MAX = 16 * 2**20
"""Of a metrics file that is read again; a suite of a hundred scenarios writes some 100 kB."""

SOURCE_BYTES_MAX = 2**20
"""Of a scenario's file in which a line is looked for."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a command has for a CI service.

    `summary` makes Markdown, when it is asked for. `outputs` are what later steps of a job can read. `junit` is a
    file to be copied for GitLab, under `name`, and `out` the directory for results.
    """

    annotations: tuple[Annotation, ...] = ()
    summary: Callable[[], str] | None = None
    outputs: Mapping[str, str] = {}
    name: str = ""
    out: Path | None = None
    junit: Path | None = None
    samples: tuple[Sample, ...] = ()


def publish(
    outcome: Outcome, variables: Mapping[str, str] | None = None, stream: TextIO | None = None
) -> None:
    """Write annotations, step summary and step outputs on GitHub, and report files on GitLab."""
    job = environment(os.environ if variables is None else variables)
    errors = sys.stderr if stream is None else stream
    if job is None or job.service == "other":
        return
    if job.service == "gitlab":
        _attempt("files for GitLab", lambda: _write_gitlab(outcome), errors)
        return
    for line in annotation_commands(outcome.annotations):
        print(line, file=errors, flush=True)
    _attempt("step summary", lambda: _write_summary(outcome, job), errors)
    _attempt("outputs of the step", lambda: _write_outputs(outcome, job), errors)


def _attempt(what: str, write: Callable[[], None], errors: TextIO) -> None:
    try:
        write()
    except OSError as error:
        print(f"battle: the {what} cannot be written: {plain(error)}", file=errors, flush=True)


def _write_summary(outcome: Outcome, job: Environment) -> None:
    if job.step_summary is None or outcome.summary is None:
        return
    with job.step_summary.open("a", encoding="utf-8", newline="\n") as file:
        file.write(fitting_summary(outcome.summary(), file.tell()))


def _write_outputs(outcome: Outcome, job: Environment) -> None:
    if job.step_outputs is None or not outcome.outputs:
        return
    with job.step_outputs.open("a", encoding="utf-8", newline="\n") as file:
        file.write(output_lines(outcome.outputs))


def _write_gitlab(outcome: Outcome) -> None:
    if outcome.out is None:
        return
    directory = outcome.out / GITLAB
    directory.mkdir(parents=True, exist_ok=True)
    if outcome.junit is not None:
        write_whole(directory / f"{outcome.name}.xml", outcome.junit.read_text(encoding="utf-8"))
    if outcome.samples:
        metrics = directory / METRICS
        before = read_regular(metrics, METRICS_BYTES_MAX).decode() if metrics.exists() else ""
        write_whole(metrics, merged_metrics(before, outcome.samples))


def run_outcome(report: Report, run_dir: Path, scenario: str | None = None) -> Outcome:
    """What a run has for a CI service; `scenario` is what the command was asked to run."""
    return Outcome(
        annotations=tuple(report_annotations(report, places_in(scenario))),
        summary=lambda: (run_dir / FILES["markdown"]).read_text(encoding="utf-8"),
        outputs=_outputs(report.verdict, run_dir / FILES["html"], run_dir),
        name=run_dir.name,
        out=run_dir.parent,
        junit=run_dir / FILES["junit"],
        samples=tuple(samples_of(report)),
    )


def _outputs(verdict: str, report: Path, directory: Path) -> dict[str, str]:
    return {"verdict": verdict, "report": str(report), "results": str(directory)}


def comparison_outcome(comparison: Comparison, summary: Callable[[], str]) -> Outcome:
    """What a comparison has for a CI service."""
    return Outcome(
        annotations=tuple(comparison_annotations(comparison)),
        summary=lambda: f"## {comparison.after.scenario} and its baseline\n\n{summary()}",
        outputs={"comparison": comparison.status},
    )


def places_in(scenario: str | None, variables: Mapping[str, str] | None = None) -> Places:
    """The places of a scenario, from what a command was asked to run, such as `battles/checkout.py:slower`."""
    job = environment(os.environ if variables is None else variables)
    if scenario is None or job is None or job.workspace is None:
        return nowhere
    place, _, variant = scenario.partition(":")
    path, workspace = Path(place).resolve(), job.workspace.resolve()
    if not path.is_file() or not path.is_relative_to(workspace):
        return nowhere
    try:
        source = read_regular(path, SOURCE_BYTES_MAX).decode(errors="replace")
    except OSError:
        source = ""  # the file is named all the same; only its lines are not known
    file = path.relative_to(workspace).as_posix()
    return lambda slo: Place(file, line_of(source, path.suffix, variant, slo))
