"""Subscribers whose servers hang up, turn them down, or do not let them go, in both worlds."""

from itertools import pairwise

import msgspec
import pytest
import trio

from battle.actors.chain.notifications import header
from battle.actors.spec.workloads import Reconnect
from battle.actors.units import ms, seconds
from tests.actors.wire.websocket.stage import BINARY, frame
from tests.actors.workload.ws.stage import (
    LEAD,
    MODEL,
    Script,
    against,
    nobody,
    play,
    serving,
    subscribe,
)
from tests.actors.worlds import simulated

QUICK = Reconnect(first_pause=ms(20), max_pause=ms(100), jitter_ratio=0)


def heads(log, connection="0.1"):
    return [one.number for one in log.news if one.connection == connection and one.kind == "newHeads"]


# Servers that hang up


@pytest.mark.parametrize("code", [1001, 1012, None])
def test_a_client_that_is_cut_off_comes_back_and_subscribes_again(code, either_world):
    async def cut(stage, script):
        while len(script.subscriptions) < 2:
            await stage.sleep(ms(1))
        await stage.sleep(ms(100))
        script.subscriptions.clear()
        websocket = script.websockets[0]
        websocket.abort() if code is None else websocket.close(code, "go away")

    log, _ = against(
        either_world,
        Script,
        subscribe(subscriptions=2, reconnect=QUICK, duration=ms(600)),
        publishing=True,
        during=cut,
    )
    assert log.life() == [
        ("0.1", "connected", None),
        ("0.1", "subscribed", "0x1"),
        ("0.1", "subscribed", "0x2"),
        ("0.1", "closed", None),
        ("0.2", "connected", None),
        ("0.2", "subscribed", "0x3"),
        ("0.2", "subscribed", "0x4"),
        ("0.2", "unsubscribed", "0x3"),
        ("0.2", "unsubscribed", "0x4"),
        ("0.2", "closed", None),
    ]
    assert [one.close_code for one in log.changes if one.change == "closed"] == [code or 1006, 1000]
    assert log.details("closed")[0] == ("go away" if code else "the connection was reset")
    assert {one.answer for one in log.news} == {"right"}
    assert heads(log, "0.2")
    lost, back = (next(one.at_ns for one in log.changes if one.connection == name) for name in ("0.1", "0.2"))
    assert back > lost
    assert log.samples[-1].in_flight == 0
    # Two asks at each of two connections; none of them failed.
    assert (log.total("due"), log.total("sent"), log.total("ended"), log.total("errors")) == (4, 4, 4, 0)


def test_the_pause_before_a_client_comes_back_grows_while_nothing_holds():
    class Fickle(Script):
        def on_eth_subscribe(self, websocket, call):
            websocket.close(1013)

    log, _ = against(simulated, Fickle, subscribe(reconnect=QUICK, duration=ms(600)))
    connected = [one.at_ns for one in log.changes if one.change == "connected"]
    pauses = [round((after - before) / ms(1)) for before, after in pairwise(connected)]
    assert pauses[:5] == [20, 40, 80, 100, 100]
    assert log.total("errors") == log.total("ended") == log.total("due") == len(connected)


def test_a_connection_that_held_makes_the_pauses_short_again():
    async def cut(stage, script):
        for _ in range(3):
            await stage.sleep(ms(150))
            for websocket in script.websockets:
                websocket.close(1001)

    log, _ = against(simulated, Script, subscribe(reconnect=QUICK, duration=ms(600)), during=cut)
    lost = [one.at_ns for one in log.changes if one.change == "closed"]
    back = [one.at_ns for one in log.changes if one.change == "connected"][1:]
    assert [round((came - went) / ms(1)) for went, came in zip(lost, back, strict=False)] == [20, 20, 20]


def test_who_finds_nobody_gives_up_after_its_attempts(either_world):
    async def main(stage):
        spec = subscribe(2, subscriptions=3, reconnect=Reconnect(2, ms(20), ms(20)), duration=ms(300))
        return await play(stage, spec, await nobody(stage))

    log = either_world(main)
    assert sorted(log.life()) == [(f"{client}.{n}", "refused", None) for client in (0, 1) for n in (1, 2, 3)]
    assert set(log.details("refused")) == {"connection refused"}
    assert (log.total("due"), log.total("errors"), log.samples[-1].backlog) == (18, 18, 0)


def test_it_is_found_when_the_server_comes_up_later(either_world):
    async def main(stage):
        async with serving(stage) as (script, address):
            script.world.shut(address)

            async def open_later():
                await stage.sleep(ms(150))
                script.world.reopen(address)

            stage.nursery.start_soon(open_later)
            return await play(stage, subscribe(reconnect=QUICK, duration=ms(600)), address)

    log = either_world(main)
    changes = [one.change for one in log.changes]
    assert changes[0] == "refused"
    assert changes[-4:] == ["connected", "subscribed", "unsubscribed", "closed"]


def test_a_server_that_speaks_no_websocket_refuses(either_world):
    async def main(stage):
        async def http(stream):
            await stream.receive_some()
            stream.write(b"HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n")
            stream.close()

        world = stage.world("server")
        address = await stage.nursery.start(world.serve, stage.address("server"), http)
        return await play(stage, subscribe(reconnect=QUICK, duration=ms(300)), address)

    assert set(either_world(main).details("refused")) == {"HTTP status 503"}


def test_a_server_that_never_answers_the_handshake_is_given_up_in_time():
    async def main(stage):
        async def deaf(stream):
            await trio.sleep(60)

        world = stage.world("server")
        address = await stage.nursery.start(world.serve, stage.address("server"), deaf)
        return await play(stage, subscribe(timeout=ms(100), reconnect=QUICK, duration=ms(200)), address)

    log = simulated(main)
    assert log.details("refused") == ["timeout", "the load was over"]
    assert log.changes[-1].at_ns == LEAD + ms(200)


# Servers that do not let one subscribe


def test_who_is_turned_down_asks_again_on_the_same_connection(either_world):
    class Choosy(Script):
        def on_eth_subscribe(self, websocket, call):
            if len(self.calls) in (2, 3):
                self.error(websocket, call, -32005)
            else:
                super().on_eth_subscribe(websocket, call)

    log, _ = against(either_world, Choosy, subscribe(subscriptions=2, reconnect=QUICK), publishing=True)
    assert [change for _, change, _ in log.life()] == [
        "connected",
        "subscribed",
        "rejected",
        "rejected",
        "subscribed",
        "unsubscribed",
        "unsubscribed",
        "closed",
    ]
    assert set(log.details("rejected")) == {"-32005: no"}
    assert (log.total("due"), log.total("ended"), log.total("errors")) == (4, 4, 2)
    assert {one.answer for one in log.news} == {"right"}


def test_who_is_cut_off_before_it_asks_again_asks_once_for_each():
    class Choosy(Script):
        def on_eth_subscribe(self, websocket, call):
            if len(self.calls) == 1:
                self.error(websocket, call)
                self.world.call_at(self.world.now_ns() + ms(5), websocket.close, 1001)
            else:
                super().on_eth_subscribe(websocket, call)

    log, script = against(simulated, Choosy, subscribe(subscriptions=2, reconnect=QUICK))
    asked = [call for call in script.calls if call["method"] == "eth_subscribe"]
    assert len(asked) == 4
    assert [one.change for one in log.changes].count("unsubscribed") == 2


def test_who_was_let_in_after_all_begins_anew_with_its_attempts():
    class Reluctant(Script):
        def on_eth_subscribe(self, websocket, call):
            if len(self.calls) % 2:
                self.error(websocket, call)
            else:
                super().on_eth_subscribe(websocket, call)
                self.world.call_at(self.world.now_ns() + ms(50), websocket.close, 1001)

    spec = subscribe(reconnect=Reconnect(1, ms(20), ms(40), 0), duration=ms(600))
    log, _ = against(simulated, Reluctant, spec)
    assert [one.change for one in log.changes].count("subscribed") >= 5


def test_who_is_turned_down_too_often_stops_asking():
    class Never(Script):
        def on_eth_subscribe(self, websocket, call):
            self.error(websocket, call)

    log, _ = against(simulated, Never, subscribe(reconnect=Reconnect(3, ms(20), ms(20))))
    assert [change for _, change, _ in log.life()] == ["connected", *["rejected"] * 4, "closed"]


@pytest.mark.parametrize("result", [7, None, "", {"id": "0x1"}])
def test_an_answer_that_names_no_subscription_is_a_rejection(result):
    class Odd(Script):
        def on_eth_subscribe(self, websocket, call):
            self.result(websocket, call, result)

    log, _ = against(simulated, Odd, subscribe(reconnect=Reconnect(attempts=0)))
    expected = [] if result is None else ["the answer is no subscription's id"]
    assert log.details("rejected")[: len(expected)] == expected
    assert not any(one.change == "subscribed" for one in log.changes)


def test_two_subscriptions_of_one_name_cannot_be_told_apart():
    class Same(Script):
        def on_eth_subscribe(self, websocket, call):
            self.result(websocket, call, "0x1")

    log, _ = against(simulated, Same, subscribe(subscriptions=2, reconnect=Reconnect(attempts=0)))
    assert log.details("rejected") == ["the answer is another subscription's id"]


def test_a_server_that_does_not_answer_gets_another_connection(either_world):
    class Silent(Script):
        def on_eth_subscribe(self, websocket, call):
            if len(self.server.sessions) > 1:
                super().on_eth_subscribe(websocket, call)

    log, _ = against(either_world, Silent, subscribe(timeout=ms(100), reconnect=QUICK, duration=ms(600)))
    assert [change for _, change, _ in log.life()] == [
        "connected",
        "rejected",
        "closed",
        "connected",
        "subscribed",
        "unsubscribed",
        "closed",
    ]
    assert log.details("rejected") == ["no answer"]
    assert log.details("closed")[0] == "no answer to eth_subscribe"


# The end


@pytest.mark.parametrize(("how", "detail"), [("silent", "no answer"), ("refusing", "it was refused")])
def test_a_server_that_does_not_let_one_go(how, detail, either_world):
    class Clinging(Script):
        def on_eth_unsubscribe(self, websocket, call):
            if how == "refusing":
                self.result(websocket, call, False)

    log, _ = against(either_world, Clinging, subscribe(timeout=ms(100)))
    assert log.details("unsubscribed") == [detail]
    left, closed = log.changes[-2:]
    assert (left.change, closed.change, closed.close_code) == ("unsubscribed", "closed", 1000)
    assert closed.at_ns > left.at_ns


def test_news_that_come_while_a_client_leaves_are_still_heard_and_later_ones_are_nobodys():
    class Slow(Script):
        def on_eth_unsubscribe(self, websocket, call):
            name = call["params"][0]
            self.tell(websocket, name, header(MODEL, 500))
            super().on_eth_unsubscribe(websocket, call)

    log, _ = against(simulated, Slow, subscribe())
    assert [(one.kind, one.answer) for one in log.news] == [("newHeads", "right")]


def test_a_client_that_is_connecting_at_the_end_is_let_go():
    log, _ = against(simulated, Script, subscribe(2, connect_over=ms(499), duration=ms(500)))
    assert log.changes[-1].at_ns < LEAD + ms(502)


def test_a_frame_against_the_rules_ends_the_connection(either_world):
    async def break_rules(stage, script):
        while not script.subscriptions:
            await stage.sleep(ms(1))
        script.websockets[0]._stream.write(frame(BINARY, b"\xff\xfe", masked=False))

    log, _ = against(either_world, Script, subscribe(reconnect=QUICK), during=break_rules)
    closed = [one.close_code for one in log.changes if one.change == "closed"]
    assert closed == [1007, 1000]


def test_a_server_that_dies_half_open_is_found_out_by_pings():
    async def fall_silent(stage, script):
        await stage.sleep(ms(100))
        script.websockets[0].answers_pings = False

    spec = subscribe(ping_interval=ms(100), reconnect=QUICK, duration=ms(600))
    log, _ = against(simulated, Script, spec, during=fall_silent)
    assert log.details("closed")[0] == "ping timeout"
    assert [one.connection for one in log.changes if one.change == "subscribed"] == ["0.1", "0.2"]


def test_the_same_seed_gives_the_same_log():
    class Moody(Script):
        def on_eth_subscribe(self, websocket, call):
            if self.made % 5 == 3:
                self.made += 1
                websocket.close(1013)
            else:
                super().on_eth_subscribe(websocket, call)

    def log(seed):
        spec = subscribe(20, subscriptions=2, connect_over=ms(100), duration=seconds(1))
        events = against(lambda main: simulated(main, seed), Moody, spec, publishing=True, seed=seed)[
            0
        ].events
        return msgspec.json.encode(events)

    assert log(1) == log(1) != log(2)


def test_no_task_is_needed_once_a_client_is_connected():
    async def main(stage):
        async with serving(stage, publishing=True) as (script, address):
            living = []

            async def count():
                await stage.sleep(ms(150))
                while True:
                    living.append(trio.lowlevel.current_statistics().tasks_living)
                    await stage.sleep(ms(10))

            stage.nursery.start_soon(count)
            await play(stage, subscribe(50, subscriptions=2), address)
            return living, len(script.server.sessions)

    living, sessions = simulated(main)
    assert sessions == 50
    assert max(living[:30]) < sessions + 15  # the server has one for each
