"""The views, on histories of a few lines with known answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from battle.store.database import Run
from battle.store.events import Event
from tests.asking import asked
from tests.battle.histories import (
    MS,
    S,
    breaker,
    failed,
    fault,
    node_sample,
    open_history,
    phases,
    request,
    served,
    tried,
)


class Histories:
    """Opens histories and closes them again."""

    def __init__(self, tmp_path: Path) -> None:
        self._tmp_path = tmp_path
        self._runs: list[Run] = []

    def __call__(self, *events: Event) -> Run:
        self._runs.append(open_history(self._tmp_path / str(len(self._runs)), *events))
        return self._runs[-1]

    def close(self) -> None:
        for run in self._runs:
            run.close()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[Histories]:
    histories = Histories(tmp_path)
    yield histories
    histories.close()


def rows(run: Run, sql: str) -> list[dict[str, Any]]:
    result = asked(run, sql)
    return [dict(zip(result.columns, values, strict=True)) for values in result.rows]


def one(run: Run, sql: str) -> dict[str, Any]:
    (row,) = rows(run, sql)
    return row


# failovers


def test_failover_costs_the_time_until_the_answering_attempt_began(history: Histories) -> None:
    run = history(
        tried(1, "a", 10 * MS, 13 * MS, "error"),
        tried(1, "b", 20 * MS, 25 * MS, "error", attempt=2),
        tried(1, "c", 40 * MS, 90 * MS, attempt=3),
        tried(2, "a", 10 * MS, 13 * MS),
    )
    assert one(run, "FROM failovers") == {
        "request_id": "r1",
        "source": "gateway",
        "attempts": 3,
        "failed_attempts": 2,
        "hedged": False,
        "answered": True,
        "providers": ["a", "b", "c"],
        "started_ns": 10 * MS,
        "ended_ns": 90 * MS,
        "cost_ns": 30 * MS,
    }


def test_failover_that_was_never_answered_cost_all_of_its_time(history: Histories) -> None:
    run = history(tried(1, "a", 0, 5 * MS, "error"), tried(1, "b", 6 * MS, 30 * MS, "unknown", attempt=2))
    found = one(run, "FROM failovers")
    assert (found["answered"], found["cost_ns"]) == (False, 30 * MS)


def test_one_failed_attempt_alone_is_no_failover(history: Histories) -> None:
    assert rows(history(tried(1, "a", 0, 5 * MS, "error")), "FROM failovers") == []


def test_hedge_that_lost_is_no_failover_and_one_that_won_is(history: Histories) -> None:
    hedge: dict[str, Any] = {"attempt": 2, "reason": "hedge", "hedged": True}
    run = history(
        tried(1, "a", 0, 50 * MS),
        tried(1, "b", 30 * MS, 50 * MS, "unknown", **hedge),
        tried(2, "a", 0, 45 * MS, "unknown"),
        tried(2, "b", 30 * MS, 45 * MS, **hedge),
    )
    found = one(run, "FROM failovers")
    assert (found["request_id"], found["hedged"], found["cost_ns"]) == ("r2", True, 30 * MS)


def test_failovers_are_inferred_from_the_providers_when_the_gateway_says_nothing(history: Histories) -> None:
    run = history(
        served(1, "a", 0, 5 * MS, outcome="error"),
        served(1, "b", 7 * MS),
        served(2, "a", 0, 900 * MS),  # answered, but too late: the gateway had gone on to b
        served(2, "b", 500 * MS),
        served(3, "a", 0),
        served(3, "b", 5 * MS, 50 * MS),  # was not needed: a's answer came first
        served(4, "a", 0),
    )
    found = rows(run, "SELECT request_id, source, providers, cost_ns FROM failovers ORDER BY request_id")
    assert [tuple(row.values()) for row in found] == [
        ("r1", "providers", ["a", "b"], 7 * MS),
        ("r2", "providers", ["a", "b"], 500 * MS),
    ]


def test_the_gateways_own_log_is_preferred(history: Histories) -> None:
    run = history(served(1, "a", 0, outcome="error"), served(1, "b", 7 * MS), tried(1, "b", 7 * MS, 17 * MS))
    assert rows(run, "FROM failovers") == []


# breaker_windows


def test_breaker_windows_are_spans_in_numbered_outages(history: Histories) -> None:
    run = history(
        breaker(1 * S, "closed", "open"),
        breaker(6 * S, "open", "half_open"),
        breaker(6 * S + MS, "half_open", "open"),
        breaker(12 * S, "open", "half_open"),
        breaker(13 * S, "half_open", "closed"),
        breaker(20 * S, "closed", "open"),
        breaker(2 * S, "closed", "open", provider="b"),
    )
    spans = rows(run, "FROM breaker_windows ORDER BY provider, started_ns")
    assert [(s["provider"], s["outage"], s["state"], s["started_ns"], s["duration_ns"]) for s in spans] == [
        ("a", 1, "open", 1 * S, 5 * S),
        ("a", 1, "half_open", 6 * S, MS),
        ("a", 1, "open", 6 * S + MS, 6 * S - MS),
        ("a", 1, "half_open", 12 * S, 1 * S),
        ("a", 2, "open", 20 * S, None),
        ("b", 1, "open", 2 * S, None),
    ]


def test_changes_of_one_nanosecond_come_in_the_order_a_breaker_makes_them(history: Histories) -> None:
    run = history(
        breaker(5 * S, "half_open", "closed"),
        breaker(5 * S, "open", "half_open"),
        breaker(S, "closed", "open"),
    )
    spans = rows(run, "SELECT state, duration_ns FROM breaker_windows ORDER BY started_ns, state DESC")
    assert [tuple(span.values()) for span in spans] == [("open", 4 * S), ("half_open", 0)]


def test_a_change_that_is_logged_again_does_not_split_the_span(history: Histories) -> None:
    run = history(
        breaker(S, "closed", "open"), breaker(2 * S, "closed", "open"), breaker(4 * S, "open", "closed")
    )
    assert one(run, "SELECT outage, duration_ns FROM breaker_windows") == {"outage": 1, "duration_ns": 3 * S}


# latency_by_second


def test_latency_by_second_counts_from_the_due_time(history: Histories) -> None:
    run = history(
        *(request(n, n * MS, (n + 1) * 10 * MS) for n in range(100)),
        failed(100, 500 * MS, 1),
        request(101, S + 1, 3 * S),
    )
    first, second = rows(run, "FROM latency_by_second ORDER BY second")
    assert first == {  # of 101 latencies, the last of which is never: the 51st, the 96th and the 100th
        "second": 0,
        "requests": 101,
        "failed": 1,
        "p50_latency_ns": 510 * MS,
        "p95_latency_ns": 960 * MS,
        "p99_latency_ns": 1000 * MS,
        "max_latency_ns": 1000 * MS,
    }
    assert (second["second"], second["p50_latency_ns"]) == (1, 3 * S)


def test_latency_by_second_is_never_where_too_many_failed(history: Histories) -> None:
    run = history(
        *(request(n, n * MS, 10 * MS) for n in range(90)),
        *(failed(n, n * MS, 1) for n in range(90, 100)),
    )
    (only,) = rows(run, "FROM latency_by_second")
    percentiles = [only[f"p{percent}_latency_ns"] for percent in (50, 95, 99)]
    assert (percentiles, only["max_latency_ns"]) == ([10 * MS, None, None], 10 * MS)


# slo


def test_slo_says_what_was_measured(history: Histories) -> None:
    run = history(
        *(request(n, 0, (n + 1) * MS) for n in range(97)),
        *(failed(n, 0, 1) for n in range(97, 100)),
        tried(1, "a", 0, MS, "error"),
        tried(1, "b", 3 * MS, 9 * MS, attempt=2),
        breaker(S, "closed", "open"),
        node_sample(S, "gateway", rss_bytes=70_000_000),
        node_sample(S, "a", rss_bytes=900_000_000),
    )
    assert {row["metric"]: (row["value"], row["measured"]) for row in rows(run, "FROM slo")} == {
        "success_ratio": (0.97, True),
        "p50_latency_ns": (50 * MS, True),
        "p90_latency_ns": (90 * MS, True),
        "p95_latency_ns": (95 * MS, True),
        "p99_latency_ns": (None, True),  # 3 % failed, in a nanosecond: 99 % did not end ok
        "p999_latency_ns": (None, True),
        "max_failover_latency_ns": (3 * MS, True),
        "failovers": (1, True),
        "breaker_changes": (1, True),
        "gateway_rss_max_bytes": (70_000_000, True),
        "wrong_answers": (0, True),
        "stale_answers": (0, True),
        "attempts_per_request": (0.02, True),
        "missed_heads": (None, False),
        "duplicate_heads": (None, False),
        "head_delay_p99_ns": (None, False),
        "longest_silence_ns": (None, False),
        "disconnects": (0, False),
        "height_regression_max_blocks": (0, False),
    }


def test_slo_of_an_empty_log_measured_nothing(history: Histories) -> None:
    assert {row["measured"] for row in rows(history(), "FROM slo")} == {False}


def test_slo_does_not_measure_breakers_that_nobody_tells_of(history: Histories) -> None:
    run = history(request(1), served(1, "a", 0))
    measured = {row["metric"] for row in rows(run, "FROM slo") if row["measured"]}
    assert not measured & {"failovers", "breaker_changes", "max_failover_latency_ns", "gateway_rss_max_bytes"}


# fault_windows


def window(run: Run, fault_id: str = "kill-a") -> dict[str, Any]:
    return {row["fault_id"]: row for row in rows(run, "FROM fault_windows")}[fault_id]


def test_fault_window_of_a_kill_the_gateway_noticed(history: Histories) -> None:
    run = history(
        *phases(),
        *fault("kill-a", 3 * S, 5 * S),
        tried(1, "a", 2 * S, 2 * S + 40 * MS),  # before
        tried(2, "a", 3 * S - 10 * MS, 3 * S + 4 * MS, "error"),  # under way when a died
        tried(3, "a", 3 * S + 20 * MS, 3 * S + 21 * MS, "error"),
        tried(3, "b", 3 * S + 22 * MS, 3 * S + 60 * MS, attempt=2),
        breaker(3 * S + 21 * MS, "closed", "open"),
        tried(4, "a", 5 * S + 100 * MS, 5 * S + 150 * MS),
        failed(5, 3 * S, 500 * MS),
        failed(6, 5 * S, 500 * MS),  # ended after the fault
    )
    assert window(run) == {
        "fault_id": "kill-a",
        "kind": "kill",
        "target": "a",
        "planned_ns": 3 * S,
        "started_ns": 3 * S,
        "ended_ns": 5 * S,
        "failure": None,
        "source": "gateway",
        "attempts_before": 2,
        "leaked_attempts": 1,
        "failed_attempts": 2,
        "refused_attempts": 2,
        "stalled_attempts": 0,
        "tagged_attempts": 0,
        "tagged_heads": 0,
        "tagged_subscriptions": 0,
        "actions": 0,
        "lost_connections": 0,
        "silent_subscriptions": 0,
        "request_errors": 1,
        "cut_off_errors": 0,
        "breaker_changes": 1,
        "time_to_detect_ns": 4 * MS,
        "traffic_stopped_ns": None,
        "time_to_recover_ns": 150 * MS,
        "signs": ["killed", "kept_down"],
        "evidence": ["killed", "failed_attempts", "breaker_changes"],
        "effect_observed": True,
    }


def test_kill_that_nobody_noticed_had_no_effect(history: Histories) -> None:
    run = history(*phases(), *fault("kill-a", 3 * S, 5 * S), tried(1, "b", 4 * S, 4 * S + MS))
    found = window(run)
    assert (found["evidence"], found["effect_observed"]) == (["killed"], False)
    assert found["time_to_detect_ns"] is None


def test_kill_without_a_death_had_no_effect(history: Histories) -> None:
    planned, applied, _, reverted = fault("kill-a", 3 * S, 5 * S)
    run = history(planned, applied, reverted, tried(1, "a", 4 * S, 4 * S + MS, "error"))
    found = window(run)
    assert (found["evidence"], found["effect_observed"]) == (["failed_attempts"], False)


def test_death_by_another_fault_is_no_evidence(history: Histories) -> None:
    planned, applied, _, reverted = fault("flap-a.1", 3 * S, 5 * S, kind="flap")
    _, _, other_death, _ = fault("flap-a.10", 3 * S, 5 * S, kind="flap")
    run = history(planned, applied, other_death, reverted, tried(1, "a", 4 * S, 4 * S + MS, "error"))
    assert window(run, "flap-a.1")["evidence"] == ["failed_attempts"]


def steady(provider: str, start_ns: int, end_ns: int) -> list[Event]:
    return [served(n, provider, at_ns) for n, at_ns in enumerate(range(start_ns, end_ns, 100 * MS))]


def test_traffic_that_ceases_is_evidence_when_the_gateway_says_nothing(history: Histories) -> None:
    run = history(
        *phases(),
        *fault("kill-a", 3 * S, 5 * S),
        *steady("a", 0, 3 * S),
        *steady("b", 3 * S, 5 * S),
        *steady("a", 5 * S + 50 * MS, 9 * S),
    )
    found = window(run)
    assert (found["source"], found["attempts_before"], found["leaked_attempts"]) == ("providers", 20, None)
    assert (found["failed_attempts"], found["refused_attempts"], found["breaker_changes"]) == (
        None,
        None,
        None,
    )
    assert (found["evidence"], found["effect_observed"]) == (["killed", "traffic_ceased"], True)
    assert found["traffic_stopped_ns"] == 0
    assert (found["time_to_detect_ns"], found["time_to_recover_ns"]) == (None, 60 * MS)


def test_traffic_that_was_never_there_does_not_cease(history: Histories) -> None:
    run = history(*phases(), *fault("kill-a", 3 * S, 5 * S), *steady("b", 0, 9 * S))
    assert window(run)["effect_observed"] is False


def test_a_few_attempts_before_say_nothing_about_the_silence_after(history: Histories) -> None:
    run = history(*phases(), *fault("kill-a", 3 * S, 5 * S), *steady("a", 2600 * MS, 3 * S))
    assert (window(run)["attempts_before"], window(run)["evidence"]) == (4, ["killed"])


def test_silence_is_no_evidence_when_the_gateway_logs_its_attempts(history: Histories) -> None:
    before = [tried(n, "a", n * 100 * MS, n * 100 * MS + MS) for n in range(30)]
    run = history(*phases(), *fault("kill-a", 3 * S, 5 * S), *before, tried(99, "b", 4 * S, 4 * S + MS))
    assert (window(run)["attempts_before"], window(run)["effect_observed"]) == (20, False)


def test_traffic_that_goes_on_did_not_cease(history: Histories) -> None:
    run = history(*phases(), *fault("kill-a", 3 * S, 5 * S), *steady("a", 0, 9 * S))
    assert window(run)["evidence"] == ["killed"]


def test_degrade_takes_effect_by_the_attempts_it_touched(history: Histories) -> None:
    slow = fault("slow-a", 3 * S, 5 * S, kind="degrade")
    calm = fault("slow-b", 3 * S, 5 * S, kind="degrade", target="b")
    run = history(*slow, *calm, served(1, "a", 4 * S, fault_id="slow-a"), tried(1, "a", 4 * S, 4 * S + MS))
    assert window(run, "slow-a")["evidence"] == ["tagged_attempts"]
    assert window(run, "slow-a")["leaked_attempts"] == 1
    assert window(run, "slow-a")["effect_observed"] is True
    assert window(run, "slow-b")["effect_observed"] is False


def steps_of_a(*, gap_ns: int = 4 * MS, kind: str = "degrade") -> list[Event]:
    """Two faults of `a`, a second each, the second of which begins `gap_ns` after the first."""
    return [
        *fault("step-a.1", 3 * S, 4 * S, kind="degrade"),
        *fault("step-a.2", 4 * S + gap_ns, 5 * S + gap_ns, kind=kind),
    ]


FELT = tuple(served(n, "a", 3 * S + n * 100 * MS, fault_id="step-a.1") for n in range(3))
ONLY_B = tuple(steady("b", 0, 9 * S))


TOLD = tuple(tried(n, "b", n * 100 * MS, n * 100 * MS + MS) for n in range(90))


@pytest.mark.parametrize("told", [(), TOLD], ids=["from outside", "by the gateway"])
def test_who_keeps_away_since_an_earlier_step_felt_the_fault(
    history: Histories, told: tuple[Event, ...]
) -> None:
    run = history(*phases(), *steps_of_a(), *FELT, *ONLY_B, *told)
    assert window(run, "step-a.1")["evidence"] == ["tagged_attempts"]
    assert window(run, "step-a.2")["evidence"] == ["kept_away"]
    assert window(run, "step-a.2")["effect_observed"] is True


@pytest.mark.parametrize(
    "events",
    [
        [*steps_of_a(gap_ns=500 * MS), *FELT, *ONLY_B],
        [*steps_of_a(kind="error_rate"), *FELT, *ONLY_B],
        [*steps_of_a(), *ONLY_B],
        [*steps_of_a(), *FELT],
        [*steps_of_a(), *FELT, *ONLY_B, served(9, "a", 4500 * MS)],
    ],
    ids=["after a pause", "another fault", "nobody felt the first", "nobody was asked", "a was asked"],
)
def test_a_step_nobody_felt_had_no_effect_when(history: Histories, events: list[Event]) -> None:
    found = window(history(*phases(), *events), "step-a.2")
    assert ("kept_away" in found["evidence"], found["effect_observed"]) == (False, False)


def test_fault_that_was_never_applied(history: Histories) -> None:
    found = window(history(*phases(), *fault("kill-a", None, None)))
    assert (found["started_ns"], found["planned_ns"], found["effect_observed"]) == (None, 3 * S, False)


def test_fault_that_was_never_reverted_holds_to_the_end_of_the_log(history: Histories) -> None:
    run = history(*phases(), *fault("kill-a", 3 * S, None), tried(1, "a", 9 * S, 9 * S + MS, "error"))
    found = window(run)
    assert (found["ended_ns"], found["leaked_attempts"], found["time_to_recover_ns"]) == (None, 1, None)
    assert found["effect_observed"] is True


def test_overlapping_faults_of_one_target_each_see_all_of_their_window(history: Histories) -> None:
    run = history(
        *phases(),
        *fault("slow-a", 2 * S, 8 * S, kind="degrade"),
        *fault("kill-a", 4 * S, 5 * S),
        *(tried(n, "a", n * S, n * S + MS, "error") for n in range(10)),
    )
    assert window(run, "slow-a")["leaked_attempts"] == 6
    assert window(run, "kill-a")["leaked_attempts"] == 1


def test_second_window_of_a_flap_looks_back_no_further_than_the_end_of_the_first(history: Histories) -> None:
    run = history(
        *phases(),
        *fault("flap-a.1", 1 * S, 2 * S, kind="flap"),
        *fault("flap-a.2", 3 * S, 6 * S, kind="flap"),
        *(tried(n, "a", n * 100 * MS, n * 100 * MS + MS) for n in range(30)),
    )
    assert window(run, "flap-a.2")["attempts_before"] == 10
    assert window(run, "flap-a.1")["time_to_recover_ns"] == MS
