"""The breaker of a provider's WebSocket side: apart from that of HTTP, opened and healed by subscriptions."""

import pytest

from battle.actors.spec.gateways import Breaker
from battle.actors.units import ms
from battle.store.events import BreakerRejected
from tests.actors.gateway.stage import simulated
from tests.actors.gateway.ws_stage import (
    BLOCK,
    breakers,
    chain_provider,
    life,
    unbroken,
    ws_client,
    ws_gateway,
)

TOUCHY = Breaker(failure_threshold=2, success_threshold=2, open_for=ms(1000), jitter_ratio=0)


async def subscribe_for_a_while(stage, gateway):
    """A new client, a new stream: each finds a provider of its own."""
    client = await ws_client(stage, gateway)
    name = await client.subscribe("newHeads")
    await client.heads(name, 3)
    client.websocket.close()
    await client.ended()
    await stage.sleep(ms(20))
    return client.numbers(name)


def test_it_opens_heals_and_leaves_http_alone(either_world):
    async def main(stage):
        a = await chain_provider(stage, "a", refuses_upgrade=503)
        b = await chain_provider(stage, "b")
        gateway = await ws_gateway(stage, a, b, breaker=TOUCHY)
        for _ in range(3):
            await subscribe_for_a_while(stage, gateway)
        tried = a.upgrades
        client = await ws_client(stage, gateway)
        over_http = await client.call("eth_chainId")
        a.refuses_upgrade = None
        await stage.sleep(ms(1000))
        await subscribe_for_a_while(stage, gateway)
        return tried, over_http, breakers(stage.log), stage.log.of(BreakerRejected), life(stage.log, "a")

    tried, over_http, changes, rejected, life_of_a = either_world(main)
    assert tried == 2
    assert over_http["result"] == "a:eth_chainId"
    assert changes == [("a", "closed", "open"), ("a", "open", "half_open"), ("a", "half_open", "closed")]
    assert {(it.provider, it.transport) for it in rejected} == {("a", "ws")}
    assert life_of_a[:2] == [("refused", None), ("refused", None)]
    assert ("subscribed", "newHeads") in life_of_a


def test_a_probe_that_fails_opens_it_again():
    async def main(stage):
        a = await chain_provider(stage, "a", rejects={"newHeads"})
        b = await chain_provider(stage, "b")
        gateway = await ws_gateway(stage, a, b, breaker=TOUCHY)
        for _ in range(2):
            await subscribe_for_a_while(stage, gateway)
        await stage.sleep(ms(1500))
        await subscribe_for_a_while(stage, gateway)
        return breakers(stage.log)

    assert simulated(main) == [
        ("a", "closed", "open"),
        ("a", "open", "half_open"),
        ("a", "half_open", "open"),
    ]


def test_a_provider_that_is_always_silent_opens_it_although_it_accepts_subscriptions():
    async def main(stage):
        a = await chain_provider(stage, "a", stalled=True)
        b = await chain_provider(stage, "b")
        gateway = await ws_gateway(stage, a, b, breaker=TOUCHY)
        for _ in range(2):
            await subscribe_for_a_while(stage, gateway)
        return breakers(stage.log)

    assert simulated(main) == [("a", "closed", "open")]


@pytest.mark.parametrize("blocks", [0, 2])
def test_a_connection_lost_with_many_streams_is_one_failure(blocks):
    """Whether or not they have shown before that they work."""

    async def main(stage):
        a = await chain_provider(stage, "a")
        b = await chain_provider(stage, "b")
        client = await ws_client(stage, await ws_gateway(stage, a, b, breaker=TOUCHY))
        for params in (["newHeads"], ["logs"], ["newPendingTransactions"]):
            await client.subscribe(*params)
        await stage.sleep(blocks * BLOCK)
        for socket in list(a.sockets):
            socket.websocket.abort()
        await stage.sleep(3 * BLOCK)
        return breakers(stage.log), len(b.sockets)

    assert simulated(main) == ([], 1)


def test_with_all_breakers_open_the_stream_waits_and_comes_back(either_world):
    async def main(stage):
        a = await chain_provider(stage, "a")
        client = await ws_client(stage, await ws_gateway(stage, a, breaker=TOUCHY))
        name = await client.subscribe("newHeads")
        await client.heads(name, 3)
        a.stop()
        await stage.sleep(5 * BLOCK)
        await stage.start(a)
        return await client.heads(name, 12), breakers(stage.log)

    numbers, changes = either_world(main)
    assert unbroken(numbers)
    assert changes[:2] == [("a", "closed", "open"), ("a", "open", "half_open")]


def test_nonsense_from_a_provider_is_a_failure(either_world):
    async def main(stage):
        a = await chain_provider(stage, "a")
        b = await chain_provider(stage, "b")
        client = await ws_client(stage, await ws_gateway(stage, a, b))
        name = await client.subscribe("newHeads")
        await client.heads(name, 2)
        for text in (b"{", b"7", b'{"jsonrpc":"2.0"}'):
            for socket in a.sockets:
                socket.websocket.send(text)
        numbers = await client.heads(name, 6)
        return numbers, life(stage.log, "a"), len(b.sockets)

    numbers, life_of_a, at_b = either_world(main)
    assert unbroken(numbers)
    assert life_of_a[-1] == ("closed", None)
    assert at_b == 1
