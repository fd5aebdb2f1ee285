"""A stream under transport faults is still a trio stream, and means the same to whoever uses it."""

from functools import partial
from time import perf_counter_ns
from typing import Any

import pytest
import trio
import trio.testing

from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.transport import Connection, Latency, Partition, ResetPeer, StreamFault
from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.units import Duration, ms
from battle.actors.wire.faults.node_faults import TransportFaults
from battle.actors.wire.faults.stream import FaultyStream
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.stream import LiveStream
from battle.actors.world.live.world import LiveWorld
from battle.actors.world.simulated.clock import EventClock
from battle.actors.world.simulated.network import Network
from battle.actors.world.simulated.node import SimulatedNode
from battle.actors.world.simulated.pipe import WINDOW_BYTES
from battle.actors.world.simulated.stream import SimulatedStream, connected_pair
from tests.actors.world import test_on_data, test_streams
from tests.actors.world.test_streams import _AlwaysUp, _clogged, _tcp_pair
from tests.actors.worlds import live, simulated

FAULTS = [[], [Latency("a", delay=1_000, direction="both")]]


@pytest.fixture(params=FAULTS, ids=["without faults", "delayed"])
def faults(request):
    return request.param


@pytest.fixture(autouse=True)
def with_checkpoints(monkeypatch):
    for stream in (SimulatedStream, LiveStream, FaultyStream):
        monkeypatch.setattr(stream, "checkpoints", True)


def _wrapper(world, faults):
    registry = TransportFaults(world)
    for number, fault in enumerate(faults):
        registry.take(ApplyFault(f"f{number}", fault))
    return lambda pair: tuple(registry.wrap(stream) for stream in pair)


def test_simulated_faulty_streams_conform(faults):
    scope, failures = trio.CancelScope(), []

    def fail(error):
        failures.append(error)
        scope.cancel()

    clock = EventClock(fail)
    wrap = _wrapper(SimulatedNode(Network(clock), "a", 1, []), faults)

    async def pair():
        return wrap(connected_pair(clock, _AlwaysUp(), _AlwaysUp(), 50_000))

    async def clogged_pair():
        one, other = await pair()
        return _clogged(one, other, WINDOW_BYTES // 4)

    async def main():
        with scope:
            await trio.testing.check_half_closeable_stream(pair, None if faults else clogged_pair)
        assert failures == []

    trio.run(main, clock=clock)


@pytest.mark.live
def test_live_faulty_streams_conform(faults):
    async def main():
        reactor = Reactor(perf_counter_ns())
        wrap = _wrapper(LiveWorld(reactor, "a", 1, []), faults)

        async def pair():
            one, other = _tcp_pair()
            return wrap((LiveStream(reactor, one), LiveStream(reactor, other)))

        async def clogged_pair():
            one, other = await pair()
            return _clogged(one, other, 65536)

        async with trio.open_nursery() as nursery:
            await nursery.start(reactor.run)
            await trio.testing.check_half_closeable_stream(pair, None if faults else clogged_pair)
            nursery.cancel_scope.cancel()
        reactor.close()

    trio.run(main)


MANNERS = [
    test_on_data.test_all_arrives_in_order_and_then_the_end_once,
    test_on_data.test_what_arrived_before_anybody_listened_is_told,
    test_on_data.test_what_a_task_left_unread_is_told,
    test_on_data.test_an_end_that_came_before_anybody_listened_is_told,
    test_on_data.test_a_reset_is_told_once_and_instead_of_an_end,
    test_on_data.test_a_reset_before_anybody_listened_is_told,
    test_on_data.test_a_reset_that_write_meets_first_is_still_a_reset,
    test_on_data.test_closing_after_the_end_is_told_to_nobody,
    test_on_data.test_a_callback_may_write,
    test_on_data.test_only_one_receives,
    test_on_data.test_who_listens_is_the_only_one,
    test_on_data.test_nobody_listens_to_a_stream_that_was_closed,
    test_on_data.test_what_a_callback_raises_crashes_the_node,
    partial(test_on_data.test_a_callback_may_end_its_own_stream, end="close"),
    partial(test_on_data.test_a_callback_may_end_its_own_stream, end="abort"),
    partial(test_on_data.test_an_end_from_outside_is_told_later, end="close"),
    partial(test_on_data.test_an_end_from_outside_is_told_later, end="abort"),
    partial(test_on_data.test_much_data_arrives_whole, linger=0),
    partial(test_on_data.test_much_data_arrives_whole, linger=ms(50)),
    test_streams.test_an_abort_is_a_reset_for_the_other_end,
    test_streams.test_an_abort_wakes_its_own_reader,
    test_streams.test_what_is_written_before_close_still_arrives,
    test_streams.test_a_peer_that_never_reads_is_given_up,
]


@pytest.mark.parametrize("manners", MANNERS, ids=lambda test: getattr(test, "__name__", "ends"))
@pytest.mark.parametrize(
    ("run", "kind"),
    [(simulated, SimulatedNode), pytest.param(live, LiveWorld, marks=pytest.mark.live)],
    ids=["simulated", "live"],
)
def test_who_receives_is_told_the_same_as_by_a_bare_stream(monkeypatch, faults, manners, run, kind):
    for stream in (SimulatedStream, LiveStream, FaultyStream):
        monkeypatch.setattr(stream, "checkpoints", False)
    connect = kind.connect

    async def faulty_connect(world, address):
        return _wrapper(world, faults)([await connect(world, address)])[0]

    monkeypatch.setattr(kind, "connect", faulty_connect)
    manners(run)


both_worlds = pytest.mark.parametrize(
    "run", [simulated, pytest.param(live, marks=pytest.mark.live)], ids=["simulated", "live"]
)


def _served(run, handler, script):
    """Plays `script(stage, faults, connect)` with a server whose connections are under `faults`."""

    async def main(stage):
        server = stage.world("server")
        faults = TransportFaults(server)
        address = await stage.nursery.start(server.serve, stage.address("server"), faults.around(handler))

        async def connect():
            return await stage.client.connect(address)

        with trio.fail_after(5):
            return await script(stage, faults, connect)

    return run(main)


async def _greet(stream):
    stream.write(b"hello")
    await stream.receive_some()


@both_worlds
@pytest.mark.parametrize("way", ["in", "out"])
def test_a_connection_begun_during_a_partition_is_silent_both_ways(run, way):
    async def script(stage, faults, connect):
        faults.take(ApplyFault("f1", Partition("server", direction=way)))
        async with await connect() as stream:
            with trio.move_on_after(0.05) as waiting:
                await stream.receive_some()
            faults.take(RevertFault("f1"))
            return waiting.cancelled_caught, await stream.receive_some()

    assert _served(run, _greet, script) == (True, b"hello")


@both_worlds
def test_who_writes_too_much_into_a_partition_gives_up(run):
    ends = []

    async def gush(stream):
        for _ in range(WRITE_LIMIT_BYTES // 65536 + 2):
            stream.write(bytes(65536))
        try:
            await stream.receive_some()
        except trio.ClosedResourceError:
            ends.append("closed")

    async def script(stage, faults, connect):
        faults.take(ApplyFault("f1", Partition("server", direction="out")))
        async with await connect() as stream:
            await stage.sleep(ms(50))
            faults.take(RevertFault("f1"))
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()

    _served(run, gush, script)
    assert ends == ["closed"]


@both_worlds
def test_a_task_that_waits_is_woken_by_what_a_fault_delays_and_by_a_reset(run):
    heard = []

    async def listen(stream):
        heard.append(await stream.receive_some(2))
        heard.append(await stream.receive_some())
        try:
            await stream.receive_some()
        except trio.BrokenResourceError:
            heard.append("reset")

    async def script(stage, faults, connect):
        async with await connect() as stream:
            await stage.sleep(ms(5))
            faults.take(ApplyFault("f1", Latency("server", delay=ms(20), direction="in")))
            stream.write(b"hello")
            await stage.sleep(ms(10))
            assert heard == []
            await stage.sleep(ms(40))
            faults.take(ApplyFault("f2", ResetPeer("server")))
            await stage.sleep(ms(10))

    _served(run, listen, script)
    assert heard == [b"he", b"llo", "reset"]


def test_a_stream_goes_the_short_way_again_when_the_last_fault_is_gone():
    """Only then does an idle stream ask the bare one whether it is stale."""

    async def script(stage, faults, connect):
        async with await connect() as bare:
            stream = faults.wrap(bare)
            await stage.sleep(ms(5))  # the greeting has come
            faults.take(ApplyFault("f1", Latency("server", delay=ms(5))))
            under = stream.is_stale()
            faults.take(RevertFault("f1"))
            return under, stream.is_stale()

    assert _served(simulated, _greet, script) == (False, True)


class Expiry(StreamFault, frozen=True):
    """Connections are closed in good order a while after they are met by it, or after their first bytes."""

    lifetime: Duration = ms(20)

    def on_connection(self, connection: Connection) -> None:
        connection.close(self.lifetime)

    def on_first_bytes(self, connection: Connection) -> None:
        connection.close(self.lifetime)


@pytest.mark.parametrize(("holds", "ends"), [(ms(50), [b"", b""]), (ms(15), ["open", "open"])])
def test_a_fault_ends_a_connection_after_a_while_only_if_it_still_holds(holds, ends):
    """One that was there before it, and one whose first bytes pass under it."""

    async def greet_late(stream):
        await stream.receive_some(1)
        await _greet(stream)

    async def heard(stream):
        with trio.move_on_after(0.2):
            assert await stream.receive_some() == b"hello"
            return await stream.receive_some()
        return "open"

    async def script(stage, faults, connect):
        fault: Any = Expiry("server")
        async with await connect() as old, await connect() as new:
            old.write(b"?")
            await stage.sleep(ms(5))
            faults.take(ApplyFault("f1", fault))
            new.write(b"?")
            await stage.sleep(holds)
            faults.take(RevertFault("f1"))
            return [await heard(old), await heard(new)]

    assert _served(simulated, greet_late, script) == ends
