"""From the body of a POST to the body of its answer."""

import msgspec
import pytest

from battle.actors.chain.model import ChainModel
from battle.actors.provider.answerer import CallAnswerer, read_received
from battle.actors.provider.chain_view import InForce, in_order
from battle.actors.provider.response import Response
from battle.actors.spec.chain import Chain
from battle.actors.spec.faults.behaviour import StaleHead
from battle.actors.wire.correlation import embedded
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.jsonrpc import RpcError

HEAD = 1000
MODEL = ChainModel(Chain(start_height=500))
ANSWERING = CallAnswerer(MODEL, {"eth_gasPrice": "0x1", "custom": {"a": [None]}})


def question(body, headers=None, limit=10):
    text = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return read_received(HttpRequest("POST", "/", headers or {}, text, True), limit)


def call(call_id, method="eth_blockNumber", params=()):
    return {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}


def notification(method="eth_blockNumber"):
    return {"jsonrpc": "2.0", "method": method}


def answered(body, **more):
    text = ANSWERING.answer(question(body, **more), HEAD)
    return msgspec.json.decode(text) if text else None


def test_a_call_is_answered_from_the_chain_under_its_id():
    assert answered(call("x")) == {"jsonrpc": "2.0", "id": "x", "result": "0x3e8"}


def test_canned_results_come_before_the_chain():
    assert answered(call(1, "eth_gasPrice"))["result"] == "0x1"
    assert answered(call(1, "custom", {"any": 1}))["result"] == {"a": [None]}


def test_a_canned_null_is_a_result():
    text = CallAnswerer(MODEL, {"m": None}).answer(question(call(1, "m")), HEAD)
    assert text == b'{"jsonrpc":"2.0","id":1,"result":null}'


@pytest.mark.parametrize(
    ("body", "code", "call_id"),
    [
        (b"{", -32700, None),
        (b"[]", -32600, None),
        (b"1", -32600, None),
        ({"jsonrpc": "2.0", "id": 4}, -32600, 4),
        (call(5, "eth_mine"), -32601, 5),
        (call(6, "eth_getBalance", ["0x12"]), -32602, 6),
    ],
)
def test_errors_have_json_rpcs_codes(body, code, call_id):
    asked = question(body)
    error = msgspec.json.decode(ANSWERING.answer(asked, HEAD))
    assert (error["error"]["code"], error["id"]) == (code, call_id)
    assert error["error"]["message"]
    assert [one.rpc_code for one in asked.asked] == [code]


def test_a_batch_is_answered_in_order_without_its_notifications():
    answers = answered([call(2), notification(), 1, call("b", "eth_mine"), call(3)])
    assert [(one["id"], "result" in one) for one in answers] == [
        (2, True),
        (None, False),
        ("b", False),
        (3, True),
    ]


def test_notifications_get_no_answer_not_even_a_wrong_one():
    for body in (notification(), [notification(), notification("eth_mine")]):
        assert answered(body) is None


def test_a_batch_of_one_is_still_a_batch():
    assert isinstance(answered([call(1)]), list)


def test_a_batch_over_the_limit_is_one_error():
    assert len(answered([call(1)] * 10)) == 10
    error = answered([call(1)] * 11)
    assert (error["error"]["code"], error["id"]) == (-32600, None)
    assert "at most 10" in error["error"]["message"]


def test_a_failure_answers_every_valid_call():
    asked = question([call(1), 1, notification(), call(2, "eth_gasPrice")])
    answers = msgspec.json.decode(ANSWERING.answer(asked, HEAD, lambda _: RpcError(-32000, "down")))
    assert [one["error"]["code"] for one in answers] == [-32000, -32600, -32000]
    assert [one.rpc_code for one in asked.asked] == [-32000, -32600, -32000, -32000]


# Who asks


ADDRESS = embedded(3, 14, 20)


@pytest.mark.parametrize(
    ("body", "headers", "request_id"),
    [
        (call(1), {b"x-battle-request": b"w1-2"}, "w1-2"),
        (call("w1-2"), {}, "w1-2"),
        (call(1, "eth_getBalance", [ADDRESS, "latest"]), {}, "w3-14"),
        (call(1), {}, None),
        (b"{", {b"x-battle-request": b"w1-2"}, "w1-2"),
        (notification(), {b"x-battle-request": b"w1-2"}, "w1-2"),
        (notification(), {}, None),
    ],
)
def test_the_trail_of_a_call_is_found(body, headers, request_id):
    assert [one.request_id for one in question(body, headers).asked] == [request_id]


def test_the_calls_of_a_batch_have_trails_of_their_own():
    body = [call("w0-1"), call(2, "eth_getBalance", [ADDRESS]), call(3), 1]
    assert [one.request_id for one in question(body, {b"x-battle-request": b"w0-9"}).asked] == [
        "w0-1",
        "w3-14",
        "w0-9",
        "w0-9",
    ]


def test_the_log_knows_a_call_by_its_method_and_what_is_none_by_no_method():
    assert [one.method for one in question([call(1, "custom"), 1]).asked] == ["custom", ""]
    assert [one.method for one in question(b"{").asked] == [""]


def test_an_error_that_many_calls_get_gathers_nothing():
    failure = RpcError(-32005, "too many")
    asked = question([call(number) for number in range(5)])
    assert ANSWERING.answer(asked, HEAD, lambda _: failure).count(b"-32005") == 5
    assert failure.__traceback__ is None


CANNED = {"error": {"code": 3, "message": "execution reverted", "data": "0x08"}}


def test_a_canned_error_is_an_error_and_one_with_other_members_a_result():
    answerer = CallAnswerer(MODEL, {"m": CANNED, "other": {**CANNED, "more": 1}})
    asked = question(call(1, "m"))
    assert msgspec.json.decode(answerer.answer(asked, HEAD)) == {"jsonrpc": "2.0", "id": 1, **CANNED}
    assert msgspec.json.decode(answerer.answer(question(call(1, "other")), HEAD))["result"] == {
        **CANNED,
        "more": 1,
    }


@pytest.mark.parametrize("faults", [(), in_order((InForce("old", StaleHead("a", blocks=3)),))])
def test_a_provider_that_answers_with_the_right_error_has_not_failed(faults):
    answerer = CallAnswerer(MODEL, {"m": CANNED})
    for body in (call(1, "m"), call(2, "eth_mine"), call(3, "eth_getBalance", ["0x12"])):
        asked = question(body)
        answerer.answer(asked, HEAD, None, faults)
        assert Response(b"", "keep", 200).outcome(asked.asked[0]) == "ok"


def test_a_provider_whose_error_is_a_fault_s_or_about_no_call_has_failed():
    late = question(call(1, "eth_getBalance", ["0x" + "12" * 20, hex(HEAD)]))
    ANSWERING.answer(late, HEAD, None, in_order((InForce("old", StaleHead("a", blocks=3)),)))
    ill, broken = question(call(1)), question(b"{")
    ANSWERING.answer(ill, HEAD, lambda _: RpcError(-32000, "the provider failed"))
    ANSWERING.answer(broken, HEAD)
    for asked in (late, ill, broken):
        assert asked.asked[0].rpc_code is not None
        assert Response(b"", "keep", 200).outcome(asked.asked[0]) == "error"
