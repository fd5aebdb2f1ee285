"""The sections that only some runs have: WebSocket continuity, the knee, retries, SLOs on workloads."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from battle.analysis.reports import schema as report_schema
from battle.analysis.reports.files import read_report, render
from battle.analysis.reports.schema import Report
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    connection_changed,
    failed,
    fault,
    gap,
    healthy,
    notified,
    phases,
    published,
    request,
    sample,
    subscribed,
    tried,
    write_run,
)

SCHEMA = json.loads(Path(report_schema.__file__).with_name("report.schema.json").read_text())
WORKLOADS = [
    {"type": "ws_subscribe", "name": "heads", "connections": 2, "subscriptions": 1},
    {"type": "http_step", "name": "steps", "step_duration": S, "rates": [10.0, 20.0]},
    {"type": "http_constant", "name": "load"},
]


def reported(tmp_path: Path, *events: Event, **header: Any) -> Report:
    segments = healthy()
    segments["coordinator"] += events
    described = {"scenario": {"name": "scripted", "workloads": WORKLOADS}, **header}
    report = read_report(write_run(tmp_path / "run", segments, **described))
    text = msgspec.json.encode(report)
    jsonschema.validate(json.loads(text), SCHEMA)
    assert msgspec.json.decode(text, type=Report) == report
    return report


def lines(report: Report) -> list[str]:
    """The Markdown, with one space where there are several."""
    return [re.sub(r"\s+", " ", line) for line in render(report, "markdown").splitlines()]


def test_a_run_without_them_has_none_of_these_sections(tmp_path: Path) -> None:
    titles = {line for line in lines(reported(tmp_path, scenario={"name": "x"})) if line.startswith("## ")}
    assert not titles & {"## WebSocket continuity (live)", "## Knee (live)", "## Retry amplification"}


def heads() -> list[Event]:
    """Two clients; the gateway leaves a for b at 3 s and fills two heads, of which the second client misses one."""
    chain = [published(n, n * S, "a" if n < 4 else "b") for n in (1, 2, 3, 6, 7, 8)]
    one = [notified(n, n * S + 5 * MS, "1") for n in range(1, 9)]
    two = [notified(n, n * S + 5 * MS, "2") for n in range(1, 9) if n != 5]
    clients = [*subscribed(connection="1"), *subscribed(connection="2")]
    return [*fault("kill-a.1", 3500 * MS, 5 * S), *chain, *clients, *one, *two, gap(4 * S, 4, 5)]


def test_continuity_shows_what_clients_missed_and_which_gaps_were_filled(tmp_path: Path) -> None:
    report = reported(tmp_path, *heads())
    text = lines(report)
    assert "## WebSocket continuity (live)" in text
    assert "| heads | heads | 2 | 0 | 16 | 15 | ✗ 1 | 0 | 0 | 0 |" in text
    assert "| heads | 5 ms | 5 ms | 5 ms | 1 | 2 s | 1 |" in text
    assert "| kill-a.1 | newHeads | failover | 1 | 2 | 2 | 1 | 0 | 0 | 20 ms |" in text
    assert "| kill-a.1 | 3.500 s | 2 | 505 ms | 505 ms | 0 |" in text
    assert "Providers published 6 different heads to their subscribers: a 3, b 3." in text
    assert report.websocket.continuity[0].missed == 1


def test_subscriptions_to_logs_have_a_row_and_those_to_nothing_else_a_section(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"workload": "logs", "kind": "logs", "hash": None, "parent_hash": None}
    stood = [
        connection_changed("subscribed", 0, client, name="logs", kind="logs", subscription="s")
        for client in "12"
    ]
    came = [notified(1, S, client, key="0x1:0", **changes) for client in "12"] + [
        notified(2, 2 * S, "1", key="0x2:0", **changes)
    ]
    text = lines(reported(tmp_path, *stood, *came))
    assert "| logs | logs | 2 | 0 | 4 | 3 | ✗ 1 | 0 | 0 | 0 |" in text


def test_a_load_of_subscriptions_alone_is_told_by_them(tmp_path: Path) -> None:
    """Nobody was to send requests, so that none ended is no fact, and no section may read as if it were."""
    events = [*phases(), *heads(), sample(10 * S, 2, workload="heads")]
    report = read_report(write_run(tmp_path / "run", {"coordinator": events}))
    text = lines(report)
    assert "- 10 s of load, 2 subscriptions, 16 heads due, 1 missed, 1 fault" in text
    assert any(
        line.startswith("subscriptions **2**, heads due **16**, missed **1**, faults") for line in text
    )
    assert (
        "Failovers of streams: not visible from outside: this gateway does not report its upstream subscriptions."
        in text
    )
    about = " ".join(line for line in text if not line.startswith("|"))
    assert "No request" not in about
    assert "Performance summary" not in about


def test_requests_that_were_due_and_never_ended_are_told_beside_subscriptions(tmp_path: Path) -> None:
    events = [*phases(), *heads(), sample(10 * S, 5, workload="load")]
    text = lines(read_report(write_run(tmp_path / "run", {"coordinator": events})))
    assert "- 10 s of load, 0 requests, 2 subscriptions, 16 heads due, 1 missed, 1 fault" in text
    assert "No request ended." in text


def test_subscriptions_to_logs_count_in_the_load(tmp_path: Path) -> None:
    stood = [connection_changed("subscribed", 0, "1", name="logs", kind="logs", subscription="s")]
    came: dict[str, Any] = {"workload": "logs", "kind": "logs", "hash": None, "parent_hash": None}
    events = [*phases(), *stood, notified(1, S, "1", key="0x1:0", **came)]
    text = lines(read_report(write_run(tmp_path / "run", {"coordinator": events})))
    assert "- 10 s of load, 1 subscription, 1 log entry due, 0 missed, 0 faults" in text


def test_streams_that_moved_are_failovers_and_a_gateway_that_says_so_tells_of_breakers(
    tmp_path: Path,
) -> None:
    def upstream(change: Any, at_ns: int, provider: str, **changes: Any) -> Event:
        return connection_changed(change, at_ns, provider, side="gateway", name=provider, **changes)

    moved = [
        *(upstream("connected", S, "a"), upstream("subscribed", S, "a")),
        upstream("closed", 3520 * MS, "a", close_code=1006, detail="gone"),
        *(upstream("connected", 3600 * MS, "b"), upstream("subscribed", 3620 * MS, "b")),
    ]
    segments = {"coordinator": [*phases(), *fault("kill-a.1", 3500 * MS, 5 * S), *moved, *subscribed()]}
    text = lines(read_report(write_run(tmp_path / "run", segments, sealed=False)))
    row = "| newHeads | kill-a.1 | 1 | 0 | 1 | 0 | 20 ms | 100 ms | 100 ms | 100 ms | 100 ms |"
    assert row in text
    assert any("stream failovers" in line for line in text)
    assert "No circuit breaker changed." in text


def test_the_first_line_answers_for_missed_heads_too(tmp_path: Path) -> None:
    first = lines(reported(tmp_path, *heads(), slo={"success_rate": 0.9}))[0]
    assert first.startswith("# FAIL: Do not ship, because workload heads: of 16 heads due 1 never came")


def steps(second_took_ns: int) -> list[Event]:
    first = [request(1000 + n, n * 100 * MS, 20 * MS, workload="steps") for n in range(10)]
    second = [request(2000 + n, S + n * 50 * MS, second_took_ns, workload="steps") for n in range(20)]
    return [*first, *second, sample(S, 30, workload="steps")]


def test_the_knee_is_shown_with_each_step(tmp_path: Path) -> None:
    own = {"steps": {"p95_latency_ms": 100}}
    text = lines(reported(tmp_path, *steps(400 * MS), workload_slos=own))
    assert "## Knee (live)" in text
    assert "Workload steps: its own targets were met up to 10 requests a second." in text
    assert "| 10 | 10 | 100 % | 20 ms | 20 ms | 20 ms | ✓ met |" in text
    assert "| 20 | 20 | 100 % | 400 ms | 400 ms | 400 ms | ✗ missed |" in text
    assert "| steps | p95_latency_ms | ≤ 100 ms | 20 ms | ✓ met | at the knee, 10 requests a second |" in text


def test_a_knee_that_was_not_reached_or_not_there_is_told(tmp_path: Path) -> None:
    above = lines(reported(tmp_path / "1", *steps(40 * MS), slo={"p95_latency_ms": 100}))
    assert any("all steps met the run's targets, up to 20 requests a second" in line for line in above)
    none = lines(reported(tmp_path / "2", *steps(40 * MS), slo={"p95_latency_ms": 10}))
    assert "Workload steps has no knee: no step met the run's targets." in none
    free = lines(reported(tmp_path / "3", *steps(40 * MS)))
    assert any(line.startswith("Workload steps has no knee: no SLO sets a target") for line in free)


def test_demands_on_workloads_stand_beside_those_on_the_run(tmp_path: Path) -> None:
    own = {"load": {"success_rate": 0.9}}
    report = reported(tmp_path, slo={"p95_latency_ms": 300}, workload_slos=own)
    text = lines(report)
    assert "2 of 2 SLOs met." in text
    assert "| the run | p95_latency_ms | ≤ 300 ms | 50 ms | ✓ met |" in text
    assert "| load | success_rate | ≥ 90 % | 100 % | ✓ met |" in text
    assert 'classname="battle scripted' not in render(report, "junit")
    assert 'classname="scripted.slo.load" name="success_rate"' in render(report, "junit")


def test_a_retry_storm_is_shown_by_the_second(tmp_path: Path) -> None:
    asked = [failed(1000 + n, 3 * S, 900 * MS) for n in range(20)]
    tries = [
        tried(1000 + n, "a", 3 * S + k * 10 * MS, 3 * S + k * 10 * MS + 5, "error", attempt=k + 1)
        for n in range(20)
        for k in range(20)
    ]
    text = lines(reported(tmp_path, *asked, *tries))
    assert "## Retry amplification" in text
    assert any(line.endswith("A retry storm lasted 1 second.") for line in text)
    assert "| 3.000 s | 30 | 410 | 400 |" in text
