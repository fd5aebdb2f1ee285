"""How workloads over WebSockets end when nobody lets them finish, and how their nodes come back."""

import pytest
import trio

from battle.actors.roles import Begin
from battle.actors.spec.workloads import Reconnect, WsSubscribe
from battle.actors.units import ms, seconds
from battle.actors.world.simulated.network import LATENCY_NS
from tests.actors.workload.scripted import BEGIN_NS, read_log, run_load
from tests.actors.workload.ws.stage import (
    Log,
    Script,
    requests,
    subscribe,
)


class _Stage:
    """What a script needs of a stage."""

    def __init__(self, world):
        self._world = world

    def world(self, _name):
        return self._world


class Node:
    """A script as a node of a simulated cluster."""

    def __init__(self, script=Script):
        self._script = script

    async def run(self, world, role, control):
        script = self._script(_Stage(world))
        async with trio.open_nursery() as nursery:
            await nursery.start(world.serve, role.address, script.server.handle)
            control.ready()


async def until(at_ns):
    await trio.sleep_until(at_ns / 1e9)


def stopped_at(offset_ns, run_dir, spec, script=Script):
    """The log of a node that is asked to stop, so long after the load began."""

    async def stop(cluster, load, server):
        await until(BEGIN_NS + offset_ns)
        raise KeyboardInterrupt

    with pytest.raises(BaseExceptionGroup) as caught:
        run_load(run_dir, spec, Node(script), interfere=stop)
    assert caught.group_contains(KeyboardInterrupt, depth=None)
    return Log(read_log(run_dir / "events" / "load.1.ndjson"))


class Mute(Script):
    """Answers nothing but the first subscription."""

    def on_eth_subscribe(self, websocket, call):
        if not self.made:
            super().on_eth_subscribe(websocket, call)

    def on_other(self, websocket, call):
        pass


def test_a_subscriber_that_is_stopped_says_what_it_had(tmp_path):
    log = stopped_at(
        ms(350), tmp_path, subscribe(2, subscriptions=2, duration=seconds(5), timeout=seconds(1)), Mute
    )
    now = BEGIN_NS + ms(350)
    ends = [(one.connection, one.change, one.detail) for one in log.changes if one.at_ns == now]
    assert ends == [
        ("0.1", "rejected", "interrupted"),
        ("0.1", "unsubscribed", "interrupted"),
        ("0.1", "closed", "interrupted"),
        ("1.1", "rejected", "interrupted"),
        ("1.1", "rejected", "interrupted"),
        ("1.1", "closed", "interrupted"),
    ]
    assert [one.close_code for one in log.changes if one.change == "closed"] == [1006, 1006]
    assert log.events[-1] is log.samples[-1]
    last = log.samples[-1]
    assert (last.at_ns, last.due, last.ended, last.errors, last.in_flight, last.backlog) == (
        now,
        4,
        4,
        3,
        0,
        0,
    )


def test_a_subscriber_that_is_stopped_while_it_connects_says_so(tmp_path):
    class Deaf(Script):
        def __init__(self, stage):
            super().__init__(stage)
            self.server.handle = self.listen  # type: ignore[method-assign]  # of this server alone

        async def listen(self, stream):
            await trio.sleep(60)

    spec = subscribe(duration=seconds(5), timeout=seconds(1), subscriptions=3)
    log = stopped_at(ms(350), tmp_path, spec, Deaf)
    assert [(one.change, one.detail) for one in log.changes] == [("refused", "interrupted")]
    assert (log.total("due"), log.total("ended"), log.total("errors")) == (3, 3, 3)


def test_a_subscriber_that_is_stopped_in_a_pause_has_nothing_to_say(tmp_path):
    class Full(Script):
        def on_eth_subscribe(self, websocket, call):
            websocket.close(1013)

    spec = subscribe(duration=seconds(5), reconnect=Reconnect(first_pause=seconds(2)))
    log = stopped_at(ms(350), tmp_path, spec, Full)
    assert [one.change for one in log.changes] == ["connected", "closed"]


def test_a_subscriber_that_is_stopped_while_it_leaves(tmp_path):
    class Clinging(Script):
        def on_eth_unsubscribe(self, websocket, call):
            pass

    spec = subscribe(duration=ms(300), timeout=seconds(1))
    log = stopped_at(ms(350), tmp_path, spec, Clinging)
    left, closed = log.changes[-2:]
    assert (left.change, left.at_ns, left.detail) == ("unsubscribed", BEGIN_NS + ms(300), "interrupted")
    assert (closed.change, closed.detail) == ("closed", "interrupted")


def test_what_is_stopped_before_it_began_logs_nothing_but_its_end(tmp_path):
    assert stopped_at(-ms(100), tmp_path, subscribe()).changes == []


def test_requests_that_are_stopped_are_logged_as_interrupted(tmp_path):
    log = stopped_at(ms(120), tmp_path, requests(timeout=seconds(1)), Mute)
    assert [(one.request_id, *ending) for one, ending in zip(log.requests, log.endings(), strict=True)] == [
        ("w0-0", "unknown", "none", "interrupted"),
        ("w0-1", "unknown", "none", "interrupted"),
        ("w0-2", "unknown", "none", "interrupted"),
    ]
    assert [(one.change, one.close_code) for one in log.changes] == [("connected", None), ("closed", 1006)]
    assert log.samples[-1].at_ns == BEGIN_NS + ms(120)


def test_a_killed_subscriber_leaves_what_it_had_flushed(tmp_path):
    async def kill(cluster, load, server):
        await until(BEGIN_NS + ms(450))
        load.kill("a test")

    log = Log(run_load(tmp_path, subscribe(2), Node(), interfere=kill).events)
    assert [one.change for one in log.changes] == ["connected", "connected", "subscribed", "subscribed"]


def test_a_subscriber_that_comes_back_brings_all_its_clients_back(tmp_path):
    # Ten clients over one second; away from 0.5 s to about 1 s of the load.
    spec = WsSubscribe(
        connections=10, connect_over=seconds(1), duration=seconds(4), name="subs", subscriptions=2
    )
    log = Log(run_load(tmp_path, spec, Node(), begin=Begin(-seconds(1), away_since_ns=-ms(500))).events)
    connected = [one for one in log.changes if one.change == "connected"]
    assert [one.connection for one in connected] == [f"{n}.1" for n in range(10)]
    assert connected[-1].at_ns - connected[0].at_ns == ms(900)
    assert log.total("dropped") == 2 * 5  # those due from 0.5 s on
    assert log.total("due") == 2 * 5 + 2 * 10
    assert log.total("sent") == log.total("ended") == 20
    assert {one.at_ns for one in log.changes if one.change == "unsubscribed"} == {seconds(3)}


def test_a_subscriber_that_comes_back_too_late_does_nothing(tmp_path):
    spec = subscribe(3, duration=ms(500))
    log = Log(run_load(tmp_path, spec, Node(), begin=Begin(-seconds(5), away_since_ns=-seconds(4))).events)
    assert log.changes == []
    assert log.total("due") == 0


def test_a_frozen_subscriber_connects_late_and_says_so(tmp_path):
    async def freeze(cluster, load, server):
        await until(BEGIN_NS - ms(10))
        load.pause()
        await until(BEGIN_NS + ms(100))
        load.resume()

    log = Log(run_load(tmp_path, subscribe(), Node(), interfere=freeze).events)
    assert log.samples[0].lateness_max_ns == ms(100)
    assert [one.change for one in log.changes] == ["connected", "subscribed", "unsubscribed", "closed"]


def test_what_reaches_a_frozen_subscriber_came_when_it_arrived(tmp_path):
    class Brief(Script):
        def on_eth_subscribe(self, websocket, call):
            super().on_eth_subscribe(websocket, call)
            self.world.call_at(BEGIN_NS + ms(100), self.tell, websocket, "0x1", "news")
            self.world.call_at(BEGIN_NS + ms(150), websocket.close, 1001)

    async def freeze(cluster, load, server):
        await until(BEGIN_NS + ms(50))
        load.pause()
        await until(BEGIN_NS + ms(300))
        load.resume()

    log = Log(run_load(tmp_path, subscribe(), Node(Brief), interfere=freeze).events)
    assert log.news[0].at_ns == BEGIN_NS + ms(100) + LATENCY_NS
    closed = next(one for one in log.changes if one.change == "closed")
    assert closed.at_ns == BEGIN_NS + ms(150) + LATENCY_NS


def test_every_second_is_sampled(tmp_path):
    spec = subscribe(4, subscriptions=3, connect_over=seconds(2), duration=ms(3500))
    log = Log(run_load(tmp_path, spec, Node()).events)
    assert [one.at_ns for one in log.samples[:3]] == [BEGIN_NS + seconds(n) for n in (1, 2, 3)]
    assert [(one.due, one.sent, one.ended, one.in_flight) for one in log.samples] == [
        (6, 6, 6, 6),
        (6, 6, 6, 12),
        (0, 0, 0, 12),
        (0, 0, 0, 0),
    ]
    assert {(one.workload, one.errors, one.dropped, one.backlog) for one in log.samples} == {
        ("subs", 0, 0, 0)
    }
