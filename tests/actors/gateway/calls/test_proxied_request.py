"""What the gateway reads of a request, and what it answers by itself."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.calls.proxied_request import ProxiedRequest, read_proxied
from battle.actors.gateway.calls.replies import Reply
from battle.actors.wire.correlation import embedded
from battle.actors.wire.http.messages import HttpRequest


def read(body, *, method="POST", headers=None, number=9):
    body = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return read_proxied(HttpRequest(method, "/", headers or {}, body, True), number)


def call(call_id=1, method="eth_chainId", params=()):
    return {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}


def errors(reply):
    assert isinstance(reply, Reply)
    decoded = msgspec.json.decode(reply.body)
    answers = decoded if isinstance(decoded, list) else [decoded]
    return [(answer["id"], answer["error"]["code"]) for answer in answers]


def test_a_call_is_forwarded_as_it_was_written():
    body = b' {"id" : 0.10e1, "jsonrpc":"2.0","method":"eth_call","params":[{}]} '
    proxied = read(body)
    assert isinstance(proxied, ProxiedRequest)
    assert (proxied.body, proxied.method, proxied.ids, proxied.batch) == (
        body,
        "eth_call",
        (b"0.10e1",),
        False,
    )


def test_a_batch_is_one_inquiry_with_the_ids_that_want_an_answer():
    notification = {"jsonrpc": "2.0", "method": "m"}
    proxied = read([call(1), notification, call("x"), 5])
    assert (proxied.method, proxied.batch, proxied.ids) == ("batch", True, (b"1", b'"x"', b"null"))


def test_a_notification_wants_no_answer():
    assert read({"jsonrpc": "2.0", "method": "m"}).ids == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", [(None, -32700)]),
        (b"", [(None, -32700)]),
        (b"[]", [(None, -32600)]),
        (b"[1]", [(None, -32600)]),
        (b'{"jsonrpc":"1.0","id":7,"method":"m"}', [(7, -32600)]),
        (b'[{"id":1},{"id":2}]', [(1, -32600), (2, -32600)]),
    ],
)
def test_what_is_no_call_is_answered_here(body, expected):
    reply = read(body)
    assert reply.status == 200
    assert errors(reply) == expected


def test_only_post_is_served():
    reply = read(call(), method="GET")
    assert (reply.status, reply.headers) == (405, {b"allow": b"POST"})


def test_the_request_id_is_found_in_the_header_then_the_id_then_the_parameters():
    trail = {b"x-battle-request": b"w3-4"}
    assert (read(call("w1-2"), headers=trail).request_id, read(call(), headers=trail).trail) == (
        "w3-4",
        b"w3-4",
    )
    assert read(call("w1-2")).request_id == "w1-2"
    assert read(call(params=[embedded(5, 6, 20)])).request_id == "w5-6"
    found = read(call())
    assert (found.request_id, found.trail, found.draw_key) == (None, None, "#9")


@pytest.mark.parametrize("method", ["eth_sendTransaction", "personal_sendTransaction"])
def test_what_a_node_signs_by_itself_is_not_repeatable(method):
    assert not read(call(method=method)).repeatable
    assert not read([call(), call(method=method)]).repeatable
    assert read(call(method="eth_sendRawTransaction")).repeatable


@given(st.binary(max_size=80))
def test_any_body_is_read(body):
    found = read(body)
    assert isinstance(found, ProxiedRequest) or errors(found)
