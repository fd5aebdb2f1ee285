"""What the charts of a run hold: known histories give exactly these rows, and what is not there is told."""

from typing import Any

import pytest

from battle.analysis.charts.cells import CELLS_MAX
from battle.analysis.charts.chart import ChartSet, Kind
from battle.analysis.charts.collect import EVERY_KIND, MAKERS, collect_charts
from battle.analysis.log import Log
from battle.store.database import open_run
from tests.battle.analysis.charts.samples import charts_of, eventful_run
from tests.battle.histories import (
    MS,
    S,
    breaker,
    failed,
    fault,
    open_history,
    phases,
    request,
    tried,
    write_run,
)


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    return charts_of(eventful_run(tmp_path_factory.mktemp("eventful") / "run"))


def rows_of(charts: ChartSet, kind: Kind) -> tuple[dict[str, Any], ...]:
    chart = charts.of(kind)
    assert chart is not None
    return chart.rows


def test_a_run_with_everything_has_every_chart(charts):
    assert tuple(chart.kind for chart in charts.charts) == EVERY_KIND == tuple(MAKERS)
    assert charts.absent == ()


def test_charts_over_time_share_the_span_and_the_fault_windows(charts):
    for chart in charts.charts:
        if chart.time is not None:
            assert (chart.time.start, chart.time.end, chart.time.title) == (
                0.0,
                10.0,
                "time since the load began (s)",
            )
        if chart.time is not None and chart.kind != "fault_lanes":
            [shade] = chart.shades
            assert (shade.start, shade.end, shade.label) == (3.0, 5.0, "kill-1")
    assert charts.of("fault_lanes").shades == (), "its lanes are what the shades of the others stand for"
    assert {chart.virtual for chart in charts.charts} == {False}


def test_latency_and_throughput_are_by_the_moment_a_request_was_due(charts):
    latency = charts.of("latency_over_time").rows
    assert len(latency) == 20
    assert latency[0] == {"t": 0.0, "end": 0.5, "requests": 5, "p50": 20.0, "p95": 20.0, "p99": 20.0}
    assert latency[6] == {"t": 3.0, "end": 3.5, "requests": 5, "p50": None, "p95": None, "p99": None}
    rates = [(row["due"], row["answered"]) for row in charts.of("throughput_over_time").rows]
    assert rates[5:9] == [(10.0, 10.0), (10.0, 0.0), (10.0, 0.0), (10.0, 10.0)]


def test_failures_show_in_the_success_rate_and_by_their_kind(charts):
    percents = [row["percent"] for row in charts.of("success_over_time").rows]
    assert percents == [*[100.0] * 6, 0.0, 0.0, *[100.0] * 12]
    assert charts.of("errors_over_time").rows == (
        {"t": 3.0, "end": 3.5, "failure": "http_status 503", "requests": 5},
        {"t": 3.5, "end": 4.0, "failure": "http_status 503", "requests": 5},
    )


def test_providers_are_told_apart_over_time(charts):
    rows = charts.of("providers_over_time").rows
    assert [(row["t"], row["provider"], row["answers"], row["rate"]) for row in rows] == [
        *((cell / 2, "a", 5, 10.0) for cell in range(6)),
        *((cell / 2, "b", 5, 10.0) for cell in range(8, 20)),
    ]


def test_breaker_lanes_begin_with_closed_and_show_each_span(charts):
    rows = charts.of("breaker_lanes").rows
    assert [(row["lane"], row["state"], row["t"], row["end"]) for row in rows] == [
        ("a (http)", "closed", 0.0, 10.0),
        ("a (http)", "open", 3.0, 6.0),
        ("a (http)", "half open", 6.0, 7.0),
        ("b (http)", "closed", 0.0, 10.0),
    ]


def test_head_delays_are_by_the_moment_of_publication(charts):
    rows = charts.of("head_delay_over_time").rows
    assert [(row["t"], row["heads"], row["p50"], row["max"]) for row in rows] == [
        (float(t), 1, 5.0, 5.0) for t in range(1, 9)
    ]


def test_the_histogram_counts_every_good_request_once(charts):
    [row] = charts.of("latency_histogram").rows
    assert row["from"] <= 20.0 < row["to"]
    assert row["to"] / row["from"] == pytest.approx(10 ** (1 / 50), rel=1e-3)
    assert row["requests"] == 90


def test_the_percentile_curve_ends_where_requests_were_never_answered(charts):
    rows = charts.of("percentile_curve").rows
    due = {row["percentile"]: row["ms"] for row in rows if row["clock"] == "from scheduled time"}
    assert due[50.0] == 20.0
    assert max(due) == 90.0
    assert {row["ms"] for row in rows if row["clock"] == "from send time"} == {19.0}


def test_the_percentile_curve_is_exact_and_asks_for_no_more_than_there_is(tmp_path):
    events = [request(n, 0, (n + 1) * MS) for n in range(1000)]
    with open_history(tmp_path, *events) as run:
        rows = {row.percentile: row for row in run.query("percentile_curve") if row.clock == "due"}
    assert [rows[at].latency_ms for at in (50.0, 90.0, 99.0, 99.9)] == [500.0, 900.0, 990.0, 999.0]
    assert [rows[at].nines for at in (90.0, 99.0, 99.9)] == [1.0, 2.0, 3.0]
    assert max(rows) == 99.9


def test_histogram_bins_follow_the_range(tmp_path):
    events = [request(n, 0, 10**n * 1000) for n in range(7)]
    with open_history(tmp_path, *events) as run:
        rows = run.query("latency_histogram")
    assert sum(row.requests for row in rows) == 7
    assert rows[0].to_ms / rows[0].from_ms == pytest.approx(10 ** (1 / 20))


def test_what_is_not_there_is_told_in_a_sentence(tmp_path):
    quiet = charts_of(write_run(tmp_path / "run", {"coordinator": [*phases(), request(1)]}))
    assert [chart.kind for chart in quiet.charts] == [
        "latency_histogram",
        "percentile_curve",
        "latency_over_time",
        "throughput_over_time",
    ]
    told = dict(quiet.absent)
    assert told["success_over_time"] == "Success rate: every request succeeded."
    assert told["fault_lanes"] == "Faults: none was active."
    assert len(told) + len(quiet.charts) == len(EVERY_KIND)


def test_an_empty_log_has_no_chart(tmp_path):
    empty = charts_of(write_run(tmp_path / "run", {}))
    assert empty.charts == ()
    assert {why for _, why in empty.absent} == {"The log has nothing to draw."}


def test_only_the_charts_that_are_wanted_are_asked_for(tmp_path):
    with open_run(eventful_run(tmp_path / "run")) as run:
        log = Log(run)
        wanted: list[Kind] = ["breaker_lanes"]
        some = collect_charts(log, wanted)
    assert [chart.kind for chart in some.charts] == ["breaker_lanes"]
    assert "percentile_curve" not in dict(log.asked)


def test_times_of_the_simulated_world_say_so(tmp_path):
    charts = charts_of(eventful_run(tmp_path / "run", world="simulated"))
    assert all(chart.virtual for chart in charts.charts)
    assert {chart.time.title for chart in charts.charts if chart.time} == {
        "simulated time since the load began (s)"
    }


# bounds


def test_many_providers_and_failures_are_put_together(tmp_path):
    asked = [failed(n, n * 100 * MS, failure=f"kind {n % 20}") for n in range(100)]
    tries = [tried(n, f"p{n % 30}", n * 100 * MS, n * 100 * MS + MS) for n in range(100)]
    charts = charts_of(write_run(tmp_path / "run", {"coordinator": [*phases(), *asked, *tries]}))
    served = rows_of(charts, "providers_over_time")
    names = {row["provider"] for row in served}
    assert len(names) == 8
    assert "others" in names
    assert sum(row["answers"] for row in served) == 100
    errors = rows_of(charts, "errors_over_time")
    assert len({row["failure"] for row in errors}) == 7
    assert sum(row["requests"] for row in errors) == 100


def test_a_breaker_that_flaps_for_hours_has_few_rows(tmp_path):
    flapping = [
        event
        for n in range(5000)
        for event in (
            breaker(n * S, "closed", "open"),
            breaker(n * S + S // 2, "open", "half_open"),
            breaker(n * S + S // 2 + MS, "half_open", "closed"),
        )
    ]
    charts = charts_of(write_run(tmp_path / "run", {"coordinator": [*phases(end_ns=5000 * S), *flapping]}))
    rows = rows_of(charts, "breaker_lanes")
    assert len(rows) <= 1 + 2 * CELLS_MAX
    assert sum(row["spans"] for row in rows if row["state"] == "open") == 5000


def test_faults_that_follow_each_other_closely_are_one_bar(tmp_path):
    many = [
        event for n in range(2000) for event in fault(f"kill-{n}", n * 5 * S, n * 5 * S + S, planned_ns=0)
    ]
    charts = charts_of(write_run(tmp_path / "run", {"coordinator": [*phases(end_ns=10_000 * S), *many]}))
    rows = rows_of(charts, "fault_lanes")
    assert len(rows) <= CELLS_MAX
    assert sum(row["faults"] for row in rows) == 2000
    assert rows[0]["named"].startswith("kill-0, kill-1, kill-2, kill-3 and ")


def test_many_lanes_are_counted_and_the_busiest_are_drawn(tmp_path):
    many = [event for n in range(60) for event in fault(f"kill-{n}", S, 2 * S, target=f"p{n:02}")]
    twice = fault("kill-again", 5 * S, 6 * S, target="p59")
    chart = charts_of(write_run(tmp_path / "run", {"coordinator": [*phases(), *many, *twice]})).of(
        "fault_lanes"
    )
    lanes = {row["lane"] for row in chart.rows}
    assert len(lanes) == 24
    assert "p59: kill" in lanes
    assert "24 of 60 lanes are shown" in chart.about


def test_faults_that_overlap_shade_once(tmp_path):
    events = [
        *phases(),
        request(1),
        *fault("x", S, 4 * S),
        *fault("y", 3 * S, 6 * S),
        *fault("z", 9 * S, None),
    ]
    chart = charts_of(write_run(tmp_path / "run", {"coordinator": events})).of("latency_over_time")
    assert [(shade.start, shade.end, shade.label) for shade in chart.shades] == [
        (1.0, 6.0, "x, y"),
        (9.0, 10.0, "z"),
    ]
