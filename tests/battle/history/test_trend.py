"""Trends of histories that nobody ran: what is found, cut, counted and reported."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from battle.history.row import HistoryRow
from battle.history.trend import (
    RUNS_NEEDED,
    Alert,
    alerts_of,
    exit_status,
    level_at,
    machine_changes,
    trends_of,
)
from tests.battle.history.rows import history_row, metric

P95 = "p95_latency_ms"


def _rows(values: Sequence[float | None], name: str = P95, **changes: Any) -> list[HistoryRow]:
    return [
        history_row(
            number,
            metric(name, value, low=value * 0.97, high=value * 1.03) if value else metric(name, value),
            **changes,
        )
        for number, value in enumerate(values)
    ]


def _noise(runs: int, level: float = 10.0, *, seed: int = 1, spread: float = 0.03) -> list[float]:
    draws = random.Random(seed)
    return [draws.gauss(level, spread * level) for _ in range(runs)]


def _stepped(runs: int, at: int, factor: float = 1.15, **more: Any) -> list[float]:
    return [value * (factor if number >= at else 1) for number, value in enumerate(_noise(runs, **more))]


def _changes(rows: Sequence[HistoryRow]) -> list[tuple[str, int, str, bool]]:
    return [
        (one.kind, one.index, one.direction, one.lasts) for trend in trends_of(rows) for one in trend.changes
    ]


def test_a_step_is_an_alert_with_the_first_bad_commit_and_the_last_good_one() -> None:
    rows = _rows(_stepped(60, at=40))
    assert _changes(rows) == [("step", 40, "worse", True)]
    (alert,) = alerts_of(trends_of(rows))
    assert (alert.first_bad_run, alert.last_good_run) == ("run-40", "run-39")
    assert (alert.first_bad_commit, alert.last_good_commit) == (rows[40].commit, rows[39].commit)
    assert alert.size == pytest.approx(0.15, abs=0.03)
    assert alert.candidates == 1
    bisect = alert.bisect("smoke")
    assert bisect is not None
    assert bisect.startswith("battle bisect smoke 0039cccccccc 0040cccccccc --metric p95_latency_ms")
    assert "p95_latency_ms got worse in HTTP failover (live, embedded (priority)): 10" in alert.text
    assert "commit 0040cccccccc (run run-40 of 2026-12-02, last good 0039cccccccc)" in alert.text
    assert exit_status(trends_of(rows)) == 1


def test_what_gets_better_or_comes_back_is_no_alert() -> None:
    better = _rows(_stepped(60, at=40, factor=0.8))
    assert _changes(better) == [("step", 40, "better", True)]
    over = _rows([value * (1.4 if 30 <= n < 40 else 1) for n, value in enumerate(_noise(60))])
    assert _changes(over) == [("step", 30, "worse", False), ("step", 40, "better", True)]
    for rows in (better, over, _rows(_noise(60))):
        assert alerts_of(trends_of(rows)) == ()
        assert exit_status(trends_of(rows)) == 0


def test_half_a_recovery_is_none() -> None:
    part = _rows([
        value * (1.5 if 30 <= n < 45 else 1.35 if n >= 45 else 1) for n, value in enumerate(_noise(60, spread=0.01))
    ])  # fmt: skip
    (alert,) = alerts_of(trends_of(part))
    assert alert.first_bad_run == "run-30"


def test_a_slow_drift_is_an_alert() -> None:
    rows = _rows([value * (1 + max(0, n - 20) * 0.004) for n, value in enumerate(_noise(100, spread=0.02))])
    ((kind, index, direction, lasts),) = _changes(rows)
    assert (kind, direction, lasts) == ("drift", "worse", True)
    assert 10 <= index <= 30
    (alert,) = alerts_of(trends_of(rows))
    assert alert.kind == "drift"
    assert "is getting worse slowly" in alert.text
    bisect = alert.bisect("smoke")
    assert bisect is not None
    assert bisect.split()[4] == "0099cccccccc"  # all of it may have done it
    (trend,) = trends_of(rows)
    assert level_at(trend.levels[-1], 99) == pytest.approx(10 * 1.32, rel=0.05)


def test_few_runs_are_not_enough() -> None:
    few = _rows(_noise(RUNS_NEEDED - 1))
    assert exit_status(trends_of(few)) == 3
    assert exit_status(()) == 3
    assert exit_status(trends_of(_rows(_noise(RUNS_NEEDED)))) == 0
    untrusted = [msgspec.structs.replace(row, distrusted=("a busy machine",)) for row in _rows(_noise(30))]
    assert exit_status(trends_of(untrusted)) == 3


def test_a_run_that_cannot_be_trusted_is_shown_and_not_counted() -> None:
    rows = _rows(_stepped(40, at=30))
    bad = [msgspec.structs.replace(row, partial=True) if n >= 30 else row for n, row in enumerate(rows)]
    (trend,) = trends_of(bad)
    assert (len(trend.points), trend.counted, trend.changes) == (40, 30, ())


def test_each_machine_has_its_series_also_where_they_take_turns() -> None:
    slow = _rows([value * (1.5 if n % 2 else 1) for n, value in enumerate(_noise(60))])
    turns = [msgspec.structs.replace(row, machine=f"m{n % 2}") for n, row in enumerate(slow)]
    assert _changes(turns) == []
    moved = [
        msgspec.structs.replace(row, machine="m2" if n >= 40 else "m1")
        for n, row in enumerate(_rows(_stepped(60, at=40)))
    ]
    assert _changes(moved) == []
    assert machine_changes(moved) == {"run-40": "machine"}


def test_in_the_simulated_world_a_machine_is_no_cut() -> None:
    rows = [
        msgspec.structs.replace(row, machine=f"m{n}", world="simulated")
        for n, row in enumerate(_rows([10.0] * 10 + [11.0] * 3))
    ]
    assert _changes(rows) == [("step", 10, "worse", True)]  # without noise three runs are enough


@pytest.mark.parametrize("field", ["world", "gateway", "scenario", "scenario_digest"])
def test_what_cannot_be_compared_is_no_series(field: str) -> None:
    rows = [
        msgspec.structs.replace(row, **{field: "another" if n >= 40 else "one"})
        for n, row in enumerate(_rows(_stepped(60, at=40)))
    ]
    assert len(trends_of(rows)) == 2
    assert _changes(rows) == []


def test_another_setting_of_the_gateway_is_no_cut_and_is_named() -> None:
    rows = [
        msgspec.structs.replace(row, gateway_digest="slow" if n >= 40 else "fast")
        for n, row in enumerate(_rows(_stepped(60, at=40)))
    ]
    assert len(alerts_of(trends_of(rows))) == 1
    assert machine_changes(rows) == {"run-40": "settings of the gateway"}


def test_of_a_rate_it_is_the_failures_that_double() -> None:
    draws = random.Random(3)
    rates = [1 - draws.uniform(0.0008, 0.0012) * (1 if n < 40 else 4) for n in range(60)]
    (change,) = trends_of(_rows(rates, "success_rate"))[0].changes
    assert (change.index, change.direction) == (40, "worse")
    assert change.before == pytest.approx(0.999, abs=1e-4)
    assert change.after == pytest.approx(0.996, abs=5e-4)
    (alert,) = alerts_of(trends_of(_rows(rates, "success_rate")))
    assert "99.898 % → 99.572 % (+323 % failures)" in alert.text


def test_a_percentile_that_is_no_longer_reached_is_worse() -> None:
    rows = [
        history_row(n, metric(P95, None, never=True) if n >= 30 else metric(P95, value))
        for n, value in enumerate(_noise(40))
    ]
    (alert,) = alerts_of(trends_of(rows))
    assert (alert.first_bad_run, alert.after) == ("run-30", None)
    assert "→ never" in alert.text


def test_more_or_fewer_failovers_are_neither_good_nor_bad() -> None:
    rows = _rows(_stepped(60, at=40, factor=2), "min_failovers")
    assert _changes(rows) == [("step", 40, "other", True)]
    assert alerts_of(trends_of(rows)) == ()


def test_a_small_change_does_not_count() -> None:
    rows = _rows(_stepped(60, at=40, factor=1.03, spread=0.001))
    assert _changes(rows) == []
    assert trends_of(rows, threshold=0.01)[0].changes[0].index == 40


def test_only_the_metrics_that_are_wanted() -> None:
    rows = [history_row(n, metric(P95, 1.0 + n), metric("success_rate", 1.0)) for n in range(3)]
    assert [trend.key.metric for trend in trends_of(rows)] == ["success_rate", P95]
    assert [trend.key.metric for trend in trends_of(rows, [P95])] == [P95]
    of_workload = [history_row(n, metric(P95, 1.0, workload="reads")) for n in range(3)]
    assert trends_of(of_workload)[0].key.title == "p95_latency_ms of reads"


def test_a_small_step_shortly_before_does_not_hide_a_large_one() -> None:
    values = [10.2] * 3 + [10.2 + number / 100 for number in range(10)] + [14.1] * 5
    rows = [history_row(number, metric(P95, value)) for number, value in enumerate(values)]
    assert _changes(rows) == [("step", 13, "worse", True)]


def test_a_wide_interval_counts_for_less_than_a_narrow_one() -> None:
    values = _noise(40, spread=0.01)
    wide = [
        metric(P95, 30.0, low=1.0, high=900.0)
        if number % 5 == 0
        else metric(P95, value, low=value - 0.1, high=value + 0.1)
        for number, value in enumerate(values)
    ]
    (trend,) = trends_of([history_row(number, one) for number, one in enumerate(wide)])
    assert trend.changes == ()
    assert trend.levels[0].last is not None
    assert trend.levels[0].last < 11


ALERT = Alert(
    kind="step",
    metric=P95,
    workload=None,
    scenario="s",
    world="live",
    gateway="embedded (priority)",
    machine="m",
    before=1.0,
    after=2.0,
    size=1.0,
    p_value=0.0,
    last_good_run="a",
    last_good_commit="1" * 40,
    first_bad_run="b",
    first_bad_commit="2" * 40,
    first_bad_at="2026-12-01T00:00:00.000+00:00",
    likeliest_run="b",
    likeliest_commit="2" * 40,
    candidates=1,
    newest_commit="3" * 40,
)


@pytest.mark.parametrize(
    "changes",
    [
        {"first_bad_commit": None},
        {"last_good_commit": None},
        {"last_good_commit": "2" * 40},
        {"gateway": "nginx"},  # which the simulated world has not
        {"metric": "max_memory_mb"},  # of no process in the simulated world
    ],
)
def test_without_two_commits_or_a_simulated_value_there_is_nothing_to_bisect(changes: dict[str, Any]) -> None:
    assert ALERT.bisect("s") is not None
    assert msgspec.structs.replace(ALERT, **changes).bisect("s") is None


def test_an_alert_within_one_commit_points_at_the_machine() -> None:
    same = msgspec.structs.replace(ALERT, last_good_commit="2" * 40)
    assert "of the same commit 222222222222 as before: look at the machine" in same.text
    assert "its commit is not known" in msgspec.structs.replace(ALERT, first_bad_commit=None).text


def test_where_noise_hides_the_place_of_a_step_the_runs_around_it_are_named() -> None:
    """The culprit is run 19, whose own value looks like those before it."""
    values = [100.0, 104, 97, 101, 95, 103, 99, 106, 98, 102, 96, 100, 105, 101, 97, 99, 103, 98, 100, 107, 118, 122,
              115, 120, 117, 124, 119, 116]  # fmt: skip
    rows = _rows(values, seed=1)
    (alert,) = alerts_of(trends_of(rows))
    assert (alert.likeliest_run, alert.last_good_run, alert.first_bad_run) == ("run-20", "run-18", "run-20")
    assert alert.candidates == 2
    assert (
        "between commit 0018cccccccc (last surely good) and commit 0020cccccccc (first surely bad, run run-20 of "
        "2026-12-01), most likely at commit 0020cccccccc"
    ) in alert.text
    assert str(alert.bisect("smoke")).startswith("battle bisect smoke 0018cccccccc 0020cccccccc ")
    unknown = msgspec.structs.replace(alert, last_good_commit=None)
    assert "between run run-18 (last surely good) and run run-20" in unknown.text
    same = msgspec.structs.replace(alert, last_good_commit=alert.first_bad_commit)
    assert "all of the same commit 0020cccccccc: look at the machine" in same.text
    assert same.bisect("smoke") is None


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"size": 0.09}, "--threshold 0.045"),
        ({"size": -0.5}, "--threshold 0.25"),
        ({"size": 7.0}, "--threshold 1"),  # the most that it takes
        ({"size": None}, ""),
        ({"size": None, "seeds": (1,)}, ""),
        ({"size": None, "seeds": (9,)}, "--seed 9"),
        ({"size": None, "seeds": (1, 2, 3)}, "--seeds 3"),
        ({"size": None, "seeds": tuple(range(5, 35))}, "--seed 5 --seeds 5"),
        ({"size": None, "workload": "the reads"}, "--workload 'the reads'"),
    ],
)
def test_the_command_asks_for_the_change_that_was_found(changes: dict[str, Any], options: str) -> None:
    command = msgspec.structs.replace(ALERT, **changes).bisect("battles/pool.py")
    expected = f"battle bisect battles/pool.py 111111111111 222222222222 --metric p95_latency_ms {options}"
    assert command == expected.strip()


def test_an_alert_has_what_one_types_and_the_seeds_of_its_runs() -> None:
    rows = [
        msgspec.structs.replace(row, source=None if n > 50 else f"battles/pool{n // 50}.py", seed=n % 2)
        for n, row in enumerate(_rows(_stepped(60, at=40)))
    ]
    (alert,) = alerts_of(trends_of(rows))
    assert (alert.source, alert.seeds) == ("battles/pool1.py", (0, 1))


def test_series_are_in_the_order_in_which_they_begin() -> None:
    rows = [
        msgspec.structs.replace(row, scenario_digest="b" if n < 10 else "a")
        for n, row in enumerate(_rows(_noise(20)))
    ]
    assert [trend.key.scenario_digest for trend in trends_of(rows)] == ["b", "a"]
