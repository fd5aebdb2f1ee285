"""The provider over WebSocket: calls, subscriptions, and what faults do to them."""

from contextlib import asynccontextmanager
from itertools import pairwise

import msgspec
import pytest

from actors.chain.model import ChainModel
from actors.chain.spec import Chain
from actors.faults.behaviour import Degrade, ErrorRate, Hang, Reorg, StaleHead
from actors.faults.imposing import Impose, Revert
from actors.faults.websocket import (
    DropConnections,
    DuplicateHeads,
    IgnorePings,
    MissHeads,
    RefuseSubscriptions,
    ReorderHeads,
    SilentStall,
)
from actors.provider.subscriptions import MAX_SUBSCRIPTIONS
from actors.units import ms, seconds
from actors.wire.websocket import WebSocketLimits, connect_websocket
from store.events import AttemptServed, FaultActed, HeadPublished, SubscriptionChanged
from tests.actors.provider.stage import play
from tests.actors.wire.websocket_stage import Recorder
from tests.actors.worlds import simulated

QUICK = Chain(start_height=500, block_time=ms(100))
MODEL = ChainModel(QUICK)


class WsClient(Recorder):
    """A WebSocket client of a provider that speaks JSON-RPC."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def post(self, method, *params):
        self.calls += 1
        body = {"jsonrpc": "2.0", "id": f"w0-{self.calls}", "method": method, "params": params}
        self.websocket.send(msgspec.json.encode(body))
        return f"w0-{self.calls}"

    async def ask(self, method, *params):
        """The answer to one call, wherever it comes among the messages."""
        call_id = self.post(method, *params)
        await self.until(lambda: any(one.get("id") == call_id for one in self.decoded))
        return next(one for one in self.decoded if one.get("id") == call_id)

    async def subscribe(self, kind="newHeads", *more):
        return (await self.ask("eth_subscribe", kind, *more))["result"]

    @property
    def decoded(self):
        return [msgspec.json.decode(message) for message in self.messages]

    def told(self, subscription):
        notes = [one["params"] for one in self.decoded if one.get("method") == "eth_subscription"]
        return [note["result"] for note in notes if note["subscription"] == subscription]

    def numbers(self, subscription):
        return [int(head["number"], 16) for head in self.told(subscription)]

    async def heads(self, subscription, count):
        await self.until(lambda: len(self.told(subscription)) >= count)
        return self.numbers(subscription)


@asynccontextmanager
async def client_of(stage, provider):
    client = WsClient()
    client.websocket = await connect_websocket(stage.client, provider.address, **client.callbacks())
    try:
        yield client
    finally:
        client.websocket.abort()


def talk(world, script, **spec):
    """Runs `script(stage, provider, client)`."""

    async def with_client(stage, provider):
        async with client_of(stage, provider) as client:
            return await script(stage, provider, client)

    return play(world, with_client, chain=QUICK, **spec)


def of(provider, kind):
    return [event for event in provider.log if isinstance(event, kind)]


def acted(provider):
    return [(one.fault_id, one.action) for one in of(provider, FaultActed)]


def impose(provider, fault):
    provider.tell(Impose("f1", fault))


# Calls


def test_calls_batches_and_nonsense_are_answered_as_over_http(either_world):
    async def script(stage, provider, client):
        one = await client.ask("eth_chainId")
        client.websocket.send('[{"jsonrpc":"2.0","id":7,"method":"net_version"},{"jsonrpc":"2.0"}]')
        client.websocket.send("{nonsense")
        await client.received(3)
        return one, client.decoded[1:], of(provider, AttemptServed)

    one, (batch, error), attempts = talk(either_world, script)
    assert one["result"] == "0x1"
    assert batch[0]["result"] == "1"
    assert [batch[1]["error"]["code"], error["error"]["code"]] == [-32600, -32700]
    assert {attempt.transport for attempt in attempts} == {"ws"}
    assert [attempt.method for attempt in attempts] == ["eth_chainId", "net_version", "", ""]
    assert attempts[0].request_id == "w0-1"


def test_an_answer_takes_its_time_and_holds_up_no_other():
    async def script(stage, provider, client):
        impose(provider, Degrade("a", added_latency=ms(200)))
        await stage.sleep(ms(1))
        client.post("eth_chainId")
        await stage.sleep(ms(10))
        provider.tell(Revert("f1"))
        await stage.sleep(ms(1))
        client.post("net_version")
        await client.received(2)
        return [one["id"] for one in client.decoded], [it.fault_id for it in of(provider, AttemptServed)]

    assert talk(simulated, script) == (["w0-2", "w0-1"], [None, "f1"])


def test_too_many_calls_at_a_time_are_refused():
    async def script(stage, provider, client):
        for _ in range(130):
            client.post("eth_chainId")
        await client.received(130)
        return sum("error" in one for one in client.decoded)

    assert talk(simulated, script, latency=ms(50)) == 2


def test_http_and_websocket_share_the_port(either_world):
    async def script(stage, provider, client):
        response = await provider.ask()
        return response.status, (await client.ask("eth_chainId"))["result"]

    assert talk(either_world, script) == (200, "0x1")


def test_calls_under_way_when_the_connection_ends_are_logged_as_unknown(either_world):
    async def script(stage, provider, client):
        client.post("eth_chainId")
        await stage.sleep(ms(20))
        client.websocket.abort()
        await stage.sleep(ms(20))
        return [(it.outcome, it.replied_ns) for it in of(provider, AttemptServed)]

    assert talk(either_world, script, latency=seconds(1)) == [("unknown", None)]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (ErrorRate("a", kinds=("http_503",)), ("error", "f1")),
        (Hang("a"), ("unknown", "f1")),
    ],
)
def test_faults_of_behaviour_fall_on_calls_over_websocket_too(fault, expected):
    async def script(stage, provider, client):
        impose(provider, fault)
        await stage.sleep(ms(1))
        client.post("eth_chainId")
        await stage.sleep(ms(50))
        client.websocket.abort()
        await stage.sleep(ms(20))
        (attempt,) = of(provider, AttemptServed)
        return attempt.outcome, attempt.fault_id

    assert talk(simulated, script) == expected


# Subscriptions


def test_heads_come_at_their_time_and_link_to_one_another(either_world):
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        numbers = await client.heads(subscription, 4)
        published = of(provider, HeadPublished)
        return numbers, client.told(subscription), published

    numbers, heads, published = talk(either_world, script)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(child["parentHash"] == parent["hash"] for parent, child in pairwise(heads))
    assert [event.number for event in published][: len(numbers)] == numbers
    assert [event.hash for event in published][: len(numbers)] == [head["hash"] for head in heads]
    assert heads[0]["hash"] == MODEL.block_hash(numbers[0])
    assert "transactions" not in heads[0]


def test_a_head_is_published_when_the_chain_has_it():
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        await client.heads(subscription, 3)
        return [(event.at_ns, event.number) for event in of(provider, HeadPublished)]

    for at_ns, number in talk(simulated, script):
        assert MODEL.head_at(at_ns) == number
        assert at_ns % QUICK.block_time == 0


def test_logs_are_those_that_the_filter_matches():
    async def script(stage, provider, client):
        token = MODEL.token(1)
        some = await client.subscribe("logs", {"address": token})
        every = await client.subscribe("logs")
        heads = await client.subscribe()
        numbers = await client.heads(heads, 30)
        await stage.sleep(ms(1))
        return token, client.told(some), client.told(every), numbers

    token, some, every, numbers = talk(simulated, script)
    wanted = [
        log
        for number in range(numbers[0], numbers[-1] + 1)
        for receipt in MODEL.block_at(number).receipts
        for log in receipt["logs"]
    ]
    assert every == wanted
    assert some == [log for log in wanted if log["address"] == token]
    assert 0 < len(some) < len(every)


def test_pending_transactions_are_told_before_they_are_in_a_block():
    async def script(stage, provider, client):
        pending = await client.subscribe("newPendingTransactions")
        heads = await client.subscribe()
        numbers = await client.heads(heads, 5)
        await stage.sleep(ms(1))
        return client.told(pending), numbers

    hashes, numbers = talk(simulated, script)
    assert hashes == [
        transaction["hash"] for number in numbers for transaction in MODEL.block_at(number + 1).transactions
    ]


def test_what_was_unsubscribed_is_told_no_more(either_world):
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        await client.heads(subscription, 1)
        first = (await client.ask("eth_unsubscribe", subscription))["result"]
        told = len(client.told(subscription))
        second = (await client.ask("eth_unsubscribe", subscription))["result"]
        await stage.sleep(3 * QUICK.block_time)
        return first, second, len(client.told(subscription)) - told, of(provider, SubscriptionChanged)

    first, second, more, life = talk(either_world, script)
    assert (first, second, more) == (True, False, 0)
    assert [one.change for one in life] == ["connected", "subscribed", "unsubscribed"]
    assert {(one.side, one.name, one.connection) for one in life} == {("provider", "a", "1")}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ([], -32602),
        (["newBlocks"], -32602),
        (["logs", {"address": "0x12"}], -32602),
        (["logs", 5], -32602),
    ],
)
def test_wrong_subscriptions_are_refused(params, code):
    async def script(stage, provider, client):
        return (await client.ask("eth_subscribe", *params))["error"]["code"], of(
            provider, SubscriptionChanged
        )

    found, life = talk(simulated, script)
    assert found == code
    assert [one.change for one in life] == ["connected", "rejected"]


def test_a_connection_has_a_bounded_number_of_subscriptions():
    async def script(stage, provider, client):
        for _ in range(MAX_SUBSCRIPTIONS):
            await client.subscribe()
        return await client.ask("eth_subscribe", "newHeads")

    assert talk(simulated, script)["error"]["code"] == -32005


def test_a_reader_that_is_too_slow_is_closed_and_others_are_not():
    async def script(stage, provider, client):
        async with client_of(stage, provider) as slow:
            await slow.subscribe("logs")
            slow.websocket._stream.pause_receiving()
            heads = await client.subscribe()
            await stage.sleep(seconds(100))
            (closed,) = [one for one in of(provider, SubscriptionChanged) if one.change == "closed"]
            return closed, client.numbers(heads)

    limits = WebSocketLimits(unsent_bytes=100_000)
    closed, numbers = talk(simulated, script, websocket_limits=limits)
    assert (closed.connection, closed.close_code) == ("2", 1008)
    assert len(numbers) == 1000


def test_a_handshake_that_is_wrong_is_refused_and_logged(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        response = await client.response()
        return response.status, [one.change for one in of(provider, SubscriptionChanged)]

    assert play(either_world, script) == (426, ["refused"])


def test_a_provider_that_stops_says_so(either_world):
    async def script(stage, provider, client):
        await client.ask("eth_chainId")
        provider.stop()
        return await client.ended()

    assert talk(either_world, script).code == 1001


# Faults


@pytest.mark.parametrize(("code", "seen", "action"), [(1012, 1012, "closed"), (None, 1006, "reset")])
def test_connections_are_dropped_and_new_ones_at_their_first_subscription(either_world, code, seen, action):
    async def script(stage, provider, client):
        await client.subscribe()
        impose(provider, DropConnections("a", close_code=code))
        first = await client.ended()
        async with client_of(stage, provider) as other:
            await other.ask("eth_chainId")
            other.post("eth_subscribe", "newHeads")
            second = await other.ended()
        provider.tell(Revert("f1"))
        await stage.sleep(ms(5))
        async with client_of(stage, provider) as third:
            subscription = await third.subscribe()
            await third.heads(subscription, 1)
        closed = [one.fault_id for one in of(provider, SubscriptionChanged) if one.change == "closed"]
        return first.code, second.code, closed[:2], acted(provider)

    assert talk(either_world, script) == (seen, seen, ["f1", "f1"], [("f1", action)] * 2)


def test_a_stalled_provider_answers_and_tells_nothing(either_world):
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        await client.heads(subscription, 1)
        impose(provider, SilentStall("a"))
        await stage.sleep(ms(5))
        told = len(client.told(subscription))
        await stage.sleep(3 * QUICK.block_time)
        silent = len(client.told(subscription)) == told
        alive = (await client.ask("eth_chainId"))["result"]
        provider.tell(Revert("f1"))
        await client.heads(subscription, told + 1)
        return silent, alive, acted(provider)

    assert talk(either_world, script) == (True, "0x1", [("f1", "silenced")])


def heads_under(fault, blocks=40):
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        impose(provider, fault)
        await stage.sleep(blocks * QUICK.block_time)
        provider.tell(Revert("f1"))
        await stage.sleep(3 * QUICK.block_time + ms(1))
        return client.numbers(subscription), acted(provider), of(provider, HeadPublished)

    return talk(simulated, script)


def test_missed_heads_are_never_published():
    numbers, actions, published = heads_under(MissHeads("a", ratio=0.5))
    missing = set(range(numbers[0], numbers[-1] + 1)) - set(numbers)
    assert 5 < len(missing) < 35
    assert len([one for one in actions if one == ("f1", "missed")]) >= len(missing)
    assert sorted(numbers) == numbers
    assert numbers == [event.number for event in published]


def test_duplicated_heads_come_twice():
    numbers, actions, published = heads_under(DuplicateHeads("a", ratio=0.5))
    twice = len(numbers) - len(set(numbers))
    assert 5 < twice < 35
    assert actions == [("f1", "duplicated")] * twice
    assert sorted(numbers) == numbers
    assert sum(event.fault_id == "f1" for event in published) == twice


def test_reordered_heads_come_after_the_next_and_none_is_lost():
    numbers, actions, _ = heads_under(ReorderHeads("a", ratio=0.5))
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(min(numbers), max(numbers) + 1))
    assert set(actions) == {("f1", "reordered")}


def test_subscriptions_are_refused(either_world):
    async def script(stage, provider, client):
        impose(provider, RefuseSubscriptions("a", rpc_code=-32601))
        await stage.sleep(ms(5))
        refused = await client.ask("eth_subscribe", "newHeads")
        provider.tell(Revert("f1"))
        await stage.sleep(ms(5))
        after = await client.subscribe()
        rejected = [one.fault_id for one in of(provider, SubscriptionChanged) if one.change == "rejected"]
        attempts = [it.fault_id for it in of(provider, AttemptServed)]
        return refused["error"]["code"], after[:2], rejected, acted(provider), attempts

    assert talk(either_world, script) == (-32601, "0x", ["f1"], [("f1", "refused")], ["f1", None])


def test_pings_are_ignored_and_answered_again(either_world):
    async def script(stage, provider, client):
        impose(provider, IgnorePings("a"))
        await stage.sleep(ms(5))
        client.websocket.ping(b"1")
        await stage.sleep(ms(30))
        during = list(client.pongs)
        provider.tell(Revert("f1"))
        await stage.sleep(ms(5))
        client.websocket.ping(b"2")
        await client.until(lambda: client.pongs)
        return during, client.pongs, acted(provider)

    assert talk(either_world, script) == ([], [b"2"], [("f1", "ignored")])


def test_a_fault_that_met_nobody_leaves_no_trace():
    async def script(stage, provider, client):
        for number, fault in enumerate(
            (
                DropConnections("a"),
                SilentStall("a"),
                MissHeads("a", ratio=1.0),
                IgnorePings("a"),
                StaleHead("a"),
            )
        ):
            if not isinstance(fault, DropConnections):
                provider.tell(Impose(f"f{number}", fault))
        await stage.sleep(seconds(1))
        return acted(provider)

    assert talk(simulated, script) == []


def test_a_stale_provider_publishes_late_and_catches_up():
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        await client.heads(subscription, 2)
        impose(provider, StaleHead("a", blocks=5))
        await stage.sleep(3 * QUICK.block_time)
        held = len(client.told(subscription))
        await stage.sleep(7 * QUICK.block_time + ms(1))
        behind = MODEL.head_at(stage.now_ns()) - client.numbers(subscription)[-1]
        provider.tell(Revert("f1"))
        await stage.sleep(2 * QUICK.block_time)
        return held, behind, client.numbers(subscription), acted(provider)

    held, behind, numbers, actions = talk(simulated, script)
    assert (held, behind) == (2, 5)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert actions == [("f1", "delayed")]


def test_a_reorg_tells_the_new_heads_and_takes_logs_back():
    async def script(stage, provider, client):
        heads, logs = await client.subscribe(), await client.subscribe("logs")
        await client.heads(heads, 5)
        impose(provider, Reorg("a", depth=3))
        await client.heads(heads, 10)
        return client.told(heads), client.told(logs), acted(provider)

    heads, logs, actions = talk(simulated, script)
    numbers = [int(head["number"], 16) for head in heads]
    assert numbers[5:8] == numbers[2:5]
    assert heads[5]["parentHash"] == heads[1]["hash"]
    assert {head["hash"] for head in heads[5:8]}.isdisjoint({head["hash"] for head in heads[:5]})
    assert all(child["parentHash"] == parent["hash"] for parent, child in pairwise(heads[5:]))
    removed = [log for log in logs if log["removed"]]
    assert {log["blockHash"] for log in removed} <= {head["hash"] for head in heads[2:5]}
    assert set(actions) == {("f1", "reorganised")}


def test_the_same_seed_tells_the_same_story():
    def story():
        return heads_under(MissHeads("a", ratio=0.3))

    assert story() == story()
