"""A part of a report that cannot be made is named in its place; the verdict and all other parts are there."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from battle.analysis.charts import collect, text
from battle.analysis.omissions import Parts
from battle.analysis.reports import collect as facts
from battle.analysis.reports import files as writing
from battle.analysis.reports import layout
from battle.analysis.reports.files import (
    FILES,
    read_run,
    render,
    render_reading,
    write_reports,
)
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection
from battle.analysis.reports.sections import SECTIONS
from battle.cli.summary import summary_lines
from battle.store.catalog import query_text
from battle.store.events import HeadPublished, NotificationReceived, RunChanged
from tests.battle.analysis.reports.random_logs import LOGS, S, write_log
from tests.battle.analysis.reports.report_runs import golden_run

DEFECT = "This is a defect of Battle; please report it."


def broken(*args, **kwargs):
    raise IndexError("list index out of range")


def written(run_dir):
    return {form: (run_dir / name).read_text() for form, name in FILES.items()}


@pytest.fixture
def run_dir(tmp_path):
    return golden_run(tmp_path / "run")


def test_a_whole_report_omits_nothing(run_dir):
    assert write_reports(run_dir).omitted == ()
    assert not any("Omitted" in page for page in written(run_dir).values())


def test_a_chart_that_cannot_be_made(run_dir, monkeypatch):
    monkeypatch.setitem(collect.MAKERS, "latency_over_time", broken)
    report = write_reports(run_dir)
    [omission] = report.omitted
    assert omission.part == "the chart latency over time"
    assert "IndexError: list index out of range" in omission.why
    pages = written(run_dir)
    assert report.verdict == "PASS"
    for form in ("markdown", "html"):
        assert "Omitted: the chart latency over time could not be made (IndexError" in pages[form]
    assert "Success rate over time" in pages["markdown"]


@pytest.mark.parametrize("kind", ["latency_over_time", "success_over_time"])
def test_a_chart_that_cannot_be_drawn(run_dir, monkeypatch, kind):
    monkeypatch.setitem(text._DRAWN, kind, broken)
    report = write_reports(run_dir)
    [title] = {omission.part for omission in report.omitted}
    assert title.startswith("the chart '")
    pages = written(run_dir)
    for form in ("markdown", "html"):
        assert "could not be made (IndexError: list index out of range" in pages[form]
        assert "Circuit breakers" in pages[form]


@pytest.mark.parametrize("place", range(len(SECTIONS)), ids=[section.title for section in SECTIONS])
def test_a_section_that_cannot_be_made(run_dir, monkeypatch, place):
    sections = list(SECTIONS)
    title = sections[place].title
    sections[place] = msgspec.structs.replace(sections[place], make=broken)
    monkeypatch.setattr(layout, "SECTIONS", tuple(sections))
    report = write_reports(run_dir)
    assert [omission.part for omission in report.omitted] == [f"the section {title!r}"]
    page = written(run_dir)["markdown"]
    assert page.startswith("# PASS: ")
    after = page.split(f"## {title}\n\n", 1)[1]
    assert after.startswith(f"Omitted: the section '{title}' could not be made")


def test_a_section_whose_question_cannot_be_asked(run_dir, monkeypatch):
    def make(report):
        return asking.rows(report)

    asking = ReportSection(place=1, title="Asks", make=make, sql="SELECT nothing FROM nowhere")
    for module in (facts, layout):
        monkeypatch.setattr(module, "SECTIONS", (asking, *SECTIONS))
    report = write_reports(run_dir)
    assert report.omitted[0].part == "the question of the section 'Asks'"
    after = written(run_dir)["markdown"].split("## Asks\n\n", 1)[1]
    assert after.startswith(
        "Omitted: the section 'Asks' could not be made (LookupError: its question has no answer"
    )
    assert "Table with name nowhere does not exist" in after.split("\n\n", 1)[0]


def test_the_sections_rest_on_queries_that_are_asked(run_dir):
    """A name that is misspelled, or of a query that is gone, would only leave its sources out."""
    asked = {name for name, _ in read_run(run_dir).asked}
    resting = {query for section in SECTIONS for query in section.queries}
    elsewhere = {"planned_steps", "head_measures", "notification_measures"}
    assert resting - asked == elsewhere, "of loads in steps, and of subscriptions"
    assert all(query_text(name) for name in elsewhere)
    titles = [section.title for section in SECTIONS]
    assert len(titles) == len(set(titles)) >= 15


def test_a_fact_that_cannot_be_collected_is_never_told_as_nothing(run_dir, monkeypatch):
    monkeypatch.setattr(facts, "FailoverFacts", int)  # what the query returns is not of that type
    monkeypatch.setattr(facts, "_blank", lambda kind: None)
    report = write_reports(run_dir)
    assert report.omitted[0].part == "failovers"
    page = written(run_dir)["markdown"]
    section = page.split("## Failovers\n\n", 1)[1].split("\n## ", 1)[0]
    assert section.startswith("Omitted: the section 'Failovers' could not be made")
    assert "No request needed" not in page


def test_the_json_of_a_report_with_omitted_facts_keeps_its_shape(run_dir, monkeypatch):
    for name in ("_requests", "_amplification", "_websocket", "_log_health", "intervals"):
        monkeypatch.setattr(facts, name, broken)
    report = read_run(run_dir).report
    assert msgspec.json.decode(render(report, "json"), type=Report) == report
    assert {omission.part for omission in report.omitted} == {
        "requests", "amplification", "websocket", "log", "intervals",
    }  # fmt: skip


@pytest.mark.parametrize("renderer", ["render_junit", "render_html", "render_markdown"])
def test_a_report_that_cannot_be_rendered_still_gives_the_verdict(run_dir, monkeypatch, renderer):
    monkeypatch.setattr(writing, renderer, broken)
    report = write_reports(run_dir)
    [omission] = report.omitted
    form = renderer.removeprefix("render_")
    assert omission.part == f"the report as {form}"
    page = written(run_dir)[form]
    assert "PASS" in page
    assert DEFECT in page
    if form == "junit":
        [suite] = [ElementTree.fromstring(page)]
        assert suite.get("tests") == "1"
    assert all(DEFECT not in other for name, other in written(run_dir).items() if name != form)


def test_a_report_that_is_no_json_still_gives_the_verdict(run_dir):
    reading = read_run(run_dir)
    odd = msgspec.structs.replace(reading, report=msgspec.structs.replace(reading.report, headline="\ud800"))
    said = msgspec.json.decode(render_reading(odd, "json"))
    assert (said["verdict"], said["headline"]) == ("PASS", "\\ud800")
    assert said["omitted"][0]["part"] == "the report as json"


def test_the_terminal_names_what_was_omitted(run_dir, monkeypatch):
    monkeypatch.setitem(collect.MAKERS, "latency_over_time", broken)
    lines = list(summary_lines(write_reports(run_dir), run_dir))
    assert lines[0].startswith("PASS: ")
    assert sum("Omitted: the chart latency over time" in line for line in lines) == 1


# reports of logs that no run would write

_HEAD: dict[str, Any] = {"number": 1, "hash": "0x1", "parent_hash": "0x0"}
EARLY = [
    RunChanged(at_ns=0, phase="load_began"),
    RunChanged(at_ns=10 * S, phase="load_ended"),
    HeadPublished(at_ns=9 * S, provider="a", subscriptions=1, **_HEAD),
    NotificationReceived(
        at_ns=S,
        workload="w",
        connection="1",
        subscription="s",
        kind="newHeads",
        key="0x1",
        answer="right",
        **_HEAD,
    ),
]
"""A head that arrives long before it was published: its delay is negative."""


RANDOM = settings(deadline=None, suppress_health_check=list(HealthCheck))


@given(LOGS)
@example(({"format": 1, "run_id": "random", "world": "live"}, EARLY))
@example(({"format": 1, "run_id": "random", "world": "live"}, []))
@settings(RANDOM, max_examples=12, phases=[Phase.explicit, Phase.generate])
def test_any_log_gives_whole_reports(tmp_path_factory, log):
    whole_reports(write_log(tmp_path_factory.mktemp("random") / "run", *log))


@pytest.mark.slow
@given(LOGS)
@settings(RANDOM, max_examples=400, phases=[Phase.generate, Phase.shrink])
def test_any_of_many_logs_gives_whole_reports(tmp_path_factory, log):
    whole_reports(write_log(tmp_path_factory.mktemp("random") / "run", *log))


def whole_reports(run_dir: Path) -> None:
    reading, parts = read_run(run_dir), Parts()
    pages = {form: render_reading(reading, form, parts) for form in FILES}
    omitted = [*reading.report.omitted, *reading.omitted, *parts.omitted]
    assert omitted == [], omitted  # the fuzzer has no pytest to show it
    ours = re.compile(r"(the checker \w+|measuring.*) crashed: ")
    assert [found for found in reading.report.findings if ours.match(found.summary)] == []
    assert msgspec.json.decode(pages["json"], type=Report) == reading.report
    ElementTree.fromstring(pages["junit"])
    for form in ("markdown", "html"):
        assert reading.report.verdict in pages[form]
