"""A stream of either world is a trio stream: trio's own conformance suite says so. Then what trio does not ask."""

import socket
from contextlib import asynccontextmanager
from time import perf_counter_ns

import pytest
import trio
import trio.testing

from battle.actors.roles import ApplyFault
from battle.actors.spec.faults.transport import Latency
from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.units import seconds
from battle.actors.wire.faults.node_faults import TransportFaults
from battle.actors.wire.websocket.endpoints import CLIENT_LIMITS, WebSocket
from battle.actors.world.held import Held
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.stream import LiveStream
from battle.actors.world.live.world import LiveWorld
from battle.actors.world.simulated.clock import EventClock
from battle.actors.world.simulated.pipe import WINDOW_BYTES
from battle.actors.world.simulated.stream import SimulatedStream, connected_pair
from tests.actors.worlds import live, simulated


class _AlwaysUp:
    alive = running = True

    def __init__(self):
        self.held = Held()

    def deliver(self, fn, *args):
        fn(*args)

    def crash(self, error):
        return False


@pytest.fixture
def with_checkpoints(monkeypatch):
    monkeypatch.setattr(SimulatedStream, "checkpoints", True)
    monkeypatch.setattr(LiveStream, "checkpoints", True)


def test_simulated_streams_conform(with_checkpoints):
    scope, failures = trio.CancelScope(), []

    def fail(error):
        failures.append(error)
        scope.cancel()

    clock = EventClock(fail)

    async def pair():
        return connected_pair(clock, _AlwaysUp(), _AlwaysUp(), 50_000)

    async def clogged_pair():
        one, other = await pair()
        return _clogged(one, other, WINDOW_BYTES // 4)

    async def main():
        with scope:
            await trio.testing.check_half_closeable_stream(pair, clogged_pair)
        assert failures == []

    trio.run(main, clock=clock)


@pytest.mark.live
def test_what_a_closed_stream_still_had_to_send_is_given_up_with_the_reactor():
    async def main():
        reactor = Reactor(perf_counter_ns())
        sock, peer = _tcp_pair()
        with peer:
            stream = LiveStream(reactor, sock)
            stream.write(bytes(2**22))
            assert stream.unsent_bytes > 0
            stream.close()
            assert sock.fileno() != -1, "it lingers"
            reactor.close()
            assert sock.fileno() == -1

    trio.run(main)


@pytest.mark.live
def test_a_websocket_that_awaits_a_close_frame_is_given_up_with_the_reactor():
    async def main():
        reactor = Reactor(perf_counter_ns())
        sock, peer = _tcp_pair()
        with peer:
            world = LiveWorld(reactor, "a", 0, [])
            websocket = WebSocket(
                world,
                LiveStream(reactor, sock),
                client=True,
                on_message=lambda *_: None,
                on_ended=lambda _: None,
                limits=CLIENT_LIMITS,
            )
            websocket.close()
            assert sock.fileno() != -1, "the peer has not answered"
            reactor.close()
            assert sock.fileno() == -1

    trio.run(main)


@pytest.mark.live
@pytest.mark.parametrize("end", ["close", "abort"])
def test_what_a_fault_holds_back_is_given_up_with_the_reactor(end):
    async def main():
        reactor = Reactor(perf_counter_ns())
        sock, peer = _tcp_pair()
        with peer:
            world = LiveWorld(reactor, "a", 0, [])
            faults = TransportFaults(world)
            faults.take(ApplyFault("slow", Latency("a", delay=seconds(10))))
            stream = faults.wrap(LiveStream(reactor, sock))
            stream.write(b"held back")
            getattr(stream, end)()
            assert sock.fileno() != -1, "what was written has not left"
            reactor.close()
            assert sock.fileno() == -1

    trio.run(main)


@pytest.mark.live
def test_live_streams_conform(with_checkpoints):
    async def main():
        reactor = Reactor(perf_counter_ns())

        async def pair():
            one, other = _tcp_pair()
            return LiveStream(reactor, one), LiveStream(reactor, other)

        async def clogged_pair():
            one, other = await pair()
            return _clogged(one, other, 65536)

        async with trio.open_nursery() as nursery:
            await nursery.start(reactor.run)
            await trio.testing.check_half_closeable_stream(pair, clogged_pair)
            nursery.cancel_scope.cancel()
        reactor.close()

    trio.run(main)


def _clogged(one, other, chunk_bytes):
    for stream in (one, other):
        while stream.unsent_bytes == 0:
            stream.write(bytes(chunk_bytes))
    return one, other


def _tcp_pair():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    for sock in (one, other):
        sock.setblocking(False)
    return one, other


both_worlds = pytest.mark.parametrize(
    "run", [simulated, pytest.param(live, marks=pytest.mark.live)], ids=["simulated", "live"]
)


@asynccontextmanager
async def _connected(stage, handler):
    server = stage.world("server")
    address = await stage.nursery.start(server.serve, stage.address("server"), handler)
    async with await stage.client.connect(address) as stream:
        yield stream


async def _ignore(stream):
    await trio.sleep_forever()


@both_worlds
def test_what_is_written_arrives_in_order_and_then_the_end(run):
    async def say(stream):
        for number in range(1000):
            stream.write(b"%06d" % number)

    async def main(stage):
        async with _connected(stage, say) as stream:
            received = b""
            while data := await stream.receive_some():
                received += data
            return received

    assert run(main) == b"".join(b"%06d" % number for number in range(1000))


@both_worlds
def test_an_abort_is_a_reset_for_the_other_end(run):
    async def slam(stream):
        await stream.receive_some()
        stream.abort()

    async def main(stage):
        async with _connected(stage, slam) as stream:
            stream.write(b"hello")
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()

    run(main)


@both_worlds
def test_an_abort_wakes_its_own_reader(run):
    async def main(stage):
        async with _connected(stage, _ignore) as stream:
            stage.client.call_at(stage.now_ns() + 1_000_000, stream.abort)
            with pytest.raises(trio.ClosedResourceError):
                await stream.receive_some()

    run(main)


@both_worlds
def test_closing_with_unread_bytes_resets(run):
    async def leave(stream):
        await trio.sleep(0.05)

    async def main(stage):
        async with _connected(stage, leave) as stream:
            stream.write(b"nobody reads this")
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()

    run(main)


@both_worlds
def test_a_connection_is_stale_once_the_other_end_has_closed_or_spoken_unasked(run):
    async def speak_or_leave(stream):
        if await stream.receive_some() == b"speak":
            stream.write(b"unasked")
            await trio.sleep_forever()

    async def main(stage):
        stale = []
        for request in (b"speak", b"leave"):
            async with _connected(stage, speak_or_leave) as stream:
                stale.append(stream.is_stale())
                stream.write(request)
                await trio.sleep(0.05)
                stale.append(stream.is_stale())
        return stale

    assert run(main) == [False, True, False, True]


@both_worlds
def test_what_is_written_before_close_still_arrives(run):
    size = 3 * 2**20

    async def say_much(stream):
        stream.write(bytes(size))
        stream.close()

    async def main(stage):
        async with _connected(stage, say_much) as stream:
            await trio.sleep(0.05)
            received = 0
            while data := await stream.receive_some():
                received += len(data)
            return received

    assert run(main) == size


@both_worlds
def test_a_peer_that_never_reads_is_given_up(run):
    async def main(stage):
        async with _connected(stage, _ignore) as stream:
            for _ in range(2 * WRITE_LIMIT_BYTES // 65536):
                stream.write(bytes(65536))
            with pytest.raises(trio.ClosedResourceError):
                await stream.receive_some()

    run(main)


@both_worlds
def test_nobody_listens_means_refused(run):
    async def main(stage):
        with pytest.raises(ConnectionRefusedError):
            await stage.client.connect("127.0.0.1:1")

    run(main)


@both_worlds
def test_an_address_is_taken_once(run):
    async def main(stage):
        server = stage.world("server")
        address = await stage.nursery.start(server.serve, stage.address("server"), _ignore)
        with pytest.raises(OSError, match="in use"):
            await stage.world("other").serve(address, _ignore)

    run(main)


@both_worlds
def test_timers_of_one_moment_run_in_the_order_they_were_asked_for(run):
    async def main(stage):
        world, order = stage.client, []
        at_ns = world.now_ns() + 5_000_000
        for number in range(20):
            world.call_at(at_ns, order.append, number)
        world.call_at(at_ns, order.append, "cancelled").cancel()
        world.call_at(at_ns - 1_000_000, order.append, "earlier")
        await world.sleep_until(at_ns + 1)
        return order

    assert run(main) == ["earlier", *range(20)]


@both_worlds
def test_sleeping_can_be_cancelled(run):
    async def main(stage):
        with trio.move_on_after(0.01) as scope:
            await stage.client.sleep_until(stage.now_ns() + 10**12)
        return scope.cancelled_caught

    assert run(main)


@both_worlds
def test_chunks_larger_than_any_window_arrive_whole_and_then_the_end(run):
    sizes = [WINDOW_BYTES // 2, 2 * WINDOW_BYTES, 3 * WINDOW_BYTES]

    async def say(stream):
        for size in sizes:
            stream.write(bytes(size))

    async def main(stage):
        received = 0
        async with _connected(stage, say) as stream:
            while data := await stream.receive_some():
                received += len(data)
        return received

    assert run(main) == sum(sizes)
