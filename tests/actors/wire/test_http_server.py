"""The server's half of a connection, end to end through bytes, in both worlds."""

from collections.abc import Callable

import pytest
import trio

from actors.units import ms, seconds
from actors.wire.http import HttpLimits, encode_response
from actors.wire.http_server import HttpServerConnection
from tests.actors.worlds import simulated

LIMITS = HttpLimits(header_bytes=1000, body_bytes=2000)
HASTY = HttpLimits(header_bytes=1000, body_bytes=2000, request_timeout=ms(200), idle_timeout=ms(400))

POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n"


class Server:
    """Echoes bodies. `requests` is what it was asked, `ends` what each connection's answerer and handler saw of its
    end."""

    def __init__(self, stage, limits=LIMITS) -> None:
        self.world = stage.world("server")
        self.limits = limits
        self.requests: list[bytes] = []
        self.ends: list[str] = []

    async def handle(self, stream) -> None:
        echo = Echo(self, stream)
        await HttpServerConnection(self.world, stream, self.limits, echo).run()
        self.ends.append("end")


class Echo:
    """Answers at once, as long as it can."""

    takes_more = True
    has_unanswered = False

    def __init__(self, server, stream) -> None:
        self.server = server
        self.stream = stream

    def on_request(self, request) -> None:
        self.server.requests.append(request.body)
        self.stream.write(encode_response(200, request.body, keep_alive=request.keep_alive))
        if not request.keep_alive:
            self.stream.close()

    def on_client_gone(self) -> None:
        self.server.ends.append("gone")


async def serving(stage, limits=LIMITS):
    server = Server(stage, limits)
    address = await stage.nursery.start(server.world.serve, stage.address("server"), server.handle)
    return server, address


async def all_of(stream) -> bytes:
    """What the server sends until it closes."""
    data = b""
    while chunk := await stream.receive_some():
        data += chunk
    return data


def conversation(script: Callable, limits=LIMITS):
    """A main that runs `script(stage, stream)` on a connection and returns (what it returned, the server)."""

    async def main(stage):
        server, address = await serving(stage, limits)
        stream = await stage.client.connect(address)
        try:
            return await script(stage, stream), server
        finally:
            stream.close()

    return main


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


def test_connection_close_ends_the_connection_after_the_answer(either_world):
    async def script(stage, stream):
        stream.write(b"POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
        return await all_of(stream)

    answer, server = either_world(conversation(script))
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"{}")
    assert server.ends == ["gone", "end"]


def test_a_client_that_expects_it_is_told_to_continue(either_world):
    async def script(stage, stream):
        stream.write(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
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
        (b"POST / HTTP/1.1\r\nx: %b" % (b"y" * 2000), 431),
        (b"POST / HTTP/1.1\r\ncontent-length: 2001\r\n\r\n", 413),
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
        stream.write(b"POST / HTTP/1.1\r\ncontent-length: 900000\r\n\r\n" + b"x" * 900_000)
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


class Debtor:
    """Takes `most` requests, and answers when the script says so."""

    def __init__(self, most=1) -> None:
        self.most = most
        self.owed: list[bytes] = []
        self.gone = False
        self.heir: list[bytes] | None = None
        self.behind = b""

    @property
    def takes_more(self) -> bool:
        return len(self.owed) < self.most

    @property
    def has_unanswered(self) -> bool:
        return bool(self.owed)

    def on_request(self, request) -> None:
        if request.wants_websocket:
            self.heir = []
            self.behind = self.connection.hand_over(lambda data, at: self.heir.append(data), self.heir.append)
        else:
            self.owed.append(request.body)

    def on_client_gone(self) -> None:
        self.gone = True

    def answer(self, count=1) -> None:
        for _ in range(count):
            self.stream.write(encode_response(200, self.owed.pop(0)))
        self.connection.go_on()

    async def serve(self, world, stream) -> None:
        self.stream = stream
        self.connection = HttpServerConnection(world, stream, HASTY, self)
        await self.connection.run()
        if self.heir is not None:
            await trio.sleep_forever()


def owing(script: Callable, most=1):
    """As `conversation`, with a server that answers when the script says so."""

    async def main(stage):
        world = stage.world("server")
        debtor = Debtor(most)

        async def handle(stream):
            await debtor.serve(world, stream)

        address = await stage.nursery.start(world.serve, stage.address("server"), handle)
        stream = await stage.client.connect(address)
        try:
            return await script(stage, stream, debtor)
        finally:
            stream.abort()

    return main


def test_a_connection_whose_request_is_being_answered_is_not_idle():
    async def script(stage, stream, debtor):
        stream.write(POST + b"{}")
        await stage.sleep(3 * HASTY.idle_timeout)
        assert not stream.is_stale()
        debtor.answer()
        assert (await stream.receive_some()).endswith(b"{}")
        answered_ns = stage.now_ns()
        await all_of(stream)
        return stage.now_ns() - answered_ns

    took_ns = simulated(owing(script))
    assert HASTY.idle_timeout // 2 < took_ns <= 2 * HASTY.idle_timeout


def test_a_refusal_waits_for_the_replies_before_it(either_world):
    async def script(stage, stream, debtor):
        stream.write(POST + b"{}nonsense\r\n\r\n")
        await stage.sleep(ms(100))
        early = stream.is_stale()
        debtor.answer()
        return early, await all_of(stream)

    early, answer = either_world(owing(script))
    assert not early
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]


def test_no_more_requests_are_handed_out_than_are_wanted_and_none_is_lost(either_world):
    async def script(stage, stream, debtor):
        for number in range(6):
            stream.write(POST + b"%02d" % number)
            await stage.sleep(ms(5))
        seen = [list(debtor.owed)]
        for _ in range(3):
            debtor.answer(2)
            await stage.sleep(ms(5))
            seen.append(list(debtor.owed))
        return seen

    assert either_world(owing(script, most=2)) == [[b"00", b"01"], [b"02", b"03"], [b"04", b"05"], []]


def test_a_client_that_sends_without_end_is_made_to_wait(either_world):
    async def script(stage, stream, debtor):
        for _ in range(300):
            stream.write((POST + b"{}") * 400)
            if stream.unsent_bytes:
                break
            await stage.sleep(ms(2))
        return stream.unsent_bytes, len(debtor.owed)

    unsent_bytes, owed = either_world(owing(script, most=3))
    assert unsent_bytes > 0
    assert owed == 3


def test_a_client_that_ends_its_side_still_gets_the_answer_that_is_being_made(either_world):
    async def script(stage, stream, debtor):
        stream.write(POST + b"{}")
        await stream.send_eof()
        await stage.sleep(ms(20))
        gone = debtor.gone
        debtor.answer()
        return gone, await all_of(stream)

    gone, answer = either_world(owing(script))
    assert gone
    assert answer.endswith(b"{}")


def test_a_connection_may_go_on_in_another_protocol(either_world):
    ask = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"

    async def script(stage, stream, debtor):
        stream.write(ask + b"first")
        await stage.sleep(ms(5))
        stream.write(b"then")
        await stage.sleep(2 * HASTY.idle_timeout)
        assert not stream.is_stale()
        stream.close()
        await stage.sleep(ms(5))
        return debtor.behind, debtor.heir

    behind, heir = either_world(owing(script))
    assert behind == b"first"
    assert heir == [b"then", b""]
