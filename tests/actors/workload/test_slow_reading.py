"""Clients that read slowly: the same in both worlds, and slow in truth."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from battle.actors.spec.workloads import HttpConstant
from battle.actors.units import ms, seconds
from battle.actors.wire.faults.node_faults import TransportFaults
from battle.actors.wire.http.messages import HttpRequest, encode_response
from battle.actors.workload.slow_reading import SlowReading
from battle.actors.world.interfaces import Connect, Stream, World
from battle.store.events import BenchLimitReached
from tests.actors.workload.scripted import Log, Server, constant, right_answer, run_load, run_load_live
from tests.actors.workload.ws.stage import CHAIN, Script, against, play, serving, subscribe

RATE = 50_000
ANSWER_BYTES = 20_000
NEEDED_NS = ms(350)
"""What an answer takes at that rate, less the first slice, which is not waited for."""

RUNS = [run_load, pytest.param(run_load_live, marks=pytest.mark.live)]


async def with_much_around_it(world: World, stream: Stream, request: HttpRequest) -> None:
    body = right_answer(world, request)
    stream.write(encode_response(200, body + b" " * (ANSWER_BYTES - len(body))))


def slowly(**more: Any) -> HttpConstant:
    return constant(rate=2, timeout=seconds(5), **more)


@pytest.mark.parametrize("run", RUNS)
def test_an_answer_takes_as_long_as_it_takes_to_read(tmp_path: Path, run: Any) -> None:
    log = run(tmp_path, slowly(read_rate=RATE), Server(with_much_around_it))
    assert [one.answer for one in log.requests] == ["right", "right"]
    for one in log.requests:
        assert one.ended_ns - one.scheduled_ns >= NEEDED_NS


def test_others_read_as_fast_as_they_can(tmp_path: Path) -> None:
    log = run_load(tmp_path, slowly(), Server(with_much_around_it))
    assert all(one.ended_ns - one.scheduled_ns < ms(1) for one in log.requests)
    assert waits(log) == []


@pytest.mark.parametrize("run", RUNS)
def test_each_second_says_how_often_more_was_there_to_read(tmp_path: Path, run: Any) -> None:
    log = run(tmp_path, slowly(read_rate=RATE), Server(with_much_around_it))
    assert {one.bound for one in waits(log)} == {RATE}
    assert sum(one.times for one in waits(log)) >= 2 * 6
    small = run(tmp_path / "small", slowly(read_rate=RATE), Server(truthful_and_short))
    assert waits(small) == [], "nothing was slow, and nothing says so"


async def truthful_and_short(world: World, stream: Stream, request: HttpRequest) -> None:
    stream.write(encode_response(200, right_answer(world, request)))


def waits(log: Log) -> list[BenchLimitReached]:
    return [one for one in log.events if isinstance(one, BenchLimitReached)]


def test_a_slow_reader_runs_into_its_own_timeout(tmp_path: Path) -> None:
    log = run_load(tmp_path, constant(rate=2, read_rate=RATE, timeout=ms(200)), Server(with_much_around_it))
    assert [one.failure for one in log.requests] == ["timeout", "timeout"]


def test_a_subscriber_hears_every_head_in_order_and_later(either_world: Any) -> None:
    fast, _ = against(either_world, Script, subscribe(duration=ms(650)), publishing=True)
    slow, _ = against(either_world, Script, subscribe(duration=ms(650), read_rate=4_000), publishing=True)
    for log in (fast, slow):
        numbers = [one.number for one in log.news]
        assert numbers == [*range(numbers[0], numbers[0] + len(numbers))]
        assert {one.answer for one in log.news} == {"right"}
    assert longest_delay(slow) > longest_delay(fast) + ms(100)


def longest_delay(log: Any) -> int:
    return max(int(one.at_ns) - (one.number - CHAIN.start_height) * CHAIN.block_time for one in log.news)


def test_when_the_load_is_over_what_was_sent_is_read_at_once(either_world: Any) -> None:
    async def timed(stage: Any) -> None:
        async with serving(stage, publishing=True) as (_, address):
            began_ns = stage.now_ns()
            logs.append(await play(stage, subscribe(duration=ms(950), read_rate=500), address))
            took.append(stage.now_ns() - began_ns)

    logs: list[Any] = []
    took: list[int] = []
    either_world(timed)
    numbers = [one.number for one in logs[0].news]
    assert numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    assert len(numbers) >= 8
    assert took[0] < seconds(3), "at that rate it would take ten"
    assert logs[0].life()[-2:] == [("0.1", "unsubscribed", "0x1"), ("0.1", "closed", None)]


class ClosesWhenLeft(Script):
    def on_eth_unsubscribe(self, websocket: Any, call: Any) -> None:
        websocket.close()


def test_who_is_cut_off_while_leaving_does_not_come_back(either_world: Any) -> None:
    log, _ = against(either_world, ClosesWhenLeft, subscribe(duration=ms(300)), publishing=True)
    assert [change for _, change, _ in log.life()] == ["connected", "subscribed", "closed", "unsubscribed"]


def test_a_slow_reader_sends_no_pings_whose_answers_it_would_read_too_late(either_world: Any) -> None:
    spec = subscribe(duration=seconds(1), read_rate=500, ping_interval=ms(100))
    log, _ = against(either_world, Script, spec, publishing=True)
    assert [one.closed_by for one in log.changes if one.change == "closed"] == ["us"]
    assert not any("ping" in (one.detail or "") for one in log.changes)
    assert len([one for one in log.changes if one.change == "connected"]) == 1


class Ends:
    """Two ends of a connection: what the client gets, and when."""

    def __init__(self, stage: Any, client: Stream, server: Stream) -> None:
        self.stage = stage
        self.server = server
        self.client = client
        self.got: list[bytes] = []
        self.lost: list[str] = []
        client.on_data(
            lambda data, _at_ns: self.got.append(data),
            lambda how, _at_ns: self.lost.append(how),
        )


@asynccontextmanager
async def connected(stage: Any, read_rate: float) -> AsyncIterator[Ends]:
    accepted: list[Stream] = []

    async def handle(stream: Stream) -> None:
        accepted.append(stream)
        await trio.sleep_forever()

    address = await stage.nursery.start(stage.world("server").serve, stage.address("server"), handle)
    client = await stage.client.connect(address, receive_buffer=4096)
    await stage.until(lambda: accepted)
    yield Ends(stage, SlowReading(stage.client, client, read_rate, lambda: None, lambda _: None), accepted[0])
    client.close()


def test_the_end_of_the_stream_comes_after_all_that_was_sent(either_world: Any) -> None:
    async def main(stage: Any) -> None:
        async with connected(stage, 40_000) as ends:
            ends.server.write(b"x" * 10_000)
            ends.server.close()
            await stage.until(lambda: ends.got and ends.got[-1] == b"")
            assert b"".join(ends.got) == b"x" * 10_000
            assert len(ends.got) >= 5
            assert ends.lost == []

    either_world(main)


def test_a_reset_takes_along_what_was_not_read(either_world: Any) -> None:
    async def main(stage: Any) -> None:
        async with connected(stage, 1000) as ends:
            ends.server.write(b"x" * 3000)
            await stage.until(lambda: ends.got)
            ends.server.abort()
            await stage.until(lambda: ends.lost)
            assert ends.lost == ["reset"]
            read = len(b"".join(ends.got))
            assert read < 3000
            await stage.sleep(ms(200))
            assert len(b"".join(ends.got)) == read

    either_world(main)


def test_who_pauses_a_slow_reader_gets_the_rest_afterwards_at_the_same_rate(either_world: Any) -> None:
    async def main(stage: Any) -> None:
        async with connected(stage, 20_000) as ends:
            ends.server.write(b"x" * 4000)
            await stage.until(lambda: ends.got)
            ends.client.pause_receiving()
            read = len(ends.got)
            await stage.sleep(ms(100))
            assert len(ends.got) == read == 1, "nothing is handed on while somebody pauses"
            began_ns = stage.now_ns()
            ends.client.resume_receiving()
            ends.client.resume_receiving()
            await stage.until(lambda: len(b"".join(ends.got)) == 4000)
            assert stage.now_ns() - began_ns >= ms(100)
            assert [len(data) for data in ends.got] == [1000] * 4

    either_world(main)


def test_a_connection_with_something_left_to_read_is_stale(either_world: Any) -> None:
    async def main(stage: Any) -> None:
        async with connected(stage, 20_000) as ends:
            assert not ends.client.is_stale()
            ends.server.write(b"x" * 1500)
            await stage.until(lambda: ends.got)
            assert ends.client.is_stale()
            await stage.until(lambda: len(ends.got) == 2)
            assert not ends.client.is_stale()

    either_world(main)


def test_with_a_small_buffer_more_waits_at_the_sender(either_world: Any) -> None:
    async def main(stage: Any) -> None:
        usual = await _unsent_bytes(stage, stage.client.connect, None)
        small = await _unsent_bytes(stage, stage.client.connect, 4096)
        assert small > usual
        under_faults = TransportFaults(stage.client).connect
        assert await _unsent_bytes(stage, under_faults, 4096) > usual

    either_world(main)


async def _unsent_bytes(stage: Any, connect: Connect, receive_buffer: int | None) -> int:
    """What of 6 MiB a server keeps for a client that reads nothing."""
    accepted: list[Stream] = []

    async def handle(stream: Stream) -> None:
        accepted.append(stream)
        await trio.sleep_forever()

    address = await stage.nursery.start(stage.world("server").serve, stage.address("server"), handle)
    client = await connect(address, receive_buffer=receive_buffer)
    await stage.until(lambda: accepted)
    (stream,) = accepted
    stream.write(bytes(6 * 2**20))
    await stage.sleep(ms(200))
    unsent: int = stream.unsent_bytes
    client.abort()
    return unsent
