"""An SLO that had no chance to be met was not missed."""

from pathlib import Path

import pytest

from battle.analysis.verdict.verdict import Judgement, judge
from battle.scenario.slo.slo import Slo
from battle.store.database import open_run
from battle.store.events import BenchLimitReached, Event
from tests.battle.histories import (
    MS,
    S,
    breaker,
    failed,
    fault,
    healthy,
    node_sample,
    open_history,
    phases,
    request,
    sample,
    served,
    tried,
    write_run,
)

REACTS = Slo(min_failovers=1, min_breaker_changes=1)


def judged(tmp_path: Path, slo: Slo, *events: Event, sealed: bool = True) -> Judgement:
    segments = healthy()
    segments["coordinator"] += events
    with open_run(write_run(tmp_path / "run", segments, sealed=sealed)) as run:
        return judge(run, slo)


def statuses(judgement: Judgement) -> dict[str, str]:
    return {result.name: result.status for result in judgement.slos}


def test_a_gateway_that_does_not_react_to_effective_faults_fails(tmp_path: Path) -> None:
    noticed = tried(1, "a", 4 * S, 4 * S + MS, "error")
    judgement = judged(tmp_path, REACTS, *fault("kill-a", 3 * S, 5 * S), noticed)
    assert statuses(judgement) == {"min_failovers": "missed", "min_breaker_changes": "missed"}
    assert judgement.verdict == "FAIL"


def test_a_gateway_need_not_react_to_faults_without_effect(tmp_path: Path) -> None:
    judgement = judged(tmp_path, REACTS, *fault("kill-b", 3 * S, 5 * S, target="b"))
    assert statuses(judgement) == {"min_failovers": "not_measured", "min_breaker_changes": "not_measured"}
    assert judgement.verdict == "INCONCLUSIVE"
    assert "a fault had no effect" in judgement.reasons[1]


def test_a_partial_run_may_not_have_come_to_the_reaction(tmp_path: Path) -> None:
    assert judged(tmp_path, REACTS, sealed=False).verdict == "INCONCLUSIVE"


def test_a_reaction_that_was_seen_counts_whatever_else_is_in_doubt(tmp_path: Path) -> None:
    idle = fault("kill-b", 3 * S, 5 * S, target="b")
    judgement = judged(tmp_path, Slo(min_breaker_changes=1), *idle, breaker(4 * S, "closed", "open"))
    assert statuses(judgement) == {"min_breaker_changes": "met"}


def cut_off(tmp_path: Path, slo: Slo, *events: Event) -> Judgement:
    segments = healthy()
    segments["coordinator"] = [
        *phases("started", "load_began", "interrupted", "ended", end_ns=5 * S),
        *fault("kill-a", S, 2 * S),
    ]
    segments["load-load.0"] = [*segments["load-load.0"], *events]
    with open_run(write_run(tmp_path / "run", segments)) as run:
        return judge(run, slo)


def test_what_an_interruption_cut_off_does_not_fail_the_gateway(tmp_path: Path) -> None:
    under_way = [failed(n, 5 * S - 20 * MS, 20 * MS, failure="interrupted") for n in range(200, 220)]
    judgement = cut_off(tmp_path, LOAD, *under_way)
    assert statuses(judgement) == {"success_rate": "not_measured", "p95_latency_ms": "not_measured"}
    assert judgement.verdict == "INCONCLUSIVE"
    assert "the run was interrupted" in (judgement.slos[0].note or "")


def test_of_a_part_that_an_interruption_cut_off_it_is_the_same(tmp_path: Path) -> None:
    slo = Slo(success_rate=0.99, when="after")
    under_way = [failed(n, 5 * S - 20 * MS, 20 * MS, failure="interrupted") for n in range(200, 220)]
    assert statuses(cut_off(tmp_path, slo, *under_way)) == {"success_rate": "not_measured"}


def test_what_had_failed_before_an_interruption_fails_all_the_same(tmp_path: Path) -> None:
    judgement = cut_off(tmp_path, LOAD, *(failed(n, S, 20 * MS) for n in range(200, 220)))
    assert statuses(judgement) == {"success_rate": "missed", "p95_latency_ms": "missed"}


def behind(tmp_path: Path, slo: Slo, *events: Event) -> Judgement:
    with open_history(tmp_path, sample(S, 1000, 100), *events) as run:
        return judge(run, slo)


LOAD = Slo(success_rate=0.99, p95_latency_ms=300)


def test_a_late_generator_does_not_fail_the_gateway(tmp_path: Path) -> None:
    on_time = [request(n, 0, 20 * MS) for n in range(10)]
    late = [request(n, 0, 5 * S, sent_ns=5 * S - 20 * MS) for n in range(10, 20)]
    gave_up = [failed(n, 0, 10 * S, sent_ns=None, failure="unsent") for n in range(20, 30)]
    judgement = behind(tmp_path, LOAD, *on_time, *late, *gave_up)
    assert statuses(judgement) == {"success_rate": "not_measured", "p95_latency_ms": "not_measured"}
    assert judgement.verdict == "INCONCLUSIVE"


def test_a_gateway_that_failed_what_was_sent_on_time_fails_all_the_same(tmp_path: Path) -> None:
    judgement = behind(tmp_path, LOAD, *(failed(n, 0, 20 * MS) for n in range(10)))
    assert statuses(judgement) == {"success_rate": "missed", "p95_latency_ms": "missed"}
    assert judgement.verdict == "FAIL"


def test_when_nothing_was_sent_on_time_nothing_was_missed(tmp_path: Path) -> None:
    judgement = behind(tmp_path, LOAD, *(request(n, 0, 5 * S, sent_ns=4 * S) for n in range(10)))
    assert statuses(judgement) == {"success_rate": "met", "p95_latency_ms": "not_measured"}


def held_back(tmp_path: Path, *events: Event, lag_ns: int | None) -> Judgement:
    """A run of which some requests waited 5.6 s for a connection; `lag_ns`: the generator's own lag."""
    segments = healthy()
    waited = [request(n, 5 * S, 5700 * MS, sent_ns=5 * S + 5600 * MS) for n in range(200, 220)]
    segments["load-load.0"] += [*waited, node_sample(6 * S, "load-load.0", loop_lag_ns=lag_ns), *events]
    with open_run(write_run(tmp_path / "run", segments)) as run:
        return judge(run, LOAD)


def test_requests_that_a_gateway_takes_no_connection_for_are_named_so_and_fail_nothing(
    tmp_path: Path,
) -> None:
    judgement = held_back(tmp_path, lag_ns=3 * MS)
    assert judgement.verdict == "INCONCLUSIVE"
    assert statuses(judgement) == {"success_rate": "met", "p95_latency_ms": "not_measured"}
    why = (
        "because the gateway accepted no further connections for that long (the generator itself was on time)"
    )
    pace = next(one.summary for one in judgement.findings if one.checker == "generator_kept_pace")
    assert pace == f"workload load: 1 % of its requests were sent 5.6 s late or more (bound: 30 ms), {why}"
    (latency,) = [one for one in judgement.slos if one.name == "p95_latency_ms"]
    assert latency.note == f"requests were sent late {why}, and the requests sent on time met it"


@pytest.mark.parametrize("lag_ns", [600 * MS, None])
def test_a_generator_that_was_late_itself_or_may_have_been_does_not_point_at_the_gateway(
    tmp_path: Path, lag_ns: int | None
) -> None:
    judgement = held_back(tmp_path, lag_ns=lag_ns)
    assert judgement.verdict == "INCONCLUSIVE"
    assert not any("accepted no further connections" in reason for reason in judgement.reasons)


def test_a_limit_of_the_scenario_on_connections_does_not_point_at_the_gateway(tmp_path: Path) -> None:
    limit = BenchLimitReached(
        at_ns=6 * S, node="load-load.0", limit="connections", times=20, bound=4, duration_ns=5600 * MS
    )
    judgement = held_back(tmp_path, limit, lag_ns=3 * MS)
    assert judgement.verdict == "INCONCLUSIVE"
    assert not any("accepted no further connections" in reason for reason in judgement.reasons)


def test_answers_that_come_late_for_what_was_sent_on_time_are_the_gateways(tmp_path: Path) -> None:
    slow = [request(n, 5 * S, 5700 * MS) for n in range(300, 340)]
    judgement = held_back(tmp_path, *slow, lag_ns=3 * MS)
    assert judgement.verdict == "FAIL"
    assert statuses(judgement)["p95_latency_ms"] == "missed"


def test_failovers_of_a_silent_gateway_are_a_lower_bound(tmp_path: Path) -> None:
    """What a dead provider refused it could not log: too few failovers seen are not too few made."""
    once = [request(1, 0, 40 * MS), served(1, "a", 0, outcome="error")]
    with open_history(tmp_path / "once", sample(S, 10, 10), *once) as run:
        assert statuses(judge(run, Slo(min_failovers=1))) == {"min_failovers": "not_measured"}
    twice = [*once, served(1, "b", 15 * MS)]
    with open_history(tmp_path / "twice", sample(S, 10, 10), *twice) as run:
        assert statuses(judge(run, Slo(min_failovers=1))) == {"min_failovers": "met"}


def test_a_request_the_gateway_refused_to_take_is_not_the_generators_fault(tmp_path: Path) -> None:
    answered = [request(n, 0, 20 * MS) for n in range(60)]
    refused = [failed(n, 0, MS, sent_ns=None, failure="refused", http_status=None) for n in range(60, 100)]
    with open_history(tmp_path, sample(S, 100, 60), *answered, *refused) as run:
        judgement = judge(run, Slo(success_rate=0.9))
    assert statuses(judgement) == {"success_rate": "missed"}
    assert judgement.verdict == "FAIL"
