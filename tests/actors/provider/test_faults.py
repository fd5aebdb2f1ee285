"""Faults of how a provider answers: their effect at the client, their name in the log, no trace after their end."""

from typing import Any

import pytest
import trio

from battle.actors.roles import ApplyFault
from battle.actors.spec.faults.behaviour import (
    Degrade,
    ErrorRate,
    Hang,
    Malformed,
    MissingData,
    RateLimit,
    Reorg,
    StaleHead,
    Truncated,
    WrongAnswer,
)
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import ProtocolError
from tests.actors.provider.fault_stage import (
    BLOCK_NUMBER,
    CHAIN_ID,
    NEWEST,
    before_under_after,
    deliver,
    response,
    signs,
)
from tests.actors.provider.stage import decoded, facts, play, providing
from tests.actors.worlds import simulated

# Failures


@pytest.mark.parametrize("status", [500, 502, 503])
def test_http_errors(either_world, status):
    kind: Any = f"http_{status}"
    fault = ErrorRate("a", kinds=(kind,))
    met, signed, log = before_under_after(either_world, fault, CHAIN_ID, meet=response)
    assert [one[0][0] for one in met] == [200, status, 200]
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status", "rpc_code") == ("error", status, None)


@pytest.mark.parametrize(("kind", "code"), [("rpc_server_error", -32000), ("rpc_internal_error", -32603)])
def test_rpc_errors(either_world, kind, code):
    met, signed, log = before_under_after(either_world, ErrorRate("a", kinds=(kind,)), CHAIN_ID)
    assert [one[0].get("error", {}).get("code") for one in met] == [None, code, None]
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status", "rpc_code") == ("error", 200, code)


def test_calls_of_some_methods_alone_are_limited_and_counted():
    async def script(stage, provider):
        await deliver(
            stage, provider, ApplyFault("f1", RateLimit("a", limit_per_s=1, methods=("eth_blockNumber",)))
        )
        bodies = (CHAIN_ID, CHAIN_ID, BLOCK_NUMBER, CHAIN_ID, BLOCK_NUMBER)
        return [(await provider.ask(body)).status for body in bodies]

    assert play(simulated, script) == [200, 200, 200, 200, 429]


def test_wrong_answers_of_some_methods_leave_the_others_right_also_in_a_batch(either_world):
    fault = WrongAnswer("a", methods=("eth_chain*",))
    batch = b"[%b,%b]" % (CHAIN_ID, BLOCK_NUMBER)

    async def script(stage, provider):
        right = decoded(await provider.ask(batch))
        await deliver(stage, provider, ApplyFault("f1", fault))
        return right, decoded(await provider.ask(batch)), await provider.logged(4)

    right, met, log = play(either_world, script)
    assert [one["result"] != other["result"] for one, other in zip(right, met, strict=True)] == [True, False]
    assert [event.fault_id for event in log] == [None, None, "f1", None]


def test_errors_come_at_once():
    _, _, log = before_under_after(simulated, ErrorRate("a"), CHAIN_ID, meet=response, latency=ms(50))
    assert [event.replied_ns - event.received_ns for event in log] == [ms(50), 0, ms(50)]


@pytest.mark.parametrize("style", ["http_429", "rpc_limit"])
def test_requests_over_the_limit_are_refused(either_world, style):
    fault = RateLimit("a", limit_per_s=0, style=style, retry_after=ms(1500))

    async def meet(provider, body):
        found = await provider.ask(body)
        error = decoded(found).get("error", {}) if found.body else {}
        return found.status, found.headers.get(b"retry-after"), error.get("code")

    met, signed, log = before_under_after(either_world, fault, CHAIN_ID, CHAIN_ID, meet=meet)
    well, refused = (
        (200, None, None),
        {"http_429": (429, b"2", None), "rpc_limit": (200, None, -32005)}[style],
    )
    assert met == [[well] * 2, [refused] * 2, [well] * 2]
    assert signed == signs(2)
    assert {event.outcome for event in log[2:4]} == {"error"}


def test_each_second_lets_so_many_through():
    async def script(stage, provider):
        await deliver(stage, provider, ApplyFault("f1", RateLimit("a", limit_per_s=2)))
        statuses = []
        for _ in range(3):
            statuses.append([(await provider.ask()).status for _ in range(4)])
            await stage.sleep(seconds(1))
        return statuses, [event.fault_id for event in await provider.logged(12)]

    statuses, signed = play(simulated, script)
    assert statuses == [[200, 200, 429, 429]] * 3
    assert signed == [None, None, "f1", "f1"] * 3


def test_a_hanging_provider_takes_the_request_and_never_answers(either_world):
    async def meet(provider, body):
        client = await provider.connect()
        client.post(body)
        with trio.move_on_after(0.1):
            found = await client.response()
            client.stream.close()
            return found.status
        client.stream.close()
        return None

    met, signed, log = before_under_after(either_world, Hang("a"), CHAIN_ID, meet=meet)
    assert met == [[200], [None], [200]]
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status", "replied_ns") == ("unknown", None, None)


@pytest.mark.parametrize(
    ("form", "status", "content_type"),
    [
        ("invalid_json", 200, b"application/json"),
        ("wrong_content_type", 200, b"text/plain"),
        ("empty_body", 200, b"application/json"),
        ("html_error_page", 200, b"text/html"),
        ("html_bad_gateway", 502, b"text/html"),
    ],
)
def test_malformed_answers(either_world, form, status, content_type):
    fault = Malformed("a", forms=(form,))
    met, signed, log = before_under_after(either_world, fault, CHAIN_ID, meet=response)
    (well,), (spoiled,), (after,) = met
    assert well == after == (200, b"application/json", well[2])
    assert spoiled[:2] == (status, content_type)
    assert (spoiled[2] == well[2]) == (form == "wrong_content_type")
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status") == ("error", status)


def test_truncated_answers_end_inside_their_body(either_world):
    async def meet(provider, body):
        client = await provider.connect()
        client.post(body)
        with trio.fail_after(1):
            found = await client.response()
        if found is None:
            with pytest.raises(ProtocolError):
                client._parser.feed_eof()
            return "cut"
        return found.status

    met, signed, log = before_under_after(either_world, Truncated("a"), CHAIN_ID, meet=meet)
    assert met == [[200], ["cut"], [200]]
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status", "replied_ns") == ("unknown", None, None)


def test_what_waits_behind_a_truncated_answer_is_never_sent():
    async def script(stage, provider):
        client = await provider.connect()
        client.post(CHAIN_ID, b"w0-1")
        await stage.sleep(ms(5))
        await deliver(stage, provider, ApplyFault("f1", Truncated("a")))
        client.post(CHAIN_ID, b"w0-2")
        client.post(CHAIN_ID, b"w0-3")
        first = await client.response()
        return first.status, await client.response(), await provider.logged(3)

    status, second, log = play(simulated, script, latency=ms(50))
    assert (status, second) == (200, None)
    assert [facts(event, "request_id", "outcome", "fault_id") for event in log] == [
        ("w0-1", "ok", None),
        ("w0-2", "unknown", "f1"),
        ("w0-3", "unknown", "f1"),
    ]


# Shares, several at once, and repeatability


SHARED = [
    ErrorRate("a", ratio=0.4, kinds=("http_500", "rpc_internal_error")),
    Malformed("a", ratio=0.4),
    MissingData("a", ratio=0.4),
    WrongAnswer("a", ratio=0.4),
]


def story(faults, seed=1):
    """What thirty requests met: the response's bytes, and the fault that signed."""

    async def main(stage):
        async with providing(stage, latency=ms(1)) as provider:
            for name, fault in faults.items():
                provider.tell(ApplyFault(name, fault))
            await stage.sleep(ms(1))
            met = []
            for number in range(30):
                found = await provider.ask(NEWEST, b"w0-%d" % number)
                met.append((found.status, found.body))
            return met, [
                facts(event, "fault_id", "outcome", "rpc_code", "received_ns") for event in provider.log
            ]

    return simulated(main, seed)


@pytest.mark.parametrize("fault", SHARED)
def test_a_share_of_the_requests_is_touched_and_exactly_those_are_signed(fault):
    calm, _ = story({})
    met, log = story({"f1": fault})
    touched = [found != well for found, well in zip(met, calm, strict=True)]
    assert 5 < sum(touched) < 20
    signed = [event[0] == "f1" for event in log]
    if isinstance(fault, Malformed):  # a wrong content type leaves the body as it is
        assert all(one or not other for one, other in zip(signed, touched, strict=True))
    else:
        assert signed == touched


def test_a_run_with_all_faults_repeats_and_another_seed_differs():
    faults = dict(zip("abcd", SHARED, strict=True)) | {
        "e": Degrade("a", added_latency=ms(1)),
        "f": Reorg("a"),
        "g": StaleHead("a"),
        "h": RateLimit("a", limit_per_s=25),
    }
    assert story(faults) == story(faults)
    assert story(faults) != story(faults, seed=2)
    assert {event[0] for event in story(faults)[1]} >= {"a", "b", "c", "d", "h"}


def test_one_fault_less_leaves_the_others_where_they_were():
    faults = dict(zip("abcd", SHARED, strict=True))
    _, together = story(faults)
    for name in faults:
        _, without = story({other: fault for other, fault in faults.items() if other != name})
        for one, other in zip(together, without, strict=True):
            assert one[0] in (name, other[0])
