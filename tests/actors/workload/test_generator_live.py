"""The same generator on real sockets. What is asserted does not depend on how fast the machine is."""

from pathlib import Path

import pytest

from battle.actors.spec.workloads import HttpPoisson, HttpUsers
from battle.actors.units import ms, seconds
from tests.actors.workload.scripted import Script, Server, constant, run_load_live, truthful
from tests.actors.workload.test_generator_connections import closing, hanging, kinds, resetting

pytestmark = [pytest.mark.live, pytest.mark.alone]


def test_right_answers_at_a_constant_rate(tmp_path: Path) -> None:
    server = Server(truthful)
    spec = constant(
        {"eth_blockNumber": 1, "eth_getBalance": 1}, rate=200, duration=ms(300), timeout=seconds(5)
    )
    log = run_load_live(tmp_path, spec, server)
    assert len(log.requests) == len(server.requests) == 60
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "right")}
    first = min(request.scheduled_ns for request in log.requests)
    due = sorted(request.scheduled_ns - first for request in log.requests)
    assert due == [ms(5) * number for number in range(60)]
    assert all(r.scheduled_ns <= (r.sent_ns or 0) <= r.ended_ns for r in log.requests)
    assert log.total("due") == log.total("sent") == log.total("ended") == 60


def test_poisson_traffic(tmp_path: Path) -> None:
    log = run_load_live(tmp_path, HttpPoisson("eth_call", rate=300, duration=ms(300)), Server(truthful))
    assert len(log.requests) > 30
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "right")}


def test_users(tmp_path: Path) -> None:
    server = Server(truthful)
    log = run_load_live(tmp_path, HttpUsers("eth_chainId", users=4, duration=ms(200)), server)
    assert server.connections == 4
    assert len(log.requests) == len(server.requests) >= 4
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "right")}


@pytest.mark.parametrize(
    ("script", "ending"),
    [
        (resetting, ("unknown", "reset", True)),
        (closing, ("unknown", "closed", True)),
        (hanging, ("unknown", "timeout", True)),
        (None, ("error", "refused", False)),
    ],
)
def test_trouble(tmp_path: Path, script: Script | None, ending: tuple[str, str, bool]) -> None:
    spec = constant(rate=50, duration=ms(200), timeout=ms(400))
    log = run_load_live(tmp_path, spec, None if script is None else Server(script))
    assert kinds(log) == {ending}
    assert len(log.requests) == 10
