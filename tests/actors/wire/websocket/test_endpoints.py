"""WebSockets end to end, in both worlds: our client and our server, and a client that writes its own frames."""

from typing import Any

import pytest

from battle.actors.spec.limits import HttpLimits, WebSocketLimits
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import ProtocolError
from battle.actors.wire.http.parsers import RequestParser
from battle.actors.wire.websocket.endpoints import (
    SERVER_LIMITS,
    Ended,
    KeepAlive,
    WebSocket,
    connect_websocket,
)
from battle.actors.wire.websocket.handshake import accept_upgrade
from tests.actors.wire.websocket.stage import (
    BINARY,
    CONTINUATION,
    HANDSHAKE,
    PING,
    PONG,
    TEXT,
    Recorder,
    close_frame,
    connected,
    frame,
    raw_client,
    serving,
)
from tests.actors.worlds import simulated


def test_messages_come_back_in_order(either_world):
    async def main(stage):
        server, address = await serving(stage)
        client = await connected(stage, address)
        texts = ["", "a", "♥" * 50, "b" * 70_000, *(str(number) for number in range(200))]
        for text in texts:
            assert client.websocket.send(text)
        assert await client.received(len(texts)) == [text.encode() for text in texts]
        assert client.arrivals == sorted(client.arrivals)
        client.websocket.close()
        ended = await client.ended()
        await client.websocket.wait_closed()
        return texts, ended, await server.sessions[0].ended(), server

    texts, ours, theirs, server = either_world(main)
    assert server.sessions[0].messages == [text.encode() for text in texts]
    assert (ours.code, ours.by, ours.clean, ours.reset) == (1000, "us", True, False)
    assert (theirs.code, theirs.by, theirs.clean, theirs.reset) == (1000, "peer", True, False)


def test_a_large_message_both_ways(either_world):
    async def main(stage):
        _, address = await serving(stage, limits=WebSocketLimits(message_bytes=3 * 2**20))
        client = await connected(stage, address)
        text = b"0123456789abcdef" * 2**17  # 2 MiB
        client.websocket.send(text)
        (answer,) = await client.received(1)
        client.websocket.close()
        await client.ended()
        return answer == text

    assert either_world(main)


def test_a_client_may_send_a_byte_at_a_time(either_world):
    async def main(stage):
        server, address = await serving(stage)
        stream = await stage.client.connect(address)
        wire = (
            HANDSHAKE
            + frame(TEXT, "one ♥".encode())
            + frame(TEXT, b"two", fin=False)
            + frame(PING, b"are you there?")
            + frame(CONTINUATION, b" halves")
            + frame(BINARY, b"text all the same")
            + close_frame(1001, b"done")
        )
        for at in range(len(wire)):
            stream.write(wire[at : at + 1])
            if at % 16 == 0:
                await stage.sleep(ms(1))
        heard = b""
        while data := await stream.receive_some():
            heard += data
        stream.close()
        ended = await server.sessions[0].ended()
        return heard, server.sessions[0].messages, ended

    heard, messages, ended = either_world(main)
    head, _, frames = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"x-server: demonstration" in head
    assert messages == ["one ♥".encode(), b"two halves", b"text all the same"]
    assert frames == (
        frame(TEXT, "one ♥".encode(), masked=False)
        + frame(PONG, b"are you there?", masked=False)
        + frame(TEXT, b"two halves", masked=False)
        + frame(TEXT, b"text all the same", masked=False)
        + close_frame(1001, masked=False)
    )
    assert (ended.code, ended.reason, ended.by, ended.clean) == (1001, "done", "peer", True)


def test_frames_sent_with_the_handshake_come_first(either_world):
    async def main(stage):
        server, address = await serving(stage)
        client = await raw_client(stage, address, frame(TEXT, b"early") + frame(TEXT, b"in two pieces")[:5])
        client.stream.write(frame(TEXT, b"in two pieces")[5:])
        answers = [await client.next_frame(), await client.next_frame()]
        client.stream.close()
        await server.sessions[0].ended()
        return answers, server.sessions[0]

    answers, session = either_world(main)
    assert answers == [(TEXT, b"early"), (TEXT, b"in two pieces")]
    assert session.arrivals == sorted(session.arrivals)


def test_frames_sent_with_the_answer_come_first(either_world):
    """A server may speak at once; nothing is told before `connect_websocket` has returned."""

    async def main(stage):
        world = stage.world("server")

        async def handle(stream):
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += await stream.receive_some()
            stream.write(_accepting(request) + frame(TEXT, b"hello", masked=False) + b"\x81")
            stream.write(b"\x01!" + close_frame(1012, b"restarting", masked=False))
            while await stream.receive_some():
                pass

        address = await stage.nursery.start(world.serve, stage.address("server"), handle)
        client = await connected(stage, address)
        assert client.messages == client.ends == []
        ended = await client.ended()
        return client.messages, ended, client.arrivals, stage.now_ns()

    messages, ended, arrivals, now_ns = either_world(main)
    assert messages == [b"hello", b"!"]
    assert (ended.code, ended.reason, ended.by, ended.clean) == (1012, "restarting", "peer", True)
    assert 0 < arrivals[0] <= arrivals[1] <= ended.at_ns <= now_ns


def _accepting(request):
    parser = RequestParser(HttpLimits())
    parser.feed(request)
    whole = parser.next_request()
    assert whole is not None
    return accept_upgrade(whole)


def test_pings_are_answered_unless_told_otherwise(either_world):
    async def main(stage):
        server, address = await serving(stage)
        client = await connected(stage, address)
        client.websocket.ping(b"one")
        await client.until(lambda: client.pongs)
        (session,) = server.sessions
        session.websocket.answers_pings = False
        client.websocket.ping(b"two")
        client.websocket.send("after")
        await client.received(1)
        session.websocket.answers_pings = True
        client.websocket.ping(b"three")
        await client.until(lambda: len(client.pongs) == 2)
        client.websocket.close()
        await client.ended()
        return client.pongs, session.websocket.pings_ignored

    assert either_world(main) == ([b"one", b"three"], 1)


@pytest.mark.parametrize("pong_timeout", [ms(100), seconds(5)])
def test_keep_alive_says_nothing_while_pongs_come(pong_timeout):
    async def main(stage):
        keep_alive = KeepAlive(ping_interval=seconds(1), pong_timeout=pong_timeout)
        _, address = await serving(stage, keep_alive=keep_alive)
        client = await connected(stage, address, keep_alive=keep_alive)
        await stage.sleep(seconds(60.5))
        assert client.websocket.is_open
        assert client.websocket._pings == 60
        assert client.pongs == [], "the pongs of keep-alive are nobody else's"
        client.websocket.close()
        return await client.ended()

    assert simulated(main).clean


def test_a_missing_pong_ends_a_half_open_connection(either_world):
    async def main(stage):
        server, address = await serving(stage)
        client = await connected(
            stage, address, keep_alive=KeepAlive(ping_interval=ms(50), pong_timeout=ms(150))
        )
        while client.websocket._pings < 3:
            await stage.sleep(ms(5))
        server.sessions[0].websocket.answers_pings = False
        silent_ns = stage.now_ns()
        ended = await client.ended()
        return ended, ended.at_ns - silent_ns, await server.sessions[0].ended()

    ended, took_ns, theirs = either_world(main)
    assert (ended.code, ended.reason, ended.by, ended.clean) == (1006, "ping timeout", "us", False)
    assert ms(100) <= took_ns < seconds(5)
    assert (theirs.code, theirs.by, theirs.reset) == (1006, "peer", True)


def test_keep_alive_settings_must_be_positive():
    assert not list(KeepAlive().problems())
    assert len(list(KeepAlive(ping_interval=0, pong_timeout=-1).problems())) == 2


# Who may call what, and when.


def test_no_callback_is_called_from_inside_a_method():
    calls: list[Any] = []

    async def main(stage):
        def react(websocket, text):
            if text == b"close":
                websocket.close(3000, "as told")
            elif text == b"abort":
                websocket.abort()
            else:
                websocket.send(text)
            calls.append((text, websocket.is_open))

        for last in ("close", "abort"):
            _, address = await serving(stage, react=react)
            client = await connected(stage, address)
            for text in ("a", last, "not delivered any more"):
                client.websocket.send(text)
            calls.append(await client.ended())

    simulated(main)
    first, second = (one for one in calls if isinstance(one, Ended))
    assert [one for one in calls if not isinstance(one, Ended)] == [
        (b"a", True),
        (b"close", False),
        (b"a", True),
        (b"abort", False),
    ]
    assert (first.code, first.reason, first.by) == (3000, "as told", "peer")
    assert (second.code, second.reset) == (1006, True)


@pytest.mark.parametrize("last", ["close", "abort"])
def test_nothing_is_delivered_after_the_owner_has_ended_it_even_from_the_same_piece(last):
    async def main(stage):
        def react(websocket, text):
            getattr(websocket, last)()

        server, address = await serving(stage, react=react)
        client = await raw_client(stage, address)
        client.stream.write(frame(TEXT, b"one") + frame(TEXT, b"two") + frame(PING) + close_frame(1000))
        await server.accepted.wait()
        (session,) = server.sessions
        ended = await session.ended()
        client.stream.close()
        return session.messages, ended

    messages, ended = simulated(main)
    assert messages == [b"one"]
    assert (ended.code, ended.by, ended.clean) == (
        (1000, "us", True) if last == "close" else (1006, "us", False)
    )


def test_what_came_with_the_handshake_precedes_what_the_stream_tells_first():
    async def main(stage):
        _, address = await serving(stage)
        early = Recorder()
        websocket = WebSocket(
            stage.client,
            await stage.client.connect(address),
            client=False,
            limits=SERVER_LIMITS,
            **early.callbacks(),
        )
        whole = frame(TEXT, b"first")
        websocket.receive_early(whole[:3])
        now_ns = stage.now_ns()
        websocket.feed(whole[3:] + frame(TEXT, b"second"), now_ns)
        websocket.receive_early(b"")
        websocket.lost("reset", now_ns)
        await early.ended()
        return early.messages

    assert simulated(main) == [b"first", b"second"]


def test_the_owner_may_do_everything_from_on_ended():
    async def main(stage):
        _, address = await serving(stage)
        client = Recorder()
        callbacks = client.callbacks()

        def on_ended(ended):
            websocket = client.websocket
            websocket.close(1000)
            websocket.abort()
            assert not websocket.send("x")
            assert not websocket.ping()
            callbacks["on_ended"](ended)

        client.websocket = await connect_websocket(
            stage.client, address, on_message=client._on_message, on_ended=on_ended
        )
        client.websocket.close()
        await client.ended()
        await client.websocket.wait_closed()
        await stage.sleep(seconds(60))
        return await client.ended()

    assert simulated(main).clean


def test_the_same_seed_gives_the_same_handshake():
    async def main(stage):
        world = stage.world("server")
        heard = []

        async def handle(stream):
            heard.append(await stream.receive_some())

        address = await stage.nursery.start(world.serve, stage.address("server"), handle)
        for _ in range(2):
            with pytest.raises(ProtocolError):
                await connected(stage, address)
        return heard

    first, second = simulated(main), simulated(main)
    assert first == second
    assert first[0] != first[1], "each connection has a key of its own"
    assert simulated(main, seed=1) != first
