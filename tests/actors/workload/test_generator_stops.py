"""How the generator's life begins and ends: waiting, interrupted, killed, started again, frozen."""

from pathlib import Path
from typing import Any

import pytest
import trio

from battle.actors.roles import Begin
from battle.actors.spec.workloads import HttpUsers
from battle.actors.units import ms, seconds
from battle.actors.world.cluster import Node
from battle.actors.world.simulated.cluster import SimulatedCluster
from tests.actors.workload.scripted import (
    BEGIN_NS,
    Interfere,
    Log,
    Server,
    constant,
    read_log,
    run_load,
    truthful,
)
from tests.actors.workload.test_generator_connections import hanging


async def until(at_ns: int) -> None:
    await trio.sleep_until(at_ns / 1e9)


def at(offset_ns: int, action: str) -> Interfere:
    """Do this to the generator's node, so long after the load began."""

    async def interfere(cluster: SimulatedCluster, load: Node, server: Node | None) -> None:
        await until(BEGIN_NS + offset_ns)
        if action == "freeze":
            load.pause()
            await until(BEGIN_NS + offset_ns + ms(300))
            load.resume()
        else:
            load.kill("a test")

    return interfere


def stopped_at(offset_ns: int, run_dir: Path, server: Server, **workload: Any) -> Log:
    """The log of a generator that is asked to stop, so long after it began."""

    async def stop(cluster: SimulatedCluster, load: Node, server: Node | None) -> None:
        await until(BEGIN_NS + offset_ns)
        raise KeyboardInterrupt

    with pytest.raises(BaseExceptionGroup) as caught:
        run_load(run_dir, constant(**workload), server, interfere=stop)
    assert caught.group_contains(KeyboardInterrupt, depth=None)
    return Log(read_log(run_dir / "events" / "load.1.ndjson"))


def test_an_interrupted_generator_logs_what_was_under_way(tmp_path: Path) -> None:
    log = stopped_at(ms(350), tmp_path, Server(hanging), max_connections=2)
    sent = [request for request in log.requests if request.sent_ns is not None]
    waiting = [request for request in log.requests if request.sent_ns is None]
    assert [(r.request_id, r.outcome, r.failure) for r in sent] == [
        ("w0-0", "unknown", "interrupted"),
        ("w0-1", "unknown", "interrupted"),
    ]
    assert [(r.request_id, r.outcome, r.failure) for r in waiting] == [
        ("w0-2", "error", "interrupted"),
        ("w0-3", "error", "interrupted"),
    ]
    assert {request.ended_ns for request in log.requests} == {BEGIN_NS + ms(350)}


def test_an_interrupted_generator_writes_its_last_second(tmp_path: Path) -> None:
    log = stopped_at(ms(2350), tmp_path, Server(truthful), duration=seconds(5))
    assert [sample.due for sample in log.samples] == [10, 10, 4]
    assert log.total("ended") == len(log.requests) == 24
    assert log.samples[-1].at_ns == BEGIN_NS + ms(2350)


def test_a_generator_that_is_stopped_before_it_began_logs_nothing_but_its_end(tmp_path: Path) -> None:
    log = stopped_at(-ms(100), tmp_path, Server(truthful))
    assert log.requests == []


def test_nothing_is_sent_before_the_load_begins(tmp_path: Path) -> None:
    server = Server(truthful)
    run_load(tmp_path, constant(), server, begin=Begin(seconds(5)))
    assert min(server.received_ns) >= seconds(5)
    assert len(server.requests) == 10


def test_a_killed_generator_leaves_what_it_had_flushed(tmp_path: Path) -> None:
    log = run_load(tmp_path, constant(), Server(truthful), interfere=at(ms(450), "kill"))
    assert [request.request_id for request in log.requests] == [f"w0-{number}" for number in range(5)]


def test_a_generator_that_comes_back_sends_only_what_is_still_to_come(tmp_path: Path) -> None:
    server = Server(truthful)
    spec = constant(rate=20, duration=seconds(3))
    log = run_load(tmp_path, spec, server, begin=Begin(-seconds(1), away_since_ns=-ms(500)))
    first = int(log.requests[0].request_id.removeprefix("w0-"))
    assert [request.request_id for request in log.requests] == [f"w0-{n}" for n in range(first, 60)]
    assert log.total("dropped") == first - 10 > 0
    assert log.total("due") == log.total("dropped") + len(log.requests)
    assert all(request.sent_ns == request.scheduled_ns for request in log.requests[1:])


def test_users_who_come_back_use_no_number_twice(tmp_path: Path) -> None:
    spec = HttpUsers("eth_chainId", users=1, duration=seconds(2))
    log = run_load(tmp_path, spec, Server(truthful), begin=Begin(-seconds(1)))
    numbers = [int(request.request_id.removeprefix("w0-")) for request in log.requests]
    assert numbers[0] >= 1_000_000
    assert len(set(numbers)) == len(numbers) > 100


def test_a_frozen_generator_sends_late_and_says_so(tmp_path: Path) -> None:
    log = run_load(tmp_path, constant(rate=20), Server(truthful), interfere=at(ms(310), "freeze"))
    assert len(log.requests) == 20
    assert {request.outcome for request in log.requests} == {"ok"}
    assert max(sample.lateness_max_ns or 0 for sample in log.samples) == ms(260)
    assert max(request.ended_ns - request.scheduled_ns for request in log.requests) > ms(260)


def test_what_fell_out_of_time_while_the_generator_was_frozen_is_not_sent(tmp_path: Path) -> None:
    server = Server(truthful)
    spec = constant(rate=20, timeout=ms(100))
    log = run_load(tmp_path, spec, server, interfere=at(ms(310), "freeze"))
    unsent = [request for request in log.requests if request.sent_ns is None]
    assert {(request.outcome, request.failure) for request in unsent} == {("error", "unsent")}
    assert len(unsent) == 4  # due at 350, 400, 450 and 500 ms; resumed at 610
    assert len(server.requests) == 20 - len(unsent)
