"""The generator and its connections, end to end in virtual time: broken, refused, stale, slow."""

from pathlib import Path

import pytest
import trio

from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.spec.workloads import HttpConstant, HttpUsers
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import HttpRequest, encode_response
from battle.actors.world.cluster import Node
from battle.actors.world.interfaces import Stream, World
from battle.actors.world.simulated.cluster import SimulatedCluster
from battle.actors.world.simulated.network import LATENCY_NS
from battle.store.events import BenchLimitReached
from tests.actors.workload.sample_generators import HERE
from tests.actors.workload.scripted import (
    BEGIN_NS,
    Log,
    Script,
    Server,
    constant,
    right_answer,
    run_load,
    run_load_live,
    truthful,
)


def kinds(log: Log) -> set[tuple[str, str | None, bool]]:
    """How requests ended, and whether they had left."""
    return {(request.outcome, request.failure, request.sent_ns is not None) for request in log.requests}


async def resetting(world: World, stream: Stream, request: HttpRequest) -> None:
    stream.abort()


async def closing(world: World, stream: Stream, request: HttpRequest) -> None:
    stream.close()


async def closing_half_way(world: World, stream: Stream, request: HttpRequest) -> None:
    stream.write(encode_response(200, right_answer(world, request))[:-10])
    stream.close()


async def hanging(world: World, stream: Stream, request: HttpRequest) -> None:
    await trio.sleep_forever()


async def babbling(world: World, stream: Stream, request: HttpRequest) -> None:
    stream.write(b"220 smtp.example.org ESMTP\r\n")


@pytest.mark.parametrize(
    ("script", "outcome", "failure"),
    [
        (resetting, "unknown", "reset"),
        (closing, "unknown", "closed"),
        (closing_half_way, "unknown", "closed"),
        (babbling, "error", "protocol"),
    ],
)
def test_a_connection_that_breaks_after_sending(
    tmp_path: Path, script: Script, outcome: str, failure: str
) -> None:
    server = Server(script)
    log = run_load(tmp_path, constant(), server)
    assert kinds(log) == {(outcome, failure, True)}
    assert server.connections == len(server.requests) == len(log.requests) == 10
    assert {request.answer for request in log.requests} == {"none"}


def test_nobody_listens(tmp_path: Path) -> None:
    log = run_load(tmp_path, constant(), None)
    assert kinds(log) == {("error", "refused", False)}
    assert len(log.requests) == 10
    assert all(request.ended_ns - request.scheduled_ns < ms(1) for request in log.requests)


def test_nobody_listens_and_requests_queue_for_the_only_connection(tmp_path: Path) -> None:
    spec = constant(rate=20_000, duration=ms(10), max_connections=1)
    log = run_load(tmp_path, spec, None)
    assert kinds(log) == {("error", "refused", False)}
    assert len(log.requests) == 200


def test_a_request_without_an_answer_times_out_counted_from_when_it_was_due(tmp_path: Path) -> None:
    server = Server(hanging)
    log = run_load(tmp_path, constant(), server)
    assert kinds(log) == {("unknown", "timeout", True)}
    assert {request.ended_ns - request.scheduled_ns for request in log.requests} == {ms(500)}
    assert server.connections == 10  # a connection whose answer is overdue is not used again


def test_an_answer_after_the_timeout_is_not_taken_for_the_next_request_s(tmp_path: Path) -> None:
    async def first_is_slow(world: World, stream: Stream, request: HttpRequest) -> None:
        if request.headers[b"x-battle-request"] == b"w0-0":
            await world.sleep_until(world.now_ns() + ms(250))
        await truthful(world, stream, request)

    spec = constant(rate=4, timeout=ms(200), max_connections=1)
    log = run_load(tmp_path, spec, Server(first_is_slow))
    assert [(request.outcome, request.answer) for request in log.requests] == [
        ("unknown", "none"),
        *[("ok", "right")] * 3,
    ]


def test_a_connection_without_an_answer_does_not_take_the_place_of_another_for_ever(tmp_path: Path) -> None:
    async def first_hangs(world: World, stream: Stream, request: HttpRequest) -> None:
        await (hanging if len(server.requests) == 1 else truthful)(world, stream, request)

    server = Server(first_hangs)
    log = run_load(tmp_path, constant(timeout=ms(150), max_connections=1), server)
    assert [request.failure for request in log.requests] == ["timeout"] + [None] * 9
    assert server.connections == 2


def test_a_request_that_finds_no_connection_in_time_was_never_sent(tmp_path: Path) -> None:
    """Twenty requests fall due in a millisecond, and to open a connection takes a tenth of one."""
    spec = constant(rate=20_000, duration=ms(10), timeout=ms(1), max_connections=1)
    log = run_load(tmp_path, spec, Server(hanging))
    assert kinds(log) == {("unknown", "timeout", True), ("error", "unsent", False)}
    assert {request.ended_ns - request.scheduled_ns for request in log.requests} == {ms(1)}
    assert len(log.requests) == 200
    assert log.total("sent") == sum(request.sent_ns is not None for request in log.requests) < 120


def test_the_pool_grows_with_need_up_to_its_limit(tmp_path: Path) -> None:
    async def slow(world: World, stream: Stream, request: HttpRequest) -> None:
        await world.sleep_until(world.now_ns() + ms(95))
        await truthful(world, stream, request)

    roomy, tight = Server(slow), Server(slow)
    plenty = run_load(tmp_path / "a", constant(rate=100), roomy)
    scarce = run_load(tmp_path / "b", constant(rate=100, max_connections=4, timeout=seconds(5)), tight)
    assert 10 <= roomy.connections <= 11
    assert tight.connections == 4
    assert kinds(plenty) == kinds(scarce) == {("ok", None, True)}
    assert max(sample.backlog for sample in scarce.samples) > 40
    assert max(sample.in_flight for sample in scarce.samples) == 4
    assert waits(plenty) == []
    assert {(wait.limit, wait.bound, wait.node) for wait in waits(scarce)} == {("connections", 4, "load")}
    assert sum(wait.times for wait in waits(scarce)) >= 96  # all but the first four, and those at each look
    longest_ns = max(request.sent_ns - request.scheduled_ns for request in scarce.requests if request.sent_ns)
    assert max(wait.duration_ns or 0 for wait in waits(scarce)) == longest_ns


def test_users_who_wait_for_a_connection_are_told_of(tmp_path: Path) -> None:
    async def slow(world: World, stream: Stream, request: HttpRequest) -> None:
        await world.sleep_until(world.now_ns() + ms(300))
        await truthful(world, stream, request)

    spec = HttpUsers("eth_blockNumber", users=8, duration=seconds(2), max_connections=2)
    assert waits(run_load(tmp_path / "few", spec, Server(slow)))
    enough = HttpUsers("eth_blockNumber", users=8, duration=seconds(2))
    assert waits(run_load(tmp_path / "enough", enough, Server(slow))) == []


def test_each_user_has_a_connection_unless_the_scenario_says_otherwise() -> None:
    assert HttpUsers("eth_blockNumber", users=10_000, duration=seconds(1)).connection_limit == 10_000
    assert HttpUsers("eth_blockNumber", users=10, duration=seconds(1)).connection_limit == 1024
    few = HttpUsers("eth_blockNumber", users=10_000, duration=seconds(1), max_connections=7)
    assert few.connection_limit == 7


def waits(log: Log) -> list[BenchLimitReached]:
    return [event for event in log.events if isinstance(event, BenchLimitReached)]


def test_the_connection_used_last_is_used_first(tmp_path: Path) -> None:
    async def slow_at_first(world: World, stream: Stream, request: HttpRequest) -> None:
        used.append(stream)
        if len(used) <= 5:
            await world.sleep_until(BEGIN_NS + ms(60))
        await truthful(world, stream, request)

    used: list[Stream] = []
    server = Server(slow_at_first)
    run_load(tmp_path, constant(rate=100), server)
    assert 5 <= server.connections <= 6
    assert len(set(used[10:])) == 1


def test_requests_wait_in_the_order_they_were_due(tmp_path: Path) -> None:
    async def slow(world: World, stream: Stream, request: HttpRequest) -> None:
        await world.sleep_until(world.now_ns() + ms(40))
        await truthful(world, stream, request)

    server = Server(slow)
    run_load(tmp_path, constant(rate=50, max_connections=1, timeout=seconds(9)), server)
    ids = [request.headers[b"x-battle-request"] for request in server.requests]
    assert ids == [b"w0-%d" % number for number in range(50)]


def test_a_server_that_says_close_gets_a_new_connection_each_time(tmp_path: Path) -> None:
    async def once(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(200, right_answer(world, request), keep_alive=False))
        stream.close()

    server = Server(once)
    log = run_load(tmp_path, constant(), server)
    assert kinds(log) == {("ok", None, True)}
    assert server.connections == 10


def test_a_connection_that_is_said_to_end_is_not_used_though_it_stays_open(tmp_path: Path) -> None:
    async def says_close(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(200, right_answer(world, request), keep_alive=False))

    server = Server(says_close)
    log = run_load(tmp_path, constant(), server)
    assert kinds(log) == {("ok", None, True)}
    assert server.connections == 10


def test_a_body_that_ends_with_the_connection_is_whole(tmp_path: Path) -> None:
    async def old_fashioned(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(b"HTTP/1.0 200 OK\r\n\r\n" + right_answer(world, request))
        stream.close()

    log = run_load(tmp_path, constant(), Server(old_fashioned))
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "right")}


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"])
def test_an_idle_connection_that_the_server_gave_up_is_not_used(tmp_path: Path, farewell: bytes) -> None:
    async def impatient(world: World, stream: Stream, request: HttpRequest) -> None:
        await truthful(world, stream, request)
        await world.sleep_until(world.now_ns() + ms(20))
        stream.write(farewell)
        stream.close()

    server = Server(impatient)
    log = run_load(tmp_path, constant(), server)
    assert kinds(log) == {("ok", None, True)}
    assert server.connections == 10


def test_an_idle_connection_on_which_something_was_murmured_is_not_used(tmp_path: Path) -> None:
    async def murmuring(world: World, stream: Stream, request: HttpRequest) -> None:
        await truthful(world, stream, request)
        await world.sleep_until(world.now_ns() + ms(20))
        stream.write(b"HTTP/1.1 2")

    server = Server(murmuring)
    log = run_load(tmp_path, constant(), server)
    assert kinds(log) == {("ok", None, True)}
    assert server.connections == 10


def test_a_connection_closed_in_the_very_moment_of_sending_is_seen_to_be_stale(tmp_path: Path) -> None:
    """The end of stream arrives exactly when the next request is due: the reader has not run yet."""

    async def closing_just_in_time(world: World, stream: Stream, request: HttpRequest) -> None:
        await truthful(world, stream, request)
        due_ns = BEGIN_NS + ms(100) * len(server.requests)
        await world.sleep_until(due_ns - LATENCY_NS)
        stream.close()

    server = Server(closing_just_in_time)
    log = run_load(tmp_path, constant(), server)
    assert kinds(log) == {("ok", None, True)}


def test_two_answers_to_one_request_end_the_connection(tmp_path: Path) -> None:
    async def doubling(world: World, stream: Stream, request: HttpRequest) -> None:
        stream.write(encode_response(200, right_answer(world, request)) * 2)

    server = Server(doubling)
    log = run_load(tmp_path, constant(), server)
    assert {(request.outcome, request.answer) for request in log.requests} == {("ok", "right")}
    assert server.connections == 10


def test_users_of_a_server_that_resets_pause_before_they_ask_again(tmp_path: Path) -> None:
    log = run_load(tmp_path, HttpUsers("eth_chainId", users=1, duration=seconds(1)), Server(resetting))
    assert kinds(log) == {("unknown", "reset", True)}
    assert 80 < len(log.requests) <= 100


def test_a_server_that_dies_and_returns(tmp_path: Path) -> None:
    async def kill(cluster: SimulatedCluster, load: Node, server: Node | None) -> None:
        assert server is not None
        await trio.sleep_until(BEGIN_NS / 1e9 + 0.45)
        server.kill("a test")

    log = run_load(tmp_path, constant(), Server(truthful), interfere=kill)
    assert [request.outcome for request in log.requests] == ["ok"] * 5 + ["error"] * 5
    assert {request.failure for request in log.requests[5:]} == {"refused"}


@pytest.mark.live  # in virtual time an idle connection takes a request of any size
def test_a_connection_that_the_load_itself_gives_up_is_not_one_that_was_lost(tmp_path: Path) -> None:
    spec = HttpConstant(generator=f"{HERE}:too_large", rate=4, duration=seconds(1))
    log = run_load_live(tmp_path, spec, Server(truthful))
    assert [request.failure for request in log.requests if request.method == "my_upload"] == ["unread"] * 2
    noted = [
        event for event in log.events if isinstance(event, BenchLimitReached) and event.limit == "unread"
    ]
    assert sum(event.times for event in noted) == 2
    assert {event.bound for event in noted} == {WRITE_LIMIT_BYTES}


@pytest.mark.whole
def test_users_who_wait_for_the_server_to_take_their_connections_are_at_no_limit_of_ours(
    tmp_path: Path,
) -> None:
    """Each has a connection of its own, so the last one to come about was not waited for by anybody else."""
    spec = HttpUsers("eth_chainId", users=5, duration=seconds(1), max_connections=5)
    log = run_load(tmp_path, spec, Server(truthful))
    assert not [event for event in log.events if isinstance(event, BenchLimitReached)]
