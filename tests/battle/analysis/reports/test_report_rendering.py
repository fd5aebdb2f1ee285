"""How a report reads: golden Markdown, the first line, and that nothing in the log becomes markup."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from battle.analysis.reports.document import (
    Code,
    Document,
    Paragraph,
    Section,
    Table,
    columns,
    row,
)
from battle.analysis.reports.files import read_report, render
from battle.analysis.reports.html import render_html
from battle.analysis.reports.junit import render_junit
from battle.analysis.reports.layout import layout
from battle.analysis.reports.markdown import escaped, render_markdown
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import (
    S,
    failed,
    fault,
    life,
    node_sample,
    phases,
    request,
    sample,
    served,
    tried,
    write_run,
)

GOLDEN = Path(__file__).parent / "golden"

HOSTILE = [
    "<script>alert(1)</script>",
    "*bold* _em_ __x__ `code` ~~gone~~",
    "[link](http://evil.example) ![img](x.png)",
    "https://evil.example www.evil.example me@evil.example",
    "| a | b |",
    "# head",
    "> quote",
    "- item",
    "1. item",
    "2) item",
    "+ item",
    "===",
    "&lt;b&gt; &amp; &#60;",
    "line\nbreak\r\n## head \u2028 next",
    "\x1b[31mred\x07",
    "back\\slash \\* `",
    "    code",
]


def rendered(markdown: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)


def test_golden_markdown(tmp_path: Path) -> None:
    for name, world, idle_fault in (("pass", "live", False), ("inconclusive", "simulated", True)):
        run_dir = golden_run(tmp_path / name, world=world, idle_fault=idle_fault)
        text = render(read_report(run_dir), "markdown")
        assert text == (GOLDEN / f"{name}.md").read_text(), f"{name}: judge the difference, then replace it"


def test_the_first_line_answers_whether_to_ship(tmp_path: Path) -> None:
    passed = render(read_report(golden_run(tmp_path / "1")), "markdown").splitlines()[0]
    assert passed == "# PASS: OK to ship. All 5 SLOs were met while 1 fault took effect."
    unsure = render(read_report(golden_run(tmp_path / "3", idle_fault=True)), "markdown").splitlines()[0]
    assert unsure == ("# INCONCLUSIVE: No verdict: slow-b had no effect: no attempt at b was affected.")
    missed = write_run(tmp_path / "2", {"coordinator": [request(1)]}, slo={"p50_latency_ms": 1})
    first = render(read_report(missed), "markdown").splitlines()[0]
    assert first.startswith("# FAIL: Do not ship, because p50_latency_ms was missed: 50 ms (target ≤ 1 ms)")


def test_virtual_times_are_labelled_in_every_rendering(tmp_path: Path) -> None:
    report = read_report(golden_run(tmp_path / "run", world="simulated"))
    for form in ("markdown", "html"):
        text = render(report, form)
        assert "p95 latency (simulated time)" in text
        for title in ("SLO compliance", "Performance summary", "Failovers", "Faults", "Circuit breakers"):
            assert f"{title} (simulated time)" in text
    assert "(simulated)" in render(report, "junit")


def test_what_was_not_measured_is_never_shown_as_zero(tmp_path: Path) -> None:
    unseen = node_sample(S, "gateway", rss_bytes=None, cpu_percent=None)
    events = [*phases(), node_sample(S, "a"), unseen]
    text = render(read_report(write_run(tmp_path / "run", {"coordinator": events})), "markdown")
    (gateway,) = [line for line in text.splitlines() if line.startswith("| gateway ") and "µs" in line]
    assert re.sub(r"\s+", " ", gateway).startswith("| gateway | " + "not measured | " * 4)


def test_markdown_lines_up_as_text(tmp_path: Path) -> None:
    lines = render(read_report(golden_run(tmp_path / "run")), "markdown").splitlines()
    start = lines.index("| SLO                     |     target | actual | result |")
    assert len({len(line) for line in lines[start : start + 7]}) == 1


# escaping


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    blocks = (Paragraph(text), Paragraph(text, quiet=True), Table(columns(":a"), (row(text),)), Code(text))
    document = Document(text, "PASS", text, (text,), (), (text,), (Section("s", blocks),))
    html = rendered(render_markdown(document))
    tags = set(re.findall(r"<([a-z0-9]+)", html))
    assert tags <= {
        "h1",
        "h2",
        "ul",
        "ol",
        "li",
        "p",
        "em",
        "strong",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "code",
    }
    assert html.count("<h1>") == html.count("<h2>") == html.count("<em>") == html.count("<code>") == 1
    assert html.count("<strong>") == 1  # the word Reasons
    assert html.count("<td") == 1
    assert html.count("<li>") == 2


@pytest.mark.parametrize(
    "text", ["eth_blockNumber", "load-a.0", "flap-a.1", "a → b (http)", "2,000 ms", "50 %"]
)
def test_ordinary_names_stay_readable_as_text(text: str) -> None:
    assert escaped(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_any_text_as_it_is(text: str) -> None:
    blocks = (Paragraph(text), Table(columns(":a"), (row(text),)), Code(text))
    html = render_html(Document(text, "FAIL", text, (text,), (), (text,), (Section(text, blocks),)))
    assert html.count("<script") == 1  # the page's own
    assert "alert" not in html.rpartition("<script>")[2]
    assert "<b>" not in html
    assert "<h1>" in html


def test_hostile_names_from_the_wire_and_the_scenario_stay_text(tmp_path: Path) -> None:
    bad = "<script>x</script>|`*[a](b)\x00\x1b"
    events = [
        *phases(),
        failed(1, failure=bad, request_id=bad, workload=bad),
        served(1, bad, 0),
        tried(1, bad, 0, 5, "error", request_id=bad),
        tried(1, bad, 6, 9, attempt=2, request_id=bad),
        *fault(bad, 5, 6, target=bad),
        life("gateway", "crashed", reason=bad),
        sample(0, 10, workload=bad),
    ]
    header: dict[str, Any] = {"scenario": {"name": bad}, "gateway": bad, "host": {bad: bad}, "run_id": bad}
    report = read_report(write_run(tmp_path / "run", {"coordinator": events}, **header))
    assert "<script>x" not in render(report, "html")
    assert "<script" not in rendered(render(report, "markdown"))
    assert "\x1b" not in render(report, "markdown")
    ElementTree.fromstring(render(report, "junit"))


# html and junit


def test_html_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    html = render(read_report(golden_run(tmp_path / "run")), "html")
    assert not re.search(r"<script [^>]*src|<(link|img|iframe)|url\(|@import|https?://", html)
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_html_says_what_the_markdown_says(tmp_path: Path) -> None:
    report = read_report(golden_run(tmp_path / "run", idle_fault=True))
    html = render_html(layout(report))
    for section in layout(report).sections:
        assert f"<h2>{section.title}</h2>" in html
    assert len(re.findall("<table[ >]", html)) == len(
        re.findall(r"^\| --.*\|$", render_markdown(layout(report)), re.M)
    )


def test_junit_has_a_case_per_slo_and_per_check(tmp_path: Path) -> None:
    report = read_report(golden_run(tmp_path / "run", world="simulated", idle_fault=True))
    suite = ElementTree.fromstring(render_junit(report))
    cases = list(suite.iter("testcase"))
    names = [case.get("name") for case in cases]
    assert names == [*(result.name for result in report.slos), *(found.checker for found in report.findings)]
    errors = [case.get("name") for case in cases if case.find("error") is not None]
    assert errors == ["max_memory_mb", "faults_took_effect"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("18", "0", "2")


def test_junit_calls_a_missed_slo_a_failure(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path / "run", {"coordinator": [request(1)]}, slo={"p50_latency_ms": 1})
    suite = ElementTree.fromstring(render(read_report(run_dir), "junit"))
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "p50_latency_ms was missed: 50 ms (target ≤ 1 ms)"
