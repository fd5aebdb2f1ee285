"""What each method takes and gives, and how wrong parameters are refused."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.invented_transactions import TRANSFER
from battle.actors.chain.logs import MAX_LOG_BLOCKS
from battle.actors.chain.methods import METHODS
from battle.actors.wire.correlation import embedded
from battle.actors.wire.jsonrpc import (
    INVALID_PARAMS,
    LIMIT_EXCEEDED,
    METHOD_NOT_FOUND,
    SERVER_ERROR,
    RpcError,
)
from tests.actors.chain.chains import HASH, HEAD, MODEL, PERSON, ask, block

CALL = {"to": PERSON, "data": "0x01"}


def refusal(method, *params) -> int:
    with pytest.raises(RpcError) as caught:
        ask(method, *params)
    return caught.value.code


def test_what_never_changes():
    assert ask("eth_chainId") == "0x5"
    assert ask("net_version") == "5"
    assert ask("eth_syncing") is False
    assert ask("web3_clientVersion").startswith("Battle/")


@pytest.mark.parametrize(
    ("method", "params", "pattern"),
    [
        ("eth_gasPrice", [], r"0x[1-9a-f][0-9a-f]*"),
        ("eth_getBalance", [PERSON, "latest"], r"0x[1-9a-f][0-9a-f]*"),
        ("eth_getBalance", [PERSON], r"0x[1-9a-f][0-9a-f]*"),
        ("eth_getTransactionCount", [embedded(1, 2, 20), "pending"], r"0x[1-9a-f][0-9a-f]*"),
        ("eth_getTransactionCount", [PERSON, "latest"], r"0x0"),
        ("eth_getCode", [PERSON, "latest"], r"0x([0-9a-f]{2})+"),
        ("eth_getStorageAt", [PERSON, "0x0", "latest"], r"0x[0-9a-f]{64}"),
        ("eth_call", [CALL, "latest"], r"0x[0-9a-f]{64}"),
        ("eth_call", [{"from": PERSON, "input": "0x01"}, "latest", {}], r"0x[0-9a-f]{64}"),
        ("eth_estimateGas", [CALL], r"0x[1-9a-f][0-9a-f]*"),
    ],
)
def test_answers_have_the_shape_of_a_real_nodes(method, params, pattern):
    assert re.fullmatch(pattern, ask(method, *params))


def test_a_block_may_be_named_by_tag_number_or_object():
    by_number = ask("eth_getBalance", PERSON, hex(HEAD - 3))
    assert ask("eth_getBalance", PERSON, {"blockNumber": hex(HEAD - 3)}) == by_number
    assert ask("eth_getBalance", PERSON, {"blockHash": MODEL.block_hash(HEAD - 3)}) == by_number
    assert ask("eth_getBalance", PERSON, None) == ask("eth_getBalance", PERSON, "latest")


def test_the_case_of_an_address_does_not_matter():
    address = "0x" + "ab" * 20
    assert ask("eth_getBalance", "0x" + "AB" * 20, "latest") == ask("eth_getBalance", address, "latest")


def test_data_may_be_called_input():
    assert ask("eth_call", {"to": PERSON, "input": "0x01"}) == ask("eth_call", CALL)


def test_gas_grows_with_the_data():
    bare, some, more = (
        int(ask("eth_estimateGas", {"to": PERSON, **data}), 16)
        for data in ({}, {"data": "0x01"}, {"data": "0x0102"})
    )
    assert bare == 21_000 < some < more


def test_gas_is_enough_for_an_access_list_and_for_a_new_contract():
    access = [{"address": PERSON, "storageKeys": [HASH, HASH]}]
    assert ask("eth_estimateGas", {"to": PERSON, "accessList": access}) == hex(21_000 + 2_400 + 2 * 1_900)
    assert ask("eth_estimateGas", {"to": PERSON, "accessList": None}) == hex(21_000)
    assert int(ask("eth_estimateGas", {"data": "0x6001"}), 16) >= 53_000 + 2 * 16 + 2
    for wrong in (5, [PERSON], [{"address": PERSON}], [{"address": PERSON, "storageKeys": ["0x1"]}]):
        assert refusal("eth_estimateGas", {"to": PERSON, "accessList": wrong}) == INVALID_PARAMS


def test_a_fee_history_is_cut_to_what_there_is():
    assert len(ask("eth_feeHistory", "0xffff", "latest")["gasUsedRatio"]) == 128
    assert ask("eth_feeHistory", 10, "0x2")["oldestBlock"] == "0x0"
    assert "reward" not in ask("eth_feeHistory", 1, "latest", None)


# Logs


def logs(**wanted):
    return ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x80", **wanted})


EVERYTHING = logs()
SOME = EVERYTHING[3]
SHOUTED = "0x" + SOME["address"][2:].upper()
TO = SOME["topics"][2]


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({"address": SOME["address"]}, lambda log: log["address"] == SOME["address"]),
        ({"address": [SHOUTED, PERSON]}, lambda log: log["address"] == SOME["address"]),
        ({"address": []}, lambda log: True),
        ({"address": PERSON}, lambda log: False),
        ({"topics": []}, lambda log: True),
        ({"topics": [TRANSFER]}, lambda log: True),
        ({"topics": [HASH]}, lambda log: False),
        ({"topics": [None, SOME["topics"][1]]}, lambda log: log["topics"][1] == SOME["topics"][1]),
        ({"topics": [[HASH, TRANSFER], None, [TO, HASH]]}, lambda log: log["topics"][2] == TO),
        ({"topics": [None, None, None, None]}, lambda log: False),
    ],
)  # fmt: skip
def test_filters_choose_logs(wanted, fits):
    assert logs(**wanted) == [log for log in EVERYTHING if fits(log)]


def test_there_are_logs_to_choose_from():
    assert len(EVERYTHING) > 100
    assert len({log["address"] for log in EVERYTHING}) == 16


def test_the_logs_of_one_block_by_its_hash():
    height = int(SOME["blockNumber"], 16)
    expected = [log for log in EVERYTHING if log["blockNumber"] == hex(height)]
    assert ask("eth_getLogs", {"blockHash": SOME["blockHash"]}) == expected


def test_logs_are_asked_of_the_newest_block_by_default_and_never_of_the_future():
    expected = ask("eth_getLogs", {"blockHash": MODEL.block_hash(HEAD)})
    assert ask("eth_getLogs", {}) == expected
    assert ask("eth_getLogs", {"fromBlock": "latest", "toBlock": hex(HEAD + 5)}) == expected


def test_a_query_may_span_so_many_blocks_and_no_more():
    assert isinstance(logs(fromBlock="0x0", toBlock=hex(MAX_LOG_BLOCKS - 1)), list)
    assert refusal("eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(MAX_LOG_BLOCKS)}) == LIMIT_EXCEEDED


# Refusals


def test_an_unknown_method_is_not_found():
    assert refusal("eth_mine") == METHOD_NOT_FOUND
    assert refusal("") == METHOD_NOT_FOUND


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_blockNumber", [1]),
        ("eth_getBalance", []),
        ("eth_getBalance", [PERSON[:-1], "latest"]),
        ("eth_getBalance", [1, "latest"]),
        ("eth_getBalance", [PERSON, "newest"]),
        ("eth_getBalance", [PERSON, 5]),
        ("eth_getBalance", [PERSON, "latest", 1]),
        ("eth_getBalance", [PERSON, {}]),
        ("eth_getBalance", [PERSON, {"blockHash": "0x12"}]),
        ("eth_getCode", ["0x", "latest"]),
        ("eth_getTransactionCount", [None]),
        ("eth_getStorageAt", [PERSON]),
        ("eth_getStorageAt", [PERSON, "zero", "latest"]),
        ("eth_call", []),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x1"}, "latest"]),
        ("eth_call", [{"to": PERSON, "data": "0x1"}, "latest"]),
        ("eth_estimateGas", [{"to": PERSON, "data": 1}]),
        ("eth_feeHistory", [1]),
        ("eth_feeHistory", [0, "latest"]),
        ("eth_feeHistory", [True, "latest"]),
        ("eth_feeHistory", [1, "latest", [50, 25]]),
        ("eth_feeHistory", [1, "latest", ["50"]]),
        ("eth_feeHistory", [1, "latest", [101]]),
        ("eth_getBlockByNumber", ["latest"]),
        ("eth_getBlockByNumber", ["latest", "true"]),
        ("eth_getBlockByNumber", [5, True]),
        ("eth_getBlockByNumber", ["0x", True]),
        ("eth_getBlockByHash", [HASH[:-1], True]),
        ("eth_getTransactionByHash", []),
        ("eth_getTransactionReceipt", [PERSON]),
        ("eth_getLogs", []),
        ("eth_getLogs", ["latest"]),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}]),
        ("eth_getLogs", [{"blockHash": HASH, "fromBlock": "0x1"}]),
        ("eth_getLogs", [{"address": "0x12"}]),
        ("eth_getLogs", [{"topics": [TRANSFER] * 5}]),
        ("eth_getLogs", [{"topics": TRANSFER}]),
        ("eth_getLogs", [{"topics": [["0x12"]]}]),
        ("eth_sendRawTransaction", ["raw"]),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(method, params):
    assert refusal(method, *params) == INVALID_PARAMS


@pytest.mark.parametrize("method", METHODS)
def test_parameters_by_name_are_refused(method):
    with pytest.raises(RpcError) as caught:
        MODEL.answer(method, {"a": 1}, HEAD)
    assert caught.value.code == INVALID_PARAMS


def test_state_that_is_not_known_is_a_servers_error():
    assert refusal("eth_getBalance", PERSON, hex(HEAD + 1)) == SERVER_ERROR
    assert refusal("eth_call", CALL, {"blockHash": HASH}) == SERVER_ERROR
    assert refusal("eth_getLogs", {"blockHash": HASH}) == SERVER_ERROR


def test_fees_of_a_block_that_is_not_known_yet_are_a_servers_error_with_geths_words():
    with pytest.raises(
        RpcError, match=f"^request beyond head block: requested {HEAD + 1}, head {HEAD}$"
    ) as caught:
        ask("eth_feeHistory", 1, hex(HEAD + 1))
    assert caught.value.code == SERVER_ERROR


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([PERSON, HASH, "latest", "0x1", hex(2**64 - 1), "blockHash", "fromBlock", "topics"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["to", "data", "blockHash", "blockNumber", "fromBlock", "toBlock", "address", "topics"]),
        inner,
        max_size=4,
    ),
    max_leaves=6,
)  # fmt: skip


@given(st.sampled_from(sorted(METHODS)), st.lists(anything, max_size=4))
def test_any_parameters_get_an_answer_or_a_refusal(method, params):
    try:
        outcome: Any = [ask(method, *params)]
    except RpcError as error:
        outcome = error.code
    assert isinstance(outcome, list) or outcome in {INVALID_PARAMS, SERVER_ERROR, LIMIT_EXCEEDED}


def test_the_chain_has_a_block_with_everything():
    assert any(one["input"] != "0x" for one in block(5)["transactions"] + block(6)["transactions"])
