"""The link without faults: it passes what it hears, in both worlds; what follows a handshake as it hears it."""

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from battle.actors.link.server import CONNECT_SECONDS, PROBE_NS
from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.faults.behaviour import Hang
from battle.actors.spec.faults.transport import Bandwidth, Partition
from battle.actors.units import ms
from tests.actors.link.stage import actions, linking, took
from tests.actors.provider.stage import providing
from tests.actors.worlds import live, simulated

pytestmark = pytest.mark.alone  # its live tests measure how late they are

MUCH = 3 * 2**20

NOWHERE = "10.0.0.1:1"

UPGRADE = b"GET / HTTP/1.1\r\nhost: l\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


@asynccontextmanager
async def linked(stage, handler):
    """A server that behaves like `handler`, and the link before it."""
    server = stage.world("server")
    address = await stage.nursery.start(server.serve, stage.address("server"), upgrading(handler))
    async with linking(stage, address) as link:
        yield link


def upgrading(handler):
    """A handler of connections that agrees to a WebSocket, and then behaves like `handler`."""

    async def serve(stream):
        head_bytes = b""
        while not head_bytes.endswith(b"\r\n\r\n"):
            data = await stream.receive_some(1)
            if not data:
                return  # the link opens one connection for HTTP, which nobody needs
            head_bytes += data
        assert head_bytes.startswith(b"GET / HTTP/1.1\r\nhost: ")
        stream.write(SWITCHED)
        await handler(stream)

    return serve


async def opened(link):
    """A connection through the link to a `handler` that is `upgrading`."""
    stream = (await link.connect()).stream
    stream.write(UPGRADE)
    answer = b""
    while len(answer) < len(SWITCHED):
        data = await stream.receive_some(len(SWITCHED) - len(answer))
        assert data
        answer += data
    assert answer == SWITCHED
    return stream


def play(world, handler, script):
    async def main(stage):
        with trio.fail_after(10):
            async with linked(stage, handler) as link:
                return await script(stage, link)

    return world(main)


async def _everything(stream):
    heard = b""
    while data := await stream.receive_some():
        heard += data
    return heard


async def _answer_at_the_end(stream):
    heard = await _everything(stream)
    await _say_all(stream, b"%d heard, " % len(heard) + heard)


@pytest.mark.parametrize("size", [0, 5, MUCH])
def test_both_ways_and_half_closed(either_world, size):
    async def script(stage, link):
        stream = await opened(link)
        said = b"0123456789abcdef" * (size // 16) + bytes(size % 16)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_say_all, stream, said)
            return await _everything(stream) == b"%d heard, " % size + said

    assert play(either_world, _answer_at_the_end, script)


async def _say_all(stream, said):
    for begin in range(0, len(said), 65536):
        await stream.send_all(said[begin : begin + 65536])
    await stream.send_eof()


def test_a_client_that_does_not_read_slows_the_upstream_down(either_world):
    sent = []

    async def gush(stream):
        for _ in range(4 * MUCH // 65536):
            await stream.send_all(bytes(65536))
            sent.append(65536)

    async def script(stage, link):
        stream = await opened(link)
        await stage.sleep(ms(300))
        before = sum(sent)
        return before, len(await _everything(stream))

    before, received = play(either_world, gush, script)
    assert before < 4 * MUCH, "something is left with the upstream"
    assert received == 4 * MUCH


def test_many_messages_for_an_upstream_that_does_not_read_wait_once(either_world):
    message = b"\x81\xfe\x03\xe8mask" + b"x" * 1000

    async def handler(stream):
        await read.wait()
        heard.append(await _everything(stream))

    async def script(stage, link):
        stream = await opened(link)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_say_all, stream, message * (MUCH // len(message)))
            await stage.sleep(ms(100))
            read.set()
            await stage.until(lambda: heard)

    read, heard = trio.Event(), []
    play(either_world, handler, script)
    assert heard == [message * (MUCH // len(message))]


def test_what_a_fault_holds_back_is_bounded(either_world):
    sent = []

    async def gush(stream):
        for _ in range(4 * MUCH // 65536):
            await stream.send_all(bytes(65536))
            sent.append(65536)

    async def script(stage, link):
        stream = await opened(link)
        link.tell(ApplyFault("f1", Bandwidth("a", bytes_per_s=1000)))
        await stage.sleep(ms(200))
        before = sum(sent)
        link.tell(RevertFault("f1"))
        return before, len(await _everything(stream)), actions(link)

    before, received, acted = play(either_world, gush, script)
    assert before < 4 * MUCH
    assert (received, acted) == (4 * MUCH, [("f1", "delayed")])


def test_a_client_that_talks_into_a_partition_is_slowed_down_and_loses_nothing(either_world):
    async def script(stage, link):
        stream = await opened(link)
        await stage.sleep(ms(5))
        link.tell(ApplyFault("f1", Partition("a", direction="in")))
        await stage.sleep(ms(5))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_say_all, stream, bytes(4 * MUCH))
            await stage.sleep(ms(200))
            still_talking = bool(nursery.child_tasks)
            link.tell(RevertFault("f1"))
        return still_talking, len(await _everything(stream)), actions(link)

    still_talking, received, acted = play(either_world, _answer_at_the_end, script)
    assert still_talking
    assert received == 4 * MUCH + len(b"%d heard, " % (4 * MUCH))
    assert acted == [("f1", "held")]


def test_a_reset_of_the_upstream_is_a_reset_for_the_client(either_world):
    async def slam(stream):
        await stream.receive_some()
        stream.abort()

    async def script(stage, link):
        stream = await opened(link)
        stream.write(b"hello")
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()

    play(either_world, slam, script)


def test_a_reset_of_the_client_is_a_reset_for_the_upstream(either_world):
    heard = []

    async def listen(stream):
        heard.append(await stream.receive_some())
        try:
            heard.append(await stream.receive_some())
        except trio.BrokenResourceError:
            heard.append("reset")

    async def script(stage, link):
        stream = await opened(link)
        stream.write(b"hello")
        await stage.sleep(ms(20))
        stream.abort()
        await stage.sleep(ms(20))
        return heard

    assert play(either_world, listen, script) == [b"hello", "reset"]


def test_what_the_upstream_refuses_the_link_refuses_until_it_is_back(either_world):
    async def main(stage):
        server = stage.world("server")
        with trio.fail_after(10):
            handler = upgrading(_answer_at_the_end)
            address = await stage.nursery.start(server.serve, stage.address("server"), handler)
            async with linking(stage, address) as link:
                server.shut(address)
                first = await link.connect()
                with pytest.raises(trio.BrokenResourceError):
                    await first.stream.receive_some()
                with pytest.raises(ConnectionRefusedError):
                    await link.connect()
                server.reopen(address)
                await stage.sleep(PROBE_NS + ms(50))
                stream = await opened(link)
                await stream.send_eof()
                return await _everything(stream), actions(link)

    assert either_world(main) == (b"0 heard, ", [])


def test_a_fault_of_behaviour_is_not_for_a_link():
    async def script(stage, link):
        link.tell(ApplyFault("f1", Hang("a")))
        await stage.sleep(ms(5))

    with pytest.RaisesGroup(TypeError, flatten_subgroups=True):
        play(simulated, _answer_at_the_end, script)


@pytest.mark.live
def test_an_idle_link_adds_much_less_than_a_millisecond():
    async def main(stage):
        async with providing(stage) as provider, linking(stage, provider.address) as link:
            clients = [await provider.connect(), await link.connect()]
            times = []
            for client in clients:
                await client.ask()
                times.append(sorted([(await took(stage, client.ask))[0] for _ in range(100)]))
            return [sample[50] for sample in times]

    alone, linked = live(main)
    assert linked - alone < ms(1)


def test_an_upstream_that_lets_a_websocket_wait_for_its_connection_is_given_up():
    """HTTP goes elsewhere there, and works."""

    async def main(stage):
        worlds = stage.world

        def world_of(name):
            world = worlds(name)
            if name == "l":
                world.connect = partial(connect_for_http, world.connect)
            return world

        stage.world = world_of
        async with providing(stage) as provider:
            elsewhere = Endpoint(NOWHERE)
            async with linking(stage, provider.address, ws_upstream=elsewhere) as link:
                stream = (await link.connect()).stream
                stream.write(UPGRADE)
                began = trio.current_time()
                with pytest.raises(trio.BrokenResourceError):
                    await stream.receive_some()
                return trio.current_time() - began

    async def connect_for_http(connect, address, tls=None):
        if address == NOWHERE:
            await trio.sleep_forever()
        return await connect(address, tls)

    assert simulated(main) == pytest.approx(CONNECT_SECONDS, abs=1)
