"""trio-websocket as an independent witness: its client against our server, our client against its server."""

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio_websocket
from trio_websocket import ConnectionClosed, wrap_client_stream
from wsproto.events import TextMessage

from battle.actors.spec.limits import WebSocketLimits
from battle.actors.units import ms, seconds
from battle.actors.wire.websocket.endpoints import KeepAlive, WebSocketRefused
from tests.actors.wire.websocket.stage import connected, serving
from tests.actors.worlds import live

pytestmark = pytest.mark.live


async def pinged(websocket, times):
    while websocket._pings < times:  # noqa: ASYNC110 (the pings of keep-alive are nobody's event)
        await trio.sleep(0.01)


HEARTS = "♥" * 100_000


# Their client, our server.


@asynccontextmanager
async def their_connection(address, extra_headers=()):
    """The stream is closed here: trio-websocket leaves that to nobody when the server has closed."""
    host, _, port = address.rpartition(":")
    async with (
        await trio.open_tcp_stream(host, int(port)) as stream,
        trio.open_nursery() as nursery,
        await wrap_client_stream(
            nursery, stream, address, "/ws", extra_headers=list(extra_headers)
        ) as connection,
    ):
        yield connection


def their_client(script, **options):
    """Runs `script(connection, session)`; returns (how our side saw the end, what the script returned)."""

    async def main(stage):
        server, address = await serving(stage, **options)
        async with their_connection(address) as connection:
            await server.accepted.wait()
            (session,) = server.sessions
            result = await script(connection, session)
        return await session.ended(), result

    return live(main)


def test_their_client_is_echoed():
    async def script(connection, session):
        assert connection.subprotocol is None
        assert (b"x-server", b"demonstration") in connection.handshake_headers
        texts = ["", "a", HEARTS, *map(str, range(100))]
        for text in texts:
            await connection.send_message(text)
        return [await connection.get_message() for _ in texts] == texts

    ended, echoed = their_client(script)
    assert echoed
    assert (ended.code, ended.by, ended.clean) == (1000, "peer", True)


def test_their_client_sends_bytes():
    async def script(connection, session):
        await connection.send_message(b"[1]")
        return await connection.get_message()

    assert their_client(script)[1] == "[1]"


def test_their_client_sends_fragments():
    async def script(connection, session):
        for part in (HEARTS[:70_000], "", HEARTS[70_000:]):
            await connection._send(TextMessage(data=part, message_finished=part == HEARTS[70_000:]))
        return await connection.get_message()

    assert their_client(script)[1] == HEARTS


def test_their_client_pings_and_is_pinged():
    async def script(connection, session):
        await connection.ping(b"are you there?")
        session.websocket.ping(b"and you?")
        await session.until(lambda: session.pongs)
        return session.pongs

    assert their_client(script)[1] == [b"and you?"]


def test_their_client_keeps_our_connection_alive():
    async def script(connection, session):
        await pinged(session.websocket, 4)
        is_open = session.websocket.is_open
        session.websocket.close()  # trio-websocket crashes over a ping that comes while it is closing
        with pytest.raises(ConnectionClosed):
            await connection.get_message()
        return is_open

    keep_alive = KeepAlive(ping_interval=ms(20), pong_timeout=seconds(2))
    assert their_client(script, keep_alive=keep_alive)[1]


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 3000, 4999])
def test_their_client_closes(code):
    async def script(connection, session):
        await connection.aclose(code, "bye")

    ended, _ = their_client(script)
    assert (ended.code, ended.reason, ended.by, ended.clean) == (code, "bye", "peer", True)


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1012, 1013, 3000, 4999])
def test_their_client_is_closed(code):
    async def script(connection, session):
        session.websocket.close(code, "go away")
        with pytest.raises(ConnectionClosed):
            await connection.get_message()
        return connection.closed.code, connection.closed.reason

    ended, seen = their_client(script)
    assert seen == (code, "go away")
    assert (ended.code, ended.by, ended.clean) == (code, "us", True)


def test_their_client_is_told_that_its_message_is_too_large():
    async def script(connection, session):
        await connection.send_message("x" * 1001)
        with pytest.raises(ConnectionClosed):
            await connection.get_message()
        return connection.closed.code

    ended, seen = their_client(script, limits=WebSocketLimits(message_bytes=1000))
    assert (seen, ended.code, ended.by) == (1009, 1009, "us")


def test_their_client_is_reset():
    async def script(connection, session):
        session.websocket.abort()
        with pytest.raises(ConnectionClosed):
            await connection.get_message()
        return connection.closed.code

    ended, seen = their_client(script)
    assert (seen, ended.code, ended.by) == (1006, 1006, "us")


def test_their_client_is_refused():
    async def main(stage):
        _, address = await serving(stage)
        with pytest.raises(ExceptionGroup) as caught:
            async with their_connection(address, [(b"content-length", b"3")]):
                pass
        return caught.value

    error = live(main)
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, trio_websocket.ConnectionRejected)
    assert error.status_code == 400


# Our client, their server.


@asynccontextmanager
async def their_server(handler):
    """Serves `handler(request)`; yields the address."""
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            partial(trio_websocket.serve_websocket, handler, "127.0.0.1", 0, ssl_context=None)
        )
        yield f"127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


def our_client(handler, script, **options):
    """Runs `script(client)` against a server that accepts and runs `handler(connection)`."""

    async def handle(request):
        await handler(await request.accept())

    async def main(stage):
        async with their_server(handle) as address:
            client = await connected(stage, address, **options)
            result = await script(client)
            client.websocket.close()
            ended = await client.ended()
            await client.websocket.wait_closed()
            return ended, result

    return live(main)


async def their_echo(connection):
    try:
        while True:
            await connection.send_message(await connection.get_message())
    except ConnectionClosed:
        pass


def test_their_server_echoes():
    async def script(client):
        texts = ["", "a", HEARTS, *map(str, range(100))]
        for text in texts:
            client.websocket.send(text)
        return await client.received(len(texts)) == [text.encode() for text in texts]

    ended, echoed = our_client(their_echo, script)
    assert echoed
    assert (ended.code, ended.by, ended.clean) == (1000, "us", True)


def test_their_server_pings_and_is_pinged():
    async def handler(connection):
        await connection.ping(b"are you there?")
        await connection.send_message("there you are")
        await their_echo(connection)

    async def script(client):
        client.websocket.ping(b"and you?")
        await client.until(lambda: client.pongs)
        return await client.received(1), client.pongs

    ended, result = our_client(handler, script)
    assert result == ([b"there you are"], [b"and you?"])
    assert ended.clean


def test_our_keep_alive_with_their_server():
    async def script(client):
        await pinged(client.websocket, 4)
        return client.websocket.is_open

    keep_alive = KeepAlive(ping_interval=ms(20), pong_timeout=seconds(2))
    assert our_client(their_echo, script, keep_alive=keep_alive)[1]


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 3000])
def test_their_server_closes(code):
    async def handler(connection):
        await connection.aclose(code, "bye")

    async def script(client):
        await client.ended()

    ended, _ = our_client(handler, script)
    assert (ended.code, ended.reason, ended.by, ended.clean) == (code, "bye", "peer", True)


def test_their_server_refuses():
    async def handle(request):
        await request.reject(429, extra_headers=[(b"retry-after", b"5")], body=b"not now")

    async def main(stage):
        async with their_server(handle) as address:
            with pytest.raises(WebSocketRefused) as caught:
                await connected(stage, address)
            return caught.value

    error = live(main)
    assert (error.status, error.headers[b"retry-after"]) == (429, b"5")


def test_their_server_sees_our_path_and_headers():
    seen = []

    async def handle(request):
        seen.append((request.path, dict(request.headers).get(b"x-battle-request")))
        await their_echo(await request.accept())

    async def main(stage):
        async with their_server(handle) as address:
            client = await connected(stage, address, headers={b"x-battle-request": b"w0-1"})
            client.websocket.close()
            await client.ended()

    live(main)
    assert seen == [("/ws", b"w0-1")]
