"""Workloads that begin later than the load: what is due, when, and what a node that comes back does."""

from pathlib import Path

import pytest

from battle.actors.roles import Begin
from battle.actors.spec.workloads import HttpBurst, HttpUsers, Replay, Workload
from battle.actors.units import ms, seconds
from tests.actors.workload.scripted import BEGIN_NS, Log, Server, constant, run_load, truthful
from tests.actors.workload.test_generator_kinds import write_trace
from tests.actors.workload.ws.stage import LEAD, Script, against, requests, subscribe
from tests.actors.worlds import simulated

AT = ms(1500)


def due(log: Log) -> list[int]:
    return sorted(request.scheduled_ns - BEGIN_NS for request in log.requests)


@pytest.mark.parametrize(
    "spec",
    [
        constant(at=AT),
        HttpBurst("eth_chainId", size=10, every=seconds(1), duration=seconds(1), at=AT),
        HttpUsers("eth_chainId", users=2, duration=seconds(1), think_time=ms(200), at=AT),
    ],
)
def test_nothing_is_due_before_its_time(tmp_path: Path, spec: Workload) -> None:
    log = run_load(tmp_path, spec, Server(truthful))
    assert len(log.requests) == 10
    assert AT <= due(log)[0] < AT + ms(1)
    assert due(log)[-1] < AT + seconds(1)
    assert log.samples[0].due == 0
    assert log.total("due") == 10
    assert log.total("dropped") == 0


def test_a_trace_begins_later(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.jsonl", *({"at_ms": at, "method": "eth_chainId"} for at in (0, 250)))
    log = run_load(tmp_path / "run", Replay(str(path), at=AT), Server(truthful))
    assert due(log) == [AT, AT + ms(250)]


def test_a_node_that_comes_back_before_its_time_missed_nothing(tmp_path: Path) -> None:
    begin = Begin(-seconds(1), away_since_ns=-ms(500))  # the load is a second old when the node is there
    log = run_load(tmp_path, constant(at=AT), Server(truthful), begin=begin)
    assert len(log.requests) == 10
    assert log.total("dropped") == 0


def test_a_node_that_comes_back_later_leaves_out_what_it_missed(tmp_path: Path) -> None:
    begin = Begin(-seconds(2), away_since_ns=-seconds(1))  # its own time began half a second ago
    log = run_load(tmp_path, constant(at=AT), Server(truthful), begin=begin)
    assert log.total("dropped") >= 5
    assert log.total("dropped") + len(log.requests) == 10
    assert min(request.scheduled_ns for request in log.requests) > 0


def test_requests_over_websockets_begin_later_with_their_connections_open() -> None:
    log, _ = against(simulated, Script, requests(rate=20, at=AT))
    assert [one.scheduled_ns for one in log.requests] == [LEAD + AT + ms(50) * n for n in range(10)]
    assert [one.sent_ns for one in log.requests] == [one.scheduled_ns for one in log.requests]
    (opened,) = [one.at_ns for one in log.changes if one.change == "connected"]
    assert LEAD + AT - ms(100) <= opened < LEAD + AT


def test_subscribers_come_later_and_stay_as_long() -> None:
    log, _ = against(simulated, Script, subscribe(2, at=AT))
    opened = [one.at_ns for one in log.changes if one.change == "connected"]
    assert len(opened) == 2
    assert all(LEAD + AT <= at_ns < LEAD + AT + ms(100) for at_ns in opened)
    left = [one.at_ns for one in log.changes if one.change == "closed"]
    assert all(LEAD + AT + ms(500) <= at_ns < LEAD + AT + ms(600) for at_ns in left)
