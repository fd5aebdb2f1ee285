"""What only the gateway could know, and did not report, is not denied: not in a view, a measure or a sentence."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.reports.collect import collect_report
from battle.analysis.reports.layout import layout
from battle.analysis.reports.markdown import render_markdown
from battle.analysis.reports.schema import Report
from battle.analysis.reports.sections.story import reaction_text
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import Slo
from battle.store.database import Run, open_run
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    against,
    breaker,
    failed,
    fault,
    life,
    open_history,
    phases,
    request,
    sample,
    served,
    tried,
    write_run,
)

FROM_NS, TO_NS = 3 * S, 5 * S
FOREIGN = ("command", "url")
DENIALS = (
    "nobody noticed",
    "No request needed more than one attempt",
    "failovers **0**",
    "No circuit breaker changed",
    "none changed",
    "keeps no log",
)


def answered(
    provider: str, from_ns: int, to_ns: int, every_ns: int = 100 * MS, took_ns: int = 10 * MS
) -> list[Event]:
    """One request after the other, each answered by this provider."""
    events: list[Event] = []
    for at_ns in range(from_ns, to_ns, every_ns):
        number = at_ns // MS
        events += [
            request(number, at_ns, took_ns + 5 * MS),
            served(number, provider, at_ns + 2 * MS, took_ns),
        ]
    return events


def survived_kill(kind: str = "kill") -> list[Event]:
    """Provider a dies, and b does all the work meanwhile: refused connections are in no log."""
    return [
        *phases(),
        *(life(node, "started") for node in ("gateway", "a", "b", "load-load.0")),
        *fault("fault-a.1", FROM_NS, TO_NS, kind=kind),
        *answered("a", 0, FROM_NS),
        *answered("b", FROM_NS + 20 * MS, TO_NS),
        *answered("a", TO_NS + 50 * MS, 9 * S),
        sample(10 * S, 100),
    ]


def hung() -> list[Event]:
    """Provider a hangs; what it had got goes to b half a second later, four times."""
    asked: list[Event] = []
    for number in range(4):
        at_ns = FROM_NS + (100 + number * 400) * MS
        asked += [
            request(number, at_ns, 520 * MS),
            served(number, "a", at_ns + 2 * MS, outcome="unknown", replied_ns=None, fault_id="hang-a.1"),
            served(number, "b", at_ns + 500 * MS),
        ]
    return [
        *phases(),
        *fault("hang-a.1", FROM_NS, TO_NS, kind="hang"),
        *answered("a", 0, FROM_NS),
        *asked,
        *answered("a", TO_NS + 50 * MS, 9 * S),
    ]


def reported(tmp_path: Path, events: list[Event], **header: Any) -> Report:
    with open_history(tmp_path, *events, **header) as run:
        return collect_report(run)


def text(report: Report) -> str:
    return render_markdown(layout(report))


def row(run: Run, sql: str) -> dict[str, Any]:
    result = run.execute(sql)
    (values,) = result.rows
    return dict(zip(result.columns, values, strict=True))


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_kill_that_a_foreign_gateway_survived_by_retrying_is_not_denied(tmp_path: Path, kind: str) -> None:
    report = reported(tmp_path, survived_kill(), **against(kind))
    said = text(report)
    assert [denial for denial in DENIALS if denial in said] == []
    assert (report.failovers.failovers, report.failovers.hedged) == (None, None)
    assert reaction_text(report.faults[0]) == "traffic to a stopped when it began, from the providers' logs"
    assert "failovers **not visible**" in said
    assert (
        "Not available (not visible from outside: this gateway does not report its circuit breakers)." in said
    )
    assert "Whether a request needed more than one attempt is not visible from outside" in said
    assert "| fault-a.1 | a      | 3.000 s | 2 s |    not visible |" in said


def test_the_same_of_a_gateway_that_reports_itself_is_a_fact(tmp_path: Path) -> None:
    """It made no attempt at all, and is no foreign gateway for that."""
    report = reported(tmp_path, survived_kill(), **against("embedded"))
    assert (report.failovers.failovers, report.faults[0].source) == (0, "gateway")
    assert (report.faults[0].leaked_attempts, report.faults[0].breaker_changes) == (0, 0)
    said = text(report)
    assert "No request needed more than one attempt." in said
    assert "No circuit breaker changed." in said


@pytest.mark.parametrize(
    ("left_out", "unseen"),
    [
        ("circuit_breaker", "not collected: 'circuit_breaker' is not in the scenario's collect"),
        ("requests", "not collected: 'requests' is not in the scenario's collect"),
    ],
)
def test_what_was_not_collected_is_not_denied_either(tmp_path: Path, left_out: str, unseen: str) -> None:
    kept = [name for name in ("requests", "circuit_breaker", "system") if name != left_out]
    events = [*phases(), *fault("degrade-a.1", FROM_NS, TO_NS, kind="degrade")]
    said = text(reported(tmp_path, events, **against("embedded", collect=kept)))
    assert unseen in said
    denied = "No circuit breaker changed." if left_out == "circuit_breaker" else "No request needed more"
    assert denied not in said


def test_a_hang_is_noticed_when_its_first_request_goes_elsewhere(tmp_path: Path) -> None:
    """Not when the first request reaches the hung provider, which is all that the provider's log has at that time."""
    report = reported(tmp_path, hung(), **against())
    (found,) = report.faults
    assert (found.time_to_detect_ns, found.traffic_stopped_ns) == (600 * MS, None)
    assert (found.leaked_attempts, found.failed_attempts) == (4, 4)
    assert reaction_text(found) == (
        "after 600 ms a request that it had received went to another provider, from the providers' logs; "
        "4 requests still reached a"
    )
    assert "failovers **at least 4**" in text(report)


def test_a_transaction_that_was_sent_to_two_providers_shows_no_reaction(tmp_path: Path) -> None:
    both = [
        served(7, name, FROM_NS + at_ns, method="eth_sendRawTransaction")
        for name, at_ns in (("a", S), ("b", S + MS))
    ]
    report = reported(tmp_path, [*survived_kill(), *both], **against())
    assert report.faults[0].time_to_detect_ns is None


def test_traffic_that_stops_in_the_midst_of_a_fault_is_told_with_its_time(tmp_path: Path) -> None:
    events = [
        *phases(),
        *fault("hang-a.1", FROM_NS, TO_NS, kind="hang"),
        *answered("a", 0, FROM_NS + 50 * MS, every_ns=50 * MS),
        *answered("b", FROM_NS + 100 * MS, TO_NS),
    ]
    (found,) = reported(tmp_path, events, **against()).faults
    assert reaction_text(found) == "traffic to a stopped 2 ms after it began, from the providers' logs"


def test_nothing_seen_is_said_as_that(tmp_path: Path) -> None:
    events = [*phases(), *fault("kill-a.1", FROM_NS, TO_NS), *answered("b", 0, 9 * S)]
    (found,) = reported(tmp_path, events, **against()).faults
    assert reaction_text(found) == "no reaction visible from outside"
    assert (found.attempts_before, found.leaked_attempts, found.lost_connections) == (0, None, 0)


def test_views_have_null_for_what_a_foreign_gateway_alone_could_know(tmp_path: Path) -> None:
    with open_history(tmp_path, *survived_kill("partition"), **against()) as run:
        window = row(run, "FROM fault_windows")
        reaction = row(run, "FROM fault_reactions")
        reports = row(run, "FROM gateway_reports")
        measured = {name: known for name, _, known in run.execute("FROM slo").rows}
    unseen = ("leaked_attempts", "failed_attempts", "refused_attempts", "lost_connections", "breaker_changes")
    assert {name: window[name] for name in unseen} == dict.fromkeys(unseen)
    assert {name: value for name, value in reaction.items() if value is not None} == {"fault_id": "fault-a.1"}
    assert reports == {"kind": "command", "attempts": False, "breakers": False, "streams": False}
    assert not any(measured[name] for name in ("failovers", "max_failover_latency_ns", "breaker_changes"))


def test_a_demand_on_what_is_not_visible_is_not_measured(tmp_path: Path) -> None:
    slo = Slo(min_failovers=1, min_breaker_changes=1, max_failover_latency_ms=1)
    with open_history(tmp_path / "1", *survived_kill(), **against()) as run:
        slos = {one.name: one for one in judge(run, slo).slos}
    assert {one.status for one in slos.values()} == {"not_measured"}
    assert all("not visible from outside" in (one.note or "") for one in slos.values())
    with open_history(tmp_path / "2", *hung(), **against()) as run:
        slos = {one.name: one for one in judge(run, slo).slos}
    assert slos["min_failovers"].status == "met"  # at least four were seen
    assert slos["max_failover_latency_ms"].status == "missed"  # and what was seen was too slow


def test_an_embedded_gateway_notices_by_its_own_log(tmp_path: Path) -> None:
    events = [
        *phases(),
        *fault("kill-a.1", FROM_NS, TO_NS),
        tried(1, "a", FROM_NS + 20 * MS, FROM_NS + 21 * MS, "error"),
        breaker(FROM_NS + 21 * MS, "closed", "open"),
    ]
    (found,) = reported(tmp_path, events, **against("embedded")).faults
    assert reaction_text(found) == "detected by the gateway after 21 ms"


def test_a_sealed_run_is_read_likewise(tmp_path: Path) -> None:
    run_dir = write_run(
        tmp_path / "run", {"coordinator": [*survived_kill(), failed(9999, 9 * S)]}, **against()
    )
    with open_run(run_dir) as run:
        assert run.query("gateway_reports")[0].kind == "command"
        assert run.query("failovers_summary", limit=1)[0].failovers is None
