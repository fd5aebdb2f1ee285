"""The server's half of a connection, end to end through bytes, in both worlds."""

import pytest

from battle.actors.spec.limits import HttpLimits
from battle.actors.units import ms, seconds
from battle.actors.world import interfaces
from tests.actors.wire.http.server_stage import (
    HASTY,
    POST,
    all_of,
    conversation,
    serving,
)
from tests.actors.worlds import simulated


def test_requests_are_answered_one_after_another(either_world):
    async def script(stage, stream):
        for body in (b"{}", b"[]"):
            stream.write(POST + body)
            assert (await stream.receive_some()).endswith(b"\r\n\r\n" + body)
        await stream.send_eof()
        return await all_of(stream)

    rest, server = either_world(conversation(script))
    assert rest == b""
    assert server.requests == [b"{}", b"[]"]
    assert server.ends == ["gone", "end"]


def test_a_request_may_come_byte_by_byte(either_world):
    async def script(stage, stream):
        for byte in POST + b"{}":
            stream.write(bytes([byte]))
            await stage.sleep(ms(1))
        return await stream.receive_some()

    answer, _ = either_world(conversation(script))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_pipelined_requests_are_answered_in_order(either_world):
    async def script(stage, stream):
        stream.write(b"".join(POST + b"%02d" % number for number in range(50)))
        await stream.send_eof()
        return await all_of(stream)

    answers, server = either_world(conversation(script))
    assert server.requests == [b"%02d" % number for number in range(50)]
    assert [part[-2:] for part in answers.split(b"HTTP/1.1 200")[1:]] == server.requests


def test_requests_that_do_not_come_whole_are_bounded_over_all_connections(either_world, monkeypatch):
    """Each is within its own limit; the ones that sent most are refused, and a usual request is served."""
    monkeypatch.setattr(interfaces, "NODE_HELD_BYTES", 2**18)
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n"

    async def main(stage):
        _, address = await serving(stage, HttpLimits())
        streams = [await stage.client.connect(address) for _ in range(10)]
        for stream in streams:
            stream.write(head)
        for _ in range(9):
            for stream in streams:
                stream.write(b"x" * 10_000)
                await stage.sleep(ms(1))
        usual = await stage.client.connect(address)
        usual.write(POST + b"{}")
        answer = await usual.receive_some()
        for stream in streams:
            stream.write(b"x" * 10_000)
        answers = [await stream.receive_some() for stream in streams]
        for stream in (*streams, usual):
            stream.close()
        return answer, answers

    answer, answers = either_world(main)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    statuses = [int(each.split()[1]) for each in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) <= 3, "no more than fit into the limit"


def test_connection_close_ends_the_connection_after_the_answer(either_world):
    async def script(stage, stream):
        stream.write(b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
        return await all_of(stream)

    answer, server = either_world(conversation(script))
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"{}")
    assert server.ends == ["gone", "end"]


def test_a_client_that_expects_it_is_told_to_continue(either_world):
    async def script(stage, stream):
        stream.write(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        interim = await stream.receive_some()
        stream.write(b"{}")
        return interim, await stream.receive_some()

    (interim, answer), _ = either_world(conversation(script))
    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\nx: %b" % (b"y" * 2000), 431),
        (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\nhost: a\r\ncontent-length: 0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/2.0\r\nhost: a\r\ncontent-length: 0\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", 501),
    ],
)
def test_a_client_that_breaks_the_rules_is_told_so_and_left(either_world, text, status):
    async def script(stage, stream):
        stream.write(text)
        answer = b""
        while chunk := await stream.receive_some():
            answer += chunk
        return answer

    answer, server = either_world(conversation(script))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close\r\n" in answer
    assert server.requests == []


def test_a_good_request_before_a_bad_one_is_answered_first(either_world):
    async def script(stage, stream):
        stream.write(POST + b"{}nonsense\r\n\r\n")
        return await all_of(stream)

    answers, server = either_world(conversation(script))
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]
    assert server.requests == [b"{}"]


def test_a_refused_client_that_goes_on_sending_still_reads_the_refusal(either_world):
    async def script(stage, stream):
        stream.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n" + b"x" * 900_000)
        return await all_of(stream)

    answer, _ = either_world(conversation(script))
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("piece", [b"P", POST, POST + b"{"])
def test_a_request_that_takes_too_long_gets_408(either_world, piece):
    async def script(stage, stream):
        stream.write(piece)
        began_ns = stage.now_ns()
        answer = await all_of(stream)
        return answer, stage.now_ns() - began_ns

    (answer, took_ns), server = either_world(conversation(script, HASTY))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert took_ns >= HASTY.request_timeout
    assert server.requests == []


def test_a_client_cannot_buy_time_with_single_bytes():
    async def script(stage, stream):
        began_ns = stage.now_ns()
        for byte in POST:
            stream.write(bytes([byte]))
            await stage.sleep(ms(20))
            if stream.is_stale():
                break
        return await stream.receive_some(), stage.now_ns() - began_ns

    (answer, took_ns), _ = simulated(conversation(script, HASTY))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert took_ns <= HASTY.request_timeout + ms(21)


def test_the_time_for_a_request_counts_from_its_own_first_byte():
    async def script(stage, stream):
        stream.write(POST + b"{")
        await stage.sleep(ms(150))
        stream.write(b"}" + POST + b"{")
        await stage.sleep(ms(150))
        stream.write(b"}")
        await stage.sleep(ms(1))
        return await stream.receive_some()

    _, server = simulated(conversation(script, HASTY))
    assert server.requests == [b"{}", b"{}"]


def test_an_idle_connection_is_closed(either_world):
    async def script(stage, stream):
        began_ns = stage.now_ns()
        assert await all_of(stream) == b""
        return stage.now_ns() - began_ns

    took_ns, server = either_world(conversation(script, HASTY))
    assert HASTY.idle_timeout <= took_ns + ms(1) < seconds(5)
    assert server.ends == ["gone", "end"]


def test_a_connection_in_use_is_not_idle():
    async def script(stage, stream):
        for _ in range(20):
            await stage.sleep(HASTY.idle_timeout * 3 // 4)
            stream.write(POST + b"{}")
        began_ns = stage.now_ns()
        await all_of(stream)
        return stage.now_ns() - began_ns

    took_ns, server = simulated(conversation(script, HASTY))
    assert len(server.requests) == 20
    assert took_ns >= HASTY.idle_timeout


def test_a_reset_ends_the_connection(either_world):
    async def script(stage, stream):
        stream.write(POST)
        await stage.sleep(ms(5))
        stream.abort()
        await stage.sleep(ms(50))

    _, server = either_world(conversation(script))
    assert server.ends == ["gone", "end"]
