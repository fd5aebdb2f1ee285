"""What the bench broke is never put down to the gateway, and what the gateway broke is not excused by it."""

from pathlib import Path

import pytest

from battle.analysis.findings import Finding
from battle.analysis.verdict.bench import Trouble, attributed
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.registry import RESTS_ON_BENCH
from battle.analysis.verdict.verdict import Judgement, judge
from battle.scenario.slo.slo import Slo
from battle.store.database import open_run
from battle.store.events import BenchLimitReached, Event
from tests.battle.histories import (
    MS,
    S,
    failed,
    fault,
    healthy,
    life,
    node_sample,
    notified,
    phases,
    published,
    request,
    sample,
    subscribed,
    tried,
    write_run,
)

LOAD = Slo(success_rate=0.99, p95_latency_ms=300)
RAISED = (
    "NodeCrashed: exit status 1: GeneratorError: generator 'raises.py:ask' raised KeyError: 'method' "
    "at raises.py:4 (request 21)"
)


def judged(tmp_path: Path, slo: Slo | None, *events: Event) -> Judgement:
    """A healthy run of ten seconds, and what else happened in it."""
    segments = healthy()
    segments["coordinator"] += events
    with open_run(write_run(tmp_path / "run", segments)) as run:
        return judge(run, slo)


def finding(judgement: Judgement, checker: str) -> Finding:
    return next(one for one in judgement.findings if one.checker == checker)


def load_crash(at_ns: int = 4 * S, reason: str = RAISED) -> Event:
    return life("load-load.0", "crashed", at_ns, reason=reason)


def test_what_a_dying_load_node_took_with_it_does_not_fail_the_gateway(tmp_path: Path) -> None:
    lost = [
        failed(n, 4 * S - 20 * MS, 20 * MS, outcome="unknown", failure="interrupted", http_status=None)
        for n in range(200, 220)
    ]
    judgement = judged(tmp_path, LOAD, load_crash(), *lost)
    assert judgement.verdict == "INCONCLUSIVE"
    assert [result.status for result in judgement.slos] == ["not_measured", "not_measured"]


def test_the_cause_is_the_authors_own_exception_with_its_line_and_comes_first(tmp_path: Path) -> None:
    judgement = judged(tmp_path, LOAD, load_crash())
    assert judgement.reasons[0] == (
        "load-load.0 crashed at 4.000 s (generator 'raises.py:ask' raised KeyError: 'method' at raises.py:4 "
        "(request 21))"
    )


def test_what_the_gateway_failed_before_a_load_node_died_fails_it_all_the_same(tmp_path: Path) -> None:
    judgement = judged(tmp_path, LOAD, load_crash(), *(failed(n, S, 20 * MS) for n in range(200, 220)))
    assert judgement.verdict == "FAIL"
    assert judgement.reasons[0].startswith("success_rate was missed")


def test_a_provider_that_nobody_meant_to_crash_excuses_what_failed_from_then_on(tmp_path: Path) -> None:
    crash = life("a", "crashed", 5 * S, reason="NodeCrashed: exit status 1: MemoryError: ")
    after = judged(tmp_path / "1", LOAD, crash, *(failed(n, 6 * S, 20 * MS) for n in range(200, 220)))
    assert after.verdict == "INCONCLUSIVE"
    assert "a crashed at 5.000 s (MemoryError: ), and the other requests met it" in (after.slos[0].note or "")
    before = judged(tmp_path / "2", LOAD, crash, *(failed(n, 2 * S, 20 * MS) for n in range(200, 220)))
    assert before.verdict == "FAIL"


def test_a_provider_that_a_fault_killed_excuses_nothing(tmp_path: Path) -> None:
    killed = fault("kill-a.1", 5 * S, 7 * S)
    noticed = tried(1, "a", 5 * S + MS, 5 * S + 2 * MS, "error")
    judgement = judged(
        tmp_path, LOAD, *killed, noticed, *(failed(n, 6 * S, 20 * MS) for n in range(200, 220))
    )
    assert judgement.verdict == "FAIL"


def test_a_part_of_the_run_is_excused_likewise(tmp_path: Path) -> None:
    slo = Slo(success_rate=0.99, when="during")
    killed = fault("kill-b.1", 5 * S, 8 * S, target="b")
    crash = life("a", "crashed", 5 * S + MS, reason="NodeCrashed: exit status 1: OSError: no space")
    judgement = judged(tmp_path, slo, *killed, crash, *(failed(n, 6 * S, 20 * MS) for n in range(200, 230)))
    assert judgement.slos[0].status == "not_measured"
    assert "no space" in (judgement.slos[0].note or "")


def heads_missed() -> list[Event]:
    """Of five heads due one never came, and the client's connection lasted to the end."""
    return [
        *subscribed(),
        *(published(number, number * S) for number in range(1, 6)),
        *(notified(number, number * S + MS) for number in (1, 2, 4, 5)),
    ]


def test_heads_that_a_dead_load_node_did_not_get_are_no_failure_of_the_gateway(tmp_path: Path) -> None:
    sound = judged(tmp_path / "1", LOAD, *heads_missed())
    assert finding(sound, "websocket_continuity").verdict == "FAIL"
    broken = judged(tmp_path / "2", Slo(max_missed_heads=0), load_crash(), *heads_missed())
    assert broken.verdict == "INCONCLUSIVE"
    assert broken.slos[0].status == "not_measured"
    without = judged(tmp_path / "3", LOAD, load_crash(), *heads_missed())
    found = finding(without, "websocket_continuity")
    assert (found.verdict, found.severity) == ("INCONCLUSIVE", None)
    assert found.summary.startswith("load-load.0 crashed at 4.000 s")
    assert (
        "so this is not attributed to the gateway: workload heads: of 5 heads due 1 never came"
        in found.summary
    )


@pytest.mark.parametrize(
    "slo",
    [
        Slo(max_stale_answers=0),
        Slo(max_attempts_per_request=0.1),
        Slo(max_failover_latency_ms=0.1),
        Slo(max_missed_heads=0),
        Slo(max_duplicate_heads=0),
        Slo(max_head_delay_ms=0.1),
        Slo(max_silence_ms=0.1),
    ],
    ids=lambda slo: next(iter(slo.targets())),
)
def test_what_a_dead_node_can_be_behind_is_not_put_down_to_the_gateway(tmp_path: Path, slo: Slo) -> None:
    failover = [tried(1, "a", 0, MS, "error"), tried(1, "b", 7 * MS, 9 * MS, attempt=2)]
    events = [request(500, S, answer="stale"), *failover, *heads_missed(), notified(5, 5 * S + 2 * MS)]
    (sound,) = judged(tmp_path / "1", slo, *events).slos
    assert sound.status == "missed"
    (broken,) = judged(tmp_path / "2", slo, load_crash(), *events).slos
    assert (broken.status, broken.measured) == ("not_measured", sound.measured)
    assert (broken.note or "").startswith("load-load.0 crashed at 4.000 s")


def test_a_wrong_answer_stays_the_gateways_whatever_broke(tmp_path: Path) -> None:
    judgement = judged(tmp_path, LOAD, load_crash(), request(500, S, answer="wrong"))
    assert judgement.verdict == "FAIL"
    assert finding(judgement, "answers_are_right").severity == "harm"


def test_a_gateway_that_died_stays_a_failure_whatever_else_broke(tmp_path: Path) -> None:
    judgement = judged(tmp_path, LOAD, load_crash(), life("gateway", "crashed", 2 * S, reason="killed"))
    assert finding(judgement, "nodes_lived").verdict == "FAIL"


def slow(count: int = 10) -> list[Event]:
    return [request(n, 6 * S + n * MS, 900 * MS) for n in range(200, 200 + count)]


def test_a_busy_machine_excuses_what_was_under_way_just_then(tmp_path: Path) -> None:
    busy = node_sample(7 * S, "a", loop_lag_ns=700 * MS)
    judgement = judged(tmp_path, LOAD, busy, *slow())
    assert judgement.slos[1].status == "not_measured"
    assert "the machine was busy in 1 second: a was 700 ms late at 7.000 s; run again without other load" in (
        judgement.slos[1].note or ""
    )
    assert judgement.verdict == "INCONCLUSIVE"


def test_a_hypervisor_that_takes_the_cpu_is_named_and_excuses_what_was_under_way(tmp_path: Path) -> None:
    stolen = [
        node_sample(7 * S + n, node, steal_ratio=0.43 - n / 10) for n, node in enumerate(("a", "gateway"))
    ]
    judgement = judged(tmp_path, LOAD, *stolen, *slow())
    assert judgement.slos[1].status == "not_measured"
    assert (
        "the machine was busy in 1 second: its hypervisor took 43 % of the CPU time (steal) at 7.000 s; "
        "run again on a machine whose CPUs are not shared"
    ) in (judgement.slos[1].note or "")


def test_neighbours_that_take_a_few_percent_excuse_nothing(tmp_path: Path) -> None:
    judgement = judged(tmp_path, LOAD, node_sample(7 * S, "a", steal_ratio=0.09), *slow())
    assert judgement.slos[1].status == "missed"


def test_what_the_load_itself_gave_up_as_unread_does_not_fail_the_gateway_and_excuses_nothing_else(
    tmp_path: Path,
) -> None:
    limit = BenchLimitReached(at_ns=7 * S, node="load-load.0", limit="unread", times=20, bound=8 * 2**20)
    given_up = [
        failed(n, 6 * S, 20 * MS, outcome="unknown", failure="unread", http_status=None)
        for n in range(200, 220)
    ]
    judgement = judged(tmp_path / "1", LOAD, limit, *given_up)
    assert (judgement.verdict, judgement.slos[0].status) == ("INCONCLUSIVE", "not_measured")
    assert "load-load.0 dropped 20 connections on which more than 8 MiB waited" in (
        judgement.slos[0].note or ""
    )
    others = [failed(n, 8 * S, 20 * MS) for n in range(300, 320)]
    assert judged(tmp_path / "2", LOAD, limit, *given_up, *others).verdict == "FAIL"


def slow_calls(at_ns: int, longest_ns: int = 300 * MS) -> Event:
    return BenchLimitReached(
        at_ns=at_ns,
        node="load-load.0",
        limit="generator",
        times=3,
        duration_ns=longest_ns,
        total_ns=3 * longest_ns,
        detail="'slow.py:ask' at slow.py:4",
    )


SLOW_GENERATOR = (
    "the scenario's generator 'slow.py:ask' at slow.py:4 is slow: 3 calls took 900 ms, the longest 300 ms; "
    "make it faster, or let it prepare what it returns when it is loaded"
)


def judged_load(tmp_path: Path, *events: Event) -> Judgement:
    """As `judged`, with events of the load's own node."""
    segments = healthy()
    segments["load-load.0"] += events
    with open_run(write_run(tmp_path / "run", segments)) as run:
        return judge(run, LOAD)


def test_a_slow_generator_of_the_authors_is_named_and_not_called_a_busy_machine(tmp_path: Path) -> None:
    lag = node_sample(7 * S, "load-load.0", loop_lag_ns=299 * MS)
    judgement = judged_load(tmp_path, slow_calls(7 * S), lag, *slow())
    assert judgement.slos[1].status == "not_measured"
    assert f"workload load: {SLOW_GENERATOR}, and the other requests" in (judgement.slos[1].note or "")
    assert not any("machine was busy" in reason for reason in judgement.reasons)


def test_a_load_that_is_late_because_of_its_generator_says_so(tmp_path: Path) -> None:
    late = [request(n, 6 * S, sent_ns=6 * S + 200 * MS, took_ns=250 * MS) for n in range(200, 210)]
    judgement = judged_load(tmp_path, slow_calls(7 * S), *late)
    assert finding(judgement, "generator_kept_pace").summary.endswith(f"(bound: 30 ms): {SLOW_GENERATOR}")


def test_calls_shorter_than_a_bench_may_be_late_excuse_nothing(tmp_path: Path) -> None:
    judgement = judged_load(tmp_path, slow_calls(7 * S, 40 * MS), *slow())
    assert judgement.slos[1].status == "missed"


@pytest.mark.parametrize(
    "quiet",
    [
        [node_sample(3 * S, "a", loop_lag_ns=700 * MS)],  # busy, but not then
        [node_sample(7 * S, "a", loop_lag_ns=20 * MS)],
        [node_sample(7 * S, "gateway", loop_lag_ns=700 * MS)],  # that is what is tested
        [
            *fault("pause-a.1", 5 * S, 6 * S + 500 * MS, kind="pause"),
            node_sample(7 * S, "a", loop_lag_ns=700 * MS),
        ],
    ],
)
def test_a_slow_gateway_fails_where_the_machine_was_not_busy(tmp_path: Path, quiet: list[Event]) -> None:
    assert judged(tmp_path, LOAD, *quiet, *slow()).slos[1].status == "missed"


def test_a_busy_machine_alone_is_no_reason_against_a_run_that_met_everything(tmp_path: Path) -> None:
    assert judged(tmp_path, LOAD, node_sample(7 * S, "a", loop_lag_ns=700 * MS)).verdict == "PASS"


def test_a_limit_of_the_machine_excuses_what_failed_from_then_on(tmp_path: Path) -> None:
    limit = BenchLimitReached(
        at_ns=5 * S, node="load-load.0", limit="open_files", times=3, detail="connect: Too many open files"
    )
    unsent = [
        failed(n, 6 * S, 20 * MS, failure="unsent", sent_ns=None, http_status=None) for n in range(200, 230)
    ]
    judgement = judged(tmp_path / "1", LOAD, limit, *unsent)
    assert judgement.verdict == "INCONCLUSIVE"
    assert "open files: raise it (ulimit -n)" in (judgement.slos[0].note or "")
    before = judged(tmp_path / "2", LOAD, limit, *(failed(n, S, 20 * MS) for n in range(200, 220)))
    assert before.verdict == "FAIL"


def test_sql_about_a_run_whose_bench_died_proves_nothing(tmp_path: Path) -> None:
    slo = Slo.sql("none unknown", "SELECT count(*) FROM requests WHERE outcome = 'unknown'", "<= 0")
    lost = failed(500, 4 * S, outcome="unknown", failure="interrupted", http_status=None)
    assert judged(tmp_path / "1", slo, lost).slos[0].status == "missed"
    assert judged(tmp_path / "2", slo, lost, load_crash()).slos[0].status == "not_measured"


def test_each_checker_says_whether_it_rests_on_the_bench() -> None:
    """Whoever adds a checker decides whether the bench may be why it fails."""
    with pytest.raises(TypeError, match="rests_on_bench"):
        PlacedChecker(place=1, checker=lambda log, slos: None)  # type: ignore[call-arg]
    gateways_own = {
        "nodes_lived",
        "answers_are_right",
        "errors_are_passed_on",
        "reads_monotonic",
        "gateway_listens",
        "providers_used_again",
    }
    assert RESTS_ON_BENCH.isdisjoint(gateways_own)
    assert {
        "answers_are_fresh",
        "websocket_continuity",
        "heads_monotonic",
        "retry_amplification",
        "connections_leaked",
        "metastable_failure",
    } <= RESTS_ON_BENCH


def test_a_warning_is_not_changed_by_a_broken_bench() -> None:
    warning = Finding(
        checker="connections_leaked", verdict="PASS", severity="warning", summary="18 files more"
    )
    assert attributed([warning], [Trouble("load", "load-main.0 crashed")]) == [warning]


def test_a_run_that_was_cut_off_still_excuses_what_it_cut_off(tmp_path: Path) -> None:
    segments = healthy()
    segments["coordinator"] = phases("started", "load_began", "interrupted", "ended", end_ns=5 * S)
    segments["load-load.0"] += [
        failed(n, 5 * S - 20 * MS, 20 * MS, failure="interrupted") for n in range(200, 220)
    ]
    with open_run(write_run(tmp_path / "run", segments)) as run:
        judgement = judge(run, LOAD)
    assert judgement.verdict == "INCONCLUSIVE"
    assert "the run was interrupted, and the requests that were not interrupted met it" in (
        judgement.slos[0].note or ""
    )


@pytest.mark.parametrize("lost", [0, 30])
def test_demands_met_by_what_was_sent_are_not_met_when_the_load_went_down_with_a_gateway_that_crashed(
    tmp_path: Path, lost: int
) -> None:
    segments = healthy()
    segments["coordinator"].append(life("gateway", "crashed", 4 * S, reason="NodeCrashed: exit status 3"))
    segments["load-load.0"][-1] = sample(10 * S, 100 + lost, 100, dropped=lost)
    with open_run(write_run(tmp_path / "run", segments)) as run:
        judgement = judge(run, LOAD, workload_slos={"load": Slo(success_rate=0.5)})
    assert judgement.verdict == "FAIL"
    assert finding(judgement, "nodes_lived").verdict == "FAIL"
    status = "not_measured" if lost else "met"
    results = (*judgement.slos, *judgement.workload_slos[0].slos)
    assert {result.status for result in results} == {status}
    note = "30 requests were due while the gateway was down, and the load too"
    assert all((result.note == note) == bool(lost) for result in results)
    assert (f"workload load: {note}" in finding(judgement, "generator_kept_pace").summary) == bool(lost)


def test_what_a_load_node_lost_that_crashed_itself_is_not_put_down_to_the_gateways_crash(
    tmp_path: Path,
) -> None:
    segments = healthy()
    segments["coordinator"].append(life("gateway", "crashed", 4 * S, reason="NodeCrashed: exit status 3"))
    segments["coordinator"].append(load_crash())
    segments["load-load.0"][-1] = sample(10 * S, 130, 100, dropped=30)
    with open_run(write_run(tmp_path / "run", segments)) as run:
        judgement = judge(run, LOAD)
    assert "it dropped 30 requests" in finding(judgement, "generator_kept_pace").summary
