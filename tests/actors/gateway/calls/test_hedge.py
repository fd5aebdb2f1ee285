"""Hedging: two attempts in a race."""

import pytest

from battle.actors.spec.gateways import Breaker, EmbeddedGateway, Retry
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import encode_request
from tests.actors.gateway.stage import answer, call, close, hang, reply, simulated

SPEC = EmbeddedGateway(hedge_after=ms(50), retry=Retry(attempt_timeout=ms(500), budget_floor=100))


def asked(first, second, *, spec=SPEC, body=None):
    async def main(stage):
        a = await stage.provider("a", first)
        b = await stage.provider("b", second)
        gateway = await stage.gateway(spec, a, b)
        began_ns = stage.now_ns()
        response = await gateway.ask(body or call("w0-0"))
        took = stage.now_ns() - began_ns
        await stage.sleep(seconds(1))
        return response, took, stage.log

    return simulated(main)


def hedges(log):
    return [(it.provider, it.reason, it.failure, it.hedged, it.attempt) for it in log.attempts]


def test_a_fast_provider_is_never_hedged():
    response, _, log = asked(answer(after=ms(30)), answer())
    assert response.headers[b"x-battle-provider"] == b"a"
    assert hedges(log) == [("a", "primary", None, False, 1)]


def test_a_slow_provider_loses_to_the_hedge():
    response, took, log = asked(answer(after=ms(300)), answer(after=ms(10)))
    assert response.headers[b"x-battle-provider"] == b"b"
    assert ms(60) < took < ms(65)
    assert hedges(log) == [("b", "hedge", None, True, 2), ("a", "primary", "cancelled", True, 1)]
    assert log.attempts[1].outcome == "unknown"
    assert log.attempts[1].ended_ns == log.attempts[0].ended_ns


def test_the_first_may_still_win():
    response, took, log = asked(answer(after=ms(100)), answer(after=ms(300)))
    assert response.headers[b"x-battle-provider"] == b"a"
    assert took < ms(105)
    assert hedges(log) == [("a", "primary", None, True, 1), ("b", "hedge", "cancelled", True, 2)]


def test_a_hedge_that_fails_does_not_end_the_race():
    response, _, log = asked(answer(after=ms(100)), close)
    assert response.headers[b"x-battle-provider"] == b"a"
    assert hedges(log) == [("b", "hedge", "closed", True, 2), ("a", "primary", None, True, 1)]


def test_a_first_that_fails_early_is_retried_and_not_hedged():
    response, _, log = asked(reply(503), answer(after=ms(100)))
    assert response.status == 200
    assert hedges(log) == [("a", "primary", "http_status", False, 1), ("b", "retry", None, False, 2)]


def test_both_may_fail_and_a_retry_follows():
    _, _, log = asked(hang, hang)
    assert [(it.reason, it.failure, it.hedged) for it in log.attempts] == [
        ("primary", "timeout", True),
        ("hedge", "timeout", True),
        ("retry", "timeout", False),
    ]


def test_a_loser_is_no_failure_of_its_provider_and_gives_its_probe_slot_back():
    spec = EmbeddedGateway(
        hedge_after=ms(50),
        breaker=Breaker(failure_threshold=1, success_threshold=1, open_for=seconds(1)),
        retry=Retry(attempt_timeout=seconds(1), budget_floor=100),
    )

    async def main(stage):
        a = await stage.provider("a", reply(503), answer(after=ms(300)), answer())
        b = await stage.provider("b", answer())
        gateway = await stage.gateway(spec, a, b)
        await gateway.ask_many(1)
        await stage.sleep(seconds(2))
        await gateway.ask_many(2, first=1)
        return stage.log

    log = simulated(main)
    assert log.story == [
        ("a", "primary", "http_status"),
        ("b", "retry", None),
        ("b", "hedge", None),
        ("a", "primary", "cancelled"),
        ("a", "primary", None),
    ]
    assert [it[2] for it in log.changes] == ["open", "half_open", "closed"]


@pytest.mark.parametrize(
    ("policy", "body"),
    [
        (Retry(max_attempts=1), None),
        (Retry(budget_ratio=0, budget_floor=0), None),
        (Retry(), call("w0-0", "eth_sendTransaction")),
    ],
)
def test_a_hedge_needs_leave_from_the_retry_policy(policy, body):
    spec = EmbeddedGateway(hedge_after=ms(50), retry=policy)
    response, _, log = asked(answer(after=ms(100)), answer(), spec=spec, body=body)
    assert response.headers[b"x-battle-provider"] == b"a"
    assert hedges(log) == [("a", "primary", None, False, 1)]


def test_a_lone_provider_does_not_race_itself():
    async def main(stage):
        a = await stage.provider("a", answer(after=ms(100)))
        return await (await stage.gateway(SPEC, a)).ask(call()), stage.log

    response, log = simulated(main)
    assert response.status == 200
    assert hedges(log) == [("a", "primary", None, False, 1)]


def test_a_race_in_a_gateway_that_stops_calls_off_both():
    async def main(stage):
        a, b = await stage.provider("a", hang), await stage.provider("b", hang)
        gateway = await stage.gateway(SPEC, a, b)
        client = await gateway.connect()
        client.stream.write(encode_request(gateway.head, call()))
        await stage.sleep(ms(100))
        stage.stop_gateway()
        await stage.sleep(ms(1))
        return stage.log

    assert hedges(simulated(main)) == [
        ("a", "primary", "cancelled", True, 1),
        ("b", "hedge", "cancelled", True, 2),
    ]
