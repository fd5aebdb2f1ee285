"""A reason says what was missed and why: a limit on something takes the decision from a checker, never the cause."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from battle.analysis.reports.files import read_report, render
from battle.analysis.verdict.verdict import Judgement, judge
from battle.scenario.slo.slo import Slo
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    against,
    connection_changed,
    failed,
    fault,
    healthy,
    notified,
    open_history,
    phases,
    published,
    request,
    served,
    tried,
    write_run,
)


def judged(tmp_path: Path, slo: Slo, *events: Event) -> Judgement:
    with open_history(tmp_path, *events) as run:
        return judge(run, slo)


def reason(tmp_path: Path, slo: Slo, *events: Event) -> str:
    """The reason that names the SLO."""
    (name,) = slo.targets()
    found = [text for text in judged(tmp_path, slo, *events).reasons if text.startswith(f"{name} ")]
    assert len(found) == 1, found
    return found[0]


INVENTED = [*(request(n, n * MS, answer="wrong") for n in range(408)), served(999, "a", 0)]


@pytest.mark.parametrize("limit", [None, 0, 400])
def test_wrong_answers_are_counted_and_explained_with_a_limit_and_without(
    tmp_path: Path, limit: int | None
) -> None:
    judgement = judged(tmp_path, Slo(success_rate=0.5, max_wrong_answers=limit), *INVENTED)
    assert judgement.verdict == "FAIL"
    first = judgement.reasons[0]
    assert "408" in first
    assert "408 came from no known provider (first: r0)" in first


def test_wrong_answers_of_a_provider_under_a_fault_are_put_down_to_it_also_when_they_are_not_json_rpc(
    tmp_path: Path,
) -> None:
    broken = [failed(n, n * S, failure="not_json_rpc", http_status=200, answer="wrong") for n in range(3)]
    lies: list[Event] = [served(n, "a", n * S, fault_id="malformed-a.1") for n in range(2)]
    lies += fault("malformed-a.1", 0, 2 * S, kind="malformed")
    assert reason(tmp_path, Slo(max_wrong_answers=0), *broken, *lies, served(2, "a", 2 * S)).endswith(
        "3 came with HTTP 2xx, or over a WebSocket, without being JSON-RPC (first: r0); a provider under a fault "
        "answered 2 of them"
    )


def test_a_limit_that_holds_says_the_cause_in_its_check(tmp_path: Path) -> None:
    judgement = judged(tmp_path, Slo(max_wrong_answers=500), *INVENTED)
    (finding,) = [one for one in judgement.findings if one.checker == "answers_are_right"]
    assert finding.verdict == "PASS"
    assert "came from no known provider" in finding.summary


def test_failures_are_named_by_kind_the_commonest_first(tmp_path: Path) -> None:
    broken = [
        *(failed(n, n * MS) for n in range(3)),
        *(failed(n, n * MS, failure="timeout", http_status=None) for n in range(3, 5)),
        failed(5, 5 * MS, failure="rpc_error", http_status=200, rpc_code=-32000),
    ]
    text = reason(tmp_path, Slo(success_rate=0.99), request(9), *broken)
    assert text == (
        "success_rate was missed: 14.285 % (target ≥ 99 %): 3 got HTTP 503 (first: r0); "
        "2 timed out (first: r3); 1 got HTTP 200 with JSON-RPC error -32000 (first: r5)"
    )


def test_a_part_of_the_run_names_its_own_failures(tmp_path: Path) -> None:
    slo = Slo(success_rate=0.99, when="during")
    events = [
        failed(1, 1 * S),
        failed(2, 4 * S, failure="timeout", http_status=None),
        *fault("kill-a", 3 * S, 5 * S),
    ]
    text = reason(tmp_path, slo, *events)
    assert text.endswith(": 1 timed out (first: r2)")


def test_the_failures_of_a_workload_are_its_own(tmp_path: Path) -> None:
    events = [failed(1), failed(2, workload="other", failure="timeout", http_status=None)]
    with open_history(tmp_path, *events) as run:
        judgement = judge(run, None, workload_slos={"load": Slo(success_rate=0.9)})
    (text,) = [one for one in judgement.reasons if one.startswith("workload load: success_rate")]
    assert text.endswith(": 1 got HTTP 503 (first: r1)")


def test_a_percentile_that_was_never_reached_says_what_failed(tmp_path: Path) -> None:
    text = reason(tmp_path, Slo(p95_latency_ms=100), failed(1), request(2))
    assert text.endswith(": 1 got HTTP 503 (first: r1)")


def test_stale_answers_name_the_fault_that_held(tmp_path: Path) -> None:
    lagging = fault("stale_head-a.1", 3 * S, 5 * S, kind="stale_head")
    events = [request(1, 4 * S, answer="stale"), request(2, 9 * S, answer="stale"), *lagging]
    text = reason(tmp_path, Slo(max_stale_answers=0), *events)
    assert "1 under stale_head-a.1 (first: r1)" in text
    assert "1 while no provider's head lagged (first: r2)" in text


def test_old_answers_that_no_gateway_could_avoid_are_no_cause(tmp_path: Path) -> None:
    killed = [*fault("kill-a.1", 3 * S, 5 * S), *fault("kill-b.1", 3 * S, 5 * S, target="b")]
    events = [request(1, 4 * S, answer="stale"), request(2, 9 * S, answer="stale"), *killed]
    with open_history(tmp_path, *events, **against("command")) as run:
        (text,) = [
            one for one in judge(run, Slo(max_stale_answers=0)).reasons if one.startswith("max_stale_answers")
        ]
    assert text.endswith(": 1 while no provider's head lagged (first: r2)")


def test_attempts_name_the_second_of_the_storm(tmp_path: Path) -> None:
    asked = [request(n, n * 50 * MS) for n in range(20)]
    stormy = [tried(n % 20, "a", n * MS, n * MS + 1, "error", attempt=1 + n // 20) for n in range(200)]
    text = reason(tmp_path, Slo(max_attempts_per_request=3), *asked, *stormy)
    assert "a retry storm of 1 second: at 0.000 s" in text


def test_the_slowest_failover_is_named_with_whom_it_asked(tmp_path: Path) -> None:
    moved = [tried(1, "a", MS, 200 * MS, "error"), tried(1, "b", 200 * MS, 250 * MS, attempt=2)]
    text = reason(tmp_path, Slo(max_failover_latency_ms=50), request(1, 0, 260 * MS), *moved)
    assert text.endswith(": the slowest was r1: a, then b, which took 199 ms more")


def test_missed_heads_name_the_interruption_and_the_worst_subscription(tmp_path: Path) -> None:
    told = [notified(1, S + MS), notified(4, 4 * S + MS)]
    events = [
        *phases(),
        connection_changed("connected", 0),
        connection_changed("subscribed", 0),
        *(published(number, number * S) for number in range(1, 5)),
        *told,
        connection_changed("closed", 5 * S, close_code=1006),
    ]
    text = reason(tmp_path, Slo(max_missed_heads=0), *events)
    assert text.startswith("max_missed_heads was missed: 2 (target ≤ 0): ")
    assert "1 of 1 subscription of workload heads cut off" in text
    assert "the worst subscription was coordinator" in text


def test_each_slo_on_heads_names_the_subscription_that_is_worst_in_that(tmp_path: Path) -> None:
    connections = [
        connection_changed(change, 0, name) for name in "12" for change in ("connected", "subscribed")
    ]
    heads = [published(number, number * S) for number in range(1, 4)]
    missing = [notified(1, S + MS, "1"), notified(3, 3 * S + MS, "1")]
    twice = [notified(number, number * S + MS, "2") for number in (1, 2, 2, 3)]
    events = [*phases(), *connections, *heads, *missing, *twice]
    missed = reason(tmp_path / "1", Slo(max_missed_heads=0), *events)
    duplicated = reason(tmp_path / "2", Slo(max_duplicate_heads=0), *events)
    assert "the worst subscription was coordinator.1/1/s" in missed
    assert "the worst subscription was coordinator.1/2/s" in duplicated


def test_what_is_asked_of_the_whole_run_is_said_so_in_a_part(tmp_path: Path) -> None:
    slo = Slo(max_wrong_answers=0, when="during")
    events = [request(1, 4 * S, answer="wrong"), *fault("kill-a", 3 * S, 5 * S)]
    assert ": in the whole run 1 " in reason(tmp_path, slo, *events)


def test_an_slo_that_is_met_needs_no_cause(tmp_path: Path) -> None:
    judgement = judged(tmp_path, Slo(success_rate=0.4), request(1), failed(2))
    assert judgement.slos[0].causes == ()


def test_reports_show_the_cause(tmp_path: Path) -> None:
    segments = healthy()
    segments["load-load.0"].append(request(500, S, answer="wrong"))
    report = read_report(write_run(tmp_path / "run", segments, slo={"max_wrong_answers": 0}))
    cause = "1 match no provider's log"
    assert cause in report.headline
    assert cause in render(report, "markdown")
    suite = ElementTree.fromstring(render(report, "junit"))
    failure = suite.find("testcase[@name='max_wrong_answers']/failure")
    assert failure is not None
    assert cause in (failure.get("message") or "")
