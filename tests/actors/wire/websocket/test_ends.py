"""Each way a WebSocket can end: what this side is told, and what the peer can see of it."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.limits import WebSocketLimits
from battle.actors.units import ms, seconds
from battle.actors.wire.websocket.endpoints import READS_TOO_SLOWLY
from tests.actors.wire.websocket.stage import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    close_frame,
    connected,
    frame,
    raw_client,
    serving,
)
from tests.actors.worlds import simulated

LIMITS = WebSocketLimits(message_bytes=1000, fragments=8, unsent_bytes=100_000, close_timeout=ms(300))


def conversation(script, **options):
    """A main that runs `script(stage, client, session)` with a raw client; returns (how it ended for the
    server, what the script returned)."""

    async def main(stage):
        server, address = await serving(stage, **{"limits": LIMITS, **options})
        client = await raw_client(stage, address)
        await server.accepted.wait()
        (session,) = server.sessions
        result = await script(stage, client, session)
        ended = await session.ended()
        with trio.fail_after(5):
            await session.websocket.wait_closed()
        client.stream.close()
        await stage.sleep(ms(10))
        assert server.finished == 1
        assert len(session.ends) == 1
        return ended, result

    return main


def described(ended):
    return ended.code, ended.reason, ended.by, ended.clean, ended.reset


# The peer ends it.


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 3000, 4999])
def test_the_peer_closes(either_world, code):
    async def script(stage, client, session):
        client.stream.write(close_frame(code, "grüße".encode()) + frame(TEXT, b"not read any more"))
        return await client.next_close(), await client.next_frame()

    ended, (answer, after) = either_world(conversation(script))
    assert described(ended) == (code, "grüße", "peer", True, False)
    assert answer == (code, "")
    assert after is None, "the server closes the stream after its close frame"


def test_the_peer_closes_without_a_code(either_world):
    async def script(stage, client, session):
        client.stream.write(frame(CLOSE))
        return await client.next_close()

    ended, answer = either_world(conversation(script))
    assert described(ended) == (1005, "", "peer", True, False)
    assert answer == (None, "")


def test_the_peer_ends_the_stream(either_world):
    async def script(stage, client, session):
        client.stream.write(frame(TEXT, b"a") + frame(TEXT, b"b")[:3])
        await client.stream.send_eof()
        return await client.next_frame(), await client.next_frame()

    ended, heard = either_world(conversation(script))
    assert described(ended) == (1006, "the connection closed without a close frame", "peer", False, False)
    assert heard == ((TEXT, b"a"), None)


def test_the_peer_resets(either_world):
    async def script(stage, client, session):
        client.stream.abort()

    ended, _ = either_world(conversation(script))
    assert described(ended) == (1006, "the connection was reset", "peer", False, True)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", 1002),
        (frame(TEXT, b"x", masked=False), 1002),
        (frame(CONTINUATION, b"x"), 1002),
        (close_frame(1005), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(BINARY, b"\xff"), 1007),
        (frame(TEXT, b"x" * 1001), 1009),
        (frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 8, 1009),
    ],
)
@pytest.mark.parametrize("manners", ["answers", "closes", "goes on"])
def test_the_peer_breaks_the_rules(either_world, wire, code, manners):
    async def script(stage, client, session):
        client.stream.write(frame(TEXT, b"fine") + wire + frame(TEXT, b"more"))
        answer = await client.next_close()
        told_ns = (await session.ended()).at_ns
        if manners == "answers":
            client.stream.write(close_frame(code))
        elif manners == "closes":
            client.stream.close()
            return answer, told_ns, None
        else:
            client.stream.write(frame(TEXT, b"more") * 1000)
        return answer, told_ns, await client.next_frame()

    ended, (answer, _, after) = either_world(conversation(script))
    assert (ended.code, ended.by, ended.clean, ended.reset) == (code, "us", False, False)
    assert answer == (code, ended.reason)
    assert after is None


def test_a_violation_is_told_at_once():
    async def script(stage, client, session):
        client.stream.write(frame(0x3))
        before_ns = stage.now_ns()
        return (await session.ended()).at_ns - before_ns

    _, took_ns = simulated(conversation(script))
    assert took_ns < ms(10)


def test_a_peer_that_ignores_our_close_frame_after_a_violation_is_left_in_time():
    async def script(stage, client, session):
        client.stream.write(frame(0x3))
        before_ns = stage.now_ns()
        await session.websocket.wait_closed()
        return stage.now_ns() - before_ns

    _, took_ns = simulated(conversation(script))
    assert ms(300) <= took_ns < ms(310)


# This side ends it.


def test_we_close_and_the_peer_answers(either_world):
    async def script(stage, client, session):
        session.websocket.close(4000, "enough")
        session.websocket.close(1000, "a second time")
        client.stream.write(frame(TEXT, b"not delivered") + frame(PING))
        request = await client.next_close()
        assert not session.ends
        client.stream.write(close_frame(4000))
        return request, await client.next_frame(), session.messages

    ended, (request, after, messages) = either_world(conversation(script))
    assert described(ended) == (4000, "enough", "us", True, False)
    assert request == (4000, "enough")
    assert after is None
    assert messages == []


def test_what_was_sent_before_we_close_arrives_before_the_close_frame(either_world):
    async def script(stage, client, session):
        for number in range(200):
            session.websocket.send(b"%d" % number * 100)
        session.websocket.close(1001)
        heard = [await client.next_frame() for _ in range(200)]
        return heard, await client.next_close(), client.stream.close()

    ended, (heard, close, _) = either_world(conversation(script))
    assert heard == [(TEXT, b"%d" % number * 100) for number in range(200)]
    assert close == (1001, "")
    assert (ended.code, ended.by, ended.clean) == (1001, "us", False)


@pytest.mark.parametrize("how", ["end", "reset", "silence"])
def test_we_close_and_the_peer_does_not_answer(either_world, how):
    async def script(stage, client, session):
        session.websocket.close(1001, "going")
        before_ns = stage.now_ns()
        if how == "end":
            await client.stream.send_eof()
        elif how == "reset":
            client.stream.abort()
        return (await session.ended()).at_ns - before_ns

    ended, took_ns = either_world(conversation(script))
    assert described(ended) == (1001, "going", "us", False, how == "reset")
    assert (took_ns >= ms(300)) == (how == "silence")


def test_both_close_at_once(either_world):
    async def main(stage):
        server, address = await serving(stage)
        client = await connected(stage, address)
        await server.accepted.wait()
        client.websocket.close(4001)
        server.sessions[0].websocket.close(4002)
        return await client.ended(), await server.sessions[0].ended()

    ours, theirs = either_world(main)
    assert (ours.code, ours.by, ours.clean) == (4001, "us", True)
    assert (theirs.code, theirs.by, theirs.clean) == (4002, "us", True)


def test_we_abort(either_world):
    async def script(stage, client, session):
        session.websocket.abort()
        assert not session.ends, "nobody is called from inside a method"
        with pytest.raises(trio.BrokenResourceError):
            await client.next_frame()

    ended, _ = either_world(conversation(script))
    assert described(ended) == (1006, "this side aborted the connection", "us", False, False)


def test_we_abort_while_closing(either_world):
    async def script(stage, client, session):
        session.websocket.close(1013, "later")
        session.websocket.abort()

    ended, _ = either_world(conversation(script))
    assert described(ended) == (1013, "later", "us", False, False)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_somebody_else_on_this_side_takes_the_stream_away(either_world, how):
    async def script(stage, client, session):
        getattr(session.websocket._stream, how)()

    ended, _ = either_world(conversation(script))
    assert described(ended) == (1006, "this side gave the connection up", "us", False, False)


def test_a_reason_that_is_too_long_is_cut(either_world):
    async def script(stage, client, session):
        session.websocket.close(1000, "♥" * 100)
        return await client.next_close(), client.stream.write(close_frame(1000))

    ended, (close, _) = either_world(conversation(script))
    assert close == (1000, "♥" * 41)
    assert ended.reason == "♥" * 100


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2000, 5000])
def test_codes_that_no_close_frame_may_carry_are_our_mistake(code):
    async def script(stage, client, session):
        with pytest.raises(AssertionError):
            session.websocket.close(code)
        client.stream.abort()

    simulated(conversation(script))


# A peer that does not read.


async def flood(stage, session, text=b"x" * 10_000):
    """Send until it is too much; the most bytes that were ever unsent."""
    most = 0
    for _ in range(10_000):
        if not session.websocket.send(text):
            break
        most = max(most, session.websocket.unsent_bytes)
        await stage.sleep(ms(0.1) if stage.client.name == "simulated" else 0)
    return most


def test_a_slow_reader_is_closed_and_never_buffered_without_bound(either_world):
    async def script(stage, client, session):
        most = await flood(stage, session)
        ended = await session.ended()
        await session.websocket.wait_closed()
        return most, session.websocket.unsent_bytes, stage.now_ns() - ended.at_ns

    ended, (most, left, lingered_ns) = either_world(conversation(script))
    assert described(ended) == (1008, READS_TOO_SLOWLY, "us", False, False)
    assert 100_000 < most <= 100_000 + 10_004
    assert left == 0, "what could not be sent in time is thrown away"
    assert ms(290) <= lingered_ns < seconds(3)


def test_a_stream_that_gave_the_peer_up_ends_as_one_that_is_closed_for_it(either_world):
    async def script(stage, client, session):
        session.websocket.lost("unread", stage.now_ns())

    ended, _ = either_world(conversation(script))
    assert described(ended) == (1006, READS_TOO_SLOWLY, "us", False, False)


def test_a_slow_reader_that_reads_on_learns_why(either_world):
    async def script(stage, client, session):
        await flood(stage, session)
        close = await client.next_close()
        client.stream.write(close_frame(close[0]))
        return close, await client.next_frame()

    ended, (close, after) = either_world(conversation(script))
    assert ended.code == 1008
    assert close == (1008, READS_TOO_SLOWLY)
    assert after is None


def test_a_client_that_pings_and_does_not_read_is_closed_too():
    async def script(stage, client, session):
        for _ in range(40_000):
            client.stream.write(frame(PING, b"p" * 100))
            if session.ends:
                break
            await stage.sleep(ms(0.01))
        return session.websocket.unsent_bytes

    ended, unsent = simulated(conversation(script))
    assert ended.code == 1008
    assert unsent < 110_000


def test_one_large_message_to_a_reader_that_keeps_up_is_fine():
    async def main(stage):
        _, address = await serving(
            stage, react=lambda websocket, text: websocket.send(b"x" * 3_000_000), limits=LIMITS
        )
        client = await connected(stage, address)
        client.websocket.send("go")
        await client.received(1)
        client.websocket.send("again")
        await client.received(2)
        client.websocket.close()
        return await client.ended()

    assert simulated(main).clean


# Anything at all.

FRAMES = st.builds(
    frame,
    st.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING, 0xA, 0x3]),
    st.binary(max_size=20),
    fin=st.booleans(),
    masked=st.sampled_from([True, True, True, False]),
)


@given(st.lists(FRAMES | st.binary(max_size=30), max_size=8), st.sampled_from(["end", "reset", "silence"]))
def test_any_bytes_end_properly_or_leave_the_connection_open(pieces, last):
    async def main(stage):
        server, address = await serving(stage, limits=LIMITS)
        client = await raw_client(stage, address)
        await server.accepted.wait()
        (session,) = server.sessions
        for piece in pieces:
            client.stream.write(piece)
            await stage.sleep(ms(1))
        if last == "reset":
            client.stream.abort()
        elif last == "end":
            await client.stream.send_eof()
        await stage.sleep(seconds(1))
        left_open = session.websocket.is_open
        client.stream.close()
        ended = await session.ended()
        await session.websocket.wait_closed()
        await stage.sleep(seconds(10))
        assert len(session.ends) == 1
        assert server.finished == 1
        return left_open, ended

    left_open, ended = simulated(main)
    assert not (left_open and last != "silence")
    assert ended.code in {1002, 1005, 1006, 1007, 1009} or ended.by == "peer"
    assert (ended.code == 1006) == (ended.by == "peer" and not ended.clean)
