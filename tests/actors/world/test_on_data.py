"""Receiving by callback means the same in both worlds."""

from contextlib import asynccontextmanager

import pytest
import trio

from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.units import ms, seconds
from battle.actors.world.live import stream as live_stream
from battle.actors.world.live.reactor import TURN_NS
from battle.actors.world.simulated.network import LATENCY_NS
from tests.actors.worlds import live, simulated

both_worlds = pytest.mark.parametrize(
    "run", [simulated, pytest.param(live, marks=pytest.mark.live)], ids=["simulated", "live"]
)


class Ear:
    """Keeps what a stream tells. `then(stream)` is called after each chunk that is not the last."""

    def __init__(self, world, stream, then=lambda stream: None) -> None:
        self.heard = []
        self.arrived_ns = []
        self.over = trio.Event()
        self._world = world
        self._stream = stream
        self._then = then
        self.inside = False
        stream.on_data(self._receive, self._lost)

    @property
    def text(self) -> bytes:
        return b"".join(said for said in self.heard if isinstance(said, bytes))

    def _receive(self, data, arrived_ns) -> None:
        self._tell(data, arrived_ns)
        if data:
            self.inside = True
            self._then(self._stream)
            self.inside = False
        else:
            self.over.set()

    def _lost(self, how, at_ns) -> None:
        self._tell(how, at_ns)
        self.over.set()

    def _tell(self, what, at_ns) -> None:
        assert not self.over.is_set(), "nothing comes after the end"
        assert not self.inside, "never from inside a method of the stream"
        assert at_ns <= self._world.now_ns()
        assert at_ns >= max(self.arrived_ns, default=0)
        self.heard.append(what)
        self.arrived_ns.append(at_ns)


@asynccontextmanager
async def _connected(stage, handler):
    server = stage.world("server")
    address = await stage.nursery.start(server.serve, stage.address("server"), handler)
    async with await stage.client.connect(address) as stream:
        yield stream


def _listen(handler, then=lambda stream: None, *, say=b"", linger=0, wait=True):
    """A main that listens to a server that behaves like `handler`. Returns what was heard."""

    async def main(stage):
        async with _connected(stage, handler) as stream:
            await stage.sleep(linger)
            ear = Ear(stage.client, stream, then)
            assert ear.heard == []
            if say:
                stream.write(say)
            if wait:
                await ear.over.wait()
            await stage.sleep(ms(20))  # would anything come after the end?
            return ear

    return main


async def _greet_and_leave(stream):
    stream.write(b"hello")


async def _greet_and_wait(stream):
    stream.write(b"hello")
    await trio.sleep_forever()


async def _echo(stream):
    while data := await stream.receive_some():
        stream.write(data)


@both_worlds
def test_all_arrives_in_order_and_then_the_end_once(run):
    async def say(stream):
        for number in range(1000):
            stream.write(b"%06d" % number)

    ear = run(_listen(say))
    assert ear.text == b"".join(b"%06d" % number for number in range(1000))
    assert ear.heard[-1] == b""
    assert ear.heard.count(b"") == 1


@both_worlds
@pytest.mark.parametrize("linger", [0, ms(50)], ids=["still under way", "there already"])
def test_much_data_arrives_whole(run, linger):
    size = 5 * 2**20

    async def say_much(stream):
        stream.write(bytes(size))

    ear = run(_listen(say_much, linger=linger))
    assert len(ear.text) == size
    assert ear.heard[-1] == b""


@both_worlds
def test_what_arrived_before_anybody_listened_is_told(run):
    ear = run(_listen(_greet_and_wait, linger=ms(20), wait=False))
    assert ear.heard == [b"hello", "closed"]


@both_worlds
def test_what_a_task_left_unread_is_told(run):
    async def main(stage):
        async with _connected(stage, _greet_and_wait) as stream:
            first = await stream.receive_some(2)
            ear = Ear(stage.client, stream)
            await stage.sleep(ms(20))
            return first, [*ear.heard]

    assert run(main) == (b"he", [b"llo"])


@both_worlds
def test_an_end_that_came_before_anybody_listened_is_told(run):
    ear = run(_listen(_greet_and_leave, linger=ms(20)))
    assert ear.heard == [b"hello", b""]


@both_worlds
def test_a_reset_is_told_once_and_instead_of_an_end(run):
    async def slam(stream):
        await stream.receive_some()
        stream.abort()

    assert run(_listen(slam, say=b"hello")).heard == ["reset"]


@both_worlds
def test_a_reset_before_anybody_listened_is_told(run):
    async def slam(stream):
        stream.abort()

    assert run(_listen(slam, linger=ms(20))).heard == ["reset"]


@both_worlds
def test_a_reset_that_write_meets_first_is_still_a_reset(run):
    async def slam(stream):
        stream.abort()

    assert run(_listen(slam, linger=ms(20), say=b"into the void")).heard == ["reset"]


@both_worlds
@pytest.mark.parametrize("end", ["close", "abort"])
def test_a_callback_may_end_its_own_stream(run, end):
    async def say_on(stream):
        for _ in range(50):
            stream.write(b"x" * 65536)
            await trio.sleep(0.001)
        await trio.sleep_forever()

    ear = run(_listen(say_on, lambda stream: getattr(stream, end)()))
    assert len(ear.heard) == 2
    assert ear.heard[1] == "closed"


@both_worlds
@pytest.mark.parametrize("end", ["close", "abort"])
def test_an_end_from_outside_is_told_later(run, end):
    async def main(stage):
        async with _connected(stage, _echo) as stream:
            ear = Ear(stage.client, stream)
            await stage.sleep(ms(1))
            getattr(stream, end)()
            assert ear.heard == []
            await ear.over.wait()
            return ear.heard

    assert run(main) == ["closed"]


@both_worlds
def test_an_end_for_what_the_other_side_left_unread_is_told_as_that(run):
    async def ignore(stream):
        await trio.sleep_forever()

    async def main(stage):
        async with _connected(stage, ignore) as stream:
            ear = Ear(stage.client, stream)
            for _ in range(2 * WRITE_LIMIT_BYTES // 65536):
                stream.write(bytes(65536))
            assert ear.heard == []
            await ear.over.wait()
            return ear.heard

    assert run(main) == ["unread"]


@both_worlds
def test_closing_after_the_end_is_told_to_nobody(run):
    async def main(stage):
        async with _connected(stage, _greet_and_leave) as stream:
            ear = Ear(stage.client, stream)
            await ear.over.wait()
            stream.close()
            await stage.sleep(ms(20))
            return ear.heard

    assert run(main) == [b"hello", b""]


@both_worlds
def test_a_callback_may_write(run):
    rounds = []

    def again(stream) -> None:
        rounds.append(None)
        if len(rounds) == 100:
            stream.close()
        else:
            stream.write(b"ball")

    ear = run(_listen(_echo, again, say=b"ball"))
    assert ear.heard == [b"ball"] * 100 + ["closed"]


@both_worlds
def test_only_one_receives(run):
    async def receive(stream):
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some()

    async def main(stage):
        async with _connected(stage, _echo) as stream:
            stage.nursery.start_soon(receive, stream)
            await stage.sleep(ms(1))
            with pytest.raises(trio.BusyResourceError):
                Ear(stage.client, stream)

    run(main)


@both_worlds
def test_who_listens_is_the_only_one(run):
    async def main(stage):
        async with _connected(stage, _echo) as stream:
            Ear(stage.client, stream)
            with pytest.raises(trio.BusyResourceError):
                Ear(stage.client, stream)
            with pytest.raises(trio.BusyResourceError):
                await stream.receive_some()

    run(main)


@both_worlds
def test_nobody_listens_to_a_stream_that_was_closed(run):
    async def main(stage):
        async with _connected(stage, _echo) as stream:
            stream.close()
            with pytest.raises(trio.ClosedResourceError):
                Ear(stage.client, stream)

    run(main)


@both_worlds
def test_what_a_callback_raises_crashes_the_node(run):
    def boom(stream) -> None:
        raise RuntimeError("boom")

    with pytest.raises((RuntimeError, ExceptionGroup)) as caught:
        run(_listen(_greet_and_wait, boom))
    assert caught.match("boom") if caught.type is RuntimeError else caught.group_contains(RuntimeError)


def test_in_the_simulated_world_each_chunk_has_its_moment():
    async def main(stage):
        async def say(stream):
            for _ in range(3):
                said_ns.append(stage.now_ns())
                stream.write(b"a")
                stream.write(b"b")
                await stage.sleep(ms(1))

        said_ns = []
        async with _connected(stage, say) as stream:
            ear = Ear(stage.client, stream)
            await ear.over.wait()
        assert ear.heard == [b"a", b"b"] * 3 + [b""]
        assert ear.arrived_ns[:-1:2] == ear.arrived_ns[1::2] == [at_ns + LATENCY_NS for at_ns in said_ns]

    simulated(main)


@pytest.mark.parametrize("fate", ["resumes", "dies"])
def test_a_node_that_is_paused_hears_nothing_until_it_resumes(fate):
    async def main(stage):
        async def say(stream):
            for letter in (b"a", b"b"):
                stream.write(letter)
                await trio.sleep(0.001)

        async with _connected(stage, say) as stream:
            ear = Ear(stage.client, stream)
            stage.client.pause()
            await stage.nursery.start(_wake_later, stage)
            return ear

    async def _wake_later(stage, task_status):
        await trio.sleep(1)
        woken_ns.append(stage.now_ns())
        if fate == "dies":
            stage.client.die()
        else:
            stage.client.resume()
        await trio.sleep(1)
        task_status.started()

    woken_ns = []
    ear = simulated(main)
    if fate == "dies":
        assert ear.heard == []
    else:
        assert ear.heard == [b"a", b"b", b""]
        assert max(ear.arrived_ns) < woken_ns[0] - ms(900)


@pytest.mark.live
def test_tasks_and_other_connections_have_their_turn_though_one_never_runs_dry():
    async def flood(stream):
        while True:
            await stream.send_all(bytes(2**20))

    async def main(stage):
        async with _connected(stage, flood) as torrent:
            Ear(stage.client, torrent)
            address = await stage.nursery.start(stage.world("echo").serve, stage.address("echo"), _echo)
            async with await stage.client.connect(address) as stream:
                ear = Ear(stage.client, stream)
                for _ in range(10):
                    stream.write(b"x")
                    await stage.sleep(ms(20))
                for _ in range(250):  # the last may be late, but on its way it is
                    if len(ear.text) == 10:
                        break
                    await stage.sleep(ms(20))
                return ear.text

    assert live(main) == b"x" * 10


@pytest.mark.live
def test_what_is_left_after_a_turn_is_told_in_the_next(monkeypatch):
    monkeypatch.setattr(live_stream, "_READS_PER_TURN", 1)
    monkeypatch.setattr(live_stream, "_RECEIVE_BYTES", 1000)

    async def say_much(stream):
        stream.write(bytes(10_000))
        await trio.sleep_forever()

    ear = live(_listen(say_much, linger=ms(20), wait=False))
    assert len(ear.text) == 10_000
    assert len(set(ear.arrived_ns[:10])) == 10


@pytest.mark.live
def test_tasks_have_their_turn_though_some_timer_is_always_due():
    async def main(stage):
        def again() -> None:
            if not over:
                stage.client.call_at(stage.now_ns(), again)

        over = []
        again()
        began_ns = stage.now_ns()
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        over.append(True)
        return stage.now_ns() - began_ns

    assert live(main) < seconds(1)
    assert ms(10) > TURN_NS


@pytest.mark.live
def test_what_is_seen_together_has_one_moment():
    async def main(stage):
        async with _connected(stage, _greet_and_wait) as one, _connected(stage, _greet_and_wait) as other:
            await stage.sleep(ms(20))
            ears = [Ear(stage.client, one), Ear(stage.client, other)]
            for stream in (one, other):
                assert stream.is_stale()
            await stage.sleep(ms(20))
            return [[*ear.arrived_ns] for ear in ears]

    one, other = live(main)
    assert one == other
