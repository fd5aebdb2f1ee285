"""JSON-RPC 2.0: ids survive byte for byte, and what is no call is refused with the right code."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.wire.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    Call,
    Invalid,
    RpcError,
    encode_call,
    encode_error,
    encode_result,
    read_answer,
    read_answers,
    read_calls,
)
from battle.actors.wire.untrusted_json import Unreadable

IDS = ["1", "-7", "0", "1.0", "1e5", "12345678901234567890123", '"x"', '""', '"\\u00e9\\"é"', "null"]


def batch(body: bytes) -> list[Call | Invalid]:
    items = read_calls(body)
    assert isinstance(items, list)
    return items


def call_text(call_id: str) -> bytes:
    return b'{"jsonrpc":"2.0","id": %b ,"method":"m","params":[1]}' % call_id.encode()


@pytest.mark.parametrize("call_id", IDS)
def test_an_id_comes_back_as_the_bytes_that_were_sent(call_id):
    call = read_calls(call_text(call_id))
    assert isinstance(call, Call)
    assert not call.is_notification
    assert isinstance(call.id, msgspec.Raw)
    assert bytes(call.id) == call_id.encode()
    assert encode_result(call.id, 1) == b'{"jsonrpc":"2.0","id":%b,"result":1}' % call_id.encode()
    (in_batch,) = batch(b"[%b]" % call_text(call_id))
    assert isinstance(in_batch.id, msgspec.Raw)
    assert bytes(in_batch.id) == call_id.encode()


def test_a_call_is_read():
    call = read_calls(b' {"method":"eth_call","extra":1,"jsonrpc":"2.0","id":3,"params":{"a":[1]}}')
    assert (call.method, call.params) == ("eth_call", {"a": [1]})


def test_parameters_may_be_left_out_and_so_may_the_id():
    call = read_calls(b'{"jsonrpc":"2.0","method":"m"}')
    assert call.params == []
    assert call.is_notification


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b'{"jsonrpc":"2.0","id":1,"method":"m"',
        b"[",
        b'[{"jsonrpc":"2.0","method":"m","id":1},',
        b"\xff\xfe",
        b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_json_is_a_parse_error_with_id_null(body):
    item = read_calls(body)
    assert isinstance(item, Invalid)
    assert (item.error.code, bytes(item.id)) == (PARSE_ERROR, b"null")


@pytest.mark.parametrize(
    ("body", "call_id"),
    [
        (b"1", b"null"),
        (b'"foo"', b"null"),
        (b"null", b"null"),
        (b"{}", b"null"),
        (b'{"jsonrpc":"2.0","id":5}', b"5"),
        (b'{"jsonrpc":"1.0","method":"m","id":"a"}', b'"a"'),
        (b'{"method":"m","id":7}', b"7"),
        (b'{"jsonrpc":"2.0","method":1,"id":8}', b"8"),
        (b'{"jsonrpc":"2.0","method":"m","params":"bar","id":9}', b"9"),
        (b'{"jsonrpc":"2.0","method":"m","params":null,"id":9}', b"9"),
        (b'{"jsonrpc":"2.0","method":"m","id":true}', b"null"),
        (b'{"jsonrpc":"2.0","method":"m","id":[1]}', b"null"),
        (b'{"jsonrpc":"2.0","method":"m","id":{}}', b"null"),
    ],
)
def test_json_that_is_no_call_is_an_invalid_request_that_keeps_its_id(body, call_id):
    for item in (read_calls(body), batch(b"[%b]" % body)[0]):
        assert isinstance(item, Invalid)
        assert (item.error.code, bytes(item.id)) == (INVALID_REQUEST, call_id)


def test_an_empty_batch_is_one_invalid_request():
    item = read_calls(b" [ ] ")
    assert isinstance(item, Invalid)
    assert item.error.code == INVALID_REQUEST


def test_a_batch_keeps_order_and_tells_good_from_bad():
    items = batch(b'[{"jsonrpc":"2.0","method":"a","id":1},1,{"jsonrpc":"2.0","method":"b"}]')
    assert [type(item) for item in items] == [Call, Invalid, Call]
    assert [item.is_notification for item in (items[0], items[2])] == [False, True]


@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_any_body_is_read_as_something(body):
    items = read_calls(body)
    for item in items if isinstance(items, list) else [items]:
        assert isinstance(item, Call | Invalid)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), st.lists(json_values, max_size=3), st.integers(-(2**63), 2**63) | st.text())
def test_an_encoded_call_is_read_back(method, params, call_id):
    call = read_calls(encode_call(method, params, call_id))
    assert isinstance(call, Call)
    assert isinstance(call.id, msgspec.Raw)
    assert (call.method, call.params, msgspec.json.decode(call.id)) == (method, params, call_id)


@given(json_values)
def test_an_encoded_result_is_read_back(result):
    answer = read_answer(encode_result(msgspec.Raw(b"1"), result))
    assert answer.error is None
    assert isinstance(answer.result, msgspec.Raw)
    assert msgspec.json.decode(answer.result) == result


def test_an_error_is_read_back_with_its_data():
    text = encode_error(msgspec.Raw(b'"a"'), RpcError(-32000, "bad", {"why": 1}))
    answer = read_answer(text)
    assert (answer.error.code, answer.error.message, answer.error.data) == (-32000, "bad", {"why": 1})
    assert answer.result is msgspec.UNSET
    assert bytes(answer.id) == b'"a"'
    assert b"data" not in encode_error(msgspec.Raw(b"1"), RpcError(-32000, "bad"))


def test_a_null_result_is_a_result():
    result = read_answer(b'{"jsonrpc":"2.0","id":1,"result":null}').result
    assert isinstance(result, msgspec.Raw)
    assert bytes(result) == b"null"


def test_the_answers_to_a_batch_are_read_in_order():
    answers = read_answers(b'[{"id":2,"result":"b"},{"id":1,"error":{"code":-1,"message":"x"}}]')
    assert [bytes(answer.id) for answer in answers] == [b"2", b"1"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id":1,"error":"text"}', b'{"id":1,"error":{}}'])
def test_what_is_no_answer_is_an_error(body):
    with pytest.raises(Unreadable):
        read_answer(body)
