"""Requests over WebSockets against a server that follows a script, in both worlds."""

import msgspec
import pytest

from actors.units import ms, seconds
from actors.workload.spec import Reconnect
from tests.actors.wire.websocket_stage import BINARY, frame
from tests.actors.workload.sample_generators import HERE
from tests.actors.workload.ws_stage import LEAD, Script, against, nobody, play, requests, serving
from tests.actors.worlds import simulated

OK = ("ok", "right", None)
QUICK = Reconnect(first_pause=ms(20), max_pause=ms(100), jitter_ratio=0)


class Slow(Script):
    """Answers after so long, each call by itself."""

    pause = ms(120)

    def on_other(self, websocket, call):
        answer = self.right(call)
        self.world.call_at(self.world.now_ns() + self.pause, self.result, websocket, call, answer)


# Good servers


def test_every_request_is_answered_rightly(either_world):
    mix = {"eth_chainId": 1, "eth_getBalance": 1, "eth_getLogs": 1, "eth_blockNumber": 1}
    log, script = against(either_world, Script, requests(mix, rate=100, connections=4))
    assert log.endings() == [OK] * 50
    assert sorted(one.request_id for one in log.requests) == sorted(f"w0-{n}" for n in range(50))
    assert {one.method for one in log.requests} == set(mix)
    assert all(one.scheduled_ns <= one.sent_ns <= one.ended_ns for one in log.requests)
    assert all(one.response_bytes > 30 and one.http_status is None for one in log.requests)
    assert log.total("due") == log.total("sent") == log.total("ended") == 50
    changes = [(one.change, one.close_code) for one in log.changes]
    assert sorted(changes, key=str) == [("closed", 1000)] * 4 + [("connected", None)] * 4
    assert [session.ends[0].clean for session in script.server.sessions] == [True] * 4
    assert log.news == []


def test_requests_go_out_when_they_are_due_and_in_turn():
    log, script = against(simulated, Script, requests(rate=100, connections=5))
    assert [one.sent_ns for one in log.requests] == [LEAD + ms(10) * n for n in range(50)]
    assert [len(session.messages) for session in script.server.sessions] == [10] * 5


def test_several_are_under_way_on_a_connection(either_world):
    log, script = against(either_world, Slow, requests(rate=100))
    assert log.endings() == [OK] * 50
    assert len(script.server.sessions) == 1
    assert max(one.ended_ns - one.sent_ns for one in log.requests) >= ms(120)
    samples = sorted(one.sent_ns for one in log.requests)
    assert samples[11] < min(one.ended_ns for one in log.requests if one.request_id == "w0-0") + ms(20)


def test_a_generator_of_the_authors_makes_the_questions():
    spec = requests("", generator=f"{HERE}:accounts")
    log, _ = against(simulated, Script, spec)
    assert log.endings() == [OK] * 10
    assert {one.method for one in log.requests} == {"eth_getBalance"}


def test_shards_send_the_whole_schedule_together():
    async def main(stage):
        async with serving(stage) as (_, address):
            spec = requests(rate=20, connections=3, shards=2)
            return [await play(stage, spec, address, shard=shard) for shard in range(2)]

    logs = simulated(main)
    assert [[one.request_id for one in log.requests] for log in logs] == [
        [f"w0-{n}" for n in range(shard, 10, 2)] for shard in range(2)
    ]
    assert [[one.connection for one in log.changes if one.change == "connected"] for log in logs] == [
        ["0.1", "2.1"],
        ["1.1"],
    ]


def test_the_connections_are_there_before_the_load():
    log, _ = against(simulated, Script, requests(rate=100, connections=3))
    assert all(one.at_ns < LEAD for one in log.changes if one.change == "connected")
    assert log.samples[0].lateness_max_ns == 0


# Whose answer is it?


def test_answers_may_come_in_any_order(either_world):
    class Backwards(Script):
        waiting = []

        def on_other(self, websocket, call):
            self.waiting = [*self.waiting, call]
            if len(self.waiting) == 5:
                for one in reversed(self.waiting):
                    self.result(websocket, one, self.right(one))
                self.waiting = []

    log, _ = against(either_world, Backwards, requests("eth_getBalance", rate=50, timeout=seconds(2)))
    assert log.endings() == [OK] * 25
    assert [one.request_id for one in log.requests[:5]] == ["w0-4", "w0-3", "w0-2", "w0-1", "w0-0"]


def test_swapped_ids_are_wrong_answers(either_world):
    class Swapping(Script):
        waiting = None

        def on_other(self, websocket, call):
            if self.waiting is None:
                self.waiting = call
                return
            other, self.waiting = self.waiting, None
            self.result(websocket, call, self.right(other))
            self.result(websocket, other, self.right(call))

    log, _ = against(either_world, Swapping, requests("eth_getBalance", rate=40, timeout=seconds(2)))
    assert log.endings() == [("ok", "wrong", None)] * 20


def test_a_second_answer_is_logged_as_unasked(either_world):
    class Doubling(Script):
        def on_other(self, websocket, call):
            super().on_other(websocket, call)
            super().on_other(websocket, call)

    log, _ = against(either_world, Doubling, requests(rate=20))
    assert log.endings() == [OK] * 10
    # That to the last request may still come or not.
    assert {(one.kind, one.answer, one.subscription) for one in log.news} == {("unasked", "wrong", "")}
    assert len(log.news) in (9, 10)
    assert log.news[0].key.startswith('{"jsonrpc":"2.0","id":"w0-0",')


def test_an_answer_too_late_is_nobodys_and_no_harm():
    class Late(Slow):
        pause = ms(350)

    log, script = against(simulated, Late, requests(rate=20, duration=seconds(1)))
    assert log.endings() == [("unknown", "none", "timeout")] * 20
    assert {one.ended_ns - one.scheduled_ns for one in log.requests} == {ms(300)}
    assert log.news == []
    assert len(script.server.sessions) == 1  # the connection goes on


def test_news_nobody_subscribed_to_are_logged_as_unasked():
    class Chatty(Script):
        def on_other(self, websocket, call):
            self.tell(websocket, "0x1", "hello")
            super().on_other(websocket, call)

    log, _ = against(simulated, Chatty, requests())
    assert log.endings() == [OK] * 10
    assert {(one.kind, one.answer) for one in log.news} == {("unasked", "wrong")}


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
    assert log.endings() == [("error", "none", "protocol")] * 10
    assert log.requests[0].ended_ns - log.requests[0].sent_ns == ms(0.1)


def test_a_spoiled_answer_ends_its_own_request_among_several():
    class Spoiling(Slow):
        def on_other(self, websocket, call):
            super().on_other(websocket, call)
            if call["id"].endswith("3"):
                websocket.send(b'{"id":"' + call["id"].encode() + b'","resu')

    log, _ = against(simulated, Spoiling, requests(rate=40))
    endings = {one.request_id: (one.outcome, one.failure) for one in log.requests}
    spoiled = [name for name, ending in endings.items() if ending == ("error", "protocol")]
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
            lambda websocket: websocket._stream.write(frame(BINARY, b"\xff", masked=False)),
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
    assert {failure for _, _, failure in log.endings()} == {"refused"}
    assert log.details("refused")[0] == "timeout"


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
