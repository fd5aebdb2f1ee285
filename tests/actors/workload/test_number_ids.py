"""Numbers for JSON-RPC ids in a share of the requests, as clients of others use them."""

import json
from pathlib import Path
from typing import Any

import pytest

from battle.actors.spec.workloads import HttpConstant, Replay, Workload
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import HttpRequest, encode_response
from battle.actors.wire.jsonrpc import encode_result
from battle.actors.world.interfaces import Stream, World
from tests.actors.workload.scripted import Server, call_of, constant, run_load, run_load_live, truthful
from tests.actors.workload.test_generator_kinds import kinds, knowing, result_of, write_trace
from tests.actors.workload.ws.stage import Script, against, requests


def ids_of(server: Server) -> list[Any]:
    bodies = [json.loads(request.body) for request in server.requests]
    return [one["id"] for body in bodies for one in (body if isinstance(body, list) else [body])]


def test_a_share_of_the_requests_has_numbers_that_name_them(tmp_path: Path) -> None:
    server = Server(truthful)
    log = run_load(
        tmp_path, constant({"eth_chainId": 1, "eth_getBalance": 1}, rate=200, number_ids=0.2), server
    )
    assert kinds(log) == {("ok", "right")}
    found = ids_of(server)
    numbers = [one for one in found if isinstance(one, int)]
    assert 25 <= len(numbers) <= 55
    assert {f"w0-{one - 10**12}" for one in numbers} | set(found) - set(numbers) == {
        request.request_id for request in log.requests
    }
    again = Server(truthful)
    run_load(
        tmp_path / "again", constant({"eth_chainId": 1, "eth_getBalance": 1}, rate=200, number_ids=0.2), again
    )
    assert ids_of(again) == found


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_none(tmp_path: Path, share: float) -> None:
    server = Server(truthful)
    run_load(tmp_path, constant(number_ids=share), server)
    assert {type(one) for one in ids_of(server)} == {int if share else str}


def test_the_calls_of_a_batch_have_them_all_or_none(tmp_path: Path) -> None:
    server = Server(knowing)
    spec = HttpConstant("eth_getBalance", rate=20, duration=seconds(1), batch=3, number_ids=0.5)
    log = run_load(tmp_path, spec, server)
    assert kinds(log) == {("ok", "right")}
    types = [{type(one["id"]) for one in json.loads(request.body)} for request in server.requests]
    assert all(len(each) == 1 for each in types)
    assert {each for found in types for each in found} == {int, str}
    assert len(set(ids_of(server))) == 60


def test_a_trace_has_them_too(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.jsonl", *({"at_ms": 10 * n, "method": "eth_chainId"} for n in range(3)))
    path.write_text(path.read_text() + '[{"at_ms": 40, "method": "eth_chainId"}, {"method": "eth_gasPrice"}]')
    server = Server(knowing)
    log = run_load(tmp_path / "run", Replay(str(path), number_ids=1.0), server)
    assert kinds(log) == {("ok", "right")}
    assert ids_of(server) == [10**12 + n for n in range(5)]


async def stringly(world: World, stream: Stream, request: HttpRequest) -> None:
    """A gateway that makes texts of all ids."""
    call = call_of(request)
    body = encode_result(call.id, result_of(world, call))  # type: ignore[arg-type]
    stream.write(encode_response(200, body.replace(bytes(call.id), b'"%b"' % bytes(call.id))))  # type: ignore[arg-type]


def test_an_answer_whose_id_became_a_text_is_wrong(tmp_path: Path) -> None:
    log = run_load(tmp_path, constant(number_ids=1.0), Server(stringly))
    assert {(one.outcome, one.answer, one.failure) for one in log.requests} == {
        ("error", "wrong", "wrong_id")
    }


@pytest.mark.live
@pytest.mark.alone
@pytest.mark.parametrize("batch", [1, 3])
def test_the_same_on_real_sockets(tmp_path: Path, batch: int) -> None:
    spec: Workload = HttpConstant(
        "eth_getBalance", rate=200, duration=ms(200), batch=batch, number_ids=0.5, timeout=seconds(5)
    )
    server = Server(knowing)
    assert kinds(run_load_live(tmp_path, spec, server)) == {("ok", "right")}
    assert {type(one) for one in ids_of(server)} == {int, str}


def test_requests_over_websockets_have_them_too(either_world: Any) -> None:
    log, script = against(
        either_world, Script, requests({"eth_chainId": 1, "eth_getLogs": 1}, rate=100, number_ids=0.5)
    )
    assert set(log.endings()) == {("ok", "right", None)}
    asked = [json.loads(text)["id"] for session in script.server.sessions for text in session.messages]
    assert {type(one) for one in asked} == {int, str}
