"""The generator end to end in virtual time: what each behaviour of a server becomes in the log."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from battle.actors.spec.workloads import HttpPoisson, HttpUsers
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import HttpRequest, encode_response
from battle.actors.wire.jsonrpc import RpcError, encode_error, encode_result
from battle.actors.world.interfaces import Stream, World
from tests.actors.workload.scripted import (
    BEGIN_NS,
    MODEL,
    Server,
    answering,
    call_of,
    constant,
    read_log,
    right_answer,
    run_load,
    truthful,
)

MIX = {
    "eth_blockNumber": 3.0,
    "eth_getBalance": 2.0,
    "eth_call": 1.0,
    "eth_getBlockByNumber": 1.0,
    "eth_getTransactionReceipt": 1.0,
    "eth_getLogs": 1.0,
    "eth_sendRawTransaction": 1.0,
    "net_version": 1.0,
}


def test_each_request_is_sent_when_it_is_due_and_its_right_answer_logged(tmp_path: Path) -> None:
    server = Server(truthful)
    log = run_load(tmp_path, constant(), server)
    assert [request.request_id for request in log.requests] == [f"w0-{number}" for number in range(10)]
    assert [request.scheduled_ns for request in log.requests] == [BEGIN_NS + ms(100) * n for n in range(10)]
    assert {(request.outcome, request.answer, request.failure) for request in log.requests} == {
        ("ok", "right", None)
    }
    assert all(request.sent_ns == request.scheduled_ns for request in log.requests[1:])
    assert {(request.workload, request.method) for request in log.requests} == {("load", "eth_blockNumber")}
    assert {request.http_status for request in log.requests} == {200}
    assert all(request.response_bytes and request.response_bytes > 30 for request in log.requests)


def test_requests_share_one_connection_while_one_is_enough(tmp_path: Path) -> None:
    server = Server(truthful)
    run_load(tmp_path, constant(), server)
    assert server.connections == 1
    assert len(server.requests) == 10


def test_a_request_carries_its_id_in_header_call_and_parameters(tmp_path: Path) -> None:
    server = Server(truthful)
    run_load(tmp_path, constant("eth_getBalance"), server, index=3)
    third = server.requests[2]
    assert third.headers[b"x-battle-request"] == b"w3-2"
    assert bytes(call_of(third).id) == b'"w3-2"'  # type: ignore[arg-type]
    assert "ba771e000003000000000002" in third.body.decode()


def test_the_target_s_path_is_asked_for(tmp_path: Path) -> None:
    server = Server(truthful)
    run_load(tmp_path, constant(), server, path="/rpc/mainnet")
    assert {request.target for request in server.requests} == {"/rpc/mainnet"}


def test_every_method_of_a_mix_is_asked_and_judged(tmp_path: Path) -> None:
    log = run_load(tmp_path, constant(MIX, rate=200), Server(truthful))
    assert {request.method for request in log.requests} == MIX.keys()
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "right")}


def test_an_answer_that_was_right_only_when_the_request_was_sent_is_right(tmp_path: Path) -> None:
    async def slow(world: World, stream: Stream, request: HttpRequest) -> None:
        body = right_answer(world, request)
        await world.sleep_until(world.now_ns() + seconds(2.5))
        stream.write(encode_response(200, body))

    log = run_load(tmp_path, constant(timeout=seconds(10)), Server(slow))
    assert {request.answer for request in log.requests} == {"right"}


def test_an_answer_from_blocks_ago_is_stale(tmp_path: Path) -> None:
    async def lagging(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(200, right_answer(world, request, behind=5)))

    log = run_load(tmp_path, constant(), Server(lagging))
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "stale")}


def test_an_answer_that_was_never_true_is_wrong(tmp_path: Path) -> None:
    async def lying(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(200, encode_result(call_of(request).id, "0x1")))  # type: ignore[arg-type]

    log = run_load(tmp_path, constant("eth_getBalance"), Server(lying))
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "wrong")}


def test_an_answer_to_another_request_is_wrong(tmp_path: Path) -> None:
    async def swapping(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(200, right_answer(world, request).replace(b'"w0-', b'"w0-1')))

    log = run_load(tmp_path, constant(), Server(swapping))
    endings = {(request.outcome, request.answer, request.failure) for request in log.requests}
    assert endings == {("error", "wrong", "wrong_id")}


def test_a_canned_answer_is_right(tmp_path: Path) -> None:
    async def canned(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(200, encode_result(call_of(request).id, {"a": 1})))  # type: ignore[arg-type]

    log = run_load(
        tmp_path, constant("my_method"), Server(canned), canned={"my_method": [{"b": 2}, {"a": 1}]}
    )
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "right")}


def test_answers_are_not_judged_when_told_not_to(tmp_path: Path) -> None:
    server = Server(answering(200, b'{"jsonrpc":"2.0","id":1,"result":"0x10d4f"}'))
    log = run_load(tmp_path, constant(), server, checks_answers=False)
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "none")}


def test_an_error_of_json_rpc_is_an_error(tmp_path: Path) -> None:
    async def failing(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(200, encode_error(call_of(request).id, RpcError(-32005, "slow down"))))  # type: ignore[arg-type]

    log = run_load(tmp_path, constant(), Server(failing))
    assert {(r.outcome, r.failure, r.rpc_code, r.answer, r.http_status) for r in log.requests} == {
        ("error", "rpc_error", -32005, "none", 200)
    }


@pytest.mark.parametrize("status", [301, 429, 503])
def test_an_http_status_that_is_not_2xx_is_an_error(tmp_path: Path, status: int) -> None:
    log = run_load(tmp_path, constant(), Server(answering(status, b"no")))
    assert {(r.outcome, r.failure, r.http_status, r.answer) for r in log.requests} == {
        ("error", "http_status", status, "none")
    }


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"jsonrpc":"2.0","id":"w0-0"}', b"\xff", b""])
def test_an_answer_that_is_not_json_rpc_is_an_error(tmp_path: Path, body: bytes) -> None:
    log = run_load(tmp_path, constant(), Server(answering(200, body)))
    assert {(r.outcome, r.failure, r.http_status, r.answer) for r in log.requests} == {
        ("error", "not_json_rpc", 200, "wrong")
    }


def test_the_provider_is_known_when_the_response_names_it(tmp_path: Path) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"result":1}'
    log = run_load(
        tmp_path, constant(), Server(answering(200, body, headers={b"x-battle-provider": b"alice"}))
    )
    assert {request.provider for request in log.requests} == {"alice"}


def test_a_stall_is_counted_from_the_due_times(tmp_path: Path) -> None:
    """The promise this generator stands on: a server frozen from 300 to 800 ms hides no wait."""

    async def frozen(world: World, stream: Stream, request: HttpRequest) -> None:
        if BEGIN_NS + ms(300) <= world.now_ns() < BEGIN_NS + ms(800):
            await world.sleep_until(BEGIN_NS + ms(800))
        await truthful(world, stream, request)

    log = run_load(tmp_path, constant(rate=20, timeout=seconds(5)), Server(frozen))
    latencies_ms = sorted((request.ended_ns - request.scheduled_ns) // ms(1) for request in log.requests)
    assert latencies_ms == [0] * 10 + list(range(50, 501, 50))


def test_the_same_stall_over_one_connection_says_the_same(tmp_path: Path) -> None:
    async def frozen(world: World, stream: Stream, request: HttpRequest) -> None:
        if BEGIN_NS + ms(300) <= world.now_ns() < BEGIN_NS + ms(800):
            await world.sleep_until(BEGIN_NS + ms(800))
        await truthful(world, stream, request)

    spec = constant(rate=20, timeout=seconds(5), max_connections=1)
    log = run_load(tmp_path, spec, Server(frozen))
    latencies_ms = sorted((request.ended_ns - request.scheduled_ns) // ms(1) for request in log.requests)
    assert latencies_ms[10:] == pytest.approx(range(50, 501, 50), abs=2)
    assert log.total("sent") == 20
    assert max(sample.lateness_max_ns or 0 for sample in log.samples) == pytest.approx(ms(450), abs=ms(2))


def test_poisson_traffic_follows_its_schedule(tmp_path: Path) -> None:
    spec = HttpPoisson("eth_chainId", rate=100, duration=seconds(2), name="bursty")
    log = run_load(tmp_path, spec, Server(truthful))
    due = sorted(request.scheduled_ns for request in log.requests)
    assert 140 < len(due) < 260
    assert len({later - earlier for earlier, later in pairwise(due)}) > 130
    assert due[0] > BEGIN_NS
    assert due[-1] < BEGIN_NS + seconds(2)
    assert {request.answer for request in log.requests} == {"right"}


def test_shards_on_different_nodes_send_the_whole_workload_once(tmp_path: Path) -> None:
    spec = HttpPoisson("eth_chainId", rate=50, duration=seconds(1), shards=3)
    whole = HttpPoisson("eth_chainId", rate=50, duration=seconds(1))
    parts = [run_load(tmp_path / str(n), spec, Server(truthful), shard=n).requests for n in range(3)]
    together = sorted((r.scheduled_ns, r.request_id) for part in parts for r in part)
    alone = run_load(tmp_path / "whole", whole, Server(truthful)).requests
    assert together == sorted((request.scheduled_ns, request.request_id) for request in alone)


def test_users_wait_for_an_answer_before_they_ask_again(tmp_path: Path) -> None:
    async def slow(world: World, stream: Stream, request: HttpRequest) -> None:
        await world.sleep_until(world.now_ns() + ms(100))
        await truthful(world, stream, request)

    server = Server(slow)
    log = run_load(tmp_path, HttpUsers("eth_chainId", users=3, duration=seconds(1)), server)
    assert len(log.requests) == 3 * 10
    assert server.connections == 3
    assert len({request.request_id for request in log.requests}) == 30
    assert all(request.sent_ns == request.scheduled_ns for request in log.requests)
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "right")}
    assert {request.workload for request in log.requests} == {"workload-0"}
    assert Counter(request.client for request in log.requests) == {0: 10, 1: 10, 2: 10}


def test_users_of_a_dead_server_do_not_spin(tmp_path: Path) -> None:
    log = run_load(tmp_path, HttpUsers("eth_chainId", users=2, duration=seconds(1)), None)
    assert {(request.outcome, request.failure) for request in log.requests} == {("error", "refused")}
    assert 100 < len(log.requests) <= 200


def test_each_second_is_sampled_and_the_sums_agree_with_the_requests(tmp_path: Path) -> None:
    spec = constant(rate=20, duration=seconds(2.5))
    log = run_load(tmp_path, spec, Server(truthful))
    assert [sample.at_ns - BEGIN_NS for sample in log.samples[:2]] == [seconds(1), seconds(2)]
    assert len(log.samples) == 3
    assert [sample.due for sample in log.samples] == [20, 20, 10]
    assert log.total("sent") == log.total("ended") == len(log.requests) == 50
    assert log.total("errors") == log.total("dropped") == 0
    assert {sample.workload for sample in log.samples} == {"load"}
    assert all(sample.latency_p95_ns for sample in log.samples)
    assert log.samples[1].lateness_max_ns == 0


def test_one_seed_gives_one_log(tmp_path: Path) -> None:
    spec = HttpPoisson(MIX, rate=300, duration=seconds(1))
    for name, seed in (("one", 4), ("two", 4), ("other", 5)):
        run_load(tmp_path / name, spec, Server(truthful), seed=seed)
    one, two, other = (
        (tmp_path / n / "events" / "load.1.ndjson").read_bytes() for n in ("one", "two", "other")
    )
    assert one == two
    assert one != other
    assert len(read_log(tmp_path / "one" / "events" / "load.1.ndjson")) > 200


def test_the_model_is_the_same_on_both_sides() -> None:
    assert MODEL.answer("eth_chainId", [], MODEL.head_at(0)) == "0x1"
