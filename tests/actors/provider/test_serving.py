"""What a provider's clients get, and what the log says of it: end to end through bytes, in both worlds."""

import msgspec
import pytest

from battle.actors.chain.model import ChainModel
from battle.actors.provider.connection import MAX_PIPELINED
from battle.actors.spec.latency import Uniform
from battle.actors.spec.limits import HttpLimits
from battle.actors.units import ms
from battle.actors.wire.correlation import embedded
from battle.actors.wire.http.messages import encode_request
from battle.actors.world import interfaces
from battle.store.events import AttemptServed, BenchLimitReached
from tests.actors.provider.stage import CALL, CHAIN, HEAD, decoded, facts, play
from tests.actors.worlds import simulated

BLOCKS_ASKED = [
    {"jsonrpc": "2.0", "id": number, "method": "eth_getBlockByNumber", "params": [hex(number), True]}
    for number in range(20)
]
BLOCKS = msgspec.json.encode(BLOCKS_ASKED)


def test_a_call_is_answered_and_logged(either_world):
    async def script(stage, provider):
        before_ns = stage.now_ns()
        response = await provider.ask(CALL, b"w0-7")
        return response, before_ns, stage.now_ns(), await provider.logged(1)

    response, before_ns, after_ns, (event,) = play(either_world, script)
    assert (response.status, response.keep_alive) == (200, True)
    assert decoded(response) == {"jsonrpc": "2.0", "id": 1, "result": "0x1"}
    assert facts(event, "provider", "transport", "method", "request_id") == (
        "a",
        "http",
        "eth_chainId",
        "w0-7",
    )
    assert facts(event, "outcome", "http_status", "rpc_code", "fault_id") == ("ok", 200, None, None)
    assert before_ns <= event.received_ns <= event.replied_ns <= after_ns


def test_the_head_advances():
    async def script(stage, provider):
        heads = []
        for _ in range(3):
            heads.append(
                int(decoded(await provider.ask(CALL.replace(b"chainId", b"blockNumber")))["result"], 16)
            )
            await stage.sleep(CHAIN.block_time)
        return heads, stage.now_ns()

    (first, *others), now_ns = play(simulated, script)
    assert others == [first + 1, first + 2]
    assert first + 3 == ChainModel(CHAIN).head_at(now_ns)


def test_errors_of_json_rpc_are_http_200(either_world):
    bodies = [b"{", b"[]", b'{"jsonrpc":"2.0","id":1,"method":"m"}', CALL.replace(b"}", b',"params":[1]}')]

    async def script(stage, provider):
        responses = [await provider.ask(body) for body in bodies]
        return responses, await provider.logged(4)

    responses, log = play(either_world, script)
    codes = [-32700, -32600, -32601, -32602]
    assert [response.status for response in responses] == [200] * 4
    assert [decoded(response)["error"]["code"] for response in responses] == codes
    assert [facts(event, "method", "outcome", "rpc_code") for event in log] == [
        (method, outcome, code)
        for method, outcome, code in zip(
            ["", "", "m", "eth_chainId"], ["error", "error", "ok", "ok"], codes, strict=True
        )
    ]


def test_a_batch_is_one_response_and_an_attempt_for_each_call(either_world):
    batch = (
        b'[{"jsonrpc":"2.0","id":"w0-1","method":"eth_chainId"},{"jsonrpc":"2.0","method":"eth_syncing"},7]'
    )

    async def script(stage, provider):
        return await provider.ask(batch), await provider.logged(3)

    response, log = play(either_world, script)
    assert [one["id"] for one in decoded(response)] == ["w0-1", None]
    assert [facts(event, "method", "outcome", "request_id") for event in log] == [
        ("eth_chainId", "ok", "w0-1"),
        ("eth_syncing", "ok", None),
        ("", "error", None),
    ]
    assert len({event.replied_ns for event in log}) == 1


def test_notifications_alone_are_answered_with_no_content(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        response = await client.ask(b'[{"jsonrpc":"2.0","method":"eth_chainId"}]')
        return response, await client.ask(), await provider.logged(2)

    response, after, (event, _) = play(either_world, script)
    assert (response.status, response.body) == (204, b"")
    assert after.status == 200
    assert facts(event, "outcome", "http_status") == ("ok", 204)


def test_a_batch_over_the_limit_is_refused():
    async def script(stage, provider):
        return await provider.ask(b"[%b,%b,%b]" % (CALL, CALL, CALL)), await provider.logged(1)

    response, (event,) = play(simulated, script, max_batch_calls=2)
    assert decoded(response)["error"]["code"] == -32600
    assert facts(event, "method", "outcome", "rpc_code") == ("", "error", -32600)


def test_canned_results_are_given(either_world):
    async def script(stage, provider):
        return await provider.ask(CALL.replace(b"eth_chainId", b"custom"))

    assert decoded(play(either_world, script, canned={"custom": [1, None]}))["result"] == [1, None]


def test_chunked_bodies_and_continue_are_understood(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        client.write(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n%b\r\n" % CALL[:5])
        client.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(CALL) - 5, CALL[5:]))
        chunked = await client.response()
        client.write(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(CALL))
        interim = await client.stream.receive_some()
        client.write(CALL)
        return chunked, interim, await client.response()

    chunked, interim, continued = play(either_world, script)
    assert decoded(chunked) == decoded(continued)
    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_body_over_the_limit_is_refused_and_a_slow_client_too():
    async def script(stage, provider):
        large, slow = await provider.connect(), await provider.connect()
        large.post(b"x" * 101)
        slow.write(HEAD)
        return (await large.response()).status, (await slow.response()).status, stage.now_ns()

    limits = HttpLimits(body_bytes=100, request_timeout=ms(500))
    assert play(simulated, script, limits=limits)[:2] == (413, 408)


# Latency and order


@pytest.mark.parametrize("latency", [0, ms(30)])
def test_the_latency_lies_between_receiving_and_replying(either_world, latency):
    async def script(stage, provider):
        await provider.ask()
        return await provider.logged(1)

    (event,) = play(either_world, script, latency=latency)
    assert latency <= event.replied_ns - event.received_ns
    (event,) = play(simulated, script, latency=latency)
    assert event.replied_ns - event.received_ns == latency


def test_pipelined_requests_are_answered_in_order_and_wait_side_by_side(either_world):
    count = 40

    async def script(stage, provider):
        client = await provider.connect()
        for number in range(count):
            client.post(CALL, b"w0-%d" % number)
        bodies = [(await client.response()).status for _ in range(count)]
        return bodies, await provider.logged(count)

    statuses, log = play(either_world, script, latency=Uniform(0, ms(50)))
    assert statuses == [200] * count
    assert [event.request_id for event in log] == [f"w0-{number}" for number in range(count)]
    assert [event.replied_ns for event in log] == sorted(event.replied_ns for event in log)
    _, log = play(simulated, script, latency=Uniform(0, ms(50)))
    assert log[-1].replied_ns - log[0].received_ns <= ms(50)


def test_replies_in_order_carry_the_right_answers():
    async def script(stage, provider):
        client = await provider.connect()
        for number in range(20):
            client.post(CALL.replace(b":1,", b":%d," % number))
        return [decoded(await client.response())["id"] for _ in range(20)]

    assert play(simulated, script, latency=Uniform(0, ms(50))) == list(range(20))


def test_a_client_that_pipelines_without_end_is_read_no_further_than_the_bound():
    count = 3 * MAX_PIPELINED

    async def script(stage, provider):
        client = await provider.connect()
        for _ in range(count):
            client.post()
        for _ in range(count):
            assert (await client.response()).status == 200
        return provider.log

    log = play(simulated, script, latency=ms(10))
    waves = {event.received_ns for event in log}
    assert len(log) == count
    assert len(waves) >= 3


def test_all_clients_that_pipeline_are_read_no_further_than_a_bound_for_all_together(monkeypatch):
    monkeypatch.setattr(interfaces, "NODE_HELD_BYTES", 2**20)
    clients, each = 8, 30

    async def script(stage, provider):
        peers = [await provider.connect() for _ in range(clients)]
        for peer in peers:
            for _ in range(each):
                peer.post(BLOCKS)
        return [len((await peer.response()).body) for _ in range(each) for peer in peers], provider.log

    sizes, log = play(simulated, script, latency=ms(500))
    served = [event for event in log if isinstance(event, AttemptServed)]
    spans = [(one.received_ns, one.replied_ns) for one in served if one.replied_ns is not None]
    assert len(spans) == len(BLOCKS_ASKED) * clients * each, "it waits to take more, and cuts nobody"
    most = max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)
    held_bytes = most / len(BLOCKS_ASKED) * max(sizes)
    assert 2**20 < held_bytes < 2**20 + 2 * clients * max(sizes), "each may take one in any case"
    [reached] = [event for event in log if isinstance(event, BenchLimitReached)]
    assert (reached.limit, reached.node) == ("kept", "a")


def test_a_refusal_does_not_overtake_the_answers_before_it(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        client.write(encode_request(HEAD, CALL) + b"nonsense\r\n\r\n")
        return [(await client.response()).status, (await client.response()).status, await client.response()]

    assert play(either_world, script, latency=ms(30)) == [200, 400, None]


def test_connection_close_is_honoured_after_the_answer(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        client.post(headers={b"connection": b"close"})
        return await client.response(), await client.response(), await provider.logged(1)

    response, end, (event,) = play(either_world, script, latency=ms(10))
    assert (response.status, response.keep_alive, end) == (200, False, None)
    assert event.outcome == "ok"


def test_an_id_inside_the_parameters_is_trail_enough(either_world):
    body = msgspec.json.encode(
        {"jsonrpc": "2.0", "id": 9, "method": "eth_getBalance", "params": [embedded(2, 5, 20), "latest"]}
    )

    async def script(stage, provider):
        await provider.ask(body)
        return await provider.logged(1)

    (event,) = play(either_world, script)
    assert event.request_id == "w2-5"
