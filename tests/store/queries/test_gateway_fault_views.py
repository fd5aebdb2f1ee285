"""A fault that ended the gateway costs clients something until it is ready again, not only while the fault holds."""

from pathlib import Path
from typing import Any

import pytest

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


def ended(
    fault_id: str, start_ns: int, end_ns: int, *, incarnation: int = 1, gone_ns: int | None = None
) -> list[Event]:
    """A kill of the gateway; its process is gone at `gone_ns`, 2 ms after the start unless told."""
    kind = fault_id.split("-")[0]
    planned = fault(fault_id, start_ns, end_ns, kind=kind, target="gateway")
    gone = life(
        "gateway",
        "crashed",
        gone_ns or start_ns + 2 * MS,
        reason=f"Induced: ended (fault {fault_id})",
        incarnation=incarnation,
    )
    return [*(one for one in planned if type(one) is not type(gone)), gone]


def ready(at_ns: int, incarnation: int = 2) -> Event:
    return life("gateway", "started", at_ns, incarnation=incarnation)


def refused(number: int, at_ns: int) -> Event:
    return failed(number, at_ns, MS, failure="refused", sent_ns=None, http_status=None)


def ask(tmp_path: Path, sql: str, *events: Event) -> list[Any]:
    with open_history(tmp_path, *phases(end_ns=20 * S), *events) as run:
        return asked(run, sql).rows


def until(tmp_path: Path, *events: Event) -> dict[str, float]:
    """By fault, the second in which its window ends."""
    rows = ask(tmp_path, "SELECT fault_id, until_ns FROM fault_spans", UP, *events)
    return {fault_id: until_ns / S for fault_id, until_ns in rows}


@pytest.mark.parametrize("kind", ["kill", "restart", "flap"])
def test_its_window_goes_on_until_the_gateway_is_ready(tmp_path: Path, kind: str) -> None:
    events = [*ended(f"{kind}-gateway.1", 3 * S, 4 * S), ready(7 * S)]
    assert until(tmp_path, *events) == {f"{kind}-gateway.1": 7}


def test_one_that_was_ready_before_the_fault_was_reverted_makes_its_window_no_longer(tmp_path: Path) -> None:
    events = [*ended("kill-gateway.1", 3 * S, 4 * S), ready(4 * S - MS)]
    assert until(tmp_path, *events) == {"kill-gateway.1": 4}


def test_one_that_is_never_ready_again_makes_it_last_to_the_end_of_the_log(tmp_path: Path) -> None:
    assert until(tmp_path, *ended("kill-gateway.1", 3 * S, 4 * S)) == {"kill-gateway.1": 20}


def test_one_that_drains_for_longer_than_it_should_be_down_is_still_away_after_that(tmp_path: Path) -> None:
    events = [*ended("restart-gateway.1", 3 * S, 4 * S, gone_ns=8 * S), ready(9 * S)]
    assert until(tmp_path, *events) == {"restart-gateway.1": 9}


def test_the_next_fault_of_its_process_has_the_rest(tmp_path: Path) -> None:
    events = [
        *ended("flap-gateway.1", 3 * S, 4 * S),
        ready(7 * S),
        *ended("flap-gateway.2", 5 * S, 6 * S, incarnation=2, gone_ns=7 * S + 2 * MS),
        ready(9 * S, 3),
    ]
    assert until(tmp_path, *events) == {"flap-gateway.1": 5, "flap-gateway.2": 9}


def test_one_that_kept_it_down_beyond_another_has_the_start(tmp_path: Path) -> None:
    events = [
        *ended("kill-gateway.1", 3 * S, 4 * S),
        *fault("restart-gateway.1", 3 * S + 500 * MS, 6 * S, kind="restart", target="gateway"),
        ready(8 * S),
    ]
    assert until(tmp_path, *events) == {"kill-gateway.1": 4, "restart-gateway.1": 8}


def test_faults_of_other_kinds_and_of_providers_end_when_they_are_reverted(tmp_path: Path) -> None:
    events = [
        *fault("pause-gateway.1", 2 * S, 4 * S, kind="pause", target="gateway"),
        *fault("kill-a.1", 2 * S, 4 * S),
        *ended("kill-gateway.1", 3 * S, 3500 * MS),
        ready(7 * S),
    ]
    assert until(tmp_path, *events) == {"pause-gateway.1": 4, "kill-a.1": 4, "kill-gateway.1": 7}


def test_the_stretch_before_a_fault_begins_when_the_gateway_was_ready_after_the_last_one(
    tmp_path: Path,
) -> None:
    events = [
        *ended("kill-gateway.1", 3 * S, 4 * S),
        ready(7 * S),
        *ended("kill-gateway.2", 8 * S, 10 * S, incarnation=2),
        ready(12 * S, 3),
    ]
    rows = ask(
        tmp_path, "SELECT before_ns, next_started_ns FROM fault_spans ORDER BY started_ns", UP, *events
    )
    assert rows == [(0, 8 * S), (7 * S, 20 * S + 1)]


def test_all_that_failed_until_it_was_ready_is_counted_with_the_fault(tmp_path: Path) -> None:
    events = [
        UP,
        *ended("kill-gateway.1", 3 * S, 4 * S),
        ready(7 * S),
        request(1, 2 * S),
        *(refused(number, 3 * S + number * 100 * MS) for number in range(1, 39)),
        failed(50, 8 * S, 100 * MS),
        request(51, 8 * S),
    ]
    sql = "SELECT request_errors, failed_attempts, refused_attempts, time_to_recover_ns FROM fault_windows"
    assert ask(tmp_path, sql, *events) == [(38, 38, 38, 4050 * MS)]


def test_what_is_refused_while_it_starts_is_counted_with_its_end(tmp_path: Path) -> None:
    events = [
        UP,
        *ended("kill-gateway.1", 3 * S, 4 * S),
        refused(1, 3500 * MS),
        refused(2, 5 * S),
        refused(3, 6 * S),
        ready(7 * S),
        refused(4, 8 * S),
    ]
    sql = "SELECT restarted_ns, back_ns, refused, refused_starting FROM gateway_ends"
    assert ask(tmp_path, sql, *events) == [(4 * S, 7 * S, 3, 2)]


@pytest.mark.parametrize(
    ("end_ns", "restarted_ns"), [(6 * S, 6 * S), (None, None)], ids=["until then", "to the end"]
)
def test_it_cannot_start_while_another_fault_keeps_it_down(
    tmp_path: Path, end_ns: int | None, restarted_ns: int | None
) -> None:
    events = [
        UP,
        *ended("kill-gateway.1", 3 * S, 4 * S),
        *fault("restart-gateway.1", 3500 * MS, end_ns, kind="restart", target="gateway"),
    ]
    assert ask(tmp_path, "SELECT restarted_ns FROM gateway_ends", *events) == [(restarted_ns,)]


def test_one_that_crashed_may_start_at_once(tmp_path: Path) -> None:
    crashed = life("gateway", "crashed", 3 * S, reason="NodeCrashed: exit status 3")
    sql = "SELECT restarted_ns, refused_starting FROM gateway_ends"
    assert ask(tmp_path, sql, UP, crashed, refused(1, 4 * S), ready(5 * S)) == [(3 * S, 1)]


def test_connections_that_end_with_a_gateway_that_drains_for_long_were_cut_by_the_fault(
    tmp_path: Path,
) -> None:
    events = [
        UP,
        *ended("restart-gateway.1", 3 * S, 4 * S, gone_ns=8 * S),
        ready(9 * S),
        connection_changed("closed", 8 * S, close_code=1006, closed_by="peer"),
        connection_changed("closed", 11 * S, "2", close_code=1006, closed_by="peer"),
    ]
    sql = "SELECT made_by, fault_id FROM client_disconnects ORDER BY at_ns"
    assert ask(tmp_path, sql, *events) == [("bench", "restart-gateway.1"), ("gateway", None)]
