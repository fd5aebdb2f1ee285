"""Requests over WebSockets whose answers are bad, or whose connections break, in both worlds."""

import msgspec
import pytest

from battle.actors.spec.limits import WebSocketLimits
from battle.actors.spec.workloads import Reconnect, WsRequests
from battle.actors.units import ms, seconds
from battle.actors.wire.websocket.endpoints import READS_TOO_SLOWLY
from battle.store.events import BenchLimitReached
from tests.actors.wire.websocket.stage import BINARY, CONTINUATION, frame
from tests.actors.workload.ws.stage import (
    Script,
    against,
    nobody,
    play,
    requests,
    serving,
)
from tests.actors.worlds import simulated

pytestmark = pytest.mark.alone  # its live tests measure how late they are

OK = ("ok", "right", None)
QUICK = Reconnect(first_pause=ms(20), max_pause=ms(100), jitter_ratio=0)


class Slow(Script):
    """Answers after so long, each call by itself."""

    pause = ms(120)

    def on_other(self, websocket, call):
        answer = self.right(call)
        self.world.call_at(self.world.now_ns() + self.pause, self.result, websocket, call, answer)


# Bad answers


def test_errors_wrong_and_stale_answers(either_world):
    class Moody(Script):
        def on_other(self, websocket, call):
            match int(call["id"].removeprefix("w0-")) % 4:
                case 0:
                    self.error(websocket, call, -32005)
                case 1:
                    self.result(websocket, call, "0x2")
                case 2:
                    self.result(websocket, call, hex(int(self.right(call), 16) - 1))
                case 3:
                    super().on_other(websocket, call)

    log, _ = against(either_world, Moody, requests("eth_blockNumber", rate=40))
    assert (
        log.endings()
        == [
            ("error", "none", "rpc_error"),
            ("ok", "wrong", None),
            ("ok", "stale", None),
            OK,
        ]
        * 5
    )
    assert {one.rpc_code for one in log.requests} == {-32005, None}
    assert log.total("errors") == 5


@pytest.mark.parametrize(
    "answer",
    [
        b'{"jsonrpc":"2.0","id":"%s"}',
        b'{"jsonrpc":"2.0","id":"%s","resu',
        b"",
        b"<html>no</html>",
    ],
)
def test_what_is_no_answer_ends_the_one_request_it_can_be_for(answer):
    class Spoiling(Script):
        def on_other(self, websocket, call):
            websocket.send(answer.replace(b"%s", call["id"].encode()))

    log, _ = against(simulated, Spoiling, requests())
    assert log.endings() == [("error", "wrong", "not_json_rpc")] * 10
    assert log.requests[0].ended_ns - log.requests[0].sent_ns == ms(0.1)
    assert log.requests[0].response_bytes == len(answer.replace(b"%s", b"w0-0"))


def test_a_spoiled_answer_ends_its_own_request_among_several():
    class Spoiling(Slow):
        def on_other(self, websocket, call):
            super().on_other(websocket, call)
            if call["id"].endswith("3"):
                websocket.send(b'{"id":"' + call["id"].encode() + b'","resu')

    log, _ = against(simulated, Spoiling, requests(rate=40))
    endings = {one.request_id: (one.outcome, one.failure) for one in log.requests}
    spoiled = [name for name, ending in endings.items() if ending == ("error", "not_json_rpc")]
    assert sorted(spoiled) == ["w0-13", "w0-3"]
    assert len([ending for ending in endings.values() if ending == ("ok", None)]) == 18


def test_what_cannot_be_told_whose_it_is_counts_as_unasked():
    class Garbling(Slow):
        def on_other(self, websocket, call):
            super().on_other(websocket, call)
            if call["id"] == "w0-5":
                websocket.send(b"<html>")

    log, _ = against(simulated, Garbling, requests(rate=40))
    assert log.endings() == [OK] * 20
    assert [(one.kind, one.key) for one in log.news] == [("unasked", "<html>")]


def test_an_error_for_no_id_is_that_of_the_only_request():
    class Confused(Script):
        def on_other(self, websocket, call):
            self.error(websocket, {"id": None}, -32700)

    log, _ = against(simulated, Confused, requests())
    assert log.endings() == [("error", "none", "rpc_error")] * 10


def test_answers_that_cannot_be_checked_are_not():
    class Other(Script):
        def right(self, call):
            return "0x7"

    log, _ = against(simulated, Other, requests(), checks_answers=False)
    assert log.endings() == [("ok", "none", None)] * 10


# Connections that break


@pytest.mark.parametrize(
    ("end", "failure"),
    [
        (lambda websocket: websocket.close(1001), ("unknown", "none", "closed")),
        (lambda websocket: websocket.abort(), ("unknown", "none", "reset")),
        (lambda websocket: websocket._stream.close(), ("unknown", "none", "closed")),
        (
            lambda websocket: websocket._stream.write(frame(CONTINUATION, b"x", masked=False)),
            ("error", "none", "protocol"),
        ),
    ],
)
def test_requests_under_way_end_with_their_connection_and_others_go_on(end, failure, either_world):
    class Breaking(Slow):
        def on_other(self, websocket, call):
            if call["id"] == "w0-4":
                end(websocket)
            else:
                super().on_other(websocket, call)

    log, _ = against(either_world, Breaking, requests(rate=20, reconnect=QUICK, timeout=seconds(1)))
    endings = {one.request_id: (one.outcome, one.answer, one.failure) for one in log.requests}
    assert len(endings) == 10
    # At 50 ms apart and 120 ms each, two others are under way when the fifth comes.
    assert {endings["w0-2"], endings["w0-3"], endings["w0-4"]} == {failure}
    assert {endings[f"w0-{n}"] for n in (0, 1, 5, 6, 7, 8, 9)} == {OK}
    assert [one.connection for one in log.changes if one.change == "connected"] == ["0.1", "0.2"]


def test_an_answer_that_is_no_text_is_a_wrong_one_and_the_others_are_lost_with_the_connection():
    class Garbling(Slow):
        def on_other(self, websocket, call):
            if call["id"] == "w0-4":
                websocket._stream.write(frame(BINARY, b"\xff", masked=False))
            else:
                super().on_other(websocket, call)

    log, _ = against(simulated, Garbling, requests(rate=20, reconnect=QUICK, timeout=seconds(1)))
    endings = {one.request_id: (one.outcome, one.answer, one.failure) for one in log.requests}
    assert endings["w0-2"] == ("error", "wrong", "not_json_rpc")
    assert {endings["w0-3"], endings["w0-4"]} == {("error", "none", "protocol")}


def test_a_broken_connection_costs_only_what_was_on_it():
    class Breaking(Slow):
        def on_other(self, websocket, call):
            if call["id"] == "w0-4":
                websocket.abort()
            else:
                super().on_other(websocket, call)

    log, _ = against(simulated, Breaking, requests(rate=20, connections=2, reconnect=QUICK))
    failed = [one.request_id for one in log.requests if one.outcome != "ok"]
    assert sorted(failed) == ["w0-2", "w0-4"]
    # The other connection takes over at once.
    assert all(one.sent_ns == one.scheduled_ns for one in log.requests)


def test_where_nobody_listens_all_are_refused(either_world):
    async def main(stage):
        return await play(stage, requests(rate=40, reconnect=QUICK), await nobody(stage))

    log = either_world(main)
    assert log.endings() == [("error", "none", "refused")] * 20
    assert {one.sent_ns for one in log.requests} == {None}
    assert {one.change for one in log.changes} == {"refused"}
    assert (log.total("dropped"), log.samples[-1].backlog) == (0, 0)


def test_a_server_that_listens_and_speaks_no_websocket_refuses_no_connection(either_world):
    async def main(stage):
        async def http(stream):
            await stream.receive_some()
            stream.write(b"HTTP/1.1 405 no\r\ncontent-length: 0\r\n\r\n")
            stream.close()

        world = stage.world("server")
        address = await stage.nursery.start(world.serve, stage.address("server"), http)
        return await play(stage, requests(rate=40, reconnect=QUICK), address)

    log = either_world(main)
    assert log.endings() == [("error", "none", "no_websocket")] * 20
    assert {one.sent_ns for one in log.requests} == {None}


def test_a_server_that_comes_back_is_found(either_world):
    async def main(stage):
        async with serving(stage) as (script, address):

            async def be_away():
                await stage.sleep(ms(140))
                script.world.shut(address)
                for websocket in script.websockets:
                    websocket.abort()
                await stage.sleep(ms(200))
                script.world.reopen(address)

            stage.nursery.start_soon(be_away)
            spec = requests(rate=20, connections=2, duration=seconds(1), reconnect=QUICK)
            return await play(stage, spec, address)

    log = either_world(main)
    words = [failure or outcome for outcome, _, failure in log.endings()]
    assert words[0] == words[-1] == "ok"
    assert set(words) <= {"ok", "refused"}
    assert 2 <= words.count("refused") <= 8


def test_a_server_that_never_opens_a_websocket_refuses():
    async def main(stage):
        async def deaf(stream):
            await stream.receive_some()
            await stage.sleep(seconds(60))

        world = stage.world("server")
        address = await stage.nursery.start(world.serve, stage.address("server"), deaf)
        return await play(stage, requests(timeout=ms(200), reconnect=QUICK), address)

    log = simulated(main)
    assert {failure for _, _, failure in log.endings()} == {"no_websocket"}
    assert log.details("refused")[0] == "timeout"


def test_what_one_connection_is_refused_waits_for_another():
    async def main(stage):
        async with serving(stage) as (script, _):
            accept, come = script.server.handle, []

            async def only_the_first(stream):
                come.append(stream)
                if len(come) > 1:
                    await stream.receive_some()
                    stream.write(b"HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n")
                    stream.close()
                    return
                await stage.sleep(ms(200))
                await accept(stream)

            world = script.server.world = stage.world("choosy")
            there = await stage.nursery.start(world.serve, stage.address("choosy"), only_the_first)
            return await play(stage, requests(connections=2, reconnect=QUICK), there)

    log = simulated(main)
    assert log.endings() == [OK] * 10
    assert "HTTP status 503" in log.details("refused")


def test_requests_that_wait_for_a_connection_leave_when_it_is_there():
    async def main(stage):
        async with serving(stage) as (script, _):
            accept = script.server.handle

            async def late(stream):
                await stage.sleep(ms(200))
                await accept(stream)

            world = stage.world("late")
            there = await stage.nursery.start(world.serve, stage.address("late"), late)
            script.server.world = world
            return await play(stage, requests(rate=20), there)

    log = simulated(main)
    assert log.endings() == [OK] * 10
    assert max(one.sent_ns - one.scheduled_ns for one in log.requests) > ms(150)
    assert log.samples[0].lateness_max_ns > ms(150)


def test_the_same_seed_gives_the_same_log():
    class Moody(Script):
        def on_other(self, websocket, call):
            if call["id"].endswith("7"):
                websocket.abort()
            else:
                super().on_other(websocket, call)

    def log(seed):
        spec = requests({"eth_getBalance": 1, "eth_chainId": 1}, rate=200, connections=5)
        return msgspec.json.encode(
            against(lambda main: simulated(main, seed), Moody, spec, seed=seed)[0].events
        )

    assert log(1) == log(1) != log(2)


def large(number, rng):
    return "my_upload", ["x" * 2**20]


def test_a_connection_that_the_load_gives_up_because_it_is_not_read_is_not_one_that_the_server_closed():
    class Silent(Script):
        def on_other(self, websocket, call):
            pass

    spec = WsRequests(
        generator=f"{__file__}:large",
        rate=100_000,
        duration=ms(0.2),
        connections=1,
        timeout=ms(300),
        reconnect=QUICK,
    )
    log, _ = against(simulated, Silent, spec)
    given_up = [one for one in log.requests if one.failure == "unread"]
    assert given_up
    assert "closed" not in {one.failure for one in log.requests}
    [noted] = log.of(BenchLimitReached)
    assert (noted.limit, noted.bound) == ("unread", WebSocketLimits().unsent_bytes)
    assert noted.times == log.details("closed").count(READS_TOO_SLOWLY)
