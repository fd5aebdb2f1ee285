import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.wire.jsonrpc import RpcResponse
from battle.actors.workload.ws.messages import (
    TEXT_CHARACTERS,
    Notification,
    Unrecognised,
    excerpt,
    granted,
    id_within,
    is_yes,
    read_message,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "method", "params", "result", "error", "subscription"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(JSON.map(msgspec.json.encode) | st.text().map(str.encode) | st.binary())
def test_any_text_is_one_of_three(text):
    message = read_message(text)
    if isinstance(message, RpcResponse):
        granted(message)
        is_yes(message)
    elif isinstance(message, Unrecognised):
        assert len(message.text) <= TEXT_CHARACTERS
    id_within(text)


@given(st.text(max_size=20), JSON)
def test_news_are_read(name, result):
    params = {"subscription": name, "result": result}
    text = msgspec.json.encode({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
    message = read_message(text)
    assert isinstance(message, Notification)
    assert (message.subscription, msgspec.json.decode(message.result)) == (name, result)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id":1}',
        b'{"method":"eth_subscription"}',
        b'{"method":"eth_subscription","params":{"subscription":"0x1"}}',
        b'{"method":"eth_subscription","params":{"subscription":1,"result":1}}',
        b'{"method":"other","params":{"subscription":"0x1","result":1}}',
        b"[" * 100_000,
    ],
)
def test_what_is_neither_news_nor_an_answer(text):
    assert isinstance(read_message(text), Unrecognised)


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        (b'{"id":1,"result":"0x1"}', "0x1", None),
        (b'{"id":1,"result":1}', "", "the answer is no subscription's id"),
        (b'{"id":1,"result":""}', "", "the answer is no subscription's id"),
        (b'{"id":1,"result":"%b"}' % (b"x" * 101), "", "the answer is no subscription's id"),
        (b'{"id":1,"error":{"code":-32601,"message":"no"}}', "", "-32601: no"),
    ],
)
def test_a_subscription_is_granted_by_its_id(text, name, problem):
    message = read_message(text)
    assert isinstance(message, RpcResponse)
    assert granted(message) == (name, problem)


def test_a_spoiled_answer_may_still_tell_whose_it_is():
    assert id_within(b'{"jsonrpc":"2.0","id":"w0-17","resu') == b'"w0-17"'
    assert id_within(b'{"jsonrpc":"2.0","id":17,"resu') is None
    assert id_within(b"<html>") is None


def test_the_log_keeps_little_of_a_long_text():
    assert excerpt(b"x" * 10**6) == "x" * TEXT_CHARACTERS
    assert excerpt("é".encode() * 10**3) == "é" * TEXT_CHARACTERS
    assert excerpt(b"") == ""
