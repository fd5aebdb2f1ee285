"""Each transport fault, on a provider and on a link, in both worlds: what the client meets, and what the log says."""

import pytest
import trio

from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.transport import (
    Bandwidth,
    Jitter,
    Latency,
    LimitData,
    Partition,
    Refuse,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
)
from battle.actors.units import ms
from tests.actors.link.stage import actions, deliver, took
from tests.actors.provider.stage import CALL

pytestmark = pytest.mark.alone  # its live tests measure how late they are

WAIT = 0.06
"""Seconds after which a client gives up on what it should never get."""

QUICK = ms(40)
"""An answer without a fault takes less, also on a busy machine."""


def patiently(script):
    """A script that must not hang for long."""

    async def bounded(stage, target):
        with trio.fail_after(5):
            return await script(stage, target)

    return bounded


async def _silent(client):
    with trio.move_on_after(WAIT) as scope:
        await client.response()
    return scope.cancelled_caught


async def _times(stage, target, fault):
    """How long an answer takes on one connection: before the fault, under it, and after it."""
    client = await target.connect()
    times = []
    for message in (None, ApplyFault("f1", fault), RevertFault("f1")):
        if message is not None:
            await deliver(target, message)
        passed_ns, response = await took(stage, client.ask)
        assert response.status == 200
        times.append(passed_ns)
    return times


@pytest.mark.parametrize("way", ["in", "out"])
def test_latency(play, way):
    @patiently
    async def script(stage, target):
        times = await _times(stage, target, Latency("a", delay=ms(60), direction=way))
        return times, actions(target)

    (before, under, after), acted = play(script)
    assert under >= ms(60)
    assert max(before, after) < QUICK
    assert acted == [("f1", "delayed")]


def test_latency_does_not_slow_down_what_is_already_under_way(play):
    """Two requests 20 ms apart get their answers 20 ms apart: a delay is no queue."""

    @patiently
    async def script(stage, target):
        client = await target.connect()
        await deliver(target, ApplyFault("f1", Latency("a", delay=ms(60), direction="in")))
        began_ns = stage.now_ns()
        client.post()
        await stage.sleep(ms(20))
        client.post()
        await client.response()
        await client.response()
        return stage.now_ns() - began_ns

    assert ms(80) <= play(script) < ms(115)


def test_jitter(play):
    @patiently
    async def script(stage, target):
        client = await target.connect()
        await deliver(target, ApplyFault("f1", Jitter("a", spread=ms(40))))
        times = [(await took(stage, client.ask))[0] for _ in range(8)]
        await deliver(target, RevertFault("f1"))
        return times, await took(stage, client.ask), actions(target)

    times, (after, _), acted = play(script)
    assert max(times) - min(times) > ms(8)
    assert after < QUICK
    assert acted == [("f1", "delayed")]


def test_bandwidth(play):
    @patiently
    async def script(stage, target):
        times = await _times(stage, target, Bandwidth("a", bytes_per_s=1000))
        return times, actions(target)

    (before, under, after), acted = play(script)
    assert under > ms(60), "an answer has more than 60 bytes"
    assert max(before, after) < QUICK
    assert acted == [("f1", "delayed")]


def test_slicer(play):
    @patiently
    async def script(stage, target):
        client = await target.connect()
        await deliver(target, ApplyFault("f1", Slicer("a", piece_bytes=40, delay=ms(10))))
        client.post()
        pieces = [await client.stream.receive_some()]
        while b'"result"' not in b"".join(pieces):
            pieces.append(await client.stream.receive_some())
        await deliver(target, RevertFault("f1"))
        client.post()
        return pieces, await took(stage, client.stream.receive_some), actions(target)

    pieces, (_, whole), acted = play(script)
    assert len(pieces) >= 3
    assert max(map(len, pieces[:-1])) <= 40
    assert len(whole) > 40
    assert acted == [("f1", "sliced")]


def test_limit_data(play):
    @patiently
    async def script(stage, target):
        old = await target.connect()
        assert (await old.ask()).status == 200
        await deliver(target, ApplyFault("f1", LimitData("a", limit_bytes=50)))
        received = []
        for client in (old, await target.connect()):
            client.post()
            text = b""
            while data := await client.stream.receive_some():
                text += data
            received.append(len(text))
        await deliver(target, RevertFault("f1"))
        return received, (await target.ask()).status, actions(target)

    assert play(script) == ([50, 50], 200, [("f1", "cut"), ("f1", "cut")])


def test_slow_close(play):
    @patiently
    async def script(stage, target):
        async def until_closed(client):
            client.post(headers={b"connection": b"close"})
            assert (await client.response()).status == 200
            return await took(stage, client.response)

        times = [(await until_closed(await target.connect()))[0]]
        await deliver(target, ApplyFault("f1", SlowClose("a", delay=ms(60))))
        times.append((await until_closed(await target.connect()))[0])
        await target.ask()  # a client that closes first
        await deliver(target, RevertFault("f1"))
        times.append((await until_closed(await target.connect()))[0])
        return times, actions(target)

    (before, under, after), acted = play(script)
    assert max(before, after) < QUICK
    assert under >= ms(50)
    assert acted == [("f1", "delayed")]


def test_a_slow_close_ends_with_its_fault(play):
    @patiently
    async def script(stage, target):
        client = await target.connect()
        await deliver(target, ApplyFault("f1", SlowClose("a", delay=ms(4000))))
        client.post(headers={b"connection": b"close"})
        assert (await client.response()).status == 200
        assert await _silent(client)
        target.tell(RevertFault("f1"))
        return await took(stage, client.response)

    passed_ns, response = play(script)
    assert response is None
    assert passed_ns < QUICK


@pytest.mark.parametrize("way", ["in", "out", "both"])
def test_timeout_loses_what_it_held_and_only_that(play, way):
    @patiently
    async def script(stage, target):
        idle, busy = await target.connect(), await target.connect()
        assert [(await client.ask()).status for client in (idle, busy)] == [200, 200]
        await deliver(target, ApplyFault("f1", Timeout("a", direction=way)))
        busy.post()
        late = await target.connect()
        late.post()
        assert await _silent(busy)
        await deliver(target, RevertFault("f1"))
        for client in (busy, late):
            with pytest.raises(trio.BrokenResourceError):
                await client.response()
        return (await idle.ask()).status, (await target.ask()).status, actions(target)

    assert play(script) == (200, 200, [("f1", "held"), ("f1", "held")])


@pytest.mark.parametrize("way", ["in", "out", "both"])
def test_a_partition_delivers_when_it_heals(play, way):
    @patiently
    async def script(stage, target):
        client = await target.connect()
        assert (await client.ask()).status == 200
        await deliver(target, ApplyFault("f1", Partition("a", direction=way)))
        client.post(request_id=b"w0-1")
        late = await target.connect()
        late.post(request_id=b"w0-2")
        assert await _silent(client)
        assert await _silent(late)
        target.tell(RevertFault("f1"))
        answers = await took(stage, client.response), await took(stage, late.response)
        return answers, actions(target)

    answers, acted = play(script)
    assert [response.status for _, response in answers] == [200, 200]
    assert max(passed_ns for passed_ns, _ in answers) < QUICK
    assert acted == [("f1", "held"), ("f1", "held")]


def test_the_end_of_a_connection_does_not_pass_a_partition(play):
    @patiently
    async def script(stage, target):
        client = await target.connect()
        client.post(headers={b"connection": b"close"})
        await deliver(target, ApplyFault("f1", Partition("a", direction="out")))
        assert await _silent(client)
        target.tell(RevertFault("f1"))
        return (await client.response()).status, await client.response()

    assert play(script, latency=ms(20)) == (200, None)


def test_reset_peer(play):
    @patiently
    async def script(stage, target):
        old = await target.connect()
        assert (await old.ask()).status == 200
        await deliver(target, ApplyFault("f1", ResetPeer("a")))
        with pytest.raises(trio.BrokenResourceError):
            await old.response()
        new = await target.connect()
        new.post()
        with pytest.raises(trio.BrokenResourceError):
            await new.response()
        await deliver(target, RevertFault("f1"))
        return (await target.ask()).status, actions(target)

    assert play(script) == (200, [("f1", "reset"), ("f1", "reset")])


def test_reset_peer_after_a_while(play):
    @patiently
    async def script(stage, target):
        await deliver(target, ApplyFault("f1", ResetPeer("a", after=ms(40))))
        client, idle = await target.connect(), await target.connect()
        began_ns = stage.now_ns()
        assert (await client.ask()).status == 200
        with pytest.raises(trio.BrokenResourceError):
            await client.response()
        lasted_ns = stage.now_ns() - began_ns
        spared = await target.connect()
        assert (await spared.ask()).status == 200
        await deliver(target, RevertFault("f1"))
        await stage.sleep(ms(50))
        return lasted_ns, (await spared.ask()).status, (await idle.ask()).status, actions(target)

    lasted_ns, *rest = play(script)
    assert lasted_ns >= ms(40)
    assert rest == [200, 200, [("f1", "reset")]]


def test_refuse(play):
    @patiently
    async def script(stage, target):
        idle, busy = await target.connect(), await target.connect()
        assert (await idle.ask()).status == 200
        busy.post()
        await stage.sleep(ms(5))
        await deliver(target, ApplyFault("f1", Refuse("a")))
        with pytest.raises(ConnectionRefusedError):
            await target.connect()
        assert (await busy.response()).status == 200, "a request under way goes on"
        closed = await idle.response()
        await busy.response()
        with pytest.raises(ConnectionRefusedError):
            await target.connect()
        await deliver(target, RevertFault("f1"))
        return closed, (await target.ask()).status, sorted(actions(target))

    assert play(script, latency=ms(120)) == (None, 200, [("f1", "closed"), ("f1", "closed")])


def test_one_refusal_less_is_not_yet_none(play):
    @patiently
    async def script(stage, target):
        for fault_id in ("f1", "f2"):
            await deliver(target, ApplyFault(fault_id, Refuse("a")))
        await deliver(target, RevertFault("f1"))
        with pytest.raises(ConnectionRefusedError):
            await target.connect()
        await deliver(target, RevertFault("f2"))
        return (await target.ask()).status

    assert play(script) == 200


def test_faults_add_up_and_go_one_by_one(play):
    @patiently
    async def script(stage, target):
        client = await target.connect()
        times = []
        for message in (
            ApplyFault("f1", Latency("a", delay=ms(40))),
            ApplyFault("f2", Latency("a", delay=ms(45), direction="in")),
            RevertFault("f1"),
            RevertFault("f2"),
        ):
            await deliver(target, message)
            times.append((await took(stage, client.ask))[0])
        return times, actions(target)

    (one, both, other, none), acted = play(script)
    assert one >= ms(40)
    assert both >= ms(85)
    assert ms(45) <= other < ms(85)
    assert none < QUICK
    assert acted == [("f1", "delayed"), ("f2", "delayed")]


ALL = [
    Latency("a"), Jitter("a"), Bandwidth("a"), SlowClose("a"), Timeout("a"), ResetPeer("a"), Slicer("a"),
    LimitData("a"), Refuse("a"), Partition("a"),
]  # fmt: skip


@pytest.mark.parametrize("fault", ALL, ids=[fault.kind() for fault in ALL])
def test_a_fault_that_touched_nothing_says_nothing(play, fault):
    @patiently
    async def script(stage, target):
        await deliver(target, ApplyFault("f1", fault))
        await stage.sleep(ms(20))
        await deliver(target, RevertFault("f1"))
        answered = (await target.ask(CALL)).status
        await stage.sleep(ms(20))
        return answered, actions(target)

    assert play(script) == (200, [])
