"""The words of subscriptions: topics in whatever spelling, nonsense from providers, answers to fills."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.subscriptions import backfill_codec, codec
from battle.actors.gateway.subscriptions import key as topics
from battle.actors.gateway.subscriptions.codec import Answered, Notification
from battle.actors.gateway.subscriptions.continuity import (
    Backfill,
    ChainHead,
    EthLog,
    PendingTransaction,
)
from battle.actors.gateway.subscriptions.key import HEADS, SubscriptionKey, read_key
from battle.actors.wire.jsonrpc import RpcError
from battle.actors.wire.untrusted_json import Unreadable

A, B = "0x" + "aa" * 20, "0x" + "bb" * 20
T, U = "0x" + "11" * 32, "0x" + "22" * 32
HASH = "0x" + "01" * 32
HEAD = {"number": "0x10", "hash": HASH, "parentHash": T, "miner": A}
LOG = {"blockNumber": "0x10", "blockHash": HASH, "logIndex": "0x2", "address": A}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, None),
        ({}, {"address": [], "topics": []}),
        ({}, {"fromBlock": "0x1", "toBlock": "latest"}),
        ({"address": A}, {"address": [A.upper().replace("0X", "0x"), A]}),
        ({"address": [A, B]}, {"address": [B, A]}),
        ({"topics": [T]}, {"topics": [[T, T]]}),
        ({"topics": [[T, U]]}, {"topics": [[U, T]]}),
        ({"topics": [None, T]}, {"topics": [[], T]}),
        ({"topics": [None, T]}, {"topics": [[U, None], T]}),
    ],
)
def test_filters_that_mean_the_same_are_one_topic(one, other):
    assert read_key(["logs", one]) == read_key(["logs", other])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"topics": [None]}),
        ({"topics": [T]}, {"topics": [None, T]}),
        ({"topics": [T]}, {"topics": [T, None]}),
        ({"address": A}, {"address": B}),
    ],
)
def test_filters_that_mean_different_things_are_not(one, other):
    assert read_key(["logs", one]) != read_key(["logs", other])


def test_a_filter_has_so_many_alternatives_and_no_more():
    many = [f"0x{number:040x}" for number in range(topics.MAX_CHOICES + 1)]
    read_key(["logs", {"address": many[1:]}])
    with pytest.raises(RpcError):
        read_key(["logs", {"address": many}])


json_st = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([A, T, "newHeads", "logs"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["address", "topics", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.lists(json_st, max_size=3) | st.dictionaries(st.text(max_size=3), json_st, max_size=2))
def test_any_parameters_are_a_topic_or_refused(params):
    with suppress(RpcError):
        topic = read_key(params)
        assert read_key(msgspec.json.decode(msgspec.json.encode(topic.params))) == topic


def encoded(value):
    return msgspec.json.encode(value)


def test_what_providers_say():
    said = {
        "jsonrpc": "2.0",
        "method": "eth_subscription",
        "params": {"subscription": "s", "result": {"a": [1]}},
    }
    assert codec.read_message(encoded(said)) == Notification("s", '{"a":[1]}')
    answered = codec.read_message(encoded({"id": 3, "result": None}))
    assert isinstance(answered, Answered)
    assert (answered.call_id, answered.result, answered.error) == (3, b"null", None)
    refused = codec.read_message(encoded({"id": 3, "error": {"code": -1, "message": "no"}}))
    assert isinstance(refused, Answered)
    assert refused.error is not None
    assert codec.read_message(encoded({"id": None, "error": {"code": -1, "message": "no"}})) is None


@given(st.binary(max_size=60) | json_st.map(encoded))
def test_anything_else_is_unreadable_and_nothing_worse(text):
    for read in (codec.read_message, backfill_codec.read_height, backfill_codec.read_logs):
        with suppress(Unreadable):
            read(text)
    for kind in ("newHeads", "logs", "newPendingTransactions"):
        with suppress(Unreadable):
            codec.read_item(kind, text.decode(errors="replace"))
    with suppress(Unreadable):
        backfill_codec.read_blocks(text, Backfill(1, 5, 9, 1, "a"))


def test_items_keep_the_providers_own_text():
    text = encoded(HEAD).decode()
    assert codec.read_item("newHeads", text) == ChainHead(16, HASH, T, text)
    text = encoded(LOG | {"removed": True}).decode()
    assert codec.read_item("logs", text) == EthLog(16, HASH, 2, True, text)
    assert codec.read_item("newPendingTransactions", f'"{T}"') == PendingTransaction(T, f'"{T}"')


@pytest.mark.parametrize("number", ["16", "0x", "-0x1", "0x" + "f" * 17, "0x1_0", " 0x1"])
def test_a_height_that_is_no_quantity_is_unreadable(number):
    with pytest.raises(Unreadable):
        codec.read_item("newHeads", encoded(HEAD | {"number": number}).decode())


FILL = Backfill(1, 5, 7, 1, "a")


def block(number, **more):
    return HEAD | {"number": hex(number), "transactions": [], "size": "0x1", "uncles": []} | more


def answers(*results):
    return encoded([{"id": height, "result": result} for height, result in results])


def test_a_fill_of_heads_asks_for_each_height_and_reads_them_in_any_order():
    asked = msgspec.json.decode(backfill_codec.blocks_call(FILL))
    assert [(it["id"], it["params"]) for it in asked] == [(n, [hex(n), False]) for n in (5, 6, 7)]
    heads, up_to = backfill_codec.read_blocks(answers((7, block(7)), (5, block(5)), (6, block(6))), FILL)
    assert ([it.number for it in heads], up_to) == ([5, 6, 7], 7)
    assert msgspec.json.decode(heads[0].payload) == HEAD | {"number": "0x5"}


def test_a_fill_ends_before_the_first_block_that_is_not_there():
    heads, up_to = backfill_codec.read_blocks(answers((5, block(5)), (6, None), (7, block(7))), FILL)
    assert ([it.number for it in heads], up_to) == ([5], 5)
    assert backfill_codec.read_blocks(answers((5, None)), FILL) == ((), 4)


def test_another_block_than_asked_for_spoils_a_fill():
    with pytest.raises(Unreadable):
        backfill_codec.read_blocks(answers((5, block(6))), FILL)


def test_a_fill_of_logs_asks_with_the_subscriptions_filter():
    topic = read_key(["logs", {"address": A, "topics": [T]}])
    asked = msgspec.json.decode(backfill_codec.logs_call(topic, 5, 7))
    wanted = {"address": [A], "topics": [[T]], "fromBlock": "0x5", "toBlock": "0x7"}
    assert (asked["method"], asked["params"]) == ("eth_getLogs", [wanted])
    [log] = backfill_codec.read_logs(encoded({"id": 0, "result": [LOG]}))
    assert (log.number, log.index, log.removed) == (16, 2, False)


@pytest.mark.parametrize("said", [{"error": {"code": -1}}, {"result": None}, {"result": [{}]}, {}])
def test_no_logs_are_not_the_same_as_none(said):
    with pytest.raises(Unreadable):
        backfill_codec.read_logs(encoded({"id": 0} | said))


def test_what_is_asked_of_a_provider():
    assert msgspec.json.decode(codec.subscribe_call(4, HEADS))["params"] == ["newHeads"]
    assert SubscriptionKey("newPendingTransactions").params == ["newPendingTransactions"]
    assert msgspec.json.decode(codec.unsubscribe_call(5, "s"))["params"] == ["s"]
