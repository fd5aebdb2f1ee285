"""HTTP and WebSocket on one port: a connection that begins with requests and goes on with messages."""

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import encode_response
from battle.actors.wire.http.server import HttpServerConnection
from battle.actors.wire.websocket.endpoints import accept_websocket
from tests.actors.wire.websocket.stage import (
    HANDSHAKE,
    TEXT,
    RawClient,
    Recorder,
    close_frame,
    echo,
    frame,
)

POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody"


class Both:
    """Answers requests with their body, and echoes messages."""

    has_unanswered = False
    takes_more = True

    def __init__(self, world, stream, session) -> None:
        self._world = world
        self._stream = stream
        self._session = session
        self._connection = HttpServerConnection(world, stream, HttpLimits(), self)

    def on_request(self, request):
        if not request.wants_websocket:
            self._stream.write(encode_response(200, request.body, keep_alive=request.keep_alive))
            self._connection.go_on()
            return
        self._session.websocket = accept_websocket(
            self._world, self._stream, request, self._connection.upgrade, **self._session.callbacks()
        )

    def on_client_gone(self):
        pass

    async def serve(self):
        await self._connection.run()
        if self._session.websocket is not None:
            await self._session.websocket.wait_closed()


def talking(script):
    """A main that runs `script(client, session)` with a raw client of such a server."""

    async def main(stage):
        world = stage.world("server")
        session = Recorder(echo)

        async def handle(stream):
            await Both(world, stream, session).serve()

        address = await stage.nursery.start(world.serve, stage.address("server"), handle)
        client = RawClient(await stage.client.connect(address))
        try:
            return await script(client, session)
        finally:
            client.stream.close()

    return main


async def head_and_body(client, size):
    """The next response, whose body has that size."""
    while b"\r\n\r\n" not in client._heard or len(client._heard.partition(b"\r\n\r\n")[2]) < size:
        data = await client.stream.receive_some()
        assert data
        client._heard += data
    head, _, rest = client._heard.partition(b"\r\n\r\n")
    client._heard = rest[size:]
    return head, rest[:size]


def test_requests_then_messages_all_in_one_piece(either_world):
    async def script(client, session):
        client.stream.write(POST * 2 + HANDSHAKE + frame(TEXT, b"early"))
        bodies = [(await head_and_body(client, 4))[1] for _ in range(2)]
        head, _ = await head_and_body(client, 0)
        client.stream.write(frame(TEXT, b"late") + close_frame(1000))
        frames = [await client.next_frame(), await client.next_frame()]
        return bodies, head, frames, await client.next_close(), await session.ended()

    bodies, head, frames, close, ended = either_world(talking(script))
    assert bodies == [b"body", b"body"]
    assert head.startswith(b"HTTP/1.1 101 ")
    assert frames == [(TEXT, b"early"), (TEXT, b"late")]
    assert close == (1000, "")
    assert (ended.code, ended.by, ended.clean) == (1000, "peer", True)


def test_requests_then_a_handshake_that_is_refused(either_world):
    async def script(client, session):
        client.stream.write(POST + HANDSHAKE.replace(b"version: 13", b"version: 7"))
        await head_and_body(client, 4)
        head, _ = await head_and_body(client, 0)
        while await client.stream.receive_some():
            pass
        return head, session

    head, session = either_world(talking(script))
    assert head.startswith(b"HTTP/1.1 426 ")
    assert b"sec-websocket-version: 13" in head
    assert session.websocket is None
    assert session.ends == []


def test_an_offer_of_http_2_is_answered_in_http_1(either_world):
    async def script(client, session):
        client.stream.write(
            POST.replace(b"host: a", b"host: a\r\nconnection: upgrade\r\nupgrade: h2c") + POST
        )
        return [await head_and_body(client, 4) for _ in range(2)]

    for head, body in either_world(talking(script)):
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body == b"body"
