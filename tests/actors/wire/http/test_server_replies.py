"""A server that takes its time to answer: what waits, what is held back, and who is not idle."""

from collections.abc import Callable

import trio

from battle.actors.units import ms
from battle.actors.wire.http.messages import encode_response
from battle.actors.wire.http.server import HttpServerConnection
from tests.actors.wire.http.server_stage import HASTY, POST, all_of
from tests.actors.worlds import simulated


class Debtor:
    """Takes `most` requests, and answers when the script says so."""

    def __init__(self, most=1) -> None:
        self.most = most
        self.owed: list[bytes] = []
        self.gone = False
        self.upgrade_target: list[bytes] | None = None
        self.behind = b""

    @property
    def takes_more(self) -> bool:
        return len(self.owed) < self.most

    @property
    def has_unanswered(self) -> bool:
        return bool(self.owed)

    def on_request(self, request) -> None:
        if request.wants_websocket:
            self.upgrade_target = []
            self.behind = self.connection.upgrade(
                lambda data, at: self.upgrade_target.append(data),
                lambda how, at: self.upgrade_target.append(how.encode()),
            )
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
        if self.upgrade_target is not None:
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
        await stage.until(lambda: debtor.behind)
        stream.write(b"then")
        await stage.sleep(2 * HASTY.idle_timeout)
        assert not stream.is_stale()
        stream.close()
        await stage.until(lambda: b"" in debtor.upgrade_target)
        return debtor.behind, debtor.upgrade_target

    behind, upgrade_target = either_world(owing(script))
    assert behind == b"first"
    assert upgrade_target == [b"then", b""]
