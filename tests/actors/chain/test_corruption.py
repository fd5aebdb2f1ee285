"""False answers look like right ones, and the judge is never taken in."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.corruption import corrupted, missing
from battle.actors.chain.generated_params import params_for
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.rng import Draws
from battle.actors.wire.jsonrpc import RpcError
from tests.actors.chain.chains import CHAIN, HASH, HEAD, PERSON, as_json, ask, judge

MODEL = ChainModel(CHAIN)
"""One of its own: it knows all branches that were ever begun on it."""

DRAWS = Draws(3, "falsehoods")

methods = st.sampled_from(sorted(METHODS))
numbers = st.integers(0, 2**40)


def shape(value):
    """What a client can check without knowing the answer. Quantities may have any length."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    if isinstance(value, str) and value.startswith("0x"):
        int(value[2:] or "0", 16)
        return len(value) if len(value) >= 42 else "quantity"
    return type(value)


@pytest.mark.parametrize("method", sorted(METHODS))
@given(number=numbers, age=st.integers(0, 300), fork=st.none() | st.integers(HEAD - 12, HEAD))
def test_a_falsehood_is_wrong_whatever_the_right_answer(method, number, age, fork):
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    model = MODEL if fork is None else MODEL.branched(fork)
    try:
        right = ask(method, *params, head=HEAD - age, model=model)
    except RpcError:
        return  # of something that was not there yet
    if right is None or (right == [] and method != "eth_getLogs"):
        assert corrupted(method, right) == right
        return
    false = corrupted(method, right)
    assert judge(MODEL, method, params, as_json(false), HEAD, HEAD + 3) == "wrong"
    if right != []:
        assert shape(false) == shape(right)
        assert corrupted(method, right) == false
    assert right == ask(method, *params, head=HEAD - age, model=model), "shared data was changed"


@pytest.mark.parametrize("address", [PERSON, MODEL.block_at(5).header["miner"]])
def test_false_code_is_wrong_also_where_there_is_none(address):
    people = [one["from"] for one in MODEL.block_at(5).transactions + MODEL.block_at(6).transactions]
    for asked in (address, *people):
        right = ask("eth_getCode", asked, "latest")
        false = corrupted("eth_getCode", right)
        assert judge(MODEL, "eth_getCode", [asked, "latest"], as_json(false), HEAD, HEAD) == "wrong"
    assert corrupted("eth_getCode", "0x") == "0x00"


def test_no_logs_become_an_invented_one():
    wanted = [{"address": PERSON}]
    false = corrupted("eth_getLogs", [])
    assert judge(MODEL, "eth_getLogs", wanted, as_json(false), HEAD, HEAD) == "wrong"
    real = ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x9"})[0]
    assert false[0].keys() == real.keys()


def test_a_false_receipt_turns_success_into_failure():
    height = next(height for height in range(1, HEAD) if MODEL.block_at(height).receipts)
    receipt = MODEL.block_at(height).receipts[0]
    assert corrupted("eth_getTransactionReceipt", receipt) == {**receipt, "status": "0x0"}


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3) | st.just("status"), inner, max_size=3),
))  # fmt: skip
def test_any_canned_result_can_be_told_falsely(result):
    false = corrupted("custom", result)
    msgspec.json.encode(false)
    if isinstance(result, bool | str):
        assert false != result


@pytest.mark.parametrize("result", [None, [], {}, [[]]])
def test_of_nothing_there_is_no_falsehood(result):
    assert corrupted("eth_getBlockByNumber", result) == result


# What is missing


@given(methods, numbers)
def test_what_is_missing_is_null_or_empty_and_nothing_else_is(method, number):
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    right = ask(method, *params)
    lost = missing(method, right)
    if method in ("eth_getLogs", "trace_filter"):
        assert lost == []
    elif method.startswith(("eth_getBlock", "eth_getTransactionBy", "eth_getTransactionR", "trace_")):
        assert lost is None
    else:
        assert lost == right


def test_what_never_was_is_missing_anyway():
    assert missing("eth_getBlockByHash", ask("eth_getBlockByHash", HASH, False)) is None
