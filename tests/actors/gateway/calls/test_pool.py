"""Connections to a provider: kept, bounded, shared in turn, and replaced when they are gone."""

import pytest
import trio

from battle.actors.gateway.calls.exchange import Exchange
from battle.actors.gateway.calls.pool import IDLE_LIMIT, Pool
from battle.actors.spec.gateways import EmbeddedGateway, Retry
from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.units import ms, seconds, us
from battle.actors.wire.http.messages import encode_request
from tests.actors.gateway.stage import answer, call, close, hang, reset, simulated


def with_pool(limit, body):
    """Runs `body(stage, pool, provider)`."""

    async def main(stage):
        provider = await stage.provider("a", answer())
        async with trio.open_nursery() as nursery:
            pool = Pool(stage.client, nursery, provider.address, limit)
            result = await body(stage, pool, provider)
            nursery.cancel_scope.cancel()
        return result

    return simulated(main)


async def opened(stage, pool):
    """A connection, however long it takes; None when the provider refuses."""
    taken = pool.take()
    if taken is not None:
        return taken
    send, receive = trio.open_memory_channel(1)
    pool.open(send.send_nowait)
    return await receive.receive()


def test_a_connection_is_used_again_the_last_used_first():
    async def body(stage, pool, provider):
        one, other = await opened(stage, pool), await opened(stage, pool)
        pool.give_back(one)
        pool.give_back(other)
        assert pool.take() is other
        assert pool.statistics() == {"idle": 1, "in_use": 1, "waiting": 0}
        return one is not other

    assert with_pool(5, body)


def test_an_idle_connection_the_provider_closed_is_not_handed_out():
    async def body(stage, pool, provider):
        pool.give_back(await opened(stage, pool))
        provider.stop()
        await stage.sleep(ms(10))
        return pool.take(), pool.statistics()

    assert with_pool(5, body) == (None, {"idle": 0, "in_use": 0, "waiting": 0})


def test_a_connection_that_broke_meanwhile_is_given_back_as_a_place():
    async def body(stage, pool, provider):
        held, waiting = await opened(stage, pool), []
        pool.open(waiting.append)
        provider.stop()
        await stage.sleep(ms(1))
        await stage.start(provider)
        await stage.sleep(ms(10))
        pool.give_back(held)
        await stage.sleep(ms(10))
        return held.reusable, waiting[0] not in (None, held), pool.statistics()["in_use"]

    assert with_pool(1, body) == (False, True, 1)


def test_a_provider_that_leaves_too_much_unread_has_closed_for_the_retry_policy():
    async def body(stage, pool, provider):
        connection = await opened(stage, pool)
        pool.give_back(connection)
        send, receive = trio.open_memory_channel(1)
        deadline_ns = stage.client.now_ns() + seconds(1)
        Exchange(stage.client, pool, b"POST / HTTP/1.1\r\n", deadline_ns, send.send_nowait)
        for _ in range(3):  # more than the provider's side and this one keep
            connection.stream.write(bytes(WRITE_LIMIT_BYTES))
        return await receive.receive(), pool.statistics()

    assert with_pool(5, body) == ("closed", {"idle": 0, "in_use": 0, "waiting": 0})


def test_connections_idle_for_too_long_are_closed_and_others_kept():
    async def body(stage, pool, provider):
        early, late = await opened(stage, pool), await opened(stage, pool)
        pool.give_back(early)
        await stage.sleep(IDLE_LIMIT // 2)
        pool.give_back(late)
        await stage.sleep(IDLE_LIMIT // 2 + ms(1))
        assert (early.reusable, late.reusable) == (False, True)
        await stage.sleep(IDLE_LIMIT // 2)
        return late.reusable, pool.statistics()["idle"]

    assert with_pool(5, body) == (False, 0)


def test_those_who_wait_are_served_in_turn():
    async def body(stage, pool, provider):
        served = []
        held = [await opened(stage, pool), await opened(stage, pool)]

        async def wait(name):
            connection = await opened(stage, pool)
            served.append(name)
            await stage.sleep(ms(10))
            pool.give_back(connection)

        async with trio.open_nursery() as nursery:
            for name in "abcd":
                nursery.start_soon(wait, name)
                await stage.sleep(ms(1))
            assert pool.statistics() == {"idle": 0, "in_use": 2, "waiting": 4}
            pool.give_back(held[0])
            pool.discard(held[1])
        return served, pool.statistics(), provider.connections

    served, statistics, connections = with_pool(2, body)
    assert served == ["a", "b", "c", "d"]
    assert statistics == {"idle": 2, "in_use": 0, "waiting": 0}
    assert connections == 3


def test_who_no_longer_waits_is_forgotten():
    async def body(stage, pool, provider):
        held, called = await opened(stage, pool), []
        opening = pool.open(called.append)
        queued = opening.place_since_ns is None
        opening.cancel()
        assert pool.statistics() == {"idle": 0, "in_use": 1, "waiting": 0}
        pool.give_back(held)
        return queued, called, await opened(stage, pool) is held

    assert with_pool(1, body) == (True, [], True)


@pytest.mark.parametrize("after", [0, us(50)])
def test_a_connect_that_is_called_off_gives_its_place_back_and_calls_nobody(after):
    async def body(stage, pool, provider):
        called = []
        opening = pool.open(called.append)
        await stage.sleep(after)
        opening.cancel()
        await stage.sleep(ms(10))
        return called, pool.statistics()

    assert with_pool(1, body) == ([], {"idle": 0, "in_use": 0, "waiting": 0})


def test_a_refused_connect_gives_its_place_back():
    async def body(stage, pool, provider):
        provider.stop()
        await stage.sleep(ms(1))
        return await opened(stage, pool), pool.statistics()["in_use"]

    assert with_pool(1, body) == (None, 0)


def test_a_closed_pool_keeps_nothing_open():
    async def body(stage, pool, provider):
        connection = await opened(stage, pool)
        pool.give_back(connection)
        pool.close()
        return connection.reusable, pool.statistics()["idle"]

    assert with_pool(1, body) == (False, 0)


# The pool at work in the gateway.


def served(count, *steps, spec=None, apart=0):
    async def main(stage):
        a = await stage.provider("a", *steps)
        gateway = await stage.gateway(spec or EmbeddedGateway(), a)
        responses = await gateway.ask_many(count, apart=apart)
        return [it.status for it in responses], a.connections, stage.log

    return simulated(main)


def test_requests_share_a_kept_connection():
    statuses, connections, _ = served(20, answer())
    assert (statuses, connections) == ([200] * 20, 1)


def test_connection_close_is_heeded():
    statuses, connections, log = served(3, answer(keep_alive=False))
    assert (statuses, connections) == ([200] * 3, 3)
    assert {it.failure for it in log.attempts} == {None}


def test_a_request_that_meets_the_end_of_a_kept_connection_is_a_failed_attempt():
    statuses, connections, log = served(2, answer(), close, answer())
    assert (statuses, connections) == ([200, 200], 2)
    assert [it.failure for it in log.attempts] == [None, "closed", None]


def test_a_late_answer_never_reaches_the_next_request():
    spec = EmbeddedGateway(retry=Retry(attempt_timeout=ms(100), max_attempts=1))
    statuses, connections, _ = served(2, answer(after=ms(150)), answer(), spec=spec, apart=ms(200))
    assert (statuses, connections) == ([504, 200], 2)


def test_a_full_pool_makes_requests_wait_and_then_fail_unsent():
    spec = EmbeddedGateway(connections_per_provider=2, retry=Retry(attempt_timeout=ms(200), max_attempts=1))

    async def main(stage):
        a = await stage.provider("a", answer(after=ms(150)))
        gateway = await stage.gateway(spec, a)
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(gateway.ask, call(f"w0-{number}"))
        return stage.log, a.connections

    log, connections = simulated(main)
    failures = [it.failure for it in log.attempts]
    assert sorted(failures, key=str) == [None, None, "timeout", "timeout", "unsent", "unsent"]
    assert {it.outcome for it in log.attempts if it.failure == "unsent"} == {"error"}
    assert connections == 2


def test_stopping_the_gateway_in_mid_attempt_leaves_nothing_open():
    async def main(stage):
        a = await stage.provider("a", answer(), hang)
        gateway = await stage.gateway(EmbeddedGateway(), a)
        await gateway.ask_many(1)
        client = await gateway.connect()
        client.stream.write(encode_request(gateway.head, call()))
        await stage.sleep(ms(10))
        stage.stop_gateway()
        await stage.sleep(seconds(3))
        return stage.log, await client.stream.receive_some()

    log, received = simulated(main)
    assert log.story == [("a", "primary", None), ("a", "primary", "cancelled")]
    assert received == b""


@pytest.mark.parametrize("step", [close, hang, reset])
def test_a_failed_attempt_gives_its_place_in_the_pool_back(step):
    spec = EmbeddedGateway(connections_per_provider=1, retry=Retry(attempt_timeout=ms(100), max_attempts=1))
    statuses, connections, log = served(2, step, answer(), spec=spec)
    assert (statuses[1], connections) == (200, 2)
    assert log.attempts[1].failure is None


def test_a_provider_that_says_it_will_close_is_taken_at_its_word():
    async def says_close_and_does_not(provider, request, stream):
        await answer(keep_alive=False)(provider, request, stream)
        assert await stream.receive_some() == b""
        provider.requests.append("the gateway closed")
        return False

    async def main(stage):
        a = await stage.provider("a", says_close_and_does_not, answer())
        gateway = await stage.gateway(EmbeddedGateway(), a)
        await gateway.ask_many(2, apart=ms(10))
        return a

    a = simulated(main)
    assert (a.connections, a.requests[1]) == (2, "the gateway closed")
