"""What a link reads of what passes it, and that it survives what it cannot read."""

import gzip
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.link.observation import (
    PassedCall,
    answer_to,
    answers_in,
    calls_in,
    facts_in,
    outcome_of,
)
from battle.actors.wire.http.messages import HttpRequest, HttpResponse
from battle.actors.wire.jsonrpc import read_answer

BLOCK = {"number": "0x10", "hash": "0xAB", "parentHash": "0xaa", "stateRoot": "0x1", "timestamp": "0x5"}


def post(body, **headers):
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return HttpRequest("POST", "/", named, json.dumps(body).encode(), keep_alive=True)


def call(identifier, method="eth_chainId", params=()):
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": [*params]}


def answered(body, status=200, **headers):
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return HttpResponse(status, named, body, keep_alive=True)


def facts(method, result):
    answer = read_answer(json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode())
    return [(one.subject, one.value) for one in facts_in(method, answer)]


def test_the_trail_is_in_the_header_the_id_or_the_parameters():
    address = "0xba771e000001000000000007" + "0" * 16
    assert [one.request_id for one in calls_in(post(call(1), x_battle_request=b"w0-1"))] == ["w0-1"]
    batch = [call("w0-2"), call(5, "eth_getBalance", [address, "latest"]), call(6), {"nonsense": 1}]
    assert [(one.method, one.request_id) for one in calls_in(post(batch))] == [
        ("eth_chainId", "w0-2"),
        ("eth_getBalance", "w1-7"),
        ("eth_chainId", None),
        ("", None),
    ]
    assert [one.method for one in calls_in(HttpRequest("GET", "/", {}, b"", keep_alive=True))] == [""]


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}', ("ok", None)),
        (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"reverted"}}', ("ok", 3)),
        (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit"}}', ("error", -32005)),
        (429, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit"}}', ("error", -32005)),
        (503, b"come back later", ("error", None)),
        (200, b"<html>", ("error", None)),
    ],
)
def test_how_a_call_ended(status, body, outcome):
    (asked,) = calls_in(post(call(1)))
    ended = outcome_of(asked, status, answer_to(asked, answers_in(answered(body, status)), alone=True))
    assert (ended.outcome, ended.rpc_code) == outcome


def test_answers_to_a_batch_are_told_apart_by_their_ids_and_may_be_compressed():
    asked = calls_in(post([call("b"), call("a")]))
    body = gzip.compress(json.dumps([{"id": "a", "result": 1}, {"id": "b", "result": 2}]).encode())
    answers = answers_in(answered(body, content_encoding=b"gzip"))
    found = [answer_to(one, answers, alone=False) for one in asked]
    assert [answer and answer.result for answer in found] == [msgspec.Raw(b"2"), msgspec.Raw(b"1")]


def test_a_block_says_its_hash_its_parent_and_its_contents():
    said = dict(facts("eth_getBlockByNumber", BLOCK))
    assert (said["block 16"], said["block 15"]) == ("0xab", "0xaa")
    other = dict(facts("eth_getBlockByHash", {**BLOCK, "stateRoot": "0x2"}))
    assert said["contents of 0xab"] != other["contents of 0xab"]


def test_a_receipt_says_what_it_is_in_its_block():
    receipt = {"transactionHash": "0xT", "blockHash": "0xB", "status": "0x1", "gasUsed": "0x5208", "logs": []}
    ((subject, value),) = facts("eth_getTransactionReceipt", receipt)
    assert subject == "receipt of 0xt in 0xb"
    assert facts("eth_getTransactionReceipt", {**receipt, "status": "0x0"}) != [(subject, value)]
    assert facts("eth_getTransactionReceipt", {**receipt, "blockHash": "0xC"}) != [(subject, value)]


def test_null_and_other_methods_say_nothing():
    assert facts("eth_getBlockByNumber", None) == facts("eth_gasPrice", "0x1") == []


@given(
    st.sampled_from(["eth_getBlockByNumber", "eth_getTransactionReceipt", "eth_chainId"]),
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from([*BLOCK, "transactionHash", "blockHash", "logs"]), inner
        )
    ),
)  # fmt: skip
def test_what_is_not_of_its_shape_says_nothing_and_harms_nobody(method, result):
    facts(method, result)


@given(st.binary())
def test_any_body_can_pass(body):
    answers_in(answered(body))
    calls_in(HttpRequest("POST", "/", {}, body, keep_alive=True))
    outcome_of(PassedCall(None, "", None), 200, None)
