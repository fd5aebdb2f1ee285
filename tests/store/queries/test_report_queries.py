"""The report queries: each runs, says what it answers, and answers it."""

import re
from pathlib import Path
from typing import Any

import pytest

from battle.analysis.log import Log
from battle.analysis.verdict.requests import latency_rows
from battle.store.catalog import QUERIES, VIEWS, query_names
from battle.store.database import Run, open_run
from battle.store.events import BenchLimit, BenchLimitReached, Event
from tests.battle.histories import (
    MS,
    S,
    breaker,
    failed,
    fault,
    healthy,
    life,
    node_sample,
    open_history,
    phases,
    request,
    sample,
    served,
    tried,
    write_run,
)
from tests.store.test_queries import OTHER_PARAMETERS

FILES = sorted([*QUERIES.glob("*.sql"), *VIEWS.glob("*.sql")])


def ask(tmp_path: Path, name: str, *events: Event, **parameters: object) -> list[dict[str, Any]]:
    with open_history(tmp_path, *events) as run:
        return [row._asdict() for row in run.query(name, **parameters)]


def latencies(tmp_path: Path, *events: Event) -> list[dict[str, Any]]:
    with open_history(tmp_path, *events) as run:
        return [row._asdict() for row in latency_rows(Log(run))]


def parameters_of(name: str) -> dict[str, object]:
    sql = re.sub(r"--.*", "", (QUERIES / f"{name}.sql").read_text())
    return {one: OTHER_PARAMETERS.get(one, 5) for one in re.findall(r"\$(\w+)", sql)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_states_its_question_first(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert first.startswith("-- "), path
    assert "?" in first or "?" in path.read_text().splitlines()[1]


def test_every_query_runs_on_an_empty_log_and_on_a_full_one(tmp_path: Path) -> None:
    events = [*healthy()["coordinator"], *fault("kill-a", 3 * S, 5 * S), breaker(S, "closed", "open")]
    with open_history(tmp_path / "empty") as empty, open_history(tmp_path / "full", *events) as full:
        for name in query_names():
            empty.query(name, **parameters_of(name))
            full.query(name, **parameters_of(name))


def test_latencies_are_exact_and_count_from_both_moments(tmp_path: Path) -> None:
    events = [request(n, 0, (n + 1) * 10 * MS, sent_ns=(n % 2) * 4 * MS) for n in range(1000)]
    due, late, sent = latencies(tmp_path, *events)[:3]
    assert due == {
        "workload": None,
        "clock": "due",
        "requests": 1000,
        "counted": 1000,
        "p50_ns": 5000 * MS,
        "p90_ns": 9000 * MS,
        "p95_ns": 9500 * MS,
        "p99_ns": 9900 * MS,
        "p999_ns": 9990 * MS,
        "max_ns": 10000 * MS,
        "mean_ns": 5005 * MS,
    }
    assert (sent["clock"], sent["p90_ns"], sent["max_ns"]) == ("sent", 8996 * MS, 9996 * MS)
    assert (late["clock"], late["p50_ns"], late["p99_ns"], late["mean_ns"]) == ("late", 0, 4 * MS, 2 * MS)


def test_a_request_that_failed_fast_was_never_answered(tmp_path: Path) -> None:
    events = [request(n, 0, 20 * MS) for n in range(94)]
    events += [failed(n, 0, 1) for n in range(94, 99)]
    events.append(failed(99, 0, 1, sent_ns=None, failure="unsent"))
    due, late, sent = latencies(tmp_path, *events)[:3]
    assert (due["requests"], due["counted"]) == (100, 94)
    assert (due["p90_ns"], due["p95_ns"], due["max_ns"], due["mean_ns"]) == (20 * MS, None, 20 * MS, 20 * MS)
    assert (sent["p90_ns"], sent["p95_ns"]) == (19 * MS, None)
    assert late["counted"] == 99


def test_latencies_are_per_workload_too(tmp_path: Path) -> None:
    events = [request(1, 0, MS * 2, workload="reads"), request(2, 0, MS * 4, workload="writes")]
    found = {(row["workload"], row["clock"]): row["max_ns"] for row in latencies(tmp_path, *events)}
    assert found == {
        (None, "due"): 4 * MS, (None, "late"): MS, (None, "sent"): 3 * MS,
        ("reads", "due"): 2 * MS, ("reads", "late"): MS, ("reads", "sent"): MS,
        ("writes", "due"): 4 * MS, ("writes", "late"): MS, ("writes", "sent"): 3 * MS,
    }  # fmt: skip


def test_one_workload_is_all_requests_and_is_measured_once(tmp_path: Path) -> None:
    with open_history(tmp_path, request(1, 0, MS * 2)) as run:
        log = Log(run)
        rows = [row._asdict() for row in latency_rows(log)]
    assert [row["workload"] for row in rows] == [None] * 3 + ["load"] * 3
    assert [{**row, "workload": None} for row in rows[3:]] == rows[:3]
    assert [name for name, _ in log.asked] == ["latencies_from_sending", "request_measures"]


def test_growth_is_told_with_the_load_of_its_first_and_last_part(tmp_path: Path) -> None:
    # The load lasts 100 s: the parts after its first tenth begin at 10, 28, 46, 64 and 82 s.
    due_s = [9, 10, 27, 28, 81, 82, 90, 99, 100]
    events: list[Event] = [request(number, at_s * S) for number, at_s in enumerate(due_s)]
    events += [*phases(end_ns=100 * S), node_sample(20 * S, "gateway")]
    row = ask(tmp_path, "system_growth", *events, step_ns=5 * S)[0]
    assert (row["first_requests"], row["last_requests"]) == (2, 3)


def test_request_kinds_count_every_combination(tmp_path: Path) -> None:
    lost = failed(3, 7, outcome="unknown", failure="timeout", http_status=None)
    unsent = failed(4, 9, sent_ns=None, failure="unsent", http_status=None)
    found = ask(tmp_path, "request_kinds", request(1), request(2), lost, unsent)
    assert [(row["outcome"], row["failure"], row["requests"], row["sent"]) for row in found] == [
        ("ok", None, 2, 2),
        ("error", "unsent", 1, 0),
        ("unknown", "timeout", 1, 1),
    ]
    assert (found[0]["first_scheduled_ns"], found[2]["last_scheduled_ns"]) == (0, 7)


def test_failovers_summary_lists_the_dearest_first(tmp_path: Path) -> None:
    pairs = [(tried(n, "a", 0, MS, "error"), tried(n, "b", n * MS, 99 * MS, attempt=2)) for n in range(1, 11)]
    (summary,) = ask(tmp_path, "failovers_summary", *(event for pair in pairs for event in pair), limit=2)
    assert [slow["request_id"] for slow in summary.pop("slowest")] == ["r10", "r9"]
    assert summary == {
        "source": "gateway",
        "failovers": 10,
        "answered": 10,
        "hedged": 0,
        "attempts_max": 2,
        "cost_mean_ns": 5_500_000,
        "cost_p50_ns": 5 * MS,
        "cost_p95_ns": 10 * MS,
        "cost_p99_ns": 10 * MS,
        "cost_max_ns": 10 * MS,
    }


def test_provider_shares_come_from_who_knows_best(tmp_path: Path) -> None:
    providers = [served(n, "a", 0, outcome="error" if n == 0 else "ok") for n in range(4)]
    (only,) = ask(tmp_path / "1", "provider_shares", *providers)
    assert (only["source"], only["attempts"], only["failed"], only["mean_ns"]) == ("providers", 4, 1, 10 * MS)
    gateway = [tried(n, "ab"[n % 2], 0, 20 * MS) for n in range(3)]
    a, b = ask(tmp_path / "2", "provider_shares", *providers, *gateway)
    assert (a["source"], a["attempts"], round(a["share_ratio"], 3), a["mean_ns"]) == (
        "gateway",
        2,
        0.667,
        20 * MS,
    )
    assert b["provider"] == "b"


def test_breaker_summary_counts_changes_and_time(tmp_path: Path) -> None:
    events = [
        *phases(),
        breaker(1 * S, "closed", "open"),
        breaker(3 * S, "open", "half_open"),
        breaker(4 * S, "half_open", "open"),
    ]
    assert ask(tmp_path, "breaker_summary", *events) == [
        {
            "provider": "a",
            "transport": "http",
            "changes": 3,
            "opened": 2,
            "half_opened": 1,
            "closed": 0,
            "open_ns": 8 * S,  # the second span lasts to the end of the run
            "half_open_ns": 1 * S,
            "rejections": 0,
            "outages": 1,
            "recovered": 0,
            "recovery_mean_ns": None,
            "recovery_max_ns": None,
            "relapses": 0,
            "probes": 0,
            "good_probes": 0,
        }
    ]


def test_what_a_world_cannot_measure_stays_null(tmp_path: Path) -> None:
    unmeasured = {"rss_bytes": None, "cpu_percent": None, "loop_lag_ns": None}
    (node,) = ask(tmp_path, "system_health", node_sample(S, "a", **unmeasured))
    assert node["rss_max_bytes"] is node["cpu_max_percent"] is node["loop_lag_max_ns"] is None
    assert node["tasks_max"] == 5


def test_system_health_is_per_node(tmp_path: Path) -> None:
    events = [node_sample(2 * S, "a", rss_bytes=30), node_sample(S, "a", rss_bytes=10)]
    (node,) = ask(tmp_path, "system_health", *events)
    assert (node["rss_first_bytes"], node["rss_max_bytes"], node["samples"]) == (10, 30, 2)


def sharded_run(tmp_path: Path) -> Run:
    shards: dict[str, list[Event]] = {
        "load-load.0": [sample(S, 10, backlog=3), sample(2 * S, 10, 8, backlog=0)],
        "load-load.1": [sample(S, 10, 9, dropped=1), sample(1900 * MS, 10, 5, backlog=2)],
    }
    return open_run(write_run(tmp_path / "run", shards, sealed=False))


def test_generator_health_adds_up_the_shards_of_a_workload(tmp_path: Path) -> None:
    with sharded_run(tmp_path) as run:
        (row,) = run.query("generator_health")
    assert row._asdict() == {
        "workload": "load",
        "due": 40,
        "sent": 32,
        "dropped": 1,
        "turned_away": 0,
        "backlog_end": 2,
        "unsent": 5,
        "in_flight_max": 1,
        "loop_lag_max_ns": None,
        "at_limit": False,
    }


@pytest.mark.parametrize(("limit", "at_limit"), [("open_files", True), ("read_rate", False)])
def test_clients_that_read_slowly_as_planned_are_at_no_limit(
    tmp_path: Path, limit: BenchLimit, at_limit: bool
) -> None:
    reached = BenchLimitReached(at_ns=S, node="load-load.0", limit=limit, times=3)
    segments = {"load-load.0": [sample(S, 10), reached]}
    with open_run(write_run(tmp_path / "run", segments, sealed=False)) as run:
        (row,) = run.query("generator_health")
    assert row.at_limit is at_limit


def test_node_crashes_tell_what_a_fault_did_from_what_nobody_meant(tmp_path: Path) -> None:
    events = [
        life("a", "crashed", 5, reason="killed by SIGKILL (fault kill-a)"),
        life("a", "crashed", 9, reason="exit status 1"),
        life("a", "crashed", 7, reason="no heartbeat"),
        life("b", "stopped", 8),
    ]
    found = ask(tmp_path, "node_crashes", *events)
    assert [(row["induced"], row["crashes"], row["first_at_ns"], row["first_reason"]) for row in found] == [
        (False, 2, 7, "no heartbeat"),
        (True, 1, 5, "killed by SIGKILL (fault kill-a)"),
    ]


def test_log_health_knows_the_incarnation_that_a_fault_killed(tmp_path: Path) -> None:
    segments: dict[str, list[Event]] = {
        "coordinator": list(fault("kill-a", 3 * S, 5 * S)),
        "a.1": [served(1, "a", 0)],
        "a.2": [served(2, "a", 6 * S)],
    }
    with open_run(write_run(tmp_path / "run", segments, sealed=False)) as run:
        found = run.query("log_health")
    assert [(row.segment, row.fault_killed) for row in found] == [
        ("a.1", True),
        ("a.2", False),
        ("coordinator.1", False),
    ]


def test_wrong_answers_are_listed_in_the_order_of_time(tmp_path: Path) -> None:
    wrong = [request(n, n, answer="wrong") for n in (3, 1, 2)]
    found = ask(tmp_path, "wrong_answers", *wrong, request(4, answer="stale"), limit=2)
    assert [row["request_id"] for row in found] == ["r1", "r2"]
