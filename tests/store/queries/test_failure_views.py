"""What the gateway did about faults, over HTTP and with its streams: histories of a few lines with known answers."""

from pathlib import Path
from typing import Any

from battle.store.events import Event
from tests.asking import asked
from tests.battle.histories import (
    MS,
    S,
    breaker,
    connection_changed,
    failed,
    fault,
    open_history,
    phases,
    request,
    served,
    tried,
)


def rows(tmp_path: Path, sql: str, *events: Event) -> list[dict[str, Any]]:
    with open_history(tmp_path, *phases(end_ns=30 * S), *events) as run:
        result = asked(run, sql)
        return [dict(zip(result.columns, values, strict=True)) for values in result.rows]


def only(tmp_path: Path, sql: str, *events: Event) -> dict[str, Any]:
    (row,) = rows(tmp_path, sql, *events)
    return row


def steady(provider: str, start_ns: int, end_ns: int, first: int = 1000) -> list[Event]:
    """A good first attempt every 100 ms, each of 10 ms."""
    moments = range(start_ns, end_ns, 100 * MS)
    return [tried(first + n, provider, at_ns, at_ns + 10 * MS) for n, at_ns in enumerate(moments)]


def failing(number: int, at_ns: int, cost_ns: int) -> list[Event]:
    """A first attempt at a that fails, and a good one at b that begins `cost_ns` after it."""
    return [
        tried(number, "a", at_ns, at_ns + cost_ns - MS, "error"),
        tried(number, "b", at_ns + cost_ns, at_ns + cost_ns + 10 * MS, attempt=2),
    ]


OUTAGE: list[Event] = [
    *steady("a", 0, 10 * S),
    *failing(1, 9990 * MS, 20 * MS),  # under way when the fault began
    *failing(2, 10 * S, 4 * MS),
    *failing(3, 10_200 * MS, 6 * MS),
    breaker(10_300 * MS, "closed", "open"),
    *steady("b", 10_400 * MS, 20 * S, first=2000),
    breaker(15_300 * MS, "open", "half_open"),
    *failing(4, 15_400 * MS, 10 * MS),  # a probe
    breaker(15_409 * MS, "half_open", "open"),
    breaker(20_409 * MS, "open", "half_open"),
    tried(5, "a", 20_500 * MS, 20_510 * MS),  # a good probe
    breaker(20_510 * MS, "half_open", "closed"),
    *steady("a", 20_600 * MS, 25 * S, first=3000),
]
KILL = fault("kill-a", 10 * S, 16 * S)


def test_a_fault_is_told_with_what_the_gateway_did_about_it(tmp_path: Path) -> None:
    assert only(tmp_path, "FROM fault_reactions", *KILL, *OUTAGE) == {
        "fault_id": "kill-a",
        "failovers": 4,
        "cost_mean_ns": 10 * MS,
        "cost_p50_ns": 6 * MS,
        "cost_p99_ns": 20 * MS,
        "cost_max_ns": 20 * MS,
        "time_to_divert_ns": 200 * MS,
        "probes": 1,
        "time_to_readmit_ns": 4600 * MS,
    }


def test_a_provider_is_trusted_again_when_its_breaker_stays_closed(tmp_path: Path) -> None:
    relapse = [
        breaker(21_000 * MS, "closed", "open"),
        breaker(26_000 * MS, "open", "half_open"),
        tried(6, "a", 26_050 * MS, 26_060 * MS),
        breaker(26_060 * MS, "half_open", "closed"),
        tried(7, "a", 26_100 * MS, 26_110 * MS),
    ]
    found = only(tmp_path, "FROM fault_reactions", *KILL, *OUTAGE, *relapse)
    assert found["time_to_readmit_ns"] == 10_100 * MS


def test_a_provider_that_stays_the_first_choice_was_not_left_alone(tmp_path: Path) -> None:
    found = only(tmp_path, "FROM fault_reactions", *KILL, *steady("a", 0, 20 * S))
    assert (found["time_to_divert_ns"], found["failovers"], found["cost_p50_ns"]) == (None, 0, None)
    assert found["time_to_readmit_ns"] == 0


def test_a_retry_at_the_broken_provider_is_no_first_choice(tmp_path: Path) -> None:
    moments = (12 * S, 15_420 * MS)  # far from all changes, and in the same tenth of a second as one
    retries = [tried(2001 + n, "a", at_ns, at_ns + MS, "error", attempt=2) for n, at_ns in enumerate(moments)]
    assert only(tmp_path, "FROM fault_reactions", *KILL, *OUTAGE, *retries)["time_to_divert_ns"] == 200 * MS


def test_a_quiet_stretch_too_short_for_the_rate_is_no_diverting(tmp_path: Path) -> None:
    """An attempt every 2 s before, and 4 s of silence: that may be chance."""
    rare = [tried(n, "a", n * 2 * S, n * 2 * S + MS) for n in range(7)]
    assert only(tmp_path, "FROM fault_reactions", *KILL, *rare)["time_to_divert_ns"] is None


def test_a_provider_that_nobody_chose_any_more_was_left_at_once(tmp_path: Path) -> None:
    events = [*steady("a", 0, 10 * S), *steady("b", 10 * S, 20 * S, first=2000)]
    assert only(tmp_path, "FROM fault_reactions", *KILL, *events)["time_to_divert_ns"] == 0


def test_readmission_after_the_next_fault_is_not_of_this_one(tmp_path: Path) -> None:
    again = fault("kill-a.2", 20_100 * MS, 20_200 * MS)
    found = rows(tmp_path, "FROM fault_reactions ORDER BY fault_id", *KILL, *again, *OUTAGE)
    assert [row["time_to_readmit_ns"] for row in found] == [None, 400 * MS]


def test_of_a_gateway_that_tells_nothing_nothing_is_told(tmp_path: Path) -> None:
    found = only(tmp_path, "FROM fault_reactions", *KILL, *(served(n, "a", n * S) for n in range(30)))
    assert {name: value for name, value in found.items() if value is not None} == {"fault_id": "kill-a"}


def test_the_request_errors_of_a_fault_are_those_that_ended_in_it(tmp_path: Path) -> None:
    moments = [1 * S, 10 * S - 1, 10 * S, 12 * S, 12 * S, 16 * S - 1, 16 * S, 20 * S]
    errors = [failed(n, at_ns - 50 * MS) for n, at_ns in enumerate(moments)]
    found = only(tmp_path, "FROM fault_windows", *KILL, *errors, request(99, 12 * S))
    assert found["request_errors"] == 4


def test_failovers_cost_on_average(tmp_path: Path) -> None:
    events = [event for n in (1, 2, 6) for event in failing(n, n * S, n * 10 * MS)]
    with open_history(tmp_path, *events) as run:
        (summary,) = run.query("failovers_summary", limit=1)
    assert (summary.cost_mean_ns, summary.cost_p50_ns, summary.cost_max_ns) == (30 * MS, 20 * MS, 60 * MS)


# breaker_outages


def test_an_outage_lasts_until_its_breaker_closes(tmp_path: Path) -> None:
    outage = only(tmp_path, "FROM breaker_outages", *OUTAGE)
    assert outage == {
        "provider": "a",
        "transport": "http",
        "outage": 1,
        "started_ns": 10_300 * MS,
        "ended_ns": 20_510 * MS,
        "duration_ns": 10_210 * MS,
        "opened": 2,
        "probes": 2,
        "good_probes": 1,
        "relapsed": False,
    }


def test_a_breaker_flaps_when_it_opens_again_within_5_seconds(tmp_path: Path) -> None:
    events = [
        *(breaker(1 * S, "closed", "open"), breaker(2 * S, "open", "closed")),
        *(breaker(7 * S, "closed", "open"), breaker(8 * S, "open", "closed")),
        *(breaker(13 * S + 1, "closed", "open"),),
    ]
    found = rows(tmp_path / "1", "FROM breaker_outages ORDER BY outage", *events)
    assert [(row["relapsed"], row["duration_ns"]) for row in found] == [(True, S), (False, S), (False, None)]
    with open_history(tmp_path / "2", *phases(end_ns=30 * S), *events) as run:
        (summary,) = run.query("breaker_summary")
    assert (summary.outages, summary.recovered, summary.relapses) == (3, 2, 1)
    assert (summary.recovery_mean_ns, summary.recovery_max_ns, summary.probes) == (S, S, 0)


# stream_failovers


def upstream(change: Any, at_ns: int, provider: str, connection: str, **changes: Any) -> Event:
    return connection_changed(change, at_ns, connection, side="gateway", name=provider, **changes)


def stream(provider: str, connection: str, from_ns: int, subscription: str = "s") -> Event:
    return upstream("subscribed", from_ns, provider, connection, subscription=subscription)


def test_a_stream_that_lost_its_upstream_takes_the_next(tmp_path: Path) -> None:
    events = [
        *fault("kill-a", 5 * S, 8 * S),
        stream("a", "1", 1 * S),
        upstream("closed", 5020 * MS, "a", "1", close_code=1006, detail="gone"),
        stream("b", "2", 5220 * MS),
    ]
    assert only(tmp_path / "1", "FROM stream_failovers", *events) == {
        "kind": "newHeads",
        "from_provider": "a",
        "change": "closed",
        "detail": "gone",
        "lost_ns": 5020 * MS,
        "to_provider": "b",
        "resumed_ns": 5220 * MS,
        "took_ns": 200 * MS,
    }
    with open_history(tmp_path / "2", *phases(), *events) as run:
        (summary,) = run.query("stream_failovers_summary")
    assert (summary.fault_id, summary.failovers, summary.resumed, summary.elsewhere) == ("kill-a", 1, 1, 1)
    assert (summary.detect_max_ns, summary.took_mean_ns, summary.took_p99_ns) == (20 * MS, 200 * MS, 200 * MS)


def test_a_stale_stream_is_lost_when_it_is_given_up_and_counts_once(tmp_path: Path) -> None:
    events = [
        stream("a", "1", 1 * S),
        upstream("stale", 3 * S, "a", "1", subscription="s", kind="newHeads", detail="silent"),
        upstream("closed", 3100 * MS, "a", "1", close_code=1000, detail="silent"),
    ]
    found = only(tmp_path, "FROM stream_failovers", *events)
    assert (found["change"], found["lost_ns"], found["to_provider"], found["took_ns"]) == (
        "stale",
        3 * S,
        None,
        None,
    )


def test_what_ends_with_the_load_or_for_want_of_clients_is_no_loss(tmp_path: Path) -> None:
    events = [
        stream("a", "1", 1 * S),
        stream("a", "1", 1 * S, "t"),
        upstream("unsubscribed", 4 * S, "a", "1", subscription="t"),
        upstream("closed", 31 * S, "a", "1", close_code=1001, detail="hung up"),
        stream("b", "2", 1 * S, "u"),
        upstream("closed", 9 * S, "b", "2", close_code=1000, detail="no subscriptions any more"),
    ]
    assert rows(tmp_path, "FROM stream_failovers", *events) == []


def test_the_first_stream_to_be_lost_is_the_first_to_come_back(tmp_path: Path) -> None:
    events = [
        stream("a", "1", 1 * S),
        stream("b", "2", 1 * S, "t"),
        upstream("closed", 3 * S, "a", "1", detail="gone"),
        upstream("closed", 4 * S, "b", "2", detail="gone"),
        stream("c", "3", 5 * S, "u"),
        stream("c", "3", 6 * S, "v"),
        stream("c", "3", 7 * S, "w"),  # a new one
    ]
    found = rows(tmp_path, "FROM stream_failovers ORDER BY lost_ns", *events)
    assert [(row["from_provider"], row["resumed_ns"]) for row in found] == [("a", 5 * S), ("b", 6 * S)]
