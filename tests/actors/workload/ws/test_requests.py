"""Requests over WebSockets against a server that follows a script, in both worlds."""

from typing import Any

from battle.actors.spec.workloads import Reconnect
from battle.actors.units import ms, seconds
from tests.actors.workload.sample_generators import HERE
from tests.actors.workload.ws.stage import (
    LEAD,
    Script,
    against,
    play,
    requests,
    serving,
)
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
        waiting: Any = None

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
