"""The provider over WebSocket: calls and subscriptions."""

from itertools import pairwise

import msgspec
import pytest

from battle.actors.provider.ws_subscriptions import MAX_SUBSCRIPTIONS
from battle.actors.roles import RevertFault
from battle.actors.spec.faults.behaviour import Degrade, ErrorRate, Hang
from battle.actors.spec.limits import WebSocketLimits
from battle.actors.units import ms, seconds
from battle.actors.wire.websocket.handshake import WebSocketRefused
from battle.actors.world import interfaces
from battle.actors.world.held import UNCOUNTED_BYTES
from battle.store.events import AttemptServed, BenchLimitReached, HeadPublished, SubscriptionChanged
from tests.actors.provider.stage import play
from tests.actors.provider.websocket_stage import MODEL, QUICK, apply, client_of, of, talk
from tests.actors.worlds import simulated

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


def test_answers_that_are_not_due_are_bounded_over_all_clients(monkeypatch):
    monkeypatch.setattr(interfaces, "NODE_HELD_BYTES", 2**18)
    count = 100

    async def script(stage, provider, client):
        async with client_of(stage, provider) as other:
            for _ in range(count):
                for one in (client, other):
                    one.post("eth_getBlockByNumber", hex(MODEL.head_at(0)), True)
            await stage.sleep(ms(900))
            small = await other.ask("eth_chainId")
            for one in (client, other):
                await one.received(count)
            return client.decoded + other.decoded, small, of(provider, BenchLimitReached)

    answers, small, limits = talk(simulated, script, latency=ms(1000))
    refused = [one for one in answers if "error" in one]
    assert {one["error"]["message"] for one in refused} == {
        "too many answers wait here for all clients together"
    }
    sizes = [len(msgspec.json.encode(one)) for one in answers if one not in refused]
    assert 2**18 < sum(sizes) < 2**18 + 4 * max(sizes) + UNCOUNTED_BYTES
    assert [one.limit for one in limits] == ["kept"]
    assert "error" in small, "whoever holds a share of it waits"


def test_an_answer_takes_its_time_and_holds_up_no_other():
    async def script(stage, provider, client):
        apply(provider, Degrade("a", added_latency=ms(200)))
        await stage.sleep(ms(1))
        client.post("eth_chainId")
        await stage.sleep(ms(10))
        provider.tell(RevertFault("f1"))
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
        apply(provider, fault)
        await stage.sleep(ms(1))
        client.post("eth_chainId")
        await stage.sleep(ms(50))
        client.websocket.abort()
        await stage.sleep(ms(20))
        (attempt,) = of(provider, AttemptServed)
        return attempt.outcome, attempt.fault_id

    assert talk(simulated, script) == expected


def test_who_is_out_of_credits_gets_no_websocket_and_errors_on_the_one_it_has(either_world):
    async def script(stage, provider, client):
        apply(provider, ErrorRate("a", kinds=("out_of_credits",)))
        await stage.sleep(ms(20))
        answer = await client.ask("eth_chainId")
        with pytest.raises(WebSocketRefused) as refused:
            async with client_of(stage, provider):
                pass
        provider.tell(RevertFault("f1"))
        await stage.sleep(ms(20))
        async with client_of(stage, provider) as later:
            after = await later.ask("eth_chainId")
        changes = [(one.change, one.detail, one.fault_id) for one in of(provider, SubscriptionChanged)]
        return answer["error"], refused.value.status, after["result"], changes

    error, status, after, changes = talk(either_world, script)
    assert (error["code"], error["message"]) == (-32000, "this account is out of credits")
    assert (status, after) == (402, "0x1")
    assert changes[:3] == [
        ("connected", None, None),
        ("refused", "HTTP status 402", "f1"),
        ("connected", None, None),
    ]


# Subscriptions


def test_heads_come_at_their_time_and_link_to_one_another(either_world):
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        numbers = await client.heads(subscription, 4)
        published = of(provider, HeadPublished)
        return numbers, client.notified(subscription), published

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
        return token, client.notified(some), client.notified(every), numbers

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
        return client.notified(pending), numbers

    hashes, numbers = talk(simulated, script)
    assert hashes == [
        transaction["hash"] for number in numbers for transaction in MODEL.block_at(number + 1).transactions
    ]


def test_what_was_unsubscribed_is_told_no_more(either_world):
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        await client.heads(subscription, 1)
        first = (await client.ask("eth_unsubscribe", subscription))["result"]
        notified = len(client.notified(subscription))
        second = (await client.ask("eth_unsubscribe", subscription))["result"]
        await stage.sleep(3 * QUICK.block_time)
        return first, second, len(client.notified(subscription)) - notified, of(provider, SubscriptionChanged)

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
