"""Demands on parts of a run: known answers from scripted logs, and what is not measured is not met."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.verdict.slo_comparison import SloResult
from battle.analysis.verdict.slo_text import slo_text
from battle.analysis.verdict.verdict import Judgement, judge
from battle.scenario.slo.language import parse_slo
from battle.scenario.slo.slo import Slo
from battle.store.database import open_run
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    breaker,
    failed,
    fault,
    healthy,
    node_sample,
    notified,
    open_history,
    phases,
    published,
    request,
    subscribed,
    tried,
    write_run,
)

FAULTS = [*fault("kill-a.1", 3 * S, 5 * S), *fault("kill-b.1", 7 * S, 8 * S, target="b")]


def judged(tmp_path: Path, slo: Slo | str | list[Slo], *events: Event, **header: Any) -> Judgement:
    stated = parse_slo(slo) if isinstance(slo, str) else slo
    with open_history(tmp_path, *phases(), *FAULTS, *events, **header) as run:
        return judge(run, stated, checkers=())


def result(tmp_path: Path, slo: Slo | str, *events: Event, **header: Any) -> SloResult:
    (one,) = judged(tmp_path, slo, *events, **header).slos
    return one


# Latency by the second it was due in: 10 ms before, 100 ms during, 50 ms between, 20 ms after.
LOAD = [
    request(n, n * S // 10, took)
    for n, took in enumerate(
        [*[10 * MS] * 30, *[100 * MS] * 20, *[50 * MS] * 20, *[100 * MS] * 10, *[20 * MS] * 20]
    )
]


SPANS = {
    "": (100, None),
    "before faults": (10, 30),
    "during faults": (100, 30),
    "during fault kill a": (100, 20),
    "during fault kill-b.1": (100, 10),
    "after faults": (50, 40),
    "after fault b": (20, 20),
    "after fault kill b grace 1s": (20, 10),
    "before fault b": (100, 70),
    "in quiet": (10, 20),
    "in late": (100, 50),
}


def test_a_request_belongs_to_the_span_it_was_due_in(tmp_path: Path) -> None:
    named = [
        {"name": "quiet", "at": 0, "duration": 2 * S},
        {"name": "late", "at": 5 * S, "duration": 9 * S},
    ]
    scenario = {"name": "scripted", "phases": named}
    slos = [parse_slo(f"p95_latency_ms < 1000 {scope}") for scope in SPANS]
    found = judged(tmp_path, slos, *LOAD, scenario=scenario).slos
    for (scope, (p95_ms, requests)), one in zip(SPANS.items(), found, strict=True):
        assert one.measured == pytest.approx(p95_ms), scope
        assert one.status == "met", scope
        assert one.note == (None if requests is None else f"of {requests} requests")


def test_what_answers_during_a_fault_but_was_due_before_is_before(tmp_path: Path) -> None:
    """Also within the same second."""
    pause = fault("pause-c.1", 8 * S + S // 2, 9 * S + S // 2, kind="pause", target="c")
    slos = [parse_slo(f"p50_latency_ms < 9 {when} fault c") for when in ("before", "during", "after")]
    events = [request(1, 8 * S + S // 2 - 1, S), request(2, 9 * S + S // 2, 70 * MS)]
    found = judged(tmp_path, slos, *pause, *events).slos
    assert [one.measured for one in found] == [pytest.approx(1000), None, pytest.approx(70)]
    assert found[1].status == "not_measured"


def test_workloads_and_methods_are_told_apart(tmp_path: Path) -> None:
    events = [
        request(1, 4 * S, workload="reads", method="eth_call"),
        failed(2, 4 * S, workload="reads", method="eth_getLogs"),
        failed(3, 4 * S, workload="writes", method="eth_call"),
        failed(4, 2 * S, workload="reads", method="eth_call"),
    ]
    shares = {
        "during faults": 1 / 3,
        "during faults for workload reads": 1 / 2,
        "during faults for workload reads method eth_call": 1,
        "method eth_call": 1 / 3,
        "for workload reads method eth_call": 1 / 2,
    }
    slos = [parse_slo(f"success_rate >= 99% {scope}") for scope in shares]
    found = judged(tmp_path, slos, *events).slos
    assert [one.measured for one in found] == [pytest.approx(share) for share in shares.values()]


def test_a_workload_alone_is_what_workload_slos_are(tmp_path: Path) -> None:
    events = [request(1, workload="reads"), failed(2, workload="writes")]
    judgement = judged(
        tmp_path, [Slo(success_rate=1, workload="reads"), Slo(p95_latency_ms=60, workload="reads")], *events
    )
    (one,) = judgement.workload_slos
    assert (one.workload, [slo.name for slo in one.slos]) == ("reads", ["success_rate", "p95_latency_ms"])
    assert [slo.status for slo in one.slos] == ["met", "met"]


MEASURED: dict[str, tuple[str, list[Event], float | None, str]] = {
    "wrong answers": (
        "max_wrong_answers <= 0 during faults",
        [
            request(1, 4 * S, answer="wrong"),
            request(2, 2 * S, answer="wrong"),
            notified(7, 4 * S, answer="wrong"),
        ],
        2,
        "missed",
    ),
    "stale answers": (
        "max_stale_answers <= 0 after faults",
        [request(1, 9 * S), request(2, 4 * S, answer="stale")],
        0,
        "met",
    ),
    "failovers by their request's due time": (
        "min_failovers >= 2 during faults",
        [
            *(request(n, at) for n, at in ((1, 3 * S - 1), (2, 4 * S), (3, 6 * S))),
            *(tried(n, "a", at + MS, at + 2 * MS, "error") for n, at in ((1, 3 * S), (2, 4 * S), (3, 6 * S))),
            *(
                tried(n, "b", at + 3 * MS, at + 4 * MS, attempt=2)
                for n, at in ((1, 3 * S), (2, 4 * S), (3, 6 * S))
            ),
        ],
        1,
        "missed",
    ),
    "their cost": (
        "max_failover_latency_ms <= 9 during faults",
        [
            request(1, 4 * S),
            tried(1, "a", 4 * S, 4 * S + MS, "error"),
            tried(1, "b", 4 * S + 7 * MS, 5 * S, attempt=2),
        ],
        7,
        "met",
    ),
    "breaker changes": (
        "min_breaker_changes >= 2 during faults",
        [breaker(at, "closed", "open") for at in (3 * S, 5 * S, 7 * S)],
        2,
        "met",
    ),
    "memory": (
        "max_memory_mb <= 60 during faults",
        [
            node_sample(4 * S, "gateway"),
            node_sample(2 * S, "gateway", rss_bytes=10**9),
            node_sample(4 * S, "a", rss_bytes=10**9),
        ],
        50,
        "met",
    ),
    "attempts in the worst second": (
        "max_attempts_per_request <= 2 during faults",
        [
            *(request(n, at * S + n * MS) for at in (1, 4) for n in range(at * 10, at * 10 + 10)),
            *(
                tried(n, "a", S + n * MS, S + n * MS, "error", attempt=m)
                for n in range(10, 20)
                for m in range(9)
            ),
            *(
                tried(n, "a", 4 * S + n * MS, 4 * S + n * MS, "error", attempt=m)
                for n in range(40, 50)
                for m in range(3)
            ),
        ],
        3,
        "missed",
    ),
}


@pytest.mark.parametrize("name", MEASURED)
def test_each_measure_of_a_span(tmp_path: Path, name: str) -> None:
    text, events, measured, status = MEASURED[name]
    one = result(tmp_path, text, *events)
    assert one.measured == pytest.approx(measured), one.note
    assert one.status == status, one.note


HEADS = [
    *subscribed(0, 10 * S),
    *(published(n, n * S) for n in range(1, 10)),
    *(notified(n, n * S + 30 * MS) for n in (1, 2, 5, 6, 7, 8)),
    notified(5, 5 * S + 900 * MS),
    notified(9, 9 * S + 500 * MS),
]


OF_HEADS = {
    "max_missed_heads <= 0 during faults": 2,
    "max_missed_heads <= 0 after faults": 0,
    "max_missed_heads <= 0 during faults for workload heads": 2,
    "max_duplicate_heads <= 0 after faults": 1,
    "max_duplicate_heads <= 0 during faults": 0,
    "max_head_delay_ms <= 99 during faults": 30,
    "max_head_delay_ms <= 99 after fault b": 500,
}


def test_heads_of_a_span(tmp_path: Path) -> None:
    found = judged(tmp_path, [parse_slo(text) for text in OF_HEADS], *HEADS).slos
    assert [one.measured for one in found] == [pytest.approx(value) for value in OF_HEADS.values()]


NOT_MEASURED = {
    "success_rate >= 99% during fault kill c": "no fault kill c was applied",
    "success_rate >= 99% in peak": "the scenario has no phase 'peak'",
    "success_rate >= 99% in never": "phase never never started: the load ended at 10.000 s",
    "p95_latency_ms < 300 during fault b": "no request during fault b was due",
    "p95_latency_ms < 300 method eth_call": "no request of method eth_call was due",
    "max_wrong_answers <= 0 during fault b": "no answer during fault b was checked",
    "max_missed_heads <= 0 during faults": "no WebSocket subscription, so no head was expected during faults",
    "max_memory_mb <= 9 during faults": "the gateway's memory was not sampled then",
    "min_failovers >= 0 during faults": "not visible from outside: this gateway does not report its attempts",
    "min_breaker_changes >= 0 during faults": (
        "not visible from outside: this gateway does not report its circuit breakers"
    ),
    "max_attempts_per_request <= 9 during faults": "no attempt was logged then, or no request was sent",
}


def test_what_was_not_measured_is_inconclusive_and_says_why(tmp_path: Path) -> None:
    scenario = {"name": "scripted", "phases": [{"name": "never", "at": 11 * S, "duration": S}]}
    slos = [parse_slo(text) for text in NOT_MEASURED]
    judgement = judged(tmp_path, slos, request(1, 4 * S), scenario=scenario)
    assert judgement.verdict == "INCONCLUSIVE"
    for why, one, reason in zip(NOT_MEASURED.values(), judgement.slos, judgement.reasons, strict=True):
        assert (one.status, one.note) == ("not_measured", why)
        assert reason.startswith(f"{one.title} was not measured: {why} (")


TO_THE_END = "a fault was active to the end of the log, so there was no time after it"


@pytest.mark.parametrize(
    ("when", "spans", "why"),
    [
        ("during", [], "no fault was applied"),
        ("before", [], "no fault was applied"),
        ("during", fault("kill-a.1", None, None), "no fault was applied"),
        (
            "after",
            fault("kill-a.1", 3 * S, None),
            "a fault was active to the end of the log, so there was no time after it",
        ),
        (
            "before",
            fault("kill-a.1", 0, 5 * S),
            "a fault was active from the start, so there was no time before it",
        ),
    ],
)
def test_an_empty_span_is_not_measured(tmp_path: Path, when: str, spans: list[Event], why: str) -> None:
    with open_history(tmp_path, *phases(), *spans, *LOAD) as run:
        judgement = judge(run, Slo(success_rate=0.1, when=when), checkers=())
    assert [(one.status, one.note) for one in judgement.slos] == [("not_measured", why)]
    assert judgement.verdict == "INCONCLUSIVE"


def test_the_generator_may_be_late_in_one_span_alone(tmp_path: Path) -> None:
    """99 % of all requests left on time, so the generator kept pace; those of the span did not."""
    on_time = [request(n, 9 * S, 20 * MS) for n in range(1000)]
    late = [request(n, 4 * S, 900 * MS, sent_ns=4 * S + 880 * MS) for n in range(1000, 1005)]
    soon = request(1005, 4 * S, 20 * MS)
    text = "p95_latency_ms <= 300 during faults"
    one = result(tmp_path / "late", text, *on_time, *late, soon)
    assert (one.status, one.note) == (
        "not_measured",
        "the generator fell behind, and the requests it sent on time met it",
    )
    slow = request(1005, 4 * S, 2 * S)
    assert result(tmp_path / "slow", text, *on_time, *late, slow).status == "missed"


def test_reactions_to_faults_without_effect_are_not_missed(tmp_path: Path) -> None:
    segments = healthy()
    segments["coordinator"] += fault("kill-b.1", 3 * S, 5 * S, target="b")
    with open_run(write_run(tmp_path / "run", segments)) as run:
        judgement = judge(run, Slo(min_failovers=1, when="during"))
    (one,) = judgement.slos
    assert (one.status, one.note) == ("not_measured", "a fault had no effect, so there was less to react to")


def test_a_result_names_its_scope(tmp_path: Path) -> None:
    slo = Slo(p95_latency_ms=40, when="during", workload="load", grace=S)
    judgement = judged(tmp_path, slo, *LOAD)
    (one,) = judgement.slos
    assert one.title == "p95_latency_ms during faults with 1 s of grace of workload load"
    assert (one.scope.when, one.scope.workload, one.scope.grace_ns) == ("during", "load", S)
    assert slo_text(one) == f"{one.title} was missed: 100 ms (target ≤ 40 ms; of 50 requests)"
    assert judgement.verdict == "FAIL"


def test_demands_on_the_same_part_are_all_judged(tmp_path: Path) -> None:
    slos = [Slo(p95_latency_ms=200), Slo(success_rate=0.9), Slo(p95_latency_ms=20)]
    assert [one.status for one in judged(tmp_path, slos, *LOAD).slos] == ["met", "met", "missed"]


OF_SQL: list[tuple[str, str, str, float | None, str]] = [
    ("SELECT count(*) FROM requests", "<= 2", "met", 2, ""),
    ("SELECT count(*) FROM requests", "< 2", "missed", 2, ""),
    ("SELECT count(*) FROM requests", "== 2", "met", 2, ""),
    ("SELECT count(*) FROM requests", "!= 2", "missed", 2, ""),
    ("SELECT avg(ended_ns - scheduled_ns) / 1e6 FROM requests", "> 49.9", "met", 50, ""),
    ("SELECT bool_and(outcome = 'ok') FROM requests", "= 1", "met", 1, ""),
    ("SELECT max(at_ns) FROM heads", "<= 0", "not_measured", None, "it gave NULL"),
    ("SELECT 1 WHERE false", "<= 0", "not_measured", None, "it gave no row"),
    ("SELECT ended_ns FROM requests", "<= 0", "not_measured", None, "it gave 2 rows of 1 columns"),
    ("SELECT 1, 2", "<= 0", "not_measured", None, "it gave 1 rows of 2 columns"),
    ("SELECT 'many'", "<= 0", "not_measured", None, "it gave 'many', which is not a number"),
    ("SELECT 'nan'::DOUBLE", "!= 0", "not_measured", None, "it gave NaN"),
    ("SELECT error('oh')", "<= 0", "not_measured", None, "its SQL failed: Invalid Input Error: oh"),
    ("SELECT count(*) FROM orphans", "<= 0", "not_measured", None, "its SQL failed: Catalog Error"),
    ("DROP TABLE run", "<= 0", "not_measured", None, "its SQL failed: DROP is not allowed here"),
    ("SELECT count(*) FROM read_csv('/etc/passwd')", "<= 0", "not_measured", None, "its SQL failed:"),
]


def test_one_value_of_the_log(tmp_path: Path) -> None:
    slos = [Slo.sql(f"mine {n}", query, limit) for n, (query, limit, *_) in enumerate(OF_SQL)]
    with open_history(tmp_path, request(1), request(2)) as run:
        judgement = judge(run, slos, checkers=())
    assert judgement.verdict == "FAIL"
    for n, ((query, _, status, measured, note), one) in enumerate(zip(OF_SQL, judgement.slos, strict=True)):
        assert (one.name, one.status, one.measured, one.query) == (f"mine {n}", status, measured, query)
        assert (one.note or "").startswith(note)
        assert bool(one.note) == bool(note)


def test_a_demand_on_sql_alone_is_a_demand(tmp_path: Path) -> None:
    with open_history(tmp_path, request(1)) as run:
        assert (
            judge(run, Slo.sql("all", "SELECT count(*) FROM requests", ">= 1"), checkers=()).verdict == "PASS"
        )
