"""The HTML page: its policy names its scripts, its data cannot break out, its queries answer as they should."""

import base64
import hashlib
import json
import re
import shlex
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.analysis.reports.document import Drawing
from battle.analysis.reports.files import (
    FILES,
    read_run,
    render_reading,
    write_reports,
)
from battle.analysis.reports.html import breakable, render_html, script_json
from battle.analysis.reports.layout import layout
from battle.analysis.reports.provenance import BRIEF, source_of
from battle.cli.report import report_command
from battle.store.database import open_run
from tests.battle.analysis.charts.samples import eventful_run
from tests.battle.analysis.reports.report_runs import golden_run

HOSTILE = "</script><script>alert(1)</script><!-- \u2028 'x' \"y\" &amp; ${1} {{ 7 * 7 }}"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return eventful_run(tmp_path_factory.mktemp("eventful") / "run", slo={"success_rate": 0.5})


@pytest.fixture(scope="module")
def page(run_dir):
    return render_reading(read_run(run_dir), "html")


def test_a_narrow_table_may_break_names_and_nothing_of_them_is_markup():
    assert breakable("max_stale_answers") == "max_<wbr>stale_<wbr>answers"
    assert "<script" not in breakable(HOSTILE)
    assert unescape(breakable(HOSTILE)) == HOSTILE


def scripts_of(page: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", page, re.DOTALL)


def test_the_policy_names_every_script_and_nothing_else(page):
    [found] = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    policy = unescape(found)
    hashes = {
        "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"
        for script in scripts_of(page)
    }
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert set(directives.pop("script-src").split()) == hashes
    assert len(hashes) == 2
    assert directives == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_a_page_is_small_enough_to_send(page):
    assert len(page.encode()) < 3_000_000


def test_every_chart_has_data_a_text_and_a_table_of_its_rows(page):
    assert page.count('<figure class="chart"') == 10
    for spec in re.findall(r'<script type="application/json">(.*?)</script>', page):
        assert json.loads(spec)["datasets"]["rows"]
    assert page.count('<noscript><pre class="text-chart">') == 10
    assert page.count('<pre class="data">') == 10
    assert "0.0,0.5,10.0,10.0\n" in page


@given(st.text())
def test_data_cannot_leave_its_script_element(text):
    written = script_json({"x": text})
    assert json.loads(written) == {"x": text}
    assert not re.search("[<>&\u2028\u2029]", written)


def test_hostile_names_are_data_everywhere(tmp_path):
    run = eventful_run(
        tmp_path / "run", HOSTILE, scenario={"name": HOSTILE}, run_id=HOSTILE, slo={"success_rate": 0.5}
    )
    page = render_reading(read_run(run), "html")
    assert len(scripts_of(page)) == 2
    assert page.count("<script") == page.count("</script>") == 12
    assert "<!--" not in page
    assert "49" not in page.partition("<main>")[0].partition("</title>")[0].partition("<title>")[2]


# sources


def sources(run_dir: Path):
    reading = read_run(run_dir)
    document = layout(reading.report, reading.charts, reading.asked)
    return [(section, source) for section in document.sections for source in section.sources]


def test_every_query_of_a_page_can_be_asked_with_battle_sql(run_dir):
    found = sources(run_dir)
    assert len(found) > 20
    with open_run(run_dir) as run:
        for _, source in found:
            program, command, name, sql = shlex.split(source.command)
            assert (program, command, name, sql) == ("battle", "sql", "scripted", source.sql)
            run.execute(sql)


def test_a_query_with_its_parameters_put_in_answers_the_same(run_dir):
    reading = read_run(run_dir)
    asked = [(name, given) for name, given in reading.asked if given]
    assert {"requests_over_time", "fault_lanes", "failovers_summary"} <= {name for name, _ in asked}
    with open_run(run_dir) as run:
        for name, given in asked:
            sql = source_of(name, given, "x").sql
            assert _ordered(run.execute(sql).rows) == _ordered(run.query(name, **given))


def _ordered(rows):
    """Rows to compare: a list in a cell may come in any order (`latency_cells` has such)."""
    return [tuple(sorted(cell) if isinstance(cell, list) else cell for cell in row) for row in rows]


def test_each_section_with_numbers_has_its_sources(run_dir):
    with_sources = {section.title for section, _ in sources(run_dir)}
    reading = read_run(run_dir)
    titles = {section.title for section in layout(reading.report, reading.charts, reading.asked).sections}
    assert titles == with_sources


def test_values_in_a_query_are_quoted():
    text = source_of(
        "fault_lanes", {"by": "it's", "limit": 3, "from_ns": 1, "to_ns": 2, "cell_ns": 1}, "x"
    ).sql
    assert "if('it''s'::VARCHAR = 'all'" in text
    assert "rank <= 3" in text
    assert "-- $by " in text
    assert "[1, 2]" in source_of("attempt_measures", {"starts_ns": (1, 2), "ends_ns": (3, 4)}, "x").sql


# the other formats, and rebuilding


def test_markdown_draws_a_few_charts(run_dir):
    reading = read_run(run_dir)
    text = render_reading(reading, "markdown")
    titles = {chart.title for chart in reading.charts.charts if chart.kind in BRIEF}
    drawn = re.findall(r"^\*\*(.+)\*\*\n\n    ", text, re.MULTILINE)
    assert set(drawn) == titles
    assert len(drawn) == 5
    assert max(len(line) for line in text.splitlines() if line.startswith("    ")) <= 100


def test_a_document_without_charts_needs_no_runtime(tmp_path):
    reading = read_run(golden_run(tmp_path / "run"), "json")
    document = layout(reading.report)
    assert not any(isinstance(block, Drawing) for section in document.sections for block in section.blocks)
    assert len(render_html(document)) < 100_000


@pytest.mark.parametrize("form", FILES)
def test_what_battle_report_prints_is_what_the_run_wrote(tmp_path, capsys, form):
    run = eventful_run(tmp_path / "run", slo={"success_rate": 0.5})
    write_reports(run)
    written = (run / FILES[form]).read_text()
    for name in FILES.values():
        (run / name).unlink()
    report_command(str(run), form, tmp_path)
    assert capsys.readouterr().out == written
