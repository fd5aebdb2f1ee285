"""One client request from end to end: what the client gets, what the providers see, what the log says."""

import msgspec
import pytest
import trio

from battle.actors.spec.gateways import Breaker, EmbeddedGateway, Retry
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import encode_request
from battle.actors.world import interfaces
from tests.actors.gateway.stage import answer, call, close, hang, reply, reset, rpc_error, say, simulated

CALM = Retry(budget_floor=1000)


def decoded(response):
    return msgspec.json.decode(response.body)


def failing_first(*steps, spec=None, count=1, run=simulated):
    """Provider a plays the steps, b answers; what the client got, and the log."""

    async def main(stage):
        a = await stage.provider("a", *steps)
        b = await stage.provider("b", answer(b"0xb"))
        gateway = await stage.gateway(spec or EmbeddedGateway(retry=CALM), a, b)
        responses = await gateway.ask_many(count)
        return responses, stage.log, a, b

    return run(main)


def alone(*steps, spec=None, body=None, run=simulated):
    """One provider, one request."""

    async def main(stage):
        a = await stage.provider("a", *steps)
        gateway = await stage.gateway(spec or EmbeddedGateway(retry=CALM), a)
        return await gateway.ask(call("w0-0") if body is None else body, b"w0-0"), stage.log, a

    return run(main)


def test_an_answer_passes_through(either_world):
    response, log, a = alone(answer(b"0x2a"), run=either_world)
    assert (response.status, response.headers[b"x-battle-provider"]) == (200, b"a")
    assert decoded(response) == {"jsonrpc": "2.0", "id": "w0-0", "result": "0x2a"}
    assert a.requests[0].headers[b"x-battle-request"] == b"w0-0"
    assert log.story == [("a", "primary", None)]
    attempt = log.attempts[0]
    assert (attempt.request_id, attempt.attempt, attempt.method) == ("w0-0", 1, "eth_blockNumber")
    assert (attempt.outcome, attempt.http_status, attempt.hedged) == ("ok", 200, False)
    assert 0 < attempt.started_ns < attempt.ended_ns


@pytest.mark.parametrize(
    "call_id", [b"7", b'"w0-0"', b"0.10e1", b"null", b'"\\u00e9"', b"123456789012345678901"]
)
def test_the_clients_body_and_id_are_preserved_byte_for_byte(call_id):
    body = b' { "id":%b , "method":"eth_chainId","params":[ ],"jsonrpc":"2.0"} ' % call_id
    response, _, a = alone(answer(), body=body)
    assert a.requests[0].body == body
    assert response.body == b'{"jsonrpc":"2.0","id":%b,"result":"0x1"}' % call_id


@pytest.mark.parametrize(
    ("step", "failure", "outcome", "status"),
    [
        (close, "closed", "unknown", None),
        (reset, "reset", "unknown", None),
        (hang, "timeout", "unknown", None),
        (say(b"not HTTP at all\r\n\r\n"), "protocol", "unknown", None),
        (say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"), "closed", "unknown", None),
        (reply(503), "http_status", "error", 503),
        (reply(200, b"<html>hello</html>"), "protocol", "error", 200),
        (reply(200, b'{"jsonrpc":"2.0","id":"w0-9","result":1}'), "protocol", "error", 200),
        (reply(200, b'{"jsonrpc":"2.0","id":1e999,"result":1}'), "protocol", "error", 200),
        (reply(200, b'{"jsonrpc":"2.0","id":"w0-0","result":"\xff"}'), "protocol", "error", 200),
        (reply(200, b'{"jsonrpc":"2.0","id":"w0-0","result":' + b"[" * 9000), "protocol", "error", 200),
        (reply(200, b'{"id":"w0-0","error":{"code":' + b"9" * 30 + b"}}"), "protocol", "error", 200),
        (reply(429), "rate_limited", "error", 429),
        (rpc_error(-32603), "rpc_error", "error", 200),
        (rpc_error(-32005), "rate_limited", "error", 200),
    ],
)
def test_each_failure_of_one_provider_is_survived_with_the_next(either_world, step, failure, outcome, status):
    spec = EmbeddedGateway(retry=Retry(attempt_timeout=ms(500)))
    [response], log, _, b = failing_first(step, spec=spec, run=either_world)
    assert decoded(response).get("result") == "0xb", (decoded(response), log)
    assert response.headers[b"x-battle-provider"] == b"b"
    assert log.story == [("a", "primary", failure), ("b", "retry", None)]
    assert [(it.attempt, it.request_id) for it in log.attempts] == [(1, "w0-0"), (2, "w0-0")]
    assert (log.attempts[0].outcome, log.attempts[0].http_status) == (outcome, status)
    assert b.requests[0].body == call("w0-0")


def test_a_provider_that_is_gone_is_survived(either_world):
    async def main(stage):
        a = await stage.provider("a", answer())
        b = await stage.provider("b", answer(b"0xb"))
        gateway = await stage.gateway(EmbeddedGateway(), a, b)
        await gateway.ask_many(1)
        a.stop()
        await stage.sleep(ms(20))
        return await gateway.ask_many(1, first=1), stage.log

    [response], log = either_world(main)
    assert decoded(response)["result"] == "0xb"
    assert log.story == [("a", "primary", None), ("a", "primary", "refused"), ("b", "retry", None)]
    assert log.attempts[1].outcome == "error"


def test_an_attempt_ends_at_its_timeout():
    _, log, _, _ = failing_first(hang, spec=EmbeddedGateway(retry=Retry(attempt_timeout=ms(300))))
    assert log.attempts[0].ended_ns - log.attempts[0].started_ns == ms(300)


@pytest.mark.parametrize(
    "step",
    [
        reply(402, b"no credit"),
        reply(403, b"{}"),
        reply(400, b"no credit"),
        reply(522, b"<html>"),
        rpc_error(-32601, "no such method"),
        rpc_error(-32000, "missing trie node"),
        rpc_error(4444, "pruned history unavailable"),
    ],
)
def test_what_a_provider_refuses_or_lacks_another_is_asked_for(step):
    [response], log, _, _ = failing_first(step)
    assert decoded(response)["result"] == "0xb"
    assert [provider for provider, _, _ in log.story] == ["a", "b"]


def test_a_method_that_nobody_has_is_refused_in_a_provider_s_own_words():
    async def main(stage):
        two = [await stage.provider(name, rpc_error(-32601, "no such method")) for name in "ab"]
        gateway = await stage.gateway(EmbeddedGateway(retry=CALM), *two)
        return await gateway.ask(call("w0-0"), b"w0-0")

    response = simulated(main)
    assert (response.status, decoded(response)["error"]) == (
        200,
        {"code": -32601, "message": "no such method"},
    )


@pytest.mark.parametrize("code", [-32602, -32600, 3])
def test_the_clients_own_mistake_is_passed_on_at_once(code):
    [response], log, _, b = failing_first(rpc_error(code, "no"))
    assert (response.status, decoded(response)["error"]["code"]) == (200, code)
    assert log.story == [("a", "primary", None)]
    assert (log.attempts[0].outcome, log.attempts[0].rpc_code) == ("ok", code)
    assert b.requests == []


def test_large_requests_under_way_are_bounded_over_all_clients(monkeypatch):
    monkeypatch.setattr(interfaces, "NODE_HELD_BYTES", 2**18)
    large = call(params=("x" * 50_000,))

    async def main(stage):
        a = await stage.provider("a", answer(after=ms(500)))
        gateway = await stage.gateway(EmbeddedGateway(), a)
        clients = [await gateway.connect() for _ in range(10)]
        for client in clients:
            client.stream.write(encode_request(gateway.head, large))
        await stage.sleep(ms(100))
        small = await gateway.ask(call())
        statuses = [(await client.receive()).status for client in clients]
        later = await clients[-1].exchange(encode_request(gateway.head, large))
        for client in clients:
            client.stream.close()
        return small.status, statuses, later.status

    small, statuses, later = simulated(main)
    assert (small, later) == (200, 200)
    assert statuses == [200] * 5 + [503] * 5


def test_a_batch_is_one_attempt_and_comes_back_as_it_was_answered():
    body = b"[%b, %b]" % (call(2), call("x"))
    response, log, a = alone(answer(b"0x7"), body=body)
    assert a.requests[0].body == body
    assert [it["id"] for it in decoded(response)] == [2, "x"]
    assert [(it.method, it.request_id) for it in log.attempts] == [("batch", "w0-0")]


def test_a_batch_nobody_answers_gives_each_id_its_error():
    response, log, _ = alone(close, body=b"[%b,%b]" % (call(2), call("x")))
    assert response.status == 502
    assert [(it["id"], it["error"]["code"]) for it in decoded(response)] == [(2, -32000), ("x", -32000)]
    assert [it.attempt for it in log.attempts] == [1, 2, 3]


def test_when_all_fail_the_error_says_how_often_and_why():
    response, log, _ = alone(reply(503), reply(500), reply(502))
    assert response.status == 502
    answered = decoded(response)
    assert answered["id"] == "w0-0"
    assert answered["error"]["code"] == -32000
    assert answered["error"]["message"] == (
        "No provider answered: 3 attempts made, the last failed at a: http_status 502; "
        "no more attempts are allowed"
    )
    assert answered["error"]["data"] == {
        "attempts": 3,
        "reason": "no more attempts are allowed",
        "last": {"provider": "a", "failure": "http_status", "http_status": 502},
    }
    assert b"x-battle-provider" not in response.headers
    assert [it.reason for it in log.attempts] == ["primary", "retry", "retry"]


def test_the_providers_own_words_reach_the_client():
    response, _, _ = alone(rpc_error(-32000, "disk is full"))
    assert "rpc_error -32000 (disk is full)" in decoded(response)["error"]["message"]


def test_timeouts_alone_are_a_504():
    response, log, _ = alone(hang, spec=EmbeddedGateway(retry=Retry(attempt_timeout=ms(100))))
    assert response.status == 504
    assert [it.failure for it in log.attempts] == ["timeout"] * 3


def test_the_deadline_cuts_the_last_attempt_short():
    policy = Retry(max_attempts=10, attempt_timeout=ms(400), deadline=seconds(1))
    response, log, _ = alone(hang, spec=EmbeddedGateway(retry=policy))
    assert response.status == 504
    assert decoded(response)["error"]["data"]["reason"] == "the deadline has passed"
    assert [it.ended_ns - it.started_ns for it in log.attempts] == [ms(400), ms(400), ms(200)]


def test_the_retry_budget_bounds_what_an_outage_costs():
    policy = Retry(budget_ratio=0.5, budget_floor=2)
    spec = EmbeddedGateway(retry=policy, breaker=Breaker(failure_threshold=99))

    async def main(stage):
        a = await stage.provider("a", reply(500))
        gateway = await stage.gateway(spec, a)
        return await gateway.ask_many(20), stage.log

    responses, log = simulated(main)
    retries = [it for it in log.attempts if it.reason == "retry"]
    assert len(retries) == 20 * 0.5 + 2
    assert decoded(responses[-1])["error"]["data"]["reason"] == "the retry budget is spent"


def test_what_is_not_safe_to_repeat_is_not_repeated():
    body = call("w0-0", "eth_sendTransaction")
    response, log, _ = alone(close, body=body)
    assert response.status == 502
    assert decoded(response)["error"]["data"]["reason"] == "the call is not safe to repeat"
    assert len(log.attempts) == 1
    _, log, _ = alone(reply(503), body=body)
    assert len(log.attempts) == 3


def test_a_raw_transaction_is_repeated_and_already_known_is_its_answer():
    async def main(stage):
        a = await stage.provider("a", close)
        b = await stage.provider("b", rpc_error(-32000, "already known"))
        gateway = await stage.gateway(EmbeddedGateway(), a, b)
        return await gateway.ask(call("w0-0", "eth_sendRawTransaction", ["0x02"])), stage.log

    response, log = simulated(main)
    assert decoded(response)["error"]["message"] == "already known"
    assert log.story == [("a", "primary", "closed"), ("b", "retry", None)]


def test_without_failover_the_first_choice_is_the_only_one_whatever_its_breaker_says():
    spec = EmbeddedGateway(failover=False)
    responses, log, a, b = failing_first(reply(503), spec=spec, count=8)
    assert [it.status for it in responses] == [502] * 8
    assert decoded(responses[0])["error"]["data"]["reason"] == "failover is off"
    assert log.story == [("a", "primary", "http_status")] * 8
    assert log.changes == [("a", "closed", "open", "failure_threshold")]
    assert (len(a.requests), len(b.requests), log.rejected) == (8, 0, [])


def test_without_failover_a_breaker_still_goes_its_way():
    async def main(stage):
        a = await stage.provider("a", *[reply(503)] * 5, hang, answer())
        spec = EmbeddedGateway(failover=False)
        gateway = await stage.gateway(spec, a)
        await gateway.ask_many(5)
        await stage.sleep(seconds(6))
        async with trio.open_nursery() as nursery:
            for _ in range(4):  # more at once than there are probes
                nursery.start_soon(gateway.ask_many, 1)
        await gateway.ask_many(1)
        return stage.log.changes

    assert [it[1:3] for it in simulated(main)] == [
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "open"),
    ]


@pytest.mark.parametrize(
    ("body", "code"), [(b"{", -32700), (b"[]", -32600), (b'{"jsonrpc":"2.0","id":1}', -32600)]
)
def test_malformed_calls_never_reach_a_provider(body, code):
    response, log, a = alone(answer(), body=body)
    assert (response.status, decoded(response)["error"]["code"]) == (200, code)
    assert (a.requests, log.attempts) == ([], [])


def test_other_methods_are_refused_and_the_connection_goes_on():
    async def main(stage):
        a = await stage.provider("a", answer())
        gateway = await stage.gateway(EmbeddedGateway(), a)
        client = await gateway.connect()
        refused = await client.exchange(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        served = await client.exchange(encode_request(gateway.head, call()))
        return refused, served

    refused, served = simulated(main)
    assert (refused.status, refused.headers[b"allow"]) == (405, b"POST")
    assert served.status == 200


def test_no_provider_at_all_is_a_503():
    async def main(stage):
        gateway = await stage.gateway(EmbeddedGateway())
        return await gateway.ask(call(5))

    response = simulated(main)
    assert response.status == 503
    assert decoded(response)["id"] == 5


def test_a_client_that_leaves_does_no_harm(either_world):
    async def main(stage):
        a = await stage.provider("a", answer(after=ms(100)), answer())
        gateway = await stage.gateway(EmbeddedGateway(), a)
        client = await gateway.connect()
        client.stream.write(encode_request(gateway.head, call()))
        await stage.sleep(ms(20))
        client.stream.abort()
        await stage.sleep(ms(200))
        return await gateway.ask(call(2)), stage.log

    response, log = either_world(main)
    assert response.status == 200
    assert log.story == [("a", "primary", None)] * 2


def test_what_it_knew_before_and_after_is_logged(either_world):
    async def main(stage):
        a = await stage.provider("a", answer(after=ms(30)))
        spec = EmbeddedGateway(strategy="fastest", seed_latencies={"a": ms(10), "b": ms(90)})
        gateway = await stage.gateway(spec, a)
        await gateway.ask_many(3)
        stage.stop_gateway()
        await stage.sleep(ms(10))
        return stage.log.benchmarks

    found = either_world(main)
    assert {key: it.samples for key, it in found.items()} == {
        ("before", "a", "*"): 0,
        ("before", "b", "*"): 0,
        ("after", "a", "*"): 3,
        ("after", "a", "eth_blockNumber"): 3,
        ("after", "b", "*"): 0,
    }
    assert found["before", "a", "*"].latency_ns == ms(10)
    assert found["before", "a", "*"].latency_ns < found["after", "a", "eth_blockNumber"].latency_ns


def test_the_strategy_is_heeded_and_its_chance_follows_from_the_request():
    def firsts(strategy, seed):
        async def main(stage):
            providers = [await stage.provider(name, answer()) for name in "abc"]
            spec = EmbeddedGateway(strategy=strategy, seed_latencies={"b": ms(1)})
            await (await stage.gateway(spec, *providers)).ask_many(12)
            return [it.provider for it in stage.log.attempts]

        return simulated(main, seed)

    assert firsts("priority", 1) == ["a"] * 12
    assert firsts("round_robin", 1) == ["a", "b", "c"] * 4
    assert firsts("fastest", 1)[:2] == ["b", "b"]
    assert set(firsts("random", 1)) == {"a", "b", "c"}
    assert firsts("random", 1) == firsts("random", 1) != firsts("random", 2)
    assert set(firsts("latency_weighted", 1)) >= {"b"}


def test_fastest_leaves_a_provider_that_has_become_slow():
    async def main(stage):
        a = await stage.provider("a", *[answer(after=ms(10))] * 50, answer(after=ms(300)))
        b = await stage.provider("b", answer(after=ms(60)))
        spec = EmbeddedGateway(strategy="fastest", seed_latencies={"a": ms(10), "b": ms(60)})
        await (await stage.gateway(spec, a, b)).ask_many(100)
        return [it.provider for it in stage.log.attempts]

    tried = simulated(main)
    assert tried[:50] == ["a"] * 50
    assert tried[-20:] == ["b"] * 20


def test_fastest_takes_a_timeout_for_the_slowness_it_shows():
    async def main(stage):
        a = await stage.provider("a", hang, answer())
        b = await stage.provider("b", answer(after=ms(60)))
        spec = EmbeddedGateway(strategy="fastest", seed_latencies={"a": ms(10), "b": ms(60)})
        await (await stage.gateway(spec, a, b)).ask_many(5)
        return [it.provider for it in stage.log.attempts]

    assert simulated(main) == ["a", *["b"] * 5]


def test_a_client_that_wants_the_connection_closed_gets_that():
    async def main(stage):
        a = await stage.provider("a", answer())
        gateway = await stage.gateway(EmbeddedGateway(), a)
        client = await gateway.connect()
        response = await client.exchange(encode_request(gateway.head + b"connection: close\r\n", call()))
        return response, await client.stream.receive_some()

    response, rest = simulated(main)
    assert (response.status, response.keep_alive, rest) == (200, False, b"")
