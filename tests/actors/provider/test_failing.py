"""Providers that fail, change and are left: what the client meets and what the log says, in both worlds."""

from typing import Any

import pytest
import trio

from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.behaviour import Degrade
from battle.actors.spec.latency import Uniform
from battle.actors.spec.limits import HttpLimits
from battle.actors.spec.providers import Reliability
from battle.actors.units import ms, seconds
from tests.actors.provider.stage import CALL, decoded, facts, play, providing
from tests.actors.worlds import simulated


def degraded(fault_id, **how):
    return ApplyFault(fault_id, Degrade("a", **how))


@pytest.mark.parametrize("status", [500, 502, 503])
def test_http_failures(either_world, status):
    async def script(stage, provider):
        client = await provider.connect()
        return await client.ask(), await client.ask(), await provider.logged(2)

    failure: Any = f"http_{status}"
    unreliable = Reliability(1.0, (failure,))
    one, other, log = play(either_world, script, reliability=unreliable)
    assert (one.status, one.body, other.status) == (status, b"", status)
    assert {facts(event, "outcome", "http_status", "rpc_code") for event in log} == {("error", status, None)}
    assert all(event.replied_ns is not None for event in log)


def test_rpc_failures(either_world):
    async def script(stage, provider):
        return await provider.ask(), await provider.logged(1)

    response, (event,) = play(either_world, script, reliability=Reliability(1.0, ("rpc_error",)))
    assert (response.status, decoded(response)["error"]["code"]) == (200, -32000)
    assert facts(event, "outcome", "http_status", "rpc_code") == ("error", 200, -32000)


UNANSWERED = ("unknown", None, None, None)


def test_a_reset_is_a_reset_after_the_latency(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        began_ns = stage.now_ns()
        client.post(CALL, b"w0-1")
        with pytest.raises(trio.BrokenResourceError):
            await client.response()
        return stage.now_ns() - began_ns, await provider.logged(1)

    took_ns, (event,) = play(either_world, script, latency=ms(20), reliability=Reliability(1.0, ("reset",)))
    assert took_ns >= ms(20)
    assert facts(event, "outcome", "http_status", "rpc_code", "replied_ns") == UNANSWERED
    assert event.request_id == "w0-1"


def test_no_answer_holds_the_request_until_the_client_gives_up(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        client.post(CALL, b"w0-1")
        with trio.move_on_after(0.1) as waiting:
            await client.response()
        assert provider.log == []
        client.stream.close()
        return waiting.cancelled_caught, await provider.logged(1)

    limits = HttpLimits(idle_timeout=ms(50), request_timeout=ms(50))
    gave_up, (event,) = play(
        either_world, script, limits=limits, reliability=Reliability(1.0, ("no_answer",))
    )
    assert gave_up
    assert facts(event, "outcome", "http_status", "rpc_code", "replied_ns") == UNANSWERED


def test_what_follows_a_request_without_answer_on_its_connection_waits_behind_it(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        client.post(CALL, b"w0-1")
        await stage.sleep(ms(20))
        provider.tell(RevertFault("f1"))
        await stage.sleep(ms(20))
        client.post(CALL, b"w0-2")
        with trio.move_on_after(0.1) as waiting:
            await client.response()
        return waiting.cancelled_caught, (await provider.ask()).status

    async def hanging(stage, provider):
        provider.tell(degraded("f1", error_ratio=1.0, error_kinds=("no_answer",)))
        await stage.sleep(ms(20))
        return await script(stage, provider)

    assert play(either_world, hanging) == (True, 200)


def test_answers_before_one_that_never_comes_are_still_given():
    async def script(stage, provider):
        client = await provider.connect()
        client.post(CALL, b"w0-1")
        client.post(CALL, b"w0-2")
        await stage.sleep(ms(1))
        provider.tell(degraded("f1", error_ratio=1.0, error_kinds=("no_answer",)))
        await stage.sleep(ms(1))
        client.post(CALL, b"w0-3")
        answers = [(await client.response()).status for _ in range(2)]
        client.stream.close()
        return answers, await provider.logged(3)

    answers, log = play(simulated, script, latency=ms(20))
    assert answers == [200, 200]
    assert [facts(event, "request_id", "outcome", "fault_id") for event in log] == [
        ("w0-1", "ok", None),
        ("w0-2", "ok", None),
        ("w0-3", "unknown", "f1"),
    ]


def leaving(end):
    """A client that goes by `end` while two of its requests wait for their replies."""

    async def script(stage, provider):
        client = await provider.connect()
        client.post(CALL, b"w0-1")
        client.post(CALL, b"w0-2")
        await stage.sleep(ms(20))
        getattr(client.stream, end)()
        gone_ns = stage.now_ns()
        return list(await provider.logged(2)), stage.now_ns() - gone_ns

    return script


@pytest.mark.parametrize("end", ["close", "abort"])
def test_attempts_in_flight_when_the_client_goes_are_logged_as_unknown(either_world, end):
    log, took_ns = play(either_world, leaving(end), latency=seconds(5))
    assert took_ns < seconds(2)
    assert [facts(event, "request_id", "outcome") for event in log] == [
        ("w0-1", "unknown"),
        ("w0-2", "unknown"),
    ]
    assert {event.replied_ns for event in log} == {None}


def test_replies_that_fall_due_after_the_client_went_are_forgotten():
    async def script(stage, provider):
        log, _ = await leaving("close")(stage, provider)
        await stage.sleep(seconds(1))
        assert (await provider.ask()).status == 200
        return log == provider.log[:2], await provider.logged(3)

    assert play(simulated, script, latency=ms(50))[0]


def test_attempts_in_flight_when_the_provider_is_stopped_are_logged_as_unknown(either_world):
    async def main(stage):
        async with providing(stage, latency=seconds(5)) as provider:
            client = await provider.connect()
            client.post(CALL, b"w0-1")
            await stage.sleep(ms(20))
        return provider.log

    (event,) = either_world(main)
    assert facts(event, "request_id", "outcome", "replied_ns") == ("w0-1", "unknown", None)


# Changes at run time


def test_a_change_holds_until_it_is_reverted(either_world):
    async def script(stage, provider):
        statuses = [(await provider.ask()).status]
        provider.tell(degraded("f1", added_latency=ms(20), error_ratio=1.0, error_kinds=("http_502",)))
        await stage.sleep(ms(5))
        statuses.append((await provider.ask()).status)
        provider.tell(RevertFault("f1"))
        await stage.sleep(ms(5))
        statuses.append((await provider.ask()).status)
        return statuses, await provider.logged(3)

    statuses, log = play(either_world, script)
    assert statuses == [200, 502, 200]
    assert [event.fault_id for event in log] == [None, "f1", None]
    assert log[1].replied_ns - log[1].received_ns >= ms(20)


def test_a_quick_request_neither_overtakes_a_slow_one_nor_hurries_it():
    async def script(stage, provider):
        client = await provider.connect()
        provider.tell(degraded("f1", added_latency=ms(20)))
        await stage.sleep(ms(1))
        client.post(CALL, b"w0-1")
        await stage.sleep(ms(1))
        provider.tell(RevertFault("f1"))
        await stage.sleep(ms(1))
        client.post(CALL, b"w0-2")
        return await provider.logged(2)

    slow, quick = play(simulated, script)
    assert (slow.request_id, slow.replied_ns - slow.received_ns) == ("w0-1", ms(20))
    assert (quick.request_id, quick.replied_ns) == ("w0-2", slow.replied_ns)


def test_a_provider_goes_on_when_nobody_can_change_it_any_more(either_world):
    async def script(stage, provider):
        provider.disconnect()
        await stage.sleep(ms(5))
        return await provider.ask()

    assert play(either_world, script).status == 200


def test_a_message_that_is_not_for_a_provider_is_a_mistake():
    async def script(stage, provider):
        provider.tell("hello")
        await stage.sleep(ms(5))

    with pytest.RaisesGroup(TypeError, flatten_subgroups=True):
        play(simulated, script)


# Chance


def story(seed, faults=()):
    async def main(stage):
        spec = {"latency": Uniform(0, ms(40)), "reliability": Reliability(0.3, ("http_500", "rpc_error"))}
        async with providing(stage, **spec) as provider:
            for fault in faults:
                provider.tell(fault)
            await stage.sleep(ms(1))
            for number in range(20):
                for _attempt in range(2):
                    await provider.ask(CALL, b"w0-%d" % number)
            return [
                (event.replied_ns - event.received_ns, event.http_status, event.rpc_code)
                for event in provider.log
            ]

    return simulated(main, seed)


def test_a_run_repeats_with_its_seed_and_differs_with_another():
    assert story(1) == story(1)
    assert story(1) != story(2)


def test_a_second_attempt_draws_anew():
    told = story(1)
    assert any(one != other for one, other in zip(told[::2], told[1::2], strict=True))


def test_a_fault_shifts_nothing_but_what_it_touches():
    calm, shaken = story(1), story(1, [degraded("f1", error_ratio=0.2, error_kinds=("http_502",))])
    assert [one[0] for one in shaken] == [one[0] for one in calm]
    untouched = [(one, other) for one, other in zip(calm, shaken, strict=True) if other[1] != 502]
    assert 20 < len(untouched) < 40
    assert all(one == other for one, other in untouched)
