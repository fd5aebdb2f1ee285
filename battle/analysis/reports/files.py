"""Puts a run's reports beside its log."""

import errno
import html
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from battle.analysis.charts.chart import ChartSet, Kind
from battle.analysis.charts.collect import EVERY_KIND, collect_charts
from battle.analysis.log import Log
from battle.analysis.omissions import Omission, Parts
from battle.analysis.reports.collect import collect_report
from battle.analysis.reports.html import render_html
from battle.analysis.reports.junit import (
    case_of,
    junit_suite,
    render_junit,
    xml_document,
)
from battle.analysis.reports.layout import layout
from battle.analysis.reports.markdown import render_markdown
from battle.analysis.reports.provenance import BRIEF, NO_CHARTS, Asked
from battle.analysis.reports.schema import Report
from battle.scenario.slo.slo import Slo
from battle.store import typed
from battle.store.database import open_run
from battle.store.regular import read_regular

Format: TypeAlias = Literal["json", "markdown", "html", "junit"]

CHARTS_OF: dict[Format | None, Collection[Kind]] = {"json": (), "junit": (), "markdown": BRIEF}
"""The charts a format shows; those that are not here show all."""

FILES: dict[Format, str] = {
    "json": "report.json",
    "markdown": "report.md",
    "html": "report.html",
    "junit": "junit.xml",
}


REPORT_BYTES_MAX = 64 * 2**20
"""Of report.json; those of long runs take 1 MB."""


class Reading(msgspec.Struct, frozen=True):
    """What was read of a run: its report, its charts, the questions asked for both, and what could not be made."""

    report: Report
    charts: ChartSet = NO_CHARTS
    asked: Asked = ()
    omitted: tuple[Omission, ...] = ()


def write_reports(run_dir: Path, also: Callable[[Log, Report], object] = lambda log, report: None) -> Report:
    """Write every report of a run into its directory; each file is there whole, or as it was before.

    `also` is called with the log and its report while the log is open: what it asks too need not be asked again.

    The same log gives the same bytes. An unsealed log is read as it is, and the report says so. The `omitted` of the
    report that is returned has also what could not be drawn or rendered.

    Raises:
        LogError: there is no such run, or `run.json` cannot be understood.
        OSError: the directory cannot be written.
    """
    reading = read_run(run_dir, also=also)
    omitted = write_reading(reading, run_dir)
    return msgspec.structs.replace(reading.report, omitted=omitted)


def write_reading(reading: Reading, directory: Path) -> tuple[Omission, ...]:
    """Write what was read of a run in every form into a directory; return what could not be made. Raises OSError."""
    parts = Parts()
    parts.omitted += reading.omitted
    for form, name in FILES.items():
        write_whole(directory / name, render_reading(reading, form, parts))
    return tuple(dict.fromkeys((*reading.report.omitted, *parts.omitted)))


def read_run(
    run_dir: Path,
    form: Format | None = None,
    other_slos: Sequence[Slo] | None = None,
    *,
    strict: bool = False,
    own_checkers: Sequence[str] | None = None,
    also: Callable[[Log, Report], object] = lambda log, report: None,
) -> Reading:
    """The report of a run with its charts, from its log; nothing is written. Raises LogError like `write_reports`.

    With `form`, only the charts that this format shows are asked for. `other_slos` replace those of its scenario,
    `own_checkers` the names of its own checkers. `strict` fails on a warning, also where the run was not made so.
    `also` is as in `write_reports`.
    """
    parts = Parts()
    with open_run(run_dir) as run:
        log = Log(run)
        report = collect_report(run, log, other_slos, strict=strict, own_checkers=own_checkers)
        charts = collect_charts(log, CHARTS_OF.get(form, EVERY_KIND), parts)
        also(log, report)
        return Reading(report, charts, log.asked, tuple(parts.omitted))


def kept_report(run_dir: Path) -> Report | None:
    """The report that was written when the run was judged; None: there is none, or this version cannot read it."""
    try:
        return typed.decode(read_regular(run_dir / FILES["json"], REPORT_BYTES_MAX), Report)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # never written, lost, or of another version: the log says the same


def report_of(run_dir: Path) -> Report:
    """The report beside the log, or where there is none to read, the run judged again. Raises LogError, OSError."""
    return kept_report(run_dir) or read_report(run_dir)


def read_report(run_dir: Path) -> Report:
    """The report of a run alone, from its log; nothing is written. Raises LogError like `write_reports`."""
    with open_run(run_dir) as run:
        return collect_report(run)


def render(report: Report, form: Format) -> str:
    """The text of a report in one of the formats, without charts."""
    return render_reading(Reading(report), form)


def render_reading(reading: Reading, form: Format, parts: Parts | None = None) -> str:
    """The text of a report in one of the formats, with what charts there are.

    A part that cannot be rendered is named in its place, and `parts` remembers it; of a report that cannot be
    rendered at all the verdict and its reasons are left.
    """
    parts = parts or Parts()
    report = reading.report
    return parts.make(
        f"the report as {form}",
        lambda: _rendered(reading, form, parts),
        lambda omission: _VERDICT_ALONE[form](report, omission),
    )


def _rendered(reading: Reading, form: Format, parts: Parts) -> str:
    report = reading.report
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
    if form == "junit":
        return render_junit(report)
    document = layout(report, reading.charts, reading.asked, parts)
    return render_html(document, parts) if form == "html" else render_markdown(document, parts)


def _plain(report: Report, omission: Omission) -> str:
    return "\n".join(
        (f"{report.verdict_text}: {report.headline}", *report.reasons, *report.warnings, omission.text)
    )


def _bare_json(report: Report, omission: Omission) -> str:
    fields = {"verdict": report.verdict, "reasons": [_utf8(reason) for reason in report.reasons]}
    return (
        msgspec.json.encode(fields | {"headline": _utf8(report.headline), "omitted": [omission]}).decode()
        + "\n"
    )


def _bare_html(report: Report, omission: Omission) -> str:
    return f"<!doctype html>\n<meta charset=utf-8>\n<pre>{html.escape(_plain(report, omission))}</pre>\n"


def _bare_junit(report: Report, omission: Omission) -> str:
    case = case_of("battle", "report", report.verdict, _plain(report, omission))
    return xml_document(junit_suite("battle", [case], 0.0))


_VERDICT_ALONE: dict[Format, Callable[[Report, Omission], str]] = {
    "json": _bare_json,
    "markdown": lambda report, omission: f"# {_plain(report, omission)}\n",
    "html": _bare_html,
    "junit": _bare_junit,
}


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole, or as it was before. Raises OSError."""
    if not path.name:  # the root, or the working directory: a draft beside it would have no name
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    draft = path.with_name(f".{path.name}.tmp")
    try:
        with draft.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
