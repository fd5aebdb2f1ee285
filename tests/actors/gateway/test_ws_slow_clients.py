"""A client that does not read: it is closed, or loses its oldest messages, and delays nobody."""

from itertools import pairwise

import pytest
import trio

from battle.actors.spec.continuity import Continuity
from battle.actors.units import seconds
from battle.actors.world import interfaces
from battle.store.events import SubscriptionChanged
from tests.actors.gateway.stage import simulated
from tests.actors.gateway.ws_stage import BLOCK, chain_provider, unbroken, ws_client, ws_gateway
from tests.actors.wire.websocket.stage import TEXT, frame, raw_client

pytestmark = pytest.mark.alone  # its live tests measure how late they are

TIGHT = Continuity(max_gap_blocks=2, hold_back=2, client_buffer_messages=8)
SUBSCRIBE = b'{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'


async def lazy_client(stage, gateway):
    """One that subscribes, hears the answer, and then reads no more."""
    client = await raw_client(stage, gateway.address, frame(TEXT, SUBSCRIBE))
    await client.next_frame()
    return client


@pytest.fixture
def big_heads(monkeypatch):
    """Heads so big that a few of them fill what lies between gateway and client."""

    def fill(size):
        padding = "x" * size
        original = __import__("tests.actors.gateway.ws_stage", fromlist=["header"]).header
        monkeypatch.setattr(
            "tests.actors.gateway.ws_stage.header", lambda *it: original(*it) | {"extraData": padding}
        )

    return fill


def test_it_is_closed_and_the_others_notice_nothing(either_world, big_heads):
    big_heads(1_000_000)  # a live kernel takes some megabytes before anybody waits

    async def main(stage):
        a = await chain_provider(stage, "a")
        gateway = await ws_gateway(stage, a, continuity=TIGHT)
        quick = await ws_client(stage, gateway)
        name = await quick.subscribe("newHeads")
        lazy = await lazy_client(stage, gateway)
        arrivals = []
        for count in range(1, 24):
            await quick.heads(name, count)
            arrivals.append(stage.now_ns())
        upstreams = len(a.sockets)
        closed = await lazy.next_close()
        lazy.stream.close()
        return quick.numbers(name), arrivals, closed, upstreams, slow_clients(stage)

    numbers, arrivals, (code, reason), upstreams, told = either_world(main)
    assert unbroken(numbers)
    assert max(later - earlier for earlier, later in pairwise(arrivals)) < 2 * BLOCK
    assert (code, reason) == (1008, "too slow: undelivered messages over the limit")
    assert upstreams == 1
    assert told == [("closed", "2", code, reason)], "the log says so, once"


def test_what_waits_for_slow_clients_is_bounded_over_all_of_them(big_heads, monkeypatch):
    big_heads(100_000)
    monkeypatch.setattr(interfaces, "NODE_HELD_BYTES", 2**20)
    patient = Continuity(max_gap_blocks=2, hold_back=2, client_buffer_messages=10_000)

    async def main(stage):
        a = await chain_provider(stage, "a")
        gateway = await ws_gateway(stage, a, continuity=patient)
        lazy = [await lazy_client(stage, gateway) for _ in range(5)]
        await stage.sleep(40 * BLOCK)
        for client in lazy:
            client.stream.close()
        return slow_clients(stage)

    told = simulated(main)
    assert told, "each is within its own bound"
    assert {code for _, _, code, _ in told} == {1008}


def test_one_that_reads_no_answers_is_in_the_log_too(big_heads):
    """Answers do not wait behind notifications: they go out until the socket itself gives the client up."""

    async def main(stage):
        a = await chain_provider(stage, "a")
        gateway = await ws_gateway(stage, a, continuity=TIGHT)
        lazy = await lazy_client(stage, gateway)
        question = b'{"jsonrpc":"2.0","id":"%b","method":"eth_subscribe","params":["nothing"]}' % (
            b"x" * 500_000
        )
        for _ in range(12):
            lazy.stream.write(frame(TEXT, question))
            await stage.sleep(BLOCK // 10)
        await stage.sleep(seconds(20))
        return slow_clients(stage)

    [(change, connection, code, reason)] = simulated(main)
    assert (change, connection, code, reason) == ("closed", "1", 1008, "reads too slowly")


def slow_clients(stage):
    """What the gateway's log says of its own clients."""
    told = [event for event in stage.log if isinstance(event, SubscriptionChanged)]
    return [
        (event.change, event.connection, event.close_code, event.detail)
        for event in told
        if event.name == "(clients)"
    ]


def test_it_may_lose_its_oldest_messages_instead(big_heads):
    big_heads(100_000)
    settings = Continuity(max_gap_blocks=2, hold_back=2, client_buffer_messages=4, slow_client="drop_oldest")

    async def main(stage):
        a = await chain_provider(stage, "a")
        gateway = await ws_gateway(stage, a, continuity=settings)
        lazy = await lazy_client(stage, gateway)
        await stage.sleep(20 * BLOCK)
        got = []
        while len(got) < 12:
            opcode, payload = await lazy.next_frame()
            if opcode == TEXT:
                got.append(int(payload.split(b'"number":"')[1].split(b'"')[0], 16))
        return got

    got = simulated(main)
    assert got == sorted(got)
    jumps = [later - earlier for earlier, later in pairwise(got) if later - earlier > 1]
    assert len(jumps) == 1, "what was lost lies between what had left and what was kept"


def test_memory_held_for_it_is_bounded_by_count_not_by_time(big_heads):
    big_heads(100_000)

    async def main(stage):
        a = await chain_provider(stage, "a")
        gateway = await ws_gateway(stage, a, continuity=TIGHT)
        await lazy_client(stage, gateway)
        await stage.sleep(20 * BLOCK + seconds(5))
        return len(a.sockets)

    assert simulated(main) == 0, "closed for good, its stream ended, and with it the upstream"


def test_what_waits_for_a_subscription_is_dropped_with_it(big_heads):
    big_heads(100_000)

    async def main(stage):
        a = await chain_provider(stage, "a")
        gateway = await ws_gateway(stage, a, continuity=Continuity())
        lazy = await raw_client(stage, gateway.address, frame(TEXT, SUBSCRIBE))
        _, payload = await lazy.next_frame()
        name = payload.split(b'"result":"')[1].split(b'"')[0]
        await stage.sleep(20 * BLOCK)
        leave = b'{"jsonrpc":"2.0","id":2,"method":"eth_unsubscribe","params":["%b"]}' % name
        lazy.stream.write(frame(TEXT, leave))
        await stage.sleep(BLOCK)
        heads = 0
        while not (heard := await lazy.next_frame())[1].endswith(b'"id":2,"result":true}'):
            heads += heard[1].startswith(b'{"jsonrpc":"2.0","method"')
        with trio.move_on_after(5):
            return heads, await lazy.next_frame()
        return heads, None

    heads, after = simulated(main)
    assert 0 < heads < 20
    assert after is None
