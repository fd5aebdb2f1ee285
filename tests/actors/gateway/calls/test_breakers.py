"""The breaker and the rate limits in the shell: who is asked when, and what the log says of it."""

import msgspec
import pytest
import trio

from battle.actors.spec.gateways import Breaker, EmbeddedGateway, Retry
from battle.actors.units import ms, seconds
from battle.store.events import BreakerChanged
from tests.actors.gateway.stage import answer, call, hang, reply, rpc_error, simulated

SPEC = EmbeddedGateway(
    breaker=Breaker(failure_threshold=3, success_threshold=2, open_for=seconds(5), jitter_ratio=0.2),
    retry=Retry(attempt_timeout=ms(200), budget_floor=1000),
)


def test_a_provider_fails_is_left_alone_is_probed_and_comes_back():
    async def main(stage):
        a = await stage.provider("a", *[reply(503)] * 3, answer())
        b = await stage.provider("b", answer())
        gateway = await stage.gateway(SPEC, a, b)
        await gateway.ask_many(5)
        while_open = len(a.requests)
        await stage.sleep(seconds(7))
        await gateway.ask_many(4, first=5)
        return stage.log, while_open

    log, while_open = simulated(main)
    assert while_open == 3
    assert log.changes == [
        ("a", "closed", "open", "failure_threshold"),
        ("a", "open", "half_open", "open_timeout"),
        ("a", "half_open", "closed", "success_threshold"),
    ]
    assert log.rejected == [("a", "w0-3"), ("a", "w0-4")]
    assert log.story[:6] == [("a", "primary", "http_status"), ("b", "retry", None)] * 3
    assert log.story[6:8] == [("b", "primary", None)] * 2
    assert log.story[8:] == [("a", "primary", None)] * 4


def test_half_open_comes_at_its_own_time_also_without_traffic():
    async def main(stage):
        a = await stage.provider("a", reply(503))
        b = await stage.provider("b", answer())
        await (await stage.gateway(SPEC, a, b)).ask_many(3)
        await stage.sleep(seconds(10))
        return stage.log.of(BreakerChanged)

    def waits(seed):
        opened, half_opened = simulated(main, seed)
        return half_opened.at_ns - opened.at_ns

    assert all(seconds(5) <= waits(seed) <= seconds(6) for seed in range(10))
    assert len({waits(seed) for seed in range(10)}) == 10
    assert waits(3) == waits(3)


def test_while_half_open_one_request_at_a_time_is_risked():
    async def main(stage):
        a = await stage.provider("a", *[reply(503)] * 3, answer(after=ms(100)))
        b = await stage.provider("b", answer())
        gateway = await stage.gateway(SPEC, a, b)
        await gateway.ask_many(3)
        await stage.sleep(seconds(7))
        for number in range(3, 6):
            stage._nursery.start_soon(gateway.ask, call(f"w0-{number}"))
            await stage.sleep(ms(10))
        await stage.sleep(seconds(1))
        return stage.log

    log = simulated(main)
    assert sorted(log.story[-3:]) == [("a", "primary", None), ("b", "primary", None), ("b", "primary", None)]
    assert log.rejected == [("a", "w0-4"), ("a", "w0-5")]
    assert log.changes[-1][2] == "half_open"


def test_a_standby_is_probed_too_so_that_it_is_known_to_be_well_before_it_is_needed():
    async def main(stage):
        a = await stage.provider("a", reply(503), reply(503), reply(503), answer())
        b = await stage.provider("b", reply(500), reply(500), reply(500), answer())
        gateway = await stage.gateway(SPEC, a, b)
        await gateway.ask_many(3)
        await stage.sleep(seconds(7))
        await gateway.ask_many(4, first=3)
        return stage.log.changes

    closed = [it for it in simulated(main) if it[2] == "closed"]
    assert sorted(closed) == [
        ("a", "half_open", "closed", "success_threshold"),
        ("b", "half_open", "closed", "success_threshold"),
    ]


def test_a_failed_probe_costs_its_request_a_retry_and_reopens():
    async def main(stage):
        a = await stage.provider("a", hang)
        b = await stage.provider("b", answer())
        gateway = await stage.gateway(SPEC, a, b)
        await gateway.ask_many(3)
        await stage.sleep(seconds(7))
        responses = await gateway.ask_many(2, first=3)
        return responses, stage.log

    responses, log = simulated(main)
    assert [it.status for it in responses] == [200, 200]
    assert log.story[-3:] == [("a", "primary", "timeout"), ("b", "retry", None), ("b", "primary", None)]
    assert log.changes[-1] == ("a", "half_open", "open", "probe_failed")


def test_when_every_breaker_is_open_no_attempt_is_made():
    async def main(stage):
        a = await stage.provider("a", reply(503))
        gateway = await stage.gateway(SPEC, a)
        await gateway.ask_many(1)
        before = len(a.requests)
        return await gateway.ask(call("w0-7")), len(a.requests) - before, stage.log

    response, asked, log = simulated(main)
    assert (response.status, asked) == (503, 0)
    assert msgspec.json.decode(response.body)["error"]["message"] == (
        "No provider answered: 0 attempts made; no provider is available"
    )
    assert log.rejected == [("a", "w0-7")]


def test_the_clients_mistakes_and_rate_limits_never_open_a_breaker():
    async def main(stage):
        a = await stage.provider("a", *[rpc_error(-32602)] * 10, *[reply(429)] * 10, answer())
        gateway = await stage.gateway(SPEC, a)
        await gateway.ask_many(20)
        return stage.log

    log = simulated(main)
    assert log.changes == []
    assert {it.failure for it in log.attempts} == {None, "rate_limited"}


def test_a_rate_limit_with_a_time_is_honoured_until_then():
    async def main(stage):
        a = await stage.provider("a", reply(429, headers={b"retry-after": b"3"}), answer())
        b = await stage.provider("b", answer())
        gateway = await stage.gateway(SPEC, a, b)
        await gateway.ask_many(5, apart=ms(500))
        await stage.sleep(seconds(1))
        await gateway.ask_many(1, first=5)
        return stage.log

    log = simulated(main)
    assert log.story == [
        ("a", "primary", "rate_limited"),
        ("b", "retry", None),
        *[("b", "primary", None)] * 4,
        ("a", "primary", None),
    ]
    assert log.rejected == []


def test_a_rate_limit_without_a_time_puts_a_provider_last_for_a_moment():
    async def main(stage):
        a = await stage.provider("a", reply(429), answer())
        b = await stage.provider("b", *[answer()] * 2, reply(503), answer())
        gateway = await stage.gateway(SPEC, a, b)
        await gateway.ask_many(3)
        await stage.sleep(seconds(1))
        await gateway.ask_many(1, first=3)
        return stage.log.story

    assert simulated(main) == [
        ("a", "primary", "rate_limited"),
        ("b", "retry", None),
        ("b", "primary", None),
        ("b", "primary", "http_status"),
        ("a", "retry", None),
        ("a", "primary", None),
    ]


def test_when_all_are_rate_limited_the_client_is_told_until_when():
    async def main(stage):
        a = await stage.provider("a", reply(429, headers={b"retry-after": b"30"}))
        b = await stage.provider("b", reply(429, headers={b"retry-after": b"20"}))
        gateway = await stage.gateway(SPEC, a, b)
        first = await gateway.ask(call(1))
        await stage.sleep(seconds(5))
        return first, await gateway.ask(b"[%b,%b]" % (call(2), call(3))), stage.log

    first, second, log = simulated(main)
    assert (first.status, first.headers[b"retry-after"]) == (429, b"20")
    assert msgspec.json.decode(first.body)["error"]["code"] == -32005
    assert msgspec.json.decode(first.body)["error"]["data"]["attempts"] == 2
    assert (second.status, second.headers[b"retry-after"]) == (429, b"15")
    assert [it["id"] for it in msgspec.json.decode(second.body)] == [2, 3]
    assert len(log.attempts) == 2


def test_one_rate_limited_provider_alone_is_still_asked_when_it_named_no_time():
    async def main(stage):
        a = await stage.provider("a", reply(429), reply(429), reply(429), answer())
        gateway = await stage.gateway(SPEC, a)
        return await gateway.ask_many(2), stage.log

    responses, log = simulated(main)
    assert [it.status for it in responses] == [429, 200]
    assert responses[0].headers[b"retry-after"] == b"1"
    assert len(log.attempts) == 4


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_log(seed):
    async def main(stage):
        a = await stage.provider("a", *[reply(503)] * 4, *[answer(after=ms(5))] * 10, hang, answer())
        b = await stage.provider("b", answer(after=ms(3)))
        c = await stage.provider("c", rpc_error(-32000), answer())
        spec = msgspec.structs.replace(SPEC, strategy="random", hedge_after=ms(4))
        await (await stage.gateway(spec, a, b, c)).ask_many(60, apart=ms(100))
        stage.stop_gateway()
        await stage.sleep(ms(1))
        return stage.log

    first, second = simulated(main, seed), simulated(main, seed)
    assert len(first) > 60
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


def test_one_rate_limited_provider_among_broken_ones_is_no_429():
    async def main(stage):
        a = await stage.provider("a", reply(429, headers={b"retry-after": b"30"}))
        b = await stage.provider("b", reply(503))
        return await (await stage.gateway(SPEC, a, b)).ask(call(1)), stage.log

    response, log = simulated(main)
    assert response.status == 502
    assert [it.failure for it in log.attempts] == ["rate_limited", "http_status", "http_status"]


def test_a_rejection_is_logged_once_per_request_however_often_it_looks_for_a_provider():
    async def main(stage):
        a = await stage.provider("a", reply(503))
        b = await stage.provider("b", answer(), answer(), answer(), reply(503), answer())
        await (await stage.gateway(SPEC, a, b)).ask_many(4)
        return stage.log

    log = simulated(main)
    assert log.story[-2:] == [("b", "primary", "http_status"), ("b", "retry", None)]
    assert log.rejected == [("a", "w0-3")]


def test_a_client_with_odd_questions_opens_no_breaker_and_is_told_in_a_providers_words():
    async def main(stage):
        a = await stage.provider("a", *[rpc_error(-32000, "header not found")] * 20, answer())
        b = await stage.provider("b", *[rpc_error(-32000, "missing trie node 5f")] * 20, answer())
        gateway = await stage.gateway(SPEC, a, b)
        responses = [response.body for response in await gateway.ask_many(10)]
        return stage.log, [msgspec.json.decode(body)["error"] for body in responses]

    log, errors = simulated(main)
    assert log.changes == []
    assert {error["code"] for error in errors} == {-32000}
    assert {error["message"] for error in errors} <= {"header not found", "missing trie node 5f"}


def test_what_one_provider_does_not_have_another_is_asked_for():
    async def main(stage):
        a = await stage.provider("a", rpc_error(-32000, "header not found"))
        b = await stage.provider("b", answer())
        await (await stage.gateway(SPEC, a, b)).ask_many(8)
        return stage.log

    log = simulated(main)
    assert log.changes == []
    assert log.story == [("a", "primary", "rpc_error"), ("b", "retry", None)] * 8


async def _crowd_at_a_half_open_provider(stage, *answers, size=10, probe_ms=100):
    """The only provider fails until its breaker opens; a crowd comes in the moment in which it is half open."""
    a = await stage.provider("a", *[reply(503)] * 3, *answers, answer(after=ms(probe_ms)))
    gateway = await stage.gateway(SPEC, a)
    await gateway.ask_many(3)
    await stage.sleep(seconds(7))
    statuses, took = [], []

    async def ask():
        began_ns = stage.now_ns()
        statuses.append((await gateway.ask(call())).status)
        took.append(stage.now_ns() - began_ns)

    async with trio.open_nursery() as nursery:
        for _ in range(size):
            nursery.start_soon(ask)
    return stage.log, statuses, took


def test_a_crowd_waits_for_the_probe_and_is_not_refused():
    log, statuses, took = simulated(_crowd_at_a_half_open_provider)
    assert statuses == [200] * 10
    assert max(took) < ms(350), "two probes one after the other, then all others at once"
    assert [change[2] for change in log.changes] == ["open", "half_open", "closed"]


def test_a_crowd_is_refused_as_soon_as_the_probe_has_failed():
    async def main(stage):
        return await _crowd_at_a_half_open_provider(stage, reply(503), reply(503))

    log, statuses, took = simulated(main)
    assert sorted(statuses) == [502] + [503] * 9
    assert max(took) < ms(50)
    assert len([story for story in log.story if story[0] == "a"]) == 4, "nobody else was risked"


def test_no_more_wait_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr("battle.actors.gateway.calls.probe_queue.PROBE_QUEUE_MAX", 4)
    _, statuses, _ = simulated(_crowd_at_a_half_open_provider)
    assert sorted(statuses) == [200] * 5 + [503] * 5
