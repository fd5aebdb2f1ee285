"""Sessions played by a load's node: what is asked when, and what the log says of each session."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio

from battle.actors.spec.chain import Chain
from battle.actors.spec.latency import Uniform
from battle.actors.spec.workloads import HttpSessions, SessionStep
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import HttpRequest, encode_response
from battle.actors.wire.jsonrpc import RpcError, encode_error, encode_result
from battle.actors.world.interfaces import Stream, World
from battle.actors.world.simulated.cluster import SimulatedCluster
from battle.store.events import SessionEnded
from battle.store.segment import segment_path
from tests.actors.workload.scripted import (
    BEGIN_NS,
    Log,
    Server,
    call_of,
    read_log,
    run_load,
    run_load_live,
    truthful,
)
from tests.actors.workload.sessions.sample_scripts import HERE
from tests.actors.workload.test_generator_kinds import answered_late, kinds, result_of

FAST = ms(20)
QUICK = Chain(seed=5, block_time=ms(100))


def sessions(script: str = "", **more: Any) -> HttpSessions:
    fields: dict[str, Any] = {"rate": 5, "duration": seconds(2), "name": "users", "timeout": seconds(1)}
    return HttpSessions(script=script, **(fields | more))


def ended(log: Log) -> list[SessionEnded]:
    return sorted((one for one in log.events if isinstance(one, SessionEnded)), key=lambda one: one.session)


def outcomes(log: Log) -> set[tuple[str, str | None]]:
    return {(one.outcome, one.detail) for one in ended(log)}


class Node:
    """A node that is truthful about its chain and has filters; `forgets` them after so many polls of one."""

    def __init__(self, forgets: int = 10**9) -> None:
        self.forgets = forgets
        self.polls: dict[str, int] = {}

    async def __call__(self, world: World, stream: Stream, request: HttpRequest) -> None:
        call: Any = call_of(request)
        body = encode_result(call.id, self.result(world, call))
        if call.method == "eth_mine":
            body = encode_error(call.id, RpcError(-32601, "no such method"))
        elif call.method == "eth_getFilterChanges" and self.polls[call.params[0]] > self.forgets:
            body = encode_error(call.id, RpcError(-32000, "filter not found"))
        stream.write(encode_response(200, body))

    def result(self, world: World, call: Any) -> Any:
        if call.method == "eth_newBlockFilter":
            name = hex(len(self.polls) + 1)
            self.polls[name] = 0
            return name
        if call.method == "eth_getFilterChanges":
            self.polls[call.params[0]] += 1
            return [f"0x{self.polls[call.params[0]]:064x}"]
        if call.method == "eth_uninstallFilter":
            return True
        return None if call.method == "eth_mine" else result_of(world, call)


Run = Callable[..., Log]


@pytest.fixture(params=["simulated", pytest.param("live", marks=[pytest.mark.live, pytest.mark.alone])])
def either_run(request: pytest.FixtureRequest) -> Run:
    return {"simulated": run_load, "live": run_load_live}[request.param]


def test_each_step_follows_from_the_answer_before(tmp_path: Path, either_run: Run) -> None:
    server = Server(Node())
    log = either_run(tmp_path, sessions(f"{HERE}:balances", rate=20, duration=seconds(1)), server)
    assert outcomes(log) <= {("ok", None), ("unfinished", "the load was over")}
    found = [one for one in ended(log) if one.outcome == "ok"]
    assert len(found) >= 15
    assert kinds(log) == {("ok", "right")}
    for session in found:
        own = sorted((r for r in log.requests if r.client == session.session), key=lambda r: r.scheduled_ns)
        assert [one.request_id for one in own] == [f"w0-{session.session * 1000 + n}" for n in range(3)]
        assert [one.method for one in own] == ["eth_blockNumber", "eth_getBalance", "eth_getBalance"]
        assert own[0].scheduled_ns == session.scheduled_ns
        assert own[1].scheduled_ns >= own[0].ended_ns + ms(100)
        assert own[2].scheduled_ns >= own[1].ended_ns
        assert session.ended_ns >= own[2].ended_ns
        assert (session.requests, session.script) == (3, f"{HERE}:balances")
    asked = [str(call_of(request).params) for request in server.requests]
    assert len(set(asked)) >= len(found)


def test_sessions_begin_when_they_are_due_whatever_becomes_of_others(tmp_path: Path) -> None:
    log = run_load(tmp_path, sessions(f"{HERE}:balances", think_time=ms(900)), Server(answered_late(ms(300))))
    assert [one.scheduled_ns - BEGIN_NS for one in ended(log)] == [ms(200) * n for n in range(10)]
    assert {one.outcome for one in ended(log)} == {"unfinished"}
    assert max(one.ended_ns for one in ended(log)) < BEGIN_NS + seconds(2) + ms(400)


@pytest.mark.parametrize(
    ("script", "found", "requests"),
    [
        ("careful", ("ok", None), 2),
        ("careless", ("failed", "eth_mine: error -32601: no such method"), 1),
        ("suspicious", ("failed", "another chain"), 1),
    ],
)
def test_a_script_may_go_on_without_an_answer_or_fail(
    tmp_path: Path, script: str, found: tuple[str, str | None], requests: int
) -> None:
    log = run_load(tmp_path, sessions(f"{HERE}:{script}"), Server(Node()))
    assert outcomes(log) == {found}
    assert [one.requests for one in ended(log)] == [requests] * 10
    failed = {one.failed_request_id for one in ended(log)}
    assert failed == ({None} if found[0] == "ok" else {f"w0-{n * 1000}" for n in range(10)})


def test_a_session_whose_answer_never_comes_fails(tmp_path: Path) -> None:
    async def silent(world: World, stream: Stream, request: HttpRequest) -> None:
        await world.sleep_until(world.now_ns() + seconds(60))

    log = run_load(tmp_path, sessions("walk_blocks", duration=seconds(4)), Server(silent))
    assert outcomes(log) == {("failed", "eth_getBlockByNumber: timeout")}
    assert len(ended(log)) == 20


def test_a_filter_is_polled_and_its_loss_found(tmp_path: Path, either_run: Run) -> None:
    spec = sessions("poll_filter", length=3, rate=10, duration=seconds(1))
    log = run_load(tmp_path / "kept", spec, Server(Node()), chain=QUICK)
    assert ("ok", None) in outcomes(log)
    assert outcomes(log) <= {("ok", None), ("unfinished", "the load was over")}
    lost = run_load(tmp_path / "lost", spec, Server(Node(forgets=1)), chain=QUICK)
    assert ("failed", "eth_getFilterChanges: error -32000: filter not found") in outcomes(lost)


def test_blocks_and_logs_are_walked_and_judged(tmp_path: Path, either_run: Run) -> None:
    for script in ("walk_blocks", "walk_logs"):
        log = either_run(
            tmp_path / script, sessions(script, length=4, rate=4, duration=seconds(1)), Server(truthful)
        )
        assert kinds(log) == {("ok", "right")}
        assert {one.requests for one in ended(log) if one.outcome == "ok"} == {
            4 if script == "walk_blocks" else 5
        }


def test_steps_are_played(tmp_path: Path, either_run: Run) -> None:
    steps = (
        SessionStep(method="eth_getBlockByNumber", params=["latest", False], save="block"),
        SessionStep(
            method="eth_getBlockByHash", params=["{block.hash}", False], expect={"result": "{block}"}, times=2
        ),
    )
    log = either_run(tmp_path, sessions(steps=steps, think_time=Uniform(FAST, 2 * FAST)), Server(truthful))
    assert outcomes(log) <= {("ok", None), ("unfinished", "the load was over")}
    assert kinds(log) == {("ok", "right")}
    for session in ended(log)[:5]:
        own = sorted((r for r in log.requests if r.client == session.session), key=lambda r: r.scheduled_ns)
        gaps = [after.scheduled_ns - before.ended_ns for before, after in pairwise(own)]
        assert len(gaps) == 2
        assert min(gaps) >= FAST


def test_shards_play_other_sessions_and_a_seed_the_same(tmp_path: Path) -> None:
    spec = sessions(f"{HERE}:balances", shards=2, duration=seconds(1))
    logs = [run_load(tmp_path / str(shard), spec, Server(truthful), shard=shard) for shard in range(2)]
    assert [[one.session for one in ended(log)] for log in logs] == [[0, 2, 4], [1, 3]]
    again = run_load(tmp_path / "again", spec, Server(truthful), shard=1)
    assert again.events == logs[1].events


def test_a_script_that_breaks_ends_the_load_as_its_author_s(tmp_path: Path) -> None:
    log = run_load(tmp_path, sessions(f"{HERE}:broken"), Server(truthful))
    assert log.exit is not None
    assert (log.exit.how, log.exit.for_good) == ("failed", True)
    assert "raised TypeError" in log.exit.reason


def test_what_is_open_when_the_load_is_stopped_is_unfinished(tmp_path: Path) -> None:
    async def stop(cluster: SimulatedCluster, load: Any, server: Any) -> None:
        await trio.sleep_until((BEGIN_NS + ms(500)) / 1e9)
        raise KeyboardInterrupt

    with pytest.raises(BaseExceptionGroup):
        run_load(tmp_path, sessions(f"{HERE}:sleepy"), Server(truthful), interfere=stop)
    log = Log(read_log(segment_path(tmp_path, "load", 1)))
    assert outcomes(log) == {("unfinished", "interrupted")}
    assert [one.session for one in ended(log)] == [0, 1, 2]
