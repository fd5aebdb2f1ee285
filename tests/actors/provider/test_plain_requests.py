"""What providers answer to requests that carry no call: health checks, mistakes, and questions of browsers."""

import msgspec
import pytest
import trio

from battle.actors.roles import ApplyFault
from battle.actors.spec.faults.behaviour import Degrade, ErrorRate, Malformed, StaleHead
from battle.actors.units import ms
from tests.actors.provider.stage import CALL, CHAIN, HEAD, decoded, facts, play
from tests.actors.worlds import simulated

BARE = f"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {len(CALL)}\r\n\r\n"


async def sent(provider, head, body=b""):
    """The response to a request written as it is, on a connection of its own."""
    client = await provider.connect()
    client.write(head.encode() + body)
    return await client.response()


def answers(requests, **spec):
    """(status, body) for each request in the simulated world."""

    async def script(stage, provider):
        responses = [await sent(provider, head + "\r\nhost: a\r\n\r\n") for head in requests]
        return [(response.status, response.body) for response in responses]

    return play(simulated, script, **spec)


def test_a_health_check_is_answered_and_logged_beside_calls(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        client.write(b"GET / HTTP/1.1\r\nhost: a\r\nx-battle-request: w0-3\r\n\r\n")
        return await client.response(), await client.ask(), await provider.logged(2)

    healthy, answer, (event, _) = play(either_world, script)
    assert (healthy.status, healthy.body, answer.status) == (200, b"", 200)
    assert facts(event, "method", "outcome", "http_status", "rpc_code", "request_id") == (
        "GET /",
        "ok",
        200,
        None,
        "w0-3",
    )


WRONG_TYPE = (415, b"invalid content type, only application/json is supported\n")


@pytest.mark.parametrize("health", ["geth", "erigon"])
def test_methods_as_geth_takes_them(health):
    requests = {
        "GET / HTTP/1.1": (200, b""),
        "GET / HTTP/1.0": (200, b""),
        "GET /?a=1 HTTP/1.1": WRONG_TYPE,
        "PATCH / HTTP/1.1": WRONG_TYPE,
        "OPTIONS / HTTP/1.1": (200, b""),
        "OPTIONS * HTTP/1.1": (200, b""),
        "PUT / HTTP/1.1": (405, b"method not allowed\n"),
        "DELETE / HTTP/1.1": (405, b"method not allowed\n"),
        "GET /elsewhere HTTP/1.1": (404, b""),
        "GET http://a:1/ HTTP/1.1": (200, b""),
        "POST / HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 0": (200, None),
        "POST / HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length: 0": WRONG_TYPE,
    }
    found = answers(requests, health=health)
    for (status, body), wanted, request in zip(found, requests.values(), requests, strict=True):
        assert (status, body if wanted[1] is not None else None) == wanted, request


def head_of(world=simulated, fault=None, **spec):
    """All that comes in response to a HEAD."""

    async def script(stage, provider):
        if fault is not None:
            provider.tell(ApplyFault("f", fault))
            await stage.sleep(ms(1))
        client = await provider.connect()
        client.write(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
        head = await client.stream.receive_some()
        await client.ask()  # the connection is still in order
        return head

    return play(world, script, **spec)


def test_head_is_refused_as_geth_refuses_it_and_its_response_has_no_body(either_world):
    head = head_of(either_world)
    assert head.startswith(b"HTTP/1.1 415 ")
    assert head.endswith(b"\r\n\r\n")


def test_a_call_needs_a_content_type_of_json():
    def of(content_type, method="POST"):
        head = f"{method} / HTTP/1.1\r\nhost: a\r\ncontent-type: {content_type}\r\n"
        return f"{head}content-length: {len(CALL)}\r\n\r\n"

    async def script(stage, provider):
        refused = await sent(provider, BARE, CALL)
        taken = [
            await sent(provider, head, CALL)
            for head in (
                of("Application/JSON; charset=utf-8"),
                of("application/json-rpc"),
                of("application/json", "GET"),
            )
        ]
        return refused.status, [decoded(response)["result"] for response in taken], await provider.logged(4)

    status, results, log = play(simulated, script)
    assert (status, results) == (415, ["0x1"] * 3)
    assert [facts(event, "method", "outcome") for event in log] == [
        ("POST /", "error"),
        *[("eth_chainId", "ok")] * 3,
    ]


def test_calls_are_taken_at_any_path_and_the_log_keeps_no_other():
    async def script(stage, provider):
        answer = await sent(
            provider,
            HEAD.decode().replace("POST /", "POST /v2/secret") + f"content-length: {len(CALL)}\r\n\r\n",
            CALL,
        )
        await sent(provider, "GET /v2/secret HTTP/1.1\r\nhost: a\r\n\r\n")
        return decoded(answer)["result"], await provider.logged(2)

    result, log = play(simulated, script)
    assert result == "0x1"
    assert [event.method for event in log] == ["eth_chainId", "GET"]


# What /health means


def test_geth_has_no_health_page():
    assert answers(["GET /health HTTP/1.1"]) == [(404, b"")]


def erigon(headers="", body=b"", stale=0, method="GET"):
    """(status, report) of Erigon's health check; the provider lags `stale` blocks."""

    async def script(stage, provider):
        if stale:
            provider.tell(ApplyFault("stale", StaleHead("a", at=0, duration=1, blocks=stale)))
        await stage.sleep(CHAIN.block_time + ms(1000))
        head = f"{method} /health HTTP/1.1\r\nhost: a\r\n{headers}content-length: {len(body)}\r\n\r\n"
        response = await sent(provider, head, body)
        return response.status, decoded(response), (await provider.logged(1))[0]

    status, report, event = play(simulated, script, health="erigon")
    assert event.method == f"{method} /health"
    assert event.fault_id == ("stale" if stale and status == 500 else None)
    return status, report


def lines(*checks):
    return "".join(f"X-ERIGON-HEALTHCHECK: {check}\r\n" for check in checks)


ALL_OFF = dict.fromkeys(("synced", "min_peer_count", "check_block", "max_seconds_behind"), "DISABLED")


def test_erigon_answers_each_check_that_a_header_asks_for():
    checks = lines("synced", "min_peer_count1", "check_block500", "max_seconds_behind5")
    assert erigon(checks) == (200, dict.fromkeys(ALL_OFF, "HEALTHY"))
    assert erigon(lines("synced")) == (200, {**ALL_OFF, "synced": "HEALTHY"})


def test_erigon_is_unwell_when_one_check_is():
    status, report = erigon(lines("synced", "min_peer_count51"))
    assert (status, report) == (
        500,
        {**ALL_OFF, "synced": "HEALTHY", "min_peer_count": "ERROR: not enough peers: 50 (minimum 51)"},
    )
    status, report = erigon(lines("check_block502"))
    assert (status, report["check_block"]) == (500, "ERROR: no known block with number 502 (1f6 hex)")
    status, report = erigon(lines("max_seconds_behind-1"))
    assert (status, report["max_seconds_behind"]) == (500, "ERROR: bad header value")
    status, report = erigon(lines("min_peer_countx", "synced"))
    assert (status, report["min_peer_count"], report["synced"]) == (
        500,
        'ERROR: strconv.Atoi: parsing "x": invalid syntax',
        "DISABLED",
    )


def test_erigon_s_lag_shows_in_what_is_asked_about_it():
    assert erigon(lines("synced"), stale=1) == (500, {**ALL_OFF, "synced": "ERROR: not synced"})
    assert erigon(lines("min_peer_count1"), stale=1)[0] == 200
    # The head is at 501 for a second, so one that lags two blocks has an age of five.
    assert erigon(lines("max_seconds_behind5"), stale=2)[0] == 200
    status, report = erigon(lines("max_seconds_behind4"), stale=2)
    assert status == 500
    assert report["max_seconds_behind"].startswith("ERROR: timestamp too old: got ts: ")
    assert erigon(lines("check_block499"), stale=2)[0] == 200
    assert erigon(lines("check_block500"), stale=2)[0] == 500


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_erigon_answers_what_a_body_asks_for(method):
    asked = {"min_peer_count": 1, "known_block": "0x1f4"}
    head = "content-type: application/json\r\n"
    assert erigon(head, msgspec.json.encode(asked), method=method) == (
        200,
        {"healthcheck_query": "HEALTHY", "min_peer_count": "HEALTHY", "check_block": "HEALTHY"},
    )
    assert erigon(head, b'{"known_block":900}', method=method)[0] == 500


NONE_SO_HIGH = (
    b'{"known_block":"x"}',
    b'{"known_block":"0x%b"}' % (b"f" * 5000),
    b'{"known_block":"-0x%b"}' % (b"f" * 5000),
    b'{"known_block":1%b}' % (b"0" * 5000),
    b'{"min_peer_count":1%b}' % (b"0" * 5000),
)


@pytest.mark.parametrize("body", [b"", b"{", *NONE_SO_HIGH], ids=range(7))
def test_erigon_is_unwell_when_nothing_readable_is_asked(body):
    status, report = erigon("", body)
    assert status == 500
    assert report["healthcheck_query"].startswith("ERROR: ")


@pytest.mark.parametrize(("stale", "status"), [(0, 200), (8, 200), (9, 503)])
def test_nethermind_is_unhealthy_once_it_is_too_far_behind(stale, status):
    async def script(stage, provider):
        if stale:
            provider.tell(ApplyFault("stale", StaleHead("a", at=0, duration=1, blocks=stale)))
            await stage.sleep(ms(1))
        response = await sent(provider, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        return response, (await provider.logged(1))[0]

    response, event = play(simulated, script, health="nethermind")
    report = decoded(response)
    entry = report["entries"]["node-health"]
    assert response.status == status
    assert report["status"] == entry["status"] == ("Unhealthy" if status == 503 else "Healthy")
    assert entry["data"] == {"IsSyncing": status == 503, "Errors": []}
    assert ("CurrentBlock: 491, HighestBlock: 500" in entry["description"]) == (status == 503)
    assert event.fault_id == ("stale" if status == 503 else None)


def test_methods_as_nethermind_takes_them():
    requests = ["GET / HTTP/1.1", "OPTIONS / HTTP/1.1", "PUT / HTTP/1.1", "GET /x HTTP/1.1"]
    assert [status for status, _ in answers(requests, health="nethermind")] == [200, 404, 404, 404]
    typed = "PUT / HTTP/1.1\r\ncontent-type: application/json"
    assert answers([typed], health="nethermind")[0][0] == 405
    assert head_of(health="nethermind").startswith(b"HTTP/1.1 200 ")


# Faults


def failing(fault, world=simulated):
    """The status of a health check under a fault, None when there is no response, and what the log says of it."""

    async def script(stage, provider):
        provider.tell(ApplyFault("f", fault))
        await stage.sleep(ms(20))
        try:
            response = await sent(provider, "GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        except trio.BrokenResourceError:
            return None, (await provider.logged(1))[0]
        return response.status, (await provider.logged(1))[0]

    return play(world, script)


def test_a_health_check_fails_as_http_does(either_world):
    status, event = failing(ErrorRate("a", at=0, duration=1, kinds=("http_503",)), either_world)
    assert (status, event.fault_id, event.outcome) == (503, "f", "error")
    status, event = failing(
        Degrade("a", at=0, duration=1, error_ratio=1.0, error_kinds=("reset",)), either_world
    )
    assert (status, event.fault_id, event.outcome) == (None, "f", "unknown")


def test_a_health_check_does_not_see_errors_of_calls():
    status, event = failing(ErrorRate("a", at=0, duration=1, kinds=("rpc_server_error",)))
    assert (status, event.fault_id, event.outcome) == (200, None, "ok")


def test_a_health_check_is_as_slow_as_calls():
    status, event = failing(Degrade("a", at=0, duration=1, added_latency=ms(70)))
    assert (status, event.fault_id, event.replied_ns - event.received_ns) == (200, "f", ms(70))


def test_a_failed_health_check_by_head_has_no_body():
    bad = Malformed("a", at=0, duration=1, forms=("html_bad_gateway",))
    head = head_of(fault=bad)
    assert head.startswith(b"HTTP/1.1 502 ")
    assert head.endswith(b"\r\n\r\n")


# Browsers


def of_origin(*lines, **spec):
    """The headers of the responses to a preflight, a call and a health check from an origin."""
    heads = [
        "OPTIONS / HTTP/1.1\r\nhost: a\r\naccess-control-request-method: POST\r\n"
        "access-control-request-headers: content-type, x-key\r\n",
        HEAD.decode() + f"content-length: {len(CALL)}\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n",
    ]

    async def script(stage, provider):
        return [
            await sent(provider, head + "".join(lines) + "\r\n", CALL if head.startswith("POST") else b"")
            for head in heads
        ]

    return play(simulated, script, **spec)


ORIGIN = "origin: https://app.example\r\n"
ALLOWED = b"access-control-allow-origin"


def test_browsers_of_any_origin_may_read_answers():
    preflight, call, health = of_origin(ORIGIN)
    assert [preflight.status, call.status, health.status] == [204, 200, 200]
    assert {response.headers[ALLOWED] for response in (preflight, call, health)} == {b"*"}
    assert preflight.headers[b"access-control-allow-methods"] == b"POST"
    assert preflight.headers[b"access-control-allow-headers"] == b"content-type, x-key"
    assert decoded(call)["result"] == "0x1"


def test_browsers_of_some_origins_may_read_answers():
    own, other = (
        of_origin(ORIGIN, cors_origins=(origin,)) for origin in ("https://app.example", "https://b.example")
    )
    assert [response.headers[ALLOWED] for response in own] == [b"https://app.example"] * 3
    assert not any(ALLOWED in response.headers for response in other)
    assert all(response.headers[b"vary"] == b"Origin" for response in own + other)


def test_nothing_is_said_of_origins_to_whom_it_does_not_concern():
    for responses in (of_origin(), of_origin(ORIGIN, cors_origins=())):
        assert not any(ALLOWED in response.headers for response in responses[1:])
    assert of_origin(ORIGIN, cors_origins=())[0].status == 200  # no preflight, an OPTIONS as geth takes it


def test_failures_may_be_read_by_browsers_as_well(either_world):
    async def script(stage, provider):
        provider.tell(ApplyFault("f", ErrorRate("a", at=0, duration=1)))
        await stage.sleep(ms(20))
        return await sent(provider, HEAD.decode() + ORIGIN + f"content-length: {len(CALL)}\r\n\r\n", CALL)

    response = play(either_world, script)
    assert (response.status, response.headers[ALLOWED]) == (503, b"*")
