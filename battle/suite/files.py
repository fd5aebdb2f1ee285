"""Puts the combined report of a suite into its directory."""

from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec

from battle.analysis.reports.files import FILES, Format
from battle.analysis.reports.junit import (
    case_of,
    cases_of,
    junit_suite,
    skipped_case,
    xml_document,
)
from battle.analysis.reports.markdown import escaped
from battle.analysis.reports.page import page_templates
from battle.analysis.reports.schema import Report
from battle.formatting import duration_text
from battle.suite.results import ScenarioResult, SuiteReport, SuiteRun, by_scenario

_TEMPLATES = Path(__file__).parent / "templates"

SUITE_FILES = ("suite.md", "suite.html", "suite.json", "suite-junit.xml")


def write_suite(suite_dir: Path, report: SuiteReport, reports: Sequence[Report | None]) -> None:
    """Write the report in each of its forms. `reports` are those of the first of its runs, in their order."""
    texts: tuple[Callable[[], str], ...] = (
        lambda: render_markdown(report),
        lambda: render_html(report),
        lambda: render_json(report),
        lambda: render_junit(report, reports),
    )
    for name, text in zip(SUITE_FILES, texts, strict=True):
        (suite_dir / name).write_text(text(), encoding="utf-8", newline="\n")


def render_json(report: SuiteReport) -> str:
    """suite.json."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def render_markdown(report: SuiteReport, *, links: bool = True) -> str:
    """suite.md: the verdict first, then a row for each scenario, then why.

    Without `links` the runs are named instead: where the text is shown, their files are not.
    """
    results = by_scenario(report.runs)
    lines = [f"# {report.verdict_text}: {escaped(report.headline)}", ""]
    lines += [f"- {escaped(line)}" for line in context_lines(report)]
    lines += ["", "| scenario | verdict | passed | time | first reason | report |"]
    lines.append("| --- | --- | ---: | ---: | --- | --- |")
    lines += [_markdown_row(result, links) for result in results]
    for result in results:
        if len(result.reasons) > 1:
            lines += ["", f"## {escaped(result.scenario)}: {result.status_text}", ""]
            lines += [f"{number}. {escaped(reason)}" for number, reason in enumerate(result.reasons, 1)]
    return "\n".join(lines) + "\n"


def _markdown_row(result: ScenarioResult, links: bool) -> str:
    link = report_link(result.shown, "markdown")
    name = "" if result.shown.directory is None else escaped(Path(result.shown.directory).name)
    cells = [
        escaped(result.scenario),
        result.status_text,
        f"{result.passed} of {result.runs}",
        duration_text(result.took_ns),
        escaped(result.reasons[0]) if result.reasons else "",
        f"[report](<{link}>)" if link and links else name,
    ]
    return f"| {' | '.join(cells)} |"


def render_html(report: SuiteReport) -> str:
    """suite.html: one file, without a script. Everything in it is escaped by the template engine."""
    environment = page_templates(_TEMPLATES)
    return environment.get_template("suite.html.j2").render(
        report=report,
        context=context_lines(report),
        results=by_scenario(report.runs),
        duration=duration_text,
        link=lambda run: report_link(run, "html"),
    )


def render_junit(report: SuiteReport, reports: Sequence[Report | None]) -> str:
    """suite-junit.xml: a test suite for each run; what was not run, or crashed, is an error.

    Scenarios that were left out, although nobody asked for that, are skipped cases.
    """
    padded = [*reports, *[None] * (len(report.runs) - len(reports))]
    root = ElementTree.Element("testsuites", name=f"battle suite {report.suite_id}")
    for run, of_run in zip(report.runs, padded, strict=True):
        cases = [case_of(run.scenario, run.status, "INCONCLUSIVE", "; ".join(run.reasons))]
        if of_run is not None:
            cases = list(cases_of(of_run))
        name = f"{run.scenario} ({report.world}, seed {run.seed})"
        root.append(junit_suite(name, cases, run.took_ns / 1e9))
    if report.left_out:
        cases = [skipped_case(name, "left out", report.skipped[0]) for name in report.left_out]
        root.append(junit_suite("scenarios that were left out", cases, 0))
    return xml_document(root)


def context_lines(report: SuiteReport) -> list[str]:
    """With what the results came about."""
    seeds = f"seed {report.seed}"
    if report.repeat > 1:
        seeds = f"seeds {report.seed} to {report.seed + report.repeat - 1}"
    gateway = f", gateway {report.gateway}" if report.gateway else ""
    lines = [f"Suite {report.suite_id}: {report.selection}, {report.world} world, {seeds}{gateway}"]
    if report.interrupted:
        lines.append("It was interrupted before all scenarios had run.")
    said_above = 1 if report.left_out else 0  # the headline has the whole sentence
    return [*lines, *report.skipped[said_above:]]


def report_link(run: SuiteRun, form: Format) -> str | None:
    """A run's report as seen from the suite's directory."""
    return None if run.directory is None else f"{run.directory}/{FILES[form]}"
