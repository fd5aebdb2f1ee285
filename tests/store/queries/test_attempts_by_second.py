"""Attempts per request by seconds: an attempt belongs to the second of its request, however late, id or no id."""

from pathlib import Path
from typing import Any

import pytest

from battle.store.events import Event
from tests.asking import asked
from tests.battle.histories import MS, S, open_history, request, served, tried


def by_second(tmp_path: Path, *events: Event) -> dict[int, tuple[int, int, int]]:
    """Second to requests sent, its requests, and the attempts for these."""
    with open_history(tmp_path, *events) as run:
        found = asked(
            run, "SELECT second, sent, requests, attempts FROM attempts_by_second ORDER BY second"
        ).rows
    return {second: (sent, requests, attempts) for second, sent, requests, attempts in found}


def ratios(found: dict[int, tuple[int, int, int]]) -> set[float]:
    return {attempts / requests for _, requests, attempts in found.values() if requests}


def load(last_ns: int, delay_ns: int, named: bool, gateway: bool) -> list[Event]:
    """A request each 50 ms until then, one attempt each that arrives later; the last second is a partial one."""
    events: list[Event] = []
    for number, at_ns in enumerate(range(0, last_ns, 50 * MS)):
        arrived_ns = at_ns + MS + delay_ns
        events.append(request(number, at_ns, delay_ns + 40 * MS))
        if gateway:
            events.append(tried(number, "a", arrived_ns, arrived_ns + 10 * MS))
        else:
            id_of: dict[str, Any] = {} if named else {"request_id": None}
            events.append(served(number, "a", arrived_ns, **id_of))
    return events


@pytest.mark.parametrize("delay_ns", [0, 30 * MS, 400 * MS, 1200 * MS])
@pytest.mark.parametrize(
    ("named", "gateway"),
    [(True, True), (True, False), (False, False)],
    ids=["gateway", "providers", "no ids"],
)
def test_one_attempt_each_is_one_attempt_each_in_every_second_also_the_last(
    tmp_path: Path, delay_ns: int, named: bool, gateway: bool
) -> None:
    found = by_second(tmp_path, *load(3 * S + 210 * MS, delay_ns, named, gateway))
    assert ratios(found) == {1.0}
    assert sum(attempts for _, _, attempts in found.values()) == 65


@pytest.mark.parametrize("gateway", [True, False])
def test_a_retry_in_the_next_second_counts_for_the_second_of_its_request(
    tmp_path: Path, gateway: bool
) -> None:
    events: list[Event] = [request(n, 900 * MS, 400 * MS) for n in range(20)]
    for n in range(20):
        if gateway:
            events += [
                tried(n, "a", 901 * MS, 950 * MS, "error"),
                tried(n, "b", 1100 * MS, 1200 * MS, attempt=2),
            ]
        else:
            events += [served(n, "a", 901 * MS, outcome="error"), served(n, "b", 1100 * MS)]
    found = by_second(tmp_path, *events)
    assert found[0] == (20, 20, 40)
    assert all(attempts == 0 for second, (_, _, attempts) in found.items() if second)


def test_attempts_without_ids_beyond_the_requests_under_way_are_repeats(tmp_path: Path) -> None:
    events: list[Event] = [request(n, 100 * MS, 50 * MS) for n in range(10)]
    events += [served(n, "a", 110 * MS + n, request_id=None) for n in range(30)]
    assert by_second(tmp_path, *events)[0] == (10, 10, 30)


def test_attempts_without_ids_after_a_stall_are_first_ones_of_what_was_under_way(tmp_path: Path) -> None:
    waiting: list[Event] = [request(n, 500 * MS, 2 * S) for n in range(20)]
    events = [*waiting, *(served(n, "a", 2 * S + n * MS, request_id=None) for n in range(20))]
    assert by_second(tmp_path, *events)[2] == (0, 20, 20)


def checks(last_ns: int) -> list[Event]:
    """Health checks of two providers, each half a second: attempts for no request."""
    return [
        served(n, name, at_ns, request_id=None, method="eth_blockNumber")
        for n, at_ns in enumerate(range(0, last_ns, 500 * MS))
        for name in "ab"
    ]


@pytest.mark.parametrize(
    "asked",
    [load(5 * S, 30 * MS, named=True, gateway=False), [request(1, S, 40 * MS), served(1, "a", S + MS)]],
    ids=["much", "less than health checks"],
)
def test_health_checks_of_a_gateway_that_passes_ids_on_are_no_repeats(
    tmp_path: Path, asked: list[Event]
) -> None:
    found = by_second(tmp_path, *asked, *checks(5 * S))
    assert ratios(found) == {1.0}
    assert sum(attempts for _, _, attempts in found.values()) == len(asked) // 2


def test_retries_without_ids_count_when_the_gateway_makes_ids_of_its_own(tmp_path: Path) -> None:
    """A few ids that happen to pass do not make the rest health checks."""
    asked: list[Event] = [request(n, 100 * MS, 50 * MS) for n in range(10)]
    asked += [served(n, "a", 110 * MS) for n in range(3)]
    asked += [served(n, "a", 110 * MS + n, request_id=None) for n in range(27)]
    assert by_second(tmp_path, *asked)[0] == (10, 10, 30)
