"""How a request can fail: every name means something that can be sent, and what is none is named."""

import msgspec
import pytest

from battle.actors.gateway.policy.classify import of_response
from battle.actors.spec.failures import (
    NAMED,
    NAMED_HTTP,
    NAMED_RPC,
    HttpFailure,
    RpcFailure,
    failure_of,
    failure_problems,
    fits,
    method_problems,
    named,
)
from battle.actors.spec.faults.behaviour import Degrade, ErrorRate
from battle.actors.spec.providers import Reliability
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.jsonrpc import RpcError, encode_error

ID = msgspec.Raw(b'"w0-1"')


@pytest.mark.parametrize("name", NAMED)
def test_what_a_name_means_is_without_problems(name):
    assert list(failure_problems("kinds", (name,))) == []
    found = failure_of(name)
    if isinstance(found, HttpFailure | RpcFailure):
        assert list(found.problems()) == []
    else:
        assert found == name


@pytest.mark.parametrize("status", [300, 402, 499, 520, 599])
def test_each_status_that_fails_has_a_name(status):
    assert named(f"http_{status}") == HttpFailure(status)


@pytest.mark.parametrize(
    "name", ["http_200", "http_299", "http_600", "http_40", "http_4022", "http_", "HTTP_402", ""]
)
def test_other_words_are_no_failures(name):
    assert named(name) is None
    (problem,) = failure_problems("error_rate: kinds", (name,))
    assert problem.startswith(f"error_rate: kinds[0]: there is no failure {name!r}")


def test_what_was_probably_meant_is_named_and_else_what_there_is():
    (meant,) = failure_problems("kinds", ("out_of_credit",))
    assert meant.endswith("did you mean 'out_of_credits'?")
    (listed,) = failure_problems("kinds", ("kaputt!",))
    assert all(name in listed for name in NAMED)


@pytest.mark.parametrize(
    ("failure", "problem"),
    [
        (HttpFailure(199), "status must be from 200 to 599"),
        (HttpFailure(600), "status must be from 200 to 599"),
        (HttpFailure(204, "no"), "has no body"),
        (HttpFailure(402, headers={"a b": "c"}), "'a b' is not the name of a header"),
        (HttpFailure(402, headers={"x": "a\r\ny: b"}), "printable ASCII"),
        (HttpFailure(402, headers={"Content-Length": "7"}), "the header Content-Length is not yours to set"),
        (HttpFailure(402, headers={"content-type": "text/html"}), "use content_type"),
        (HttpFailure(402, content_type="text/\nhtml"), "printable ASCII"),
        (RpcFailure(2**63), "at most 64 bits"),
        (RpcFailure(-32000, http_status=204), "has no body"),
        (RpcFailure(-32000, headers={"date": "today"}), "not yours to set"),
    ],
)
def test_what_cannot_be_sent_is_refused(failure, problem):
    (found,) = failure_problems("kinds", ("http_500", failure))
    assert found.startswith("kinds[1]: ")
    assert problem in found


def test_each_field_of_kinds_and_methods_is_looked_at():
    for spec in (
        Reliability(0.1, ("nonsense",), methods=("",)),
        ErrorRate("a", kinds=("nonsense",), methods=("",)),
        Degrade("a", error_ratio=1, error_kinds=("nonsense",), methods=("",)),
    ):
        found = list(spec.problems())
        assert [("no failure 'nonsense'" in one, "list of methods" in one) for one in sorted(found)] in (
            [(True, False), (False, True)],
            [(False, True), (True, False)],
        )
    for empty in (
        Reliability(0.1, ()),
        ErrorRate("a", kinds=()),
        Degrade("a", error_ratio=1, error_kinds=()),
    ):
        assert "needs at least one kind of failure" in "".join(empty.problems())


def test_patterns_of_methods():
    assert fits(("debug_*", "eth_call"), "debug_traceCall")
    assert fits(("debug_*", "eth_call"), "eth_call")
    assert not fits(("debug_*", "eth_call"), "eth_callMany")
    assert not fits(("debug_*",), "")
    assert list(method_problems("methods", ("*",))) == []


@pytest.mark.parametrize("name", NAMED_HTTP)
def test_the_embedded_gateway_asks_another_provider_after_each_http_failure(name):
    failure = NAMED_HTTP[name]
    found = of_response(
        HttpResponse(failure.status, {}, failure.body.encode(), True), (bytes(ID),), batch=False
    )
    assert (found.kind, found.failure) == ("retryable", "http_status")


@pytest.mark.parametrize("name", NAMED_RPC)
def test_the_embedded_gateway_asks_another_provider_after_each_json_rpc_failure(name):
    failure = NAMED_RPC[name]
    body = encode_error(ID, RpcError(failure.code, failure.message, failure.data))
    found = of_response(HttpResponse(failure.http_status, {}, body, True), (bytes(ID),), batch=False)
    assert found.kind in ("retryable", "rate_limited")
    assert (found.kind == "rate_limited") == (
        name in ("rpc_limit", "compute_units_exceeded", "daily_limit_reached")
    )
