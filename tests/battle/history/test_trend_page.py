"""The page of trends: a chart for each metric, its marks, its table, and nothing from elsewhere."""

from typing import Any

import msgspec

from battle.analysis.charts.chart import Chart
from battle.analysis.charts.text import text_chart
from battle.analysis.charts.vega import vega_lite
from battle.analysis.reports.document import Document, Drawing, Table
from battle.analysis.reports.html import render_html
from battle.history.row import HistoryRow
from battle.history.trend import alerts_of, trends_of
from battle.history.trend_page import CHARTS_MAX, answer_of, chart_of, document_of, notes_of, trend_table
from tests.battle.history.rows import history_row, metric

P95 = "p95_latency_ms"


def _history(**changes: Any) -> list[HistoryRow]:
    """Ten runs of 10 ms on one machine, then five of 12 ms, then three on another machine; one is partial."""
    rows = []
    for number in range(18):
        value = 10.0 if number < 10 else 12.0
        measured = (
            metric(P95, value + number % 2 / 100, low=value - 1, high=value + 1),
            metric("success_rate", 1.0),
        )
        machine = {"machine": "m2", "host": {"cpu": "Xeon"}} if number >= 15 else {}
        rows.append(history_row(number, *measured, partial=number == 3, **{**machine, **changes}))
    return rows


def _page(rows: list[HistoryRow], *commands: str) -> Document:
    trends = trends_of(rows)
    return document_of(trends, alerts_of(trends), commands)


def _charts(page: Document) -> list[Chart]:
    blocks = [block for section in page.sections for block in section.blocks]
    return [block.chart for block in blocks if isinstance(block, Drawing) and isinstance(block.chart, Chart)]


def test_a_metric_that_varies_has_a_chart_with_its_marks() -> None:
    page = _page(_history())
    (chart,) = _charts(page)  # success was the same in all runs
    assert chart.title == P95
    marks = {int(float(str(row["t"]))): row["mark"] for row in chart.rows if row["mark"]}
    assert marks == {11: "worse", 16: "machine"}
    assert [row["level"] for row in chart.rows][9:12] != [None] * 3
    assert {row["series"] for row in chart.rows} == {"EPYC, 4 CPUs", "Xeon"}
    assert [row["counted"] for row in chart.rows].count(False) == 1
    worse = chart.rows[10]
    assert worse["commit"] == "0010cccccccc"
    assert worse["interval"] == "11 ms to 13 ms"
    assert str(worse["change"]).startswith("worse: 10 ms → 12 ms (+20 %) since 2026-12-01, commit 0010")
    assert "not counted: it did not go to its end" in str(chart.rows[3]["change"])
    assert "changes" in text_chart(chart)
    assert vega_lite(chart)["datasets"]["rows"] == list(chart.rows)


def test_the_page_says_first_what_is_worse_and_how_to_find_the_commit() -> None:
    page = _page(_history(), "battle bisect smoke a b")
    assert (page.verdict_text, page.headline) == ("WORSE", f"Worse than before: {P95}.")
    (reason,) = page.reasons
    assert "last good 0009cccccccc" in reason
    titles = [section.title for section in page.sections]
    assert titles == [
        "HTTP failover (live, embedded (priority))",
        "Find the commit",
        "All series",
        "Runs, newest first",
    ]
    runs = page.sections[-1].blocks[0]
    assert isinstance(runs, Table)
    assert [cell.text for cell in runs.rows[0]][-2:] == ["", "run-17"]
    assert [row[-2].text for row in runs.rows if row[-2].text] == ["machine"]


def test_series_of_a_scenario_that_was_changed_have_names_of_their_own() -> None:
    rows = [
        msgspec.structs.replace(row, scenario_digest="0123456789" if number > 8 else "s1", machine="m1")
        for number, row in enumerate(_history())
    ]
    (chart,) = _charts(_page(rows))
    assert len({row["series"] for row in chart.rows}) == 2
    assert [row["mark"] for row in chart.rows][9] == "machine"


def test_without_a_change_nothing_is_worse() -> None:
    trends = trends_of(_history()[:10])
    assert answer_of(trends, ())[0] == "NOTHING WORSE"
    assert answer_of(trends_of(_history()[:2]), ())[0] == "NOT ENOUGH RUNS"


def test_two_scenarios_are_two_sections_and_their_names_stay_text() -> None:
    evil = "<script>alert(1)</script>"
    rows = [*_history(), *_history(scenario=evil, run_id="x", branch="</script>", commit="<b>")]
    page = render_html(_page(rows))
    assert evil not in page
    assert "<b>" not in page.partition("<body>")[2].replace("<button", "")
    assert "&lt;script&gt;alert(1)" in page


def test_a_page_has_so_many_charts_and_no_more() -> None:
    rows = [
        history_row(
            number, *(metric(P95, 10.0 + number % 3, workload=f"w{one}") for one in range(CHARTS_MAX + 2))
        )
        for number in range(3)
    ]
    page = _page(rows)
    assert len(_charts(page)) == CHARTS_MAX
    assert "2 more charts are omitted" in render_html(page)


def test_runs_that_take_turns_between_machines_have_no_marks_for_it() -> None:
    rows = [
        msgspec.structs.replace(row, machine=f"m{number % 2}")
        for number, row in enumerate(
            [*_history(), *(history_row(n, metric(P95, 12.0)) for n in range(18, 40))]
        )
    ]
    (chart,) = _charts(_page(rows))
    assert "machine" not in {row["mark"] for row in chart.rows}
    assert "Runs take turns between machines." in chart.about


def _changed_at(number: int, *digests: str) -> list[HistoryRow]:
    """The scenario is another after so many runs, each time."""
    return [
        msgspec.structs.replace(row, scenario_digest=digests[at // number], world="simulated")
        for at, row in enumerate(_history())
    ]


def test_series_that_a_change_of_the_scenario_parts_say_so() -> None:
    trends = trends_of(_changed_at(9, "z", "a"), [P95])
    spans = [row[5].text for row in trend_table(trends).rows]
    assert spans == [
        "2026-12-01: before the scenario changed",
        "2026-12-01: scenario changed",
    ]
    chart = chart_of(trends)
    assert {row["series"] for row in chart.rows} == {
        "before the scenario changed",
        "scenario changed",
    }
    spans = [row[5].text for row in trend_table(trends_of(_changed_at(6, "z", "a", "k"), [P95])).rows]
    assert spans[1:] == [
        "2026-12-01: scenario changed (1 of 2 times)",
        "2026-12-01: scenario changed (2 of 2 times)",
    ]


def test_series_of_machines_that_look_alike_have_names_of_their_own() -> None:
    rows = [msgspec.structs.replace(row, host={"cpu": "EPYC"}) for row in _history()]
    trends = trends_of(rows, [P95])
    assert [row[5].text for row in trend_table(trends).rows] == [
        "2026-12-01: machine m1",
        "2026-12-01: machine m2",
    ]
    assert {row["series"] for row in chart_of(trends).rows} == {"EPYC, machine m1", "EPYC, machine m2"}


def test_series_that_are_judged_together_say_so() -> None:
    rows = [
        history_row(number, metric(P95, 10.0 + number % 3), metric("p99_latency_ms", 20.0 + number % 3))
        for number in range(9)
    ]
    (note,) = notes_of(trends_of(rows))
    assert note.startswith("These 2 series are judged together")
    assert not list(notes_of(trends_of(rows, [P95])))
    assert note in render_html(_page(rows))


def test_a_place_that_is_not_sure_is_said_to_be_about() -> None:
    rows = [history_row(number, metric(P95, 10.0 + number % 5 + (number > 29) * 4)) for number in range(60)]
    (trend,) = trends_of(rows)
    assert "since about 2026-12-0" in trend_table([trend]).rows[0][-1].text


def test_what_got_worse_comes_first_and_the_reason_links_to_it() -> None:
    steady = [
        history_row(
            number, metric(P95, 10.0 + number % 2), metric("p50_latency_ms", 5.0 + number % 2), scenario="A"
        )
        for number in range(18)
    ]
    worse = [
        msgspec.structs.replace(row, metrics=(*row.metrics, metric("p50_latency_ms", 5.0 + number % 2)))
        for number, row in enumerate(_history())
    ]
    page = _page([*steady, *worse])
    assert [section.title[:13] for section in page.sections][:2] == ["HTTP failover", "A (live, embe"]
    first = page.sections[0].blocks[0]
    assert isinstance(first, Drawing)
    assert isinstance(first.chart, Chart)
    assert (first.chart.title, page.anchors) == (P95, (first.anchor,))
    assert [chart.title for chart in _charts(page)] == [P95, "p50_latency_ms", "p50_latency_ms", P95]
    text = render_html(page)
    assert text.count(f'<div id="{first.anchor}">') == 1
    assert f'<a href="#{first.anchor}">Show the chart</a>' in text


def test_the_lines_of_a_chart_are_named_for_what_changed() -> None:
    settings = [
        msgspec.structs.replace(row, machine="m1", gateway_digest="g2" if number > 8 else "g1")
        for number, row in enumerate(_history())
    ]
    (chart,) = _charts(_page(settings))
    assert chart.about.endswith("Dotted lines: the settings of the gateway changed.")
    both = [
        msgspec.structs.replace(row, scenario_digest="s2" if number > 14 else "s1")
        for number, row in enumerate(_history())
    ]
    (chart,) = _charts(_page(both))
    assert chart.about.endswith("Dotted lines: the machine or the scenario changed.")


def test_a_run_without_an_interval_breaks_the_band() -> None:
    rows = [
        history_row(number, metric(P95, 10.0 + number % 2, low=None if number in (3, 4) else 9.0, high=12.0))
        for number in range(8)
    ]
    (chart,) = _charts(_page(rows))
    bands = [row["band"] for row in chart.rows if row["low"] is not None]
    assert [bands.count(band) for band in dict.fromkeys(bands)] == [3, 3]
    areas = [layer for layer in vega_lite(chart)["layer"] if layer["mark"]["type"] == "area"]
    assert {"field": "band", "type": "nominal"} in areas[0]["encoding"]["detail"]


def test_the_highest_point_is_drawn_whole() -> None:
    (chart,) = _charts(_page(_history()))
    scales = [layer["encoding"].get("y", {}).get("scale", {}) for layer in vega_lite(chart)["layer"]]
    assert max(scale.get("padding", 0) for scale in scales) >= 6  # the radius of a point is 3.3 pixels
