"""The gateway's process ends: what was in flight, whether it stopped well, and whether it came up again."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from battle.analysis.log import Log
from battle.analysis.verdict.bench import troubles
from battle.analysis.verdict.checkers.gateway_stops import gateway_stops
from battle.analysis.verdict.checkers.nodes import gateway_listens, nodes_lived
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.slo import SloSet
from battle.store.events import Event
from tests.asking import asked
from tests.battle.histories import (
    MS,
    S,
    connection_changed,
    failed,
    fault,
    life,
    open_history,
    phases,
    request,
)

UP = life("gateway", "started")
STOPPED = "Induced: stopped (fault restart-gateway.1)"


def restarted(*, gone_ns: int = 4 * S, reason: str = STOPPED, **changes: Any) -> list[Event]:
    """Asked to stop at 3 s, gone at `gone_ns`, back at 6 s."""
    fields = {"asked_ns": 3 * S, "forced": False, **changes}
    return [
        UP,
        *fault("restart-gateway.1", 3 * S, 5 * S, kind="restart", target="gateway"),
        life("gateway", "crashed", gone_ns, reason=reason, **fields),
        life("gateway", "started", 6 * S, incarnation=2),
    ]


def lost(number: int, at_ns: int, took_ns: int) -> Event:
    return failed(number, at_ns, took_ns, outcome="unknown", failure="closed", http_status=None)


def refused(number: int, at_ns: int) -> Event:
    return failed(number, at_ns, MS, failure="refused", sent_ns=None, http_status=None)


def ends(tmp_path: Path, events: Iterable[Event], columns: str) -> list[Any]:
    with open_history(tmp_path, *phases(), *events) as run:
        return asked(run, f"SELECT {columns} FROM gateway_ends").rows


def test_requests_in_flight_are_answered_or_dropped_and_others_are_refused(tmp_path: Path) -> None:
    events = [
        *restarted(),
        request(1, 2 * S),  # over before
        request(2, 3 * S - 100 * MS, 500 * MS),  # it lets this one finish
        lost(3, 3 * S - 50 * MS, 200 * MS),
        lost(4, 3 * S + 500 * MS, 200 * MS),  # taken after it was asked
        failed(5, 3 * S + 600 * MS, 100 * MS),  # HTTP 503 is an answer
        refused(6, 4 * S + MS),
        refused(7, 5 * S),
        lost(8, 7 * S, 100 * MS),  # of the next incarnation
        refused(10, 7 * S),
        failed(
            11, 3 * S - 50 * MS, 6 * S, outcome="unknown", failure="interrupted", http_status=None
        ),  # by us
        lost(9, 6 * S - 200 * MS, 100 * MS),  # taken by the next one, which was not ready yet
    ]
    assert ends(tmp_path, events, "how, fault_id, in_flight, dropped, refused, forced") == [
        ("stopped", "restart-gateway.1", 4, 2, 2, False)
    ]


def test_what_was_over_when_it_was_asked_was_not_in_flight_though_the_fault_had_begun(tmp_path: Path) -> None:
    events = [
        *restarted(asked_ns=3 * S + 300 * MS),
        request(1, 3 * S, 100 * MS),
        lost(2, 3 * S + 100 * MS, 100 * MS),
        lost(3, 3 * S + 250 * MS, 100 * MS),
    ]
    assert ends(tmp_path, events, "begun_ns, in_flight, dropped") == [(3300 * MS, 1, 1)]


def test_of_a_fault_that_ends_it_twice_the_second_end_begins_when_it_was_up_again(tmp_path: Path) -> None:
    killed = "Induced: killed (fault flap-gateway.1)"
    events = [
        UP,
        *fault("flap-gateway.1", 3 * S, 9 * S, kind="flap", target="gateway"),
        life("gateway", "crashed", 3 * S + 2 * MS, reason=killed),
        life("gateway", "started", 5 * S, incarnation=2),
        life("gateway", "crashed", 5 * S + 20 * MS, incarnation=2, reason=killed),
        refused(1, 4 * S),
        lost(2, 4 * S, 900 * MS),
        refused(3, 6 * S),
        refused(4, 6 * S),
    ]
    found = ends(tmp_path, events, "begun_ns, gone_ns, dropped, refused")
    assert found == [(3 * S, 3 * S + 2 * MS, 0, 1), (5 * S, 5 * S + 20 * MS, 0, 2)]


def test_a_crash_that_no_client_noticed_begins_when_the_process_had_ended(tmp_path: Path) -> None:
    crashed = life("gateway", "crashed", 4 * S, reason="NodeCrashed: exit status 3")
    assert ends(tmp_path, [UP, crashed, request(1, 2 * S)], "how, begun_ns, dropped") == [
        ("crashed", 4 * S, 0)
    ]


def test_connections_that_clients_lost_were_cut_and_those_that_they_closed_were_not(tmp_path: Path) -> None:
    def closed(connection: str, at_ns: int, code: int = 1006, by: str = "peer", **changes: Any) -> Event:
        return connection_changed("closed", at_ns, connection, close_code=code, closed_by=by, **changes)

    events = [
        *restarted(),
        closed("1", 3 * S - MS),
        closed("2", 3 * S + MS),
        closed("3", 4 * S + 90 * MS),
        closed("4", 4 * S, 1001),
        closed("5", 4 * S, 1000, by="us"),
        closed("6", 4 * S, by="us", detail="interrupted"),
        closed("7", 4 * S, side="provider"),
        closed("8", 4 * S + 110 * MS),
    ]
    assert ends(tmp_path, events, "connections_cut, cut_without_close") == [(3, 2)]


def test_of_a_crash_it_begins_with_the_first_connection_that_was_lost(tmp_path: Path) -> None:
    events = [
        UP,
        life("gateway", "crashed", 4 * S, reason="NodeCrashed: exit status 3"),
        lost(1, 3 * S, 900 * MS),
        lost(2, 3 * S, 910 * MS),
        lost(4, 2 * S, 900 * MS),  # too long before
        request(3, 3 * S, 500 * MS),
    ]
    assert ends(tmp_path, events, "how, begun_ns, back_ns, in_flight, dropped") == [
        ("crashed", 3900 * MS, None, 2, 2)
    ]


def test_the_end_of_the_run_is_no_end_of_the_gateway(tmp_path: Path) -> None:
    assert ends(tmp_path, [UP, life("gateway", "stopped", 9 * S, asked_ns=8 * S)], "*") == []


@pytest.mark.parametrize(
    ("events", "says"),
    [
        (restarted(), None),
        ([*restarted(), lost(1, 3 * S - MS, 100 * MS)], "dropped 1 of 1 request in flight"),
        (
            restarted(forced=True, reason="Induced: stopped at SIGKILL (fault restart-gateway.1)"),
            "asked to stop at 3.000 s (restart-gateway.1), the gateway did not end, and SIGKILL ended it after 1 s",
        ),
        (
            [UP, life("gateway", "stopped", 9 * S, asked_ns=7 * S, forced=True)],
            "asked to stop at the end of the run, the gateway did not end, and SIGKILL ended it after 2 s",
        ),
    ],
)
def test_a_stop_that_dropped_requests_or_needed_sigkill_is_a_warning(
    tmp_path: Path, events: list[Event], says: str | None
) -> None:
    with open_history(tmp_path, *phases(), *events) as run:
        finding = gateway_stops(Log(run), SloSet())
    assert finding is not None
    assert finding.verdict == "PASS"
    assert finding.severity == ("warning" if says else None)
    assert (says or "ended in time and dropped no request") in finding.summary


@pytest.mark.parametrize(
    ("by_fault", "at_the_end", "summary"),
    [
        (
            True,
            False,
            "asked to stop 1 time during the run, the gateway ended in time and dropped no request",
        ),
        (False, True, "asked to stop at the end of the run, the gateway ended in time"),
        (
            True,
            True,
            "asked to stop 1 time during the run, the gateway ended in time and dropped no request; "
            "asked to stop at the end of the run, the gateway ended in time",
        ),
    ],
)
def test_who_asked_it_to_stop_is_not_mixed_up(
    tmp_path: Path, by_fault: bool, at_the_end: bool, summary: str
) -> None:
    killed = [
        *fault("kill-gateway.1", 7 * S, 8 * S, kind="restart", target="gateway"),
        life("gateway", "crashed", 7 * S, incarnation=2, reason="killed (fault kill-gateway.1)"),
        life("gateway", "started", 8 * S, incarnation=3),
        lost(1, 7 * S - MS, 100 * MS),
        refused(2, 7 * S + 200 * MS),
    ]
    events = [*(restarted() if by_fault else [UP, life("gateway", "started", S, incarnation=2)]), *killed]
    if at_the_end:
        events.append(life("gateway", "stopped", 9 * S, incarnation=3, asked_ns=9 * S - MS))
    with open_history(tmp_path, *phases(), *events) as run:
        finding = gateway_stops(Log(run), SloSet())
    assert finding is not None
    assert finding.severity is None
    assert finding.summary == summary


def test_nobody_asked_it_to_stop(tmp_path: Path) -> None:
    killed = fault("kill-gateway.1", 3 * S, 5 * S, target="gateway")
    with open_history(tmp_path, *phases(), UP, *killed, lost(1, 3 * S - MS, 100 * MS)) as run:
        assert gateway_stops(Log(run), SloSet()) is None
        assert nodes_lived(Log(run), SloSet()).verdict == "PASS"


def test_one_that_does_not_come_up_again_is_the_gateways_failure_and_not_the_benchs(tmp_path: Path) -> None:
    events = [
        *restarted()[:-1],
        life(
            "gateway",
            "crashed",
            6 * S,
            incarnation=2,
            reason="NodeCrashed: exit status 1; last output: locked",
        ),
        life(
            "coordinator",
            "escalated",
            7 * S,
            actor="gateways",
            reason="gateway did not start, 3 times in a row",
        ),
    ]
    with open_history(tmp_path, *phases(), *events) as run:
        finding = nodes_lived(Log(run), SloSet())
        assert [trouble.part for trouble in troubles(Log(run))] == []
    assert finding.verdict == "FAIL"
    assert finding.summary == (
        "the gateway did not come up again after restart-gateway.1: exit status 1; last output: locked"
    )


def test_one_that_stops_listening_when_it_is_asked_to_stop_has_not_closed_its_socket(tmp_path: Path) -> None:
    """It drains for three seconds."""
    events = [*restarted(gone_ns=6 * S - MS), refused(1, 3 * S + MS), refused(2, 4 * S)]
    with open_history(tmp_path, *phases(), *events) as run:
        finding = gateway_listens(Log(run), SloSet())
    assert finding is not None
    assert finding.verdict == "PASS"


def test_what_was_dropped_can_be_limited(tmp_path: Path) -> None:
    sql = METRICS["max_dropped_in_flight"].sql
    with open_history(tmp_path / "ended", *phases(), *restarted(), lost(1, 3 * S - MS, 100 * MS)) as run:
        assert asked(run, sql).rows == [(1, "of 1 in flight when its process ended, 1 time")]
    with open_history(tmp_path / "calm", *phases(), UP) as run:
        assert asked(run, sql).rows == [(None, None)]
