"""Calls over a client's WebSocket: the same retries and breakers as over HTTP, several at once."""

import msgspec
import pytest

from battle.actors.gateway import ws_client as client_module
from battle.actors.spec.gateways import EmbeddedGateway, Retry
from battle.actors.units import ms
from battle.actors.world import interfaces
from tests.actors.gateway.stage import answer, call, close, hang, reply, rpc_error, say, simulated
from tests.actors.gateway.ws_stage import chain_provider, ws_client, ws_gateway

pytestmark = pytest.mark.alone  # its live tests measure how late they are

CALM = Retry(attempt_timeout=ms(300), budget_floor=1000)


async def before(stage, *steps, **settings):
    """Provider a plays the steps, b answers; a client in front of them."""
    a = await stage.provider("a", *steps)
    b = await stage.provider("b", answer(b"0xb"))
    gateway = await stage.gateway(EmbeddedGateway(**({"retry": CALM} | settings)), a, b)
    return await ws_client(stage, gateway), a, b


@pytest.mark.parametrize("call_id", ["w0-0", 7, None, "\u00e9"])
def test_an_answer_comes_with_the_clients_id(either_world, call_id):
    async def main(stage):
        client, a, _ = await before(stage, answer(b"0x2a"))
        client.send(call(call_id))
        await client.until(lambda: client.answers)
        return client.answers, a.requests[0].body, stage.log.attempts

    answers, body, [attempt] = either_world(main)
    assert answers == [{"jsonrpc": "2.0", "id": call_id, "result": "0x2a"}]
    assert body == call(call_id)
    assert (attempt.transport, attempt.request_id) == ("http", "w0-0" if call_id == "w0-0" else None)


@pytest.mark.parametrize("step", [close, hang, reply(503), rpc_error(-32603), say(b"no HTTP\r\n\r\n")])
def test_a_failing_provider_is_survived_as_over_http(either_world, step):
    async def main(stage):
        client, _, _ = await before(stage, step)
        return await client.call("eth_blockNumber"), stage.log.story

    said, story = either_world(main)
    assert said["result"] == "0xb"
    assert [it[:2] for it in story] == [("a", "primary"), ("b", "retry")]


def test_several_calls_are_in_flight_and_the_quick_one_overtakes(either_world):
    async def main(stage):
        client, _, _ = await before(stage, answer(b"0x1", after=ms(150)), answer(b"0x2"))
        client.send(call("slow"))
        await stage.sleep(ms(20))
        client.send(call("quick"))
        await client.until(lambda: len(client.answers) == 2)
        return [(it["id"], it["result"]) for it in client.answers]

    assert either_world(main) == [("quick", "0x2"), ("slow", "0x1")]


def test_a_batch_stays_one(either_world):
    async def main(stage):
        client, a, _ = await before(stage, answer(b"0x2a"))
        client.send(b"[" + call(1) + b"," + call("two") + b"]")
        await client.until(lambda: client.answers)
        return client.answers[0], len(a.requests), stage.log.attempts[0].method

    batch, requests, method = either_world(main)
    assert [(it["id"], it["result"]) for it in batch] == [(1, "0x2a"), ("two", "0x2a")]
    assert (requests, method) == (1, "batch")


def test_a_batch_with_subscriptions_in_it_is_answered_as_one():
    async def main(stage):
        a = await chain_provider(stage, "a")
        client = await ws_client(stage, await ws_gateway(stage, a))
        client.send(
            [
                {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]},
                {"jsonrpc": "2.0", "id": 2, "method": "eth_chainId"},
                {"jsonrpc": "2.0", "id": 3, "method": "eth_subscribe", "params": ["nothing"]},
                {"jsonrpc": "2.0", "id": 4},
                {"jsonrpc": "2.0", "method": "eth_subscribe", "params": ["newHeads"]},
            ]
        )
        await client.until(lambda: client.answers)
        by_id = {it["id"]: it for it in client.answers[0]}
        await client.heads(by_id[1]["result"], 2)
        return by_id, a.calls[0], len(client.notes)

    by_id, asked, subscriptions = simulated(main)
    assert sorted(by_id) == [1, 2, 3, 4]
    assert by_id[2]["result"] == "a:eth_chainId"
    assert (by_id[3]["error"]["code"], by_id[4]["error"]["code"]) == (-32602, -32600)
    assert [it["id"] for it in asked] == [2]
    assert subscriptions == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [(b"{", -32700), (b"[]", -32600), (b"7", -32600), (b'{"id":"x"}', -32600), (b"[" * 5000, -32700)],
)
def test_what_is_no_call_is_refused_and_the_connection_goes_on(text, code):
    async def main(stage):
        client, _, _ = await before(stage, answer())
        client.send(text)
        await client.until(lambda: client.answers)
        return client.answers[0], await client.call("eth_chainId")

    refused, said = simulated(main)
    assert (refused["error"]["code"], said["result"]) == (code, "0x1")


def test_a_notification_gets_no_answer():
    async def main(stage):
        client, a, _ = await before(stage, reply(200, b""), answer())
        client.send({"jsonrpc": "2.0", "method": "eth_blockNumber"})
        await stage.sleep(ms(50))
        await client.call("eth_chainId")
        return client.answers, len(a.requests)

    answers, requests = simulated(main)
    assert (len(answers), requests) == (1, 2)


@pytest.mark.parametrize(
    "step", [reply(413, b"<html>bad</html>"), reply(422, b'{"jsonrpc":"2.0","id":1}'), reply(413, b"\xff")]
)
def test_an_http_error_without_json_rpc_is_told_in_json_rpc(step):
    async def main(stage):
        client, _, _ = await before(stage, step)
        return await client.call("eth_blockNumber")

    said = simulated(main)
    assert said["error"]["code"] == -32000
    assert said["error"]["data"]["http_status"] in (413, 422)


def test_a_400_without_json_rpc_is_no_servers_and_another_provider_is_asked():
    async def main(stage):
        client, _, _ = await before(stage, reply(400, b"<html>bad</html>"))
        return await client.call("eth_blockNumber")

    assert simulated(main)["result"] == "0xb"


def test_an_answer_that_is_not_utf8_does_not_reach_the_client():
    async def main(stage):
        client, _, _ = await before(stage, reply(200, b'{"jsonrpc":"2.0","id":1,"result":"\xff"}'))
        return await client.call("eth_blockNumber")

    assert simulated(main)["result"] == "0xb"  # it is asked for at the next provider


def test_when_nobody_answers_the_client_is_told_so(either_world):
    async def main(stage):
        client, a, b = await before(stage, answer())
        a.stop()
        b.stop()
        await stage.sleep(ms(20))
        return await client.call("eth_blockNumber")

    assert either_world(main)["error"]["code"] == -32000


def test_so_many_calls_are_in_flight_and_no_more(monkeypatch):
    monkeypatch.setattr(client_module, "MAX_IN_FLIGHT", 2)

    async def main(stage):
        client, _, _ = await before(stage, answer(after=ms(100)))
        for number in range(3):
            client.send(call(number))
        client.send(b"[" + call(3) + b"]")
        await client.until(lambda: len(client.answers) == 4)
        return client.answers, await client.call("eth_chainId")

    answers, later = simulated(main)
    assert (answers[0]["id"], answers[0]["error"]["code"]) == (2, -32005)
    assert (answers[1][0]["id"], answers[1][0]["error"]["code"]) == (3, -32005)
    assert [it["result"] for it in answers[2:]] == ["0x1", "0x1"]
    assert later["result"] == "0x1"


def test_large_messages_under_way_are_bounded_over_all_clients(monkeypatch):
    monkeypatch.setattr(interfaces, "NODE_HELD_BYTES", 2**18)

    async def main(stage):
        client, _, _ = await before(stage, answer(after=ms(100)))
        for number in range(10):
            client.send(call(number, params=("x" * 50_000,)))
        await client.until(lambda: len(client.answers) == 10)
        return client.answers, await client.call("eth_chainId", "x" * 50_000)

    answers, later = simulated(main)
    refused = {it["id"]: it["error"] for it in answers if "error" in it}
    assert set(refused) == {6, 7, 8, 9}
    assert refused[9] == {"code": -32005, "message": "too much waits here for all clients together"}
    assert later["result"] == "0x1"


def test_a_client_that_leaves_with_calls_in_flight_harms_nobody(either_world):
    async def main(stage):
        client, _, _ = await before(stage, answer(after=ms(50)))
        client.send(call(1))
        await stage.sleep(ms(10))
        client.websocket.abort()
        await stage.sleep(ms(100))
        return stage.log.story

    assert either_world(main) == [("a", "primary", None)]


def test_http_and_websocket_share_the_port(either_world):
    async def main(stage):
        a = await stage.provider("a", answer(b"0x2a"))
        gateway = await stage.gateway(EmbeddedGateway(), a)
        client = await ws_client(stage, gateway)
        over_http = await gateway.ask(call(1))
        return msgspec.json.decode(over_http.body), await client.call("eth_blockNumber")

    over_http, over_ws = either_world(main)
    assert over_http == over_ws == {"jsonrpc": "2.0", "id": 1, "result": "0x2a"}
