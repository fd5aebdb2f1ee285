"""A demonstration server, a recorder for what a WebSocket tells, and frames made by hand."""

import struct

import trio

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.parsers import RequestParser
from battle.actors.wire.websocket.endpoints import (
    CLIENT_LIMITS,
    SERVER_LIMITS,
    WebSocket,
    accept_websocket,
    connect_websocket,
)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: keep-alive, Upgrade\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
)


def frame(opcode, payload=b"", *, fin=True, masked=True, rsv=0):
    """One frame as the RFC draws it, without wsproto's help."""
    size = len(payload)
    if size < 126:
        short, extended = size, b""
    elif size <= 0xFFFF:
        short, extended = 126, struct.pack("!H", size)
    else:
        short, extended = 127, struct.pack("!Q", size)
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short]) + extended
    if not masked:
        return head + payload
    key = b"\x12\x34\x56\x78"
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def close_frame(code, reason=b"", *, masked=True):
    return frame(CLOSE, struct.pack("!H", code) + reason, masked=masked)


class Recorder:
    """What one WebSocket told. `react(websocket, text)` is called for each message."""

    def __init__(self, react=None) -> None:
        self.messages: list[bytes] = []
        self.arrivals: list[int] = []
        self.pongs: list[bytes] = []
        self.ends = []
        self.websocket: WebSocket | None = None
        self.inside = False
        self._react = react
        self._changed = trio.Event()

    def callbacks(self):
        return {"on_message": self._on_message, "on_ended": self._on_ended, "on_pong": self._on_pong}

    def _on_message(self, text, arrived_ns):
        assert not self.ends, "a message came after the end"
        assert not self.inside, "a callback was called inside a callback"
        self.messages.append(text)
        self.arrivals.append(arrived_ns)
        if self._react is not None:
            self.inside = True
            self._react(self.websocket, text)
            self.inside = False
        self._wake()

    def _on_pong(self, payload, arrived_ns):
        assert not self.ends, "a pong came after the end"
        self.pongs.append(payload)
        self._wake()

    def _on_ended(self, ended):
        assert not self.inside, "a callback was called inside a callback"
        self.ends.append(ended)
        self._wake()

    def _wake(self):
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, condition):
        while not condition():
            await self._changed.wait()

    async def received(self, count):
        await self.until(lambda: len(self.messages) >= count)
        return self.messages

    async def ended(self):
        await self.until(lambda: self.ends)
        assert len(self.ends) == 1
        return self.ends[0]


def echo(websocket, text):
    websocket.send(text)


class Server:
    """Accepts WebSockets; `sessions` are their recorders, in the order they came."""

    def __init__(self, world, react=echo, limits=SERVER_LIMITS, keep_alive=None) -> None:
        self.world = world
        self.sessions: list[Recorder] = []
        self.accepted = trio.Event()
        self.finished = 0
        self._react = react
        self._options = {"limits": limits, "keep_alive": keep_alive}

    async def handle(self, stream) -> None:
        parser = RequestParser(HttpLimits())
        while (request := parser.next_request()) is None:
            parser.feed(await stream.receive_some())
        session = Recorder(self._react)
        websocket = accept_websocket(
            self.world,
            stream,
            request,
            lambda receive, lost: (stream.on_data(receive, lost), parser.after_upgrade)[1],
            headers={b"x-server": b"demonstration"},
            **session.callbacks(),
            **self._options,
        )
        if websocket is None:
            return
        session.websocket = websocket
        self.sessions.append(session)
        self.accepted.set()
        await websocket.wait_closed()
        assert session.ends
        self.finished += 1


async def serving(stage, **options):
    server = Server(stage.world("server"), **options)
    address = await stage.nursery.start(server.world.serve, stage.address("server"), server.handle)
    return server, address


async def connected(stage, address, react=None, limits=CLIENT_LIMITS, keep_alive=None, **options):
    client = Recorder(react)
    client.websocket = await connect_websocket(
        stage.client, address, "/ws", limits=limits, keep_alive=keep_alive, **client.callbacks(), **options
    )
    return client


class RawClient:
    """A client that says exactly what the test wants, and hears raw frames."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self._heard = b""

    async def shake_hands(self, extra=b"") -> bytes:
        self.stream.write(HANDSHAKE + extra)
        while b"\r\n\r\n" not in self._heard:
            self._heard += await self.stream.receive_some()
        head, _, self._heard = self._heard.partition(b"\r\n\r\n")
        return head

    async def next_frame(self):
        """(opcode, payload) of an unmasked frame; None at end of stream."""
        while (found := self._take()) is None:
            data = await self.stream.receive_some()
            if not data:
                assert self._heard == b"", "the stream ended inside a frame"
                return None
            self._heard += data
        return found

    def _take(self):
        heard = self._heard
        if len(heard) < 2:
            return None
        size, at = heard[1], 2
        assert size < 128, "a server must not mask"
        if size == 126:
            size, at = int.from_bytes(heard[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(heard[2:10], "big"), 10
        if len(heard) < at + size:
            return None
        self._heard = heard[at + size :]
        return heard[0] & 0x0F, heard[at : at + size]

    async def next_close(self):
        """(code, reason) of the close frame, passing over what comes before it; None at end of stream."""
        while (found := await self.next_frame()) is not None:
            opcode, payload = found
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big") if payload else None, payload[2:].decode()
        return None


async def raw_client(stage, address, extra=b"") -> RawClient:
    client = RawClient(await stage.client.connect(address))
    await client.shake_hands(extra)
    return client
