"""Connecting a WebSocket: who does not listen, refuses, resets, or never answers."""

import pytest
import trio

from battle.actors.units import ms
from battle.actors.wire.http.messages import ProtocolError
from battle.actors.wire.websocket.endpoints import WebSocketRefused
from tests.actors.wire.websocket.stage import HANDSHAKE, connected, serving
from tests.actors.worlds import simulated


def test_nobody_listens(either_world):
    async def main(stage):
        _, address = await serving(stage)
        host, _, _ = address.rpartition(":")
        with pytest.raises(ConnectionRefusedError):
            await connected(stage, f"{host}:1")

    either_world(main)


def answering(text, then="close"):
    """A main whose server answers the handshake with `text`; returns what connecting raised, and whether it
    left anything behind."""

    async def main(stage):
        world = stage.world("server")
        ends = []

        async def handle(stream):
            try:
                await stream.receive_some()
                stream.write(text)
                if then == "abort":
                    stream.abort()
                elif then == "wait":
                    while await stream.receive_some():
                        pass
            except trio.BrokenResourceError:
                ends.append("reset")
                raise
            ends.append("end")

        address = await stage.nursery.start(world.serve, stage.address("server"), handle)
        with pytest.raises(BaseException) as caught:  # noqa: PT011
            with trio.fail_after(1):
                await connected(stage, address)
        while not ends:
            await stage.sleep(ms(1))
        return caught.value

    return main


def test_a_refusal_tells_the_status(either_world):
    error = either_world(
        answering(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 3\r\ncontent-length: 0\r\n\r\n", "wait")
    )
    assert isinstance(error, WebSocketRefused)
    assert (error.status, error.headers[b"retry-after"]) == (503, b"3")


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 101 Switch", b"nonsense\r\n\r\n"])
def test_a_connection_that_ends_before_the_handshake_is_no_refusal(either_world, text):
    assert isinstance(either_world(answering(text)), ProtocolError)


def test_a_reset_before_the_handshake_is_no_refusal(either_world):
    assert isinstance(either_world(answering(b"", "abort")), trio.BrokenResourceError)


def test_a_server_that_does_not_answer_is_left_without_leaking_the_stream(either_world):
    """The fixture that watches for sockets sees the leak in the live world, `ends` in both."""
    assert isinstance(either_world(answering(b"HTTP/1.1 101 Switch", "wait")), trio.TooSlowError)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [(b"version: 13", b"version: 12", 426), (b"dGhl", b"!!", 400), (b"upgrade: websocket\r\n", b"", 426)],
)
def test_a_wrong_handshake_is_answered_with_http(either_world, old, new, status):
    async def main(stage):
        server, address = await serving(stage)
        stream = await stage.client.connect(address)
        stream.write(HANDSHAKE.replace(old, new))
        answer = b""
        while data := await stream.receive_some():
            answer += data
        stream.close()
        assert server.sessions == []
        return answer

    assert either_world(main).startswith(b"HTTP/1.1 %d " % status)


def test_unsent_bytes_and_is_open():
    async def main(stage):
        _, address = await serving(stage)
        client = await connected(stage, address)
        websocket = client.websocket
        assert (websocket.is_open, websocket.unsent_bytes) == (True, 0)
        websocket.send("x" * 300_000)
        websocket.send("y" * 300_000)
        assert websocket.unsent_bytes > 300_000
        await client.received(2)
        assert websocket.unsent_bytes == 0
        websocket.close()
        assert not websocket.is_open
        assert not websocket.send("too late")
        await client.ended()

    simulated(main)
