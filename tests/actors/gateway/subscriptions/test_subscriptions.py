"""Subscribing at the gateway: what clients get, and what the providers see of it."""

import msgspec
import pytest

from battle.actors.gateway import ws_client as client_module
from battle.actors.units import ms, seconds
from battle.store.events import SubscriptionChanged
from tests.actors.gateway.stage import simulated
from tests.actors.gateway.ws_stage import (
    ADDRESSES,
    BLOCK,
    TOPIC,
    chain_provider,
    header,
    life,
    unbroken,
    ws_client,
    ws_gateway,
)
from tests.actors.wire.websocket.stage import TEXT, frame, raw_client

pytestmark = pytest.mark.alone  # its live tests measure how late they are


async def one_of_each(stage, **settings):
    a = await chain_provider(stage, "a")
    gateway = await ws_gateway(stage, a, **settings)
    return a, await ws_client(stage, gateway), gateway


def test_heads_come_as_the_provider_publishes_them(either_world):
    async def main(stage):
        _, client, _ = await one_of_each(stage)
        subscription = await client.subscribe("newHeads")
        numbers = await client.heads(subscription, 3)
        return numbers, client.notes[subscription], stage.log

    numbers, notes, log = either_world(main)
    assert unbroken(numbers)
    assert notes[0] == header(numbers[0])
    assert life(log, "a") == [("connected", None), ("subscribed", "newHeads")]
    subscribed = log.of(SubscriptionChanged)[1]
    assert (subscribed.side, subscribed.connection, subscribed.subscription) == ("gateway", "1", "a1")


def test_fifty_clients_share_one_subscription(either_world):
    async def main(stage):
        a, first, gateway = await one_of_each(stage)
        clients = [first] + [await ws_client(stage, gateway) for _ in range(49)]
        names = [await client.subscribe("newHeads") for client in clients]
        got = [await client.heads(name, 3) for client, name in zip(clients, names, strict=True)]
        return a.upgrades, a.subscribed("newHeads"), names, got

    upgrades, upstream, names, got = either_world(main)
    assert (upgrades, len(upstream)) == (1, 1)
    assert len(set(names)) == 50
    assert all(unbroken(numbers) for numbers in got)


def test_nothing_comes_after_unsubscribing_and_the_upstream_is_let_go(either_world):
    async def main(stage):
        a, client, gateway = await one_of_each(stage)
        other = await ws_client(stage, gateway)
        mine, others = await client.subscribe("newHeads"), await other.subscribe("newHeads")
        await client.heads(mine, 2)
        answer = await client.call("eth_unsubscribe", mine)
        count = len(client.notes[mine])
        await stage.sleep(3 * BLOCK)
        kept = a.subscribed("newHeads")
        await other.call("eth_unsubscribe", others)
        await stage.sleep(BLOCK)
        again = await client.call("eth_unsubscribe", mine)
        return answer, len(client.notes[mine]) - count, kept, a.sockets, again, stage.log

    answer, more, kept, sockets, again, log = either_world(main)
    assert (answer["result"], more, len(kept), sockets) == (True, 0, 1, [])
    assert again["error"]["code"] == -32000
    assert life(log, "a")[-1] == ("closed", None)
    assert log.of(SubscriptionChanged)[-1].close_code == 1000


def test_a_client_that_goes_away_takes_its_subscriptions_along(either_world):
    async def main(stage):
        a, client, _ = await one_of_each(stage)
        await client.subscribe("newHeads")
        await client.subscribe("logs", {})
        client.websocket.close()
        await client.ended()
        await stage.sleep(BLOCK)
        return a.sockets

    assert either_world(main) == []


def test_a_stream_that_ends_is_unsubscribed_while_others_go_on(either_world):
    async def main(stage):
        a, client, _ = await one_of_each(stage)
        heads, logs = await client.subscribe("newHeads"), await client.subscribe("logs")
        await client.call("eth_unsubscribe", logs)
        count = len(client.notes.get(heads, ()))
        await client.heads(heads, count + 2)
        return a.subscribed("logs"), a.subscribed("newHeads"), life(stage.log, "a")

    logs, heads, life_of_a = either_world(main)
    assert (logs, len(heads)) == ([], 1)
    assert life_of_a[-1] == ("unsubscribed", "logs")


def test_the_same_filter_in_other_words_is_one_stream():
    async def main(stage):
        a, client, _ = await one_of_each(stage)
        upper = ADDRESSES[0].upper().replace("0X", "0x")
        await client.subscribe("logs", {"address": ADDRESSES[0], "topics": [TOPIC]})
        await client.subscribe(
            "logs", {"address": [upper, ADDRESSES[0]], "topics": [[TOPIC]], "fromBlock": "latest"}
        )
        await client.subscribe("logs", {"address": ADDRESSES[1]})
        return a.subscribed("logs"), [
            call["params"] for call in a.sockets[0].heard if "logs" in call["params"]
        ]

    subscribed, asked = simulated(main)
    assert len(subscribed) == 2
    assert asked[0] == ["logs", {"address": [ADDRESSES[0]], "topics": [[TOPIC]]}]


def test_logs_come_filtered_and_the_pulse_is_one_subscription_to_heads(either_world):
    async def main(stage):
        a, client, _ = await one_of_each(stage)
        first = await client.subscribe("logs", {"address": ADDRESSES[0]})
        pending = await client.subscribe("newPendingTransactions")
        numbers = await client.heads(first, 3)
        await client.until(lambda: len(client.notes.get(pending, ())) >= 2)
        return numbers, client.notes, first, a.subscribed("newHeads")

    numbers, notes, first, heads = either_world(main)
    assert unbroken(numbers)
    assert {log["address"] for log in notes[first]} == {ADDRESSES[0]}
    assert len(heads) == 1


def test_one_that_joins_later_gets_what_comes_from_then_on():
    async def main(stage):
        _, client, _ = await one_of_each(stage)
        early = await client.subscribe("newHeads")
        await client.heads(early, 3)
        late = await client.subscribe("newHeads")
        await client.heads(late, 2)
        return client.numbers(early), client.numbers(late)

    early, late = simulated(main)
    assert early[3:] == late


@pytest.mark.parametrize(
    "params",
    [
        [],
        ["blocks"],
        ["newHeads", {}],
        {"kind": "newHeads"},
        [7],
        ["logs", []],
        ["logs", {"address": "0x1"}],
        ["logs", {"adress": ADDRESSES[0]}],
        ["logs", {"topics": TOPIC}],
        ["logs", {"topics": [[TOPIC, 7]]}],
        ["logs", {"topics": [None] * 5}],
        ["logs", {}, {}],
        ["newPendingTransactions", True],
    ],
)
def test_wrong_parameters_are_refused_by_the_gateway_itself(params):
    async def main(stage):
        a, client, _ = await one_of_each(stage)
        client.send({"jsonrpc": "2.0", "id": "x", "method": "eth_subscribe", "params": params})
        await client.until(lambda: client.answers)
        return client.answers[0], a.upgrades

    answer, upgrades = simulated(main)
    assert (answer["id"], answer["error"]["code"], upgrades) == ("x", -32602, 0)


def test_a_connection_has_so_many_subscriptions_and_no_more(monkeypatch):
    monkeypatch.setattr(client_module, "MAX_SUBSCRIPTIONS", 2)

    async def main(stage):
        _, client, _ = await one_of_each(stage)
        first = await client.subscribe("newHeads")
        await client.subscribe("newHeads")
        refused = await client.call("eth_subscribe", "newHeads")
        await client.call("eth_unsubscribe", first)
        return refused, await client.subscribe("newHeads")

    refused, name = simulated(main)
    assert refused["error"]["code"] == -32005
    assert name


def test_too_many_different_streams_are_refused(monkeypatch):
    monkeypatch.setattr("battle.actors.gateway.subscriptions.manager.MAX_STREAMS", 1)

    async def main(stage):
        _, client, _ = await one_of_each(stage)
        await client.subscribe("newHeads")
        return await client.call("eth_subscribe", "logs", {}), await client.subscribe("newHeads")

    refused, joined = simulated(main)
    assert refused["error"]["code"] == -32005
    assert joined


def test_without_any_provider_a_subscription_is_refused_in_time(either_world):
    async def main(stage):
        a, client, _ = await one_of_each(stage)
        a.stop()
        await stage.sleep(ms(20))
        began_ns = stage.now_ns()
        answer = await client.call("eth_subscribe", "newHeads")
        return answer, stage.now_ns() - began_ns

    answer, took_ns = either_world(main)
    assert answer["error"]["code"] == -32000
    assert seconds(2) <= took_ns < seconds(3)


def test_clients_are_told_when_the_gateway_stops(either_world):
    async def main(stage):
        a, client, gateway = await one_of_each(stage)
        await client.subscribe("newHeads")
        idle = await ws_client(stage, gateway)
        stage.stop_gateway()
        ends = [await client.ended(), await idle.ended()]
        await stage.sleep(ms(50))
        return ends, a.sockets

    ends, sockets = either_world(main)
    assert [(end.code, end.by) for end in ends] == [(1001, "peer"), (1001, "peer")]
    assert sockets == []


def test_a_subscription_without_an_id_is_none():
    async def main(stage):
        a, client, _ = await one_of_each(stage)
        client.send({"jsonrpc": "2.0", "method": "eth_subscribe", "params": ["newHeads"]})
        await stage.sleep(3 * BLOCK)
        return a.upgrades, client.answers

    assert simulated(main) == (0, [])


def test_an_upgrade_that_is_none_is_refused_as_http(either_world):
    async def main(stage):
        _, _, gateway = await one_of_each(stage)
        stream = await stage.client.connect(gateway.address)
        stream.write(b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
        said = b""
        while data := await stream.receive_some():
            said += data
        stream.close()
        return said

    assert either_world(main).startswith(b"HTTP/1.1 426 ")


def test_what_comes_right_behind_the_handshake_is_heard():
    async def main(stage):
        _, _, gateway = await one_of_each(stage)
        call = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"})
        client = await raw_client(stage, gateway.address, frame(TEXT, call))
        return await client.next_frame()

    opcode, payload = simulated(main)
    assert (opcode, msgspec.json.decode(payload)["result"]) == (TEXT, "a:eth_chainId")
