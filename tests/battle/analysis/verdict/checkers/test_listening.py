"""A gateway whose process lives and that takes no connections has closed its socket."""

from pathlib import Path

import pytest

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.nodes import gateway_listens
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.events import BenchLimitReached, Event
from tests.battle.histories import MS, S, failed, fault, life, open_history, phases, request


def refused(number: int, at_ns: int) -> Event:
    return failed(number, at_ns, MS, failure="refused", sent_ns=None, http_status=None)


def found(tmp_path: Path, *events: Event) -> Finding | None:
    with open_history(tmp_path, *phases(), *events) as run:
        return gateway_listens(Log(run), SloSet())


def test_a_gateway_that_refuses_while_it_lives_is_harm(tmp_path: Path) -> None:
    finding = found(tmp_path, life("gateway", "started"), request(1), refused(2, 3 * S), refused(3, 4 * S))
    assert finding is not None
    assert (finding.verdict, finding.severity, finding.ids) == ("FAIL", "harm", ("r2", "r3"))
    assert (
        "had been ready, its process was running and refused 2 connections, the first at 3.001 s, the last at 4.001 s"
        in finding.summary
    )


@pytest.mark.parametrize(
    "events",
    [
        [request(1)],
        [life("gateway", "crashed", 4 * S, reason="x"), refused(2, 4 * S + MS)],
        [life("gateway", "crashed", 4 * S, reason="x"), refused(2, 4 * S - 20 * MS)],
        [
            life("gateway", "crashed", 4 * S, reason="x"),
            refused(2, 5 * S),
            life("gateway", "started", 6 * S, incarnation=2),
            request(3, 7 * S),
        ],
        [
            life("gateway", "crashed", 4 * S, reason="killed (fault kill-gateway.1)"),
            *fault("kill-gateway.1", 4 * S - MS, 5 * S, kind="restart", target="gateway"),
            refused(2, 6 * S),
            life("gateway", "started", 7 * S, incarnation=2),
        ],
    ],
    ids=["never", "it is dead", "it is dying", "it came back", "it is starting"],
)
def test_a_gateway_that_is_down_refuses_by_nature(tmp_path: Path, events: list[Event]) -> None:
    finding = found(tmp_path, life("gateway", "started"), *events)
    assert finding is not None
    assert finding.verdict == "PASS"
    assert finding.summary == "no connection to the gateway was refused while it was ready"


def test_a_gateway_that_speaks_no_websocket_listens(tmp_path: Path) -> None:
    ended = failed(2, 3 * S, MS, failure="no_websocket", sent_ns=None, http_status=None)
    finding = found(tmp_path, life("gateway", "started"), request(1), ended)
    assert finding is not None
    assert finding.verdict == "PASS"


def test_one_that_runs_elsewhere_cannot_be_told_from_one_that_is_dead(tmp_path: Path) -> None:
    assert found(tmp_path, refused(1, S)) is None


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [("open_files", "INCONCLUSIVE"), ("standstill", "INCONCLUSIVE"), ("connections", "FAIL"), (None, "FAIL")],
)
def test_what_the_bench_could_not_do_is_no_miss_of_the_gateways(
    tmp_path: Path, limit: str | None, verdict: str
) -> None:
    events: list[Event] = [life("gateway", "started"), *(failed(number, number * MS) for number in range(50))]
    if limit is not None:
        events.append(
            BenchLimitReached(
                at_ns=2 * S,
                node="load-main.0",
                limit=limit,  # type: ignore[arg-type]
                times=1,
                bound=4,
                duration_ns=S,
                detail="x",
            )
        )
    with open_history(tmp_path, *phases(), *events) as run:
        judgement = judge(run, Slo(success_rate=0.9))
    [result] = judgement.slos
    assert result.status == ("missed" if verdict == "FAIL" else "not_measured")
