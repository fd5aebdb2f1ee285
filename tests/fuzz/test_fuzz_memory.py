"""What a node holds in memory, whatever a client sends: never more than its limits, and nothing for ever."""

import gc
import tracemalloc
from contextlib import contextmanager
from itertools import count
from unittest.mock import patch

import msgspec
import pytest
import trio

from battle.actors.gateway.policy.benchmark import METHODS_LIMIT
from battle.actors.units import ms, seconds
from tests.actors import worlds
from tests.actors.wire.websocket.stage import (
    CONTINUATION,
    HANDSHAKE,
    PING,
    TEXT,
    frame,
)
from tests.actors.worlds import simulated
from tests.fuzz import hearing
from tests.fuzz.http_inputs import http_input, valid
from tests.fuzz.rpc_inputs import call, rpc_input, ws_rpc_input
from tests.fuzz.stage import VIRTUAL_LIMIT, Health, connected, exchange, gateway_node, made, provider_node
from tests.fuzz.ws_inputs import ws_input

pytestmark = pytest.mark.whole

PIECE = 64 * 1024
"""What one read brings in the live world."""

ENDLESS_BYTES = 18 * 2**20
"""What a client that never stops gets to send if nobody stops it: more than any limit lets pass."""

HELD_MAX = 24 * 2**20
"""A body of 2 MiB in chunks that are small, but no smaller than the framing's limit lets pass, is the dearest that is
allowed."""

A_TRAILER_MAX = 40 * 2**20
"""The parser tells of a trailer when it is whole; until then the framing's limit of 16 MiB holds, and joining takes
as much again."""

NUMBER = b"NNNNNNN"
HEADERS = b"".join(b"%b%d: b\r\n" % (NUMBER, number) for number in range(4000))
POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
LONG_ID = b'"%b"' % (b"i" * 1000)
"""So that replies are as large as requests."""
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
OPENED = HANDSHAKE + frame(TEXT, b"[", fin=False)

ENDLESS = {
    "empty lines": (b"", b"\r\n" * 100),
    "a method": (b"", b"M" * 1000),
    "a target": (b"POST /", b"x" * 1000),
    "a header's name": (POST, b"x" * 1000),
    "a header": (POST + b"x: ", b"y" * 1000),
    "headers": (POST, HEADERS),
    "a body": (POST + b"content-length: 2097152\r\n\r\n", b"x" * 1000),
    "a body larger than allowed": (POST + b"content-length: 2097153\r\n\r\n", b"x" * 1000),
    "chunks": (CHUNKED, b"3e8\r\n" + b"x" * 1000 + b"\r\n"),
    "tiny chunks": (CHUNKED, b"1\r\nx\r\n" * 100),
    "one chunk": (CHUNKED + b"fffffff\r\n", b"x" * 1000),
    "a chunk's extension": (CHUNKED + b"1;", b"x" * 1000),
    "trailers": (CHUNKED + b"0\r\n", HEADERS),
    "a trailer": (CHUNKED + b"0\r\nx: ", b"y" * 1000),
    "requests without a reading of replies": (b"", valid(call("eth_chainId", None, LONG_ID)) * 10),
    "frames behind a request": (valid() * 200 + HANDSHAKE, frame(TEXT, b"x" * 1000)),
    "fragments": (OPENED, frame(CONTINUATION, b"x" * 1000, fin=False)),
    "empty fragments": (OPENED, frame(CONTINUATION, b"", fin=False) * 100),
    "a frame": (HANDSHAKE + b"\x81\xff\0\0\0\xff\0\0\0\0\0\0\0\0", b"x" * 1000),
    "pings": (HANDSHAKE, frame(PING, b"x" * 125) * 10),
    "pings inside a message": (OPENED, frame(PING, b"x" * 125) * 10),
    "messages": (HANDSHAKE, frame(TEXT, b"x" * 1000)),
    "calls": (HANDSHAKE, frame(TEXT, call("eth_chainId", None, LONG_ID)) * 10),
    "subscriptions": (HANDSHAKE, frame(TEXT, call("eth_subscribe", b'["newHeads"]', LONG_ID)) * 10),
}

both_nodes = pytest.mark.parametrize("make_node", [provider_node, gateway_node])


def pieces(more):
    """The same for ever, in pieces as a read would bring them; each has its number where it says so."""
    piece = more * -(-PIECE // len(more))
    return (piece.replace(NUMBER, b"%07d" % number) for number in count())


@contextmanager
def traced():
    gc.collect()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def running(main):
    with patch.object(worlds, "LIMIT_SECONDS", VIRTUAL_LIMIT):
        return simulated(main)


QUICKLY = ("a header", "headers", "trailers", "a frame")
ENOUGH_BYTES = {
    "empty fragments": 2**17,
    "pings": 5 * 2**20,
    "pings inside a message": 5 * 2**20,
    "calls": 6 * 2**20,
    "subscriptions": 6 * 2**20,
    "messages": 6 * 2**20,
    "frames behind a request": 6 * 2**20,
    "fragments": 6 * 2**20,
    "requests without a reading of replies": 12 * 2**20,
}
"""Where the limit is lower and each byte costs more of the processor."""
slow = pytest.mark.slow


@both_nodes
@pytest.mark.parametrize("what", [pytest.param(it, marks=() if it in QUICKLY else slow) for it in ENDLESS])
def test_what_never_ends_is_cut_off_before_it_fills_the_memory(make_node, what):
    start, more = ENDLESS[what]
    enough = ENOUGH_BYTES.get(what, ENDLESS_BYTES)

    async def main(stage):
        node = await make_node(stage)
        health = Health(node)
        await health.check()
        with traced():
            before, _ = tracemalloc.get_traced_memory()
            stream = await stage.client.connect(node.address)  # whose replies nobody reads
            sent = await _send_for_ever(stage, stream, start, pieces(more), enough)
            _, peak = tracemalloc.get_traced_memory()
            stream.abort()
        await health.check()
        return sent, peak - before

    sent, held = running(main)
    allowed = A_TRAILER_MAX if what == "a trailer" else HELD_MAX
    assert held < allowed, f"{held / 2**20:.0f} MiB held for {sent / 2**20:.0f} MiB sent"


async def _send_for_ever(stage, stream, start, parts, enough):
    """Until the node stops reading or is gone; returns how much it took."""
    sent = 0
    try:
        await stream.send_all(start)
        for part in parts:
            with trio.move_on_after(60) as scope:
                await stream.send_all(part)
            if scope.cancelled_caught or sent > enough:
                break
            sent += len(part)
            await stage.sleep(ms(1))
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    return sent


BOMBS = {
    "a million elements": (b"[%b1]" % (b"1," * 2**20)[: 2**21 - 10], 128 * 2**20),
    "queries for all logs": (
        b"[%b]" % b",".join([call("eth_getLogs", b'[{"fromBlock":"0x0"}]')] * 999),
        64 * 2**20,
    ),
    "all the fees": (
        b"[%b]"
        % b",".join(
            [call("eth_feeHistory", b'[1024,"latest",%b]' % msgspec.json.encode([*range(100)]))] * 999
        ),
        64 * 2**20,
    ),
    "deep lists": (b"[" * (2**21 - 100), HELD_MAX),
    "a long id": (call("eth_chainId", b"[]", b'"%b"' % (b"x" * (2**21 - 200))), 48 * 2**20),
    "a long method": (call("x" * (2**21 - 200)), 48 * 2**20),
}
"""Small texts, and how much may be held at once for each: elements become objects of 56 bytes before they are
counted, and answers may add up to 4 MiB and one more, in Python's objects, as JSON, and on their way."""


@both_nodes
@pytest.mark.slow
@pytest.mark.parametrize("what", BOMBS)
def test_a_small_text_does_not_become_a_large_answer(make_node, what):
    text, allowed = BOMBS[what]

    async def main(stage):
        node = await make_node(stage)
        health = Health(node)
        await health.check()
        with traced():
            before, _ = tracemalloc.get_traced_memory()
            async with connected(node) as connection:
                connection.stream.write(valid(text, (b"connection", b"close")))
                with trio.fail_after(60):
                    await connection.over()
                _, peak = tracemalloc.get_traced_memory()
                heard = connection.data
        await health.check()
        return heard, peak - before

    heard, held = running(main)
    assert held < allowed, f"{held / 2**20:.0f} MiB"
    response = hearing.read(heard).responses[-1]
    assert response.status in (200, 429, 502, 504)
    assert len(response.body) < 12 * 2**20


def _grown(make_node, texts):
    """What a node holds more after the second half of the texts than after the first."""

    async def main(stage):
        node = await make_node(stage)
        async with connected(node) as connection:
            held = []
            for half in (texts[: len(texts) // 2], texts[len(texts) // 2 :]):
                for text in half:
                    connection.stream.write(valid(text))
                    await stage.sleep(seconds(0.02))
                connection._parts.clear()
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
            return held[1] - held[0]

    with traced():
        return running(main)


@both_nodes
def test_names_that_clients_choose_are_not_kept_at_any_length(make_node):
    def long(name, number):
        return b"%b%d%b" % (name, number, b"9" * 100_000)

    many = METHODS_LIMIT // 2
    methods = [call(b'"%b"' % long(b"m", number)) for number in range(many)]
    ids = [call("eth_chainId", b"[]", b'"%b"' % long(b"w0-", number)) for number in range(many)]
    for texts in (methods, ids):
        grown = _grown(make_node, texts)
        assert grown < 2**20, f"{grown / many:.0f} bytes for each"


GROWN_MAX = 256 * 1024
"""For the second half of some hundreds of inputs, connections and all: what caches and counters take, and less than
a single connection for each would leave behind."""


@both_nodes
@pytest.mark.slow
@pytest.mark.parametrize("family", [http_input, rpc_input, ws_input, ws_rpc_input])
def test_memory_does_not_grow_with_the_number_of_inputs(make_node, family, monkeypatch):
    """With few blocks kept: they would fill up to their limit only after some hours of virtual time."""
    monkeypatch.setattr("battle.actors.chain.blocks._CACHED_BLOCKS", 8)
    half = 120

    async def main(stage):
        node = await make_node(stage)
        inputs = made(family, half, seed=3)
        held = []
        # The same ones again, so that what is kept of them within limits is there already.
        for once in (list(inputs),) * 3:
            for one in once:
                await exchange(node, one)
            await stage.sleep(seconds(200))
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        return held[2] - held[1]

    with traced():
        grown = running(main)
    assert grown < GROWN_MAX, f"{grown / half:.0f} bytes for each input"
