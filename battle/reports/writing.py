"""Puts a run's reports beside its log."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from battle.charts.chart import ChartSet, Kind
from battle.charts.collect import EVERY_KIND, collect_charts
from battle.judgement.findings import Log
from battle.judgement.slo import Slo
from battle.reports.content import arrange
from battle.reports.evidence import BRIEF, NO_CHARTS, Asked
from battle.reports.facts import collect_report
from battle.reports.html import render_html
from battle.reports.junit import render_junit
from battle.reports.markdown import render_markdown
from battle.reports.schema import Report
from store.database import open_run

Format: TypeAlias = Literal["json", "markdown", "html", "junit"]

CHARTS_OF: dict[Format | None, Collection[Kind]] = {"json": (), "junit": (), "markdown": BRIEF}
"""The charts a format shows; those that are not here show all."""

FILES: dict[Format, str] = {
    "json": "report.json",
    "markdown": "report.md",
    "html": "report.html",
    "junit": "junit.xml",
}


class Reading(msgspec.Struct, frozen=True):
    """What was read of a run: its report, its charts, and the questions that were asked for both."""

    report: Report
    charts: ChartSet = NO_CHARTS
    asked: Asked = ()


def write_reports(run_dir: Path) -> Report:
    """Write every report of a run into its directory; each file is there whole, or as it was before.

    The same log gives the same bytes. An unsealed log is read as it is, and the report says so.

    Raises:
        LogError: there is no such run, or `run.json` cannot be understood.
        OSError: the directory cannot be written.
    """
    reading = read_run(run_dir)
    write_reading(reading, run_dir)
    return reading.report


def write_reading(reading: Reading, directory: Path) -> None:
    """Write what was read of a run in every form into a directory. Raises OSError."""
    for form, name in FILES.items():
        write_whole(directory / name, render_reading(reading, form))


def read_run(
    run_dir: Path,
    form: Format | None = None,
    demanded: Sequence[Slo] | None = None,
    *,
    strict: bool = False,
) -> Reading:
    """The report of a run with its charts, from its log; nothing is written. Raises LogError like `write_reports`.

    With `form`, only the charts that this format shows are asked for. `demanded` replaces what its scenario demands.
    `strict` fails on a warning, also where the run was not made so.
    """
    with open_run(run_dir) as run:
        log = Log(run)
        report = collect_report(run, log, demanded, strict=strict)
        charts = collect_charts(log, CHARTS_OF.get(form, EVERY_KIND))
        return Reading(report, charts, log.asked)


def read_report(run_dir: Path) -> Report:
    """The report of a run alone, from its log; nothing is written. Raises LogError like `write_reports`."""
    with open_run(run_dir) as run:
        return collect_report(run)


def render(report: Report, form: Format) -> str:
    """The text of a report in one of the formats, without charts."""
    return render_reading(Reading(report), form)


def render_reading(reading: Reading, form: Format) -> str:
    """The text of a report in one of the formats, with what charts there are."""
    report = reading.report
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
    if form == "junit":
        return render_junit(report)
    document = arrange(report, reading.charts, reading.asked)
    return render_html(document) if form == "html" else render_markdown(document)


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole, or as it was before. Raises OSError."""
    draft = path.with_name(f".{path.name}.tmp")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
