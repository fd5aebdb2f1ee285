"""The judge says right to the chain's own answers, and stale or wrong to all others."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.generated_params import params_for
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.chain.oracle import STALE_BLOCKS, Judged, asks_for_newest
from battle.actors.chain.oracle import judge as whole_judge
from battle.actors.rng import Draws
from battle.actors.spec.chain import Chain
from battle.actors.wire.jsonrpc import ErrorObject, RpcError
from tests.actors.chain.chains import MODEL, PERSON, as_json, ask, judge

DRAWS = Draws(3, "judge")
HEAD = 2000

AGEING = [
    "eth_blockNumber",
    "eth_call",
    "eth_feeHistory",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getStorageAt",
    "eth_getTransactionCount",
]

SEND = "eth_sendRawTransaction"

methods = st.sampled_from(sorted(METHODS))
numbers = st.integers(0, 2**40)


def judged(method, params, head_of_answer, head_from=HEAD, head_to=HEAD, model=MODEL, **more):
    text = as_json(model.answer(method, params, head_of_answer))
    return judge(MODEL, method, params, text, head_from, head_to, **more)


@given(methods, numbers, st.integers(0, 5), st.data())
def test_an_answer_for_any_head_of_the_requests_time_is_right(method, number, heads, data):
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    head = data.draw(st.integers(HEAD, HEAD + heads))
    assert judged(method, params, head, HEAD, HEAD + heads) == "right"


@given(st.sampled_from(AGEING), numbers, st.integers(1, STALE_BLOCKS))
def test_an_answer_for_an_older_head_is_stale(method, number, age):
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    assert judged(method, params, HEAD - age) == "stale"


@given(st.sampled_from(AGEING), numbers, st.integers(1, 500))
def test_an_answer_too_old_or_from_the_future_is_wrong(method, number, far):
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    assert judged(method, params, HEAD - STALE_BLOCKS - far) == "wrong"
    assert judged(method, params, HEAD + far) == "wrong"


@given(st.sampled_from(["latest", "safe", "finalized"]), st.integers(1, STALE_BLOCKS), st.booleans())
def test_blocks_by_tag_go_stale(tag, age, full):
    assert judged("eth_getBlockByNumber", [tag, full], HEAD - age) == "stale"
    assert judged("eth_getBalance", [PERSON, tag], HEAD - age) == "stale"


def test_a_block_its_provider_does_not_know_yet_is_stale_and_one_it_must_know_is_wrong():
    assert judged("eth_getBlockByNumber", [hex(HEAD - 2), False], HEAD - 3) == "stale"
    assert judge(MODEL, "eth_getBlockByNumber", ["0x5", False], b"null", HEAD, HEAD) == "wrong"


def test_logs_that_end_too_early_are_stale_and_logs_that_miss_one_are_wrong():
    wanted = [{"fromBlock": hex(HEAD - 50), "toBlock": "latest"}]
    whole = ask("eth_getLogs", *wanted, head=HEAD)
    assert judged("eth_getLogs", wanted, HEAD - 10) == "stale"
    assert judge(MODEL, "eth_getLogs", wanted, as_json(whole[:5] + whole[6:]), HEAD, HEAD) == "wrong"
    assert judge(MODEL, "eth_getLogs", wanted, b"[]", HEAD, HEAD) == "wrong"


def test_no_logs_of_a_newer_block_are_stale():
    newest = next(height for height in range(HEAD, 0, -1) if ask("eth_getLogs", {}, head=height))
    quiet = [{"fromBlock": hex(newest), "toBlock": "latest"}]
    assert judge(MODEL, "eth_getLogs", quiet, b"[]", newest, newest) == "wrong"
    empty = next(height for height in range(newest, 0, -1) if not ask("eth_getLogs", {}, head=height))
    busy = next(height for height in range(empty, HEAD) if ask("eth_getLogs", {}, head=height))
    assert judge(MODEL, "eth_getLogs", [{}], b"[]", busy, busy) == "stale"


SAME_ON_ALL_CHAINS = {
    "eth_accounts",
    "eth_blobBaseFee",
    "eth_createAccessList",
    "eth_blockNumber",
    "eth_estimateGas",
    "eth_getUncleCountByBlockNumber",
    "eth_maxPriorityFeePerGas",
    "eth_syncing",
    "net_listening",
    "net_peerCount",
    "web3_clientVersion",
    "web3_sha3",
}

MAY_FIND_NOTHING = {
    "eth_getBlockByHash",
    "eth_getBlockTransactionCountByHash",
    "eth_getLogs",
    "eth_getTransactionByBlockHashAndIndex",
    "eth_getTransactionByHash",
    "eth_getTransactionReceipt",
    "eth_getUncleCountByBlockHash",
    "trace_transaction",
}
"""About recent blocks, to which nothing is also what a provider says that does not know them yet."""


MAY_COINCIDE = {
    "debug_traceBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getBlockTransactionCountByNumber",
    "eth_getTransactionByBlockNumberAndIndex",
    "trace_block",
}
"""About blocks, which on both chains may have as many transactions."""

FINDS_OR_FAILS = {"debug_traceBlockByHash", "debug_traceTransaction"}
"""Another chain answers these with an error."""


def test_another_chain_takes_no_transaction_of_this_one():
    other = ChainModel(Chain(seed=99, chain_id=6, start_height=1000))
    with pytest.raises(RpcError, match="invalid chain id for signer: have 5 want 6"):
        other.answer(SEND, params_for(MODEL, SEND, 1, 1, HEAD, DRAWS), HEAD)


@pytest.mark.parametrize("method", sorted(METHODS.keys() - {SEND} - FINDS_OR_FAILS))
def test_the_answer_of_another_chain_is_wrong_where_chains_differ(method):
    other = ChainModel(Chain(seed=99, chain_id=6, start_height=1000))
    found = [
        judged(method, params_for(MODEL, method, 1, number, HEAD, DRAWS), HEAD, model=other)
        for number in range(20)
    ]
    if method in SAME_ON_ALL_CHAINS:
        assert set(found) == {"right"}
    elif method in MAY_FIND_NOTHING:
        assert set(found) == {"stale"}
    elif method in MAY_COINCIDE:
        assert "wrong" in found
    else:
        assert set(found) == {"wrong"}


@given(
    methods,
    numbers,
    st.binary(max_size=20) | st.sampled_from([b"null", b"true", b"[]", b"{}", b'"0x"', b"1"]),
)
def test_garbage_is_wrong_and_never_an_error(method, number, text):
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    right = text == as_json(MODEL.answer(method, params, HEAD))
    assert right or judge(MODEL, method, params, text, HEAD, HEAD) in {"wrong", "stale"}


@pytest.mark.parametrize("method", ["eth_getBalance", "eth_call", "eth_getTransactionReceipt"])
def test_the_answer_to_another_question_is_wrong(method):
    mine, others = (params_for(MODEL, method, 1, number, HEAD, DRAWS) for number in (1, 2))
    text = as_json(ask(method, *others, head=HEAD))
    assert judge(MODEL, method, mine, text, HEAD, HEAD) == "wrong"


def test_white_space_and_order_do_not_matter():
    block = ask("eth_getBlockByNumber", "latest", True, head=HEAD)
    turned = msgspec.json.format(as_json(dict(reversed(block.items()))), indent=2)
    assert judge(MODEL, "eth_getBlockByNumber", ["latest", True], turned, HEAD, HEAD) == "right"


def test_raw_json_is_taken_as_it_is_read_from_an_answer():
    assert judge(MODEL, "eth_blockNumber", [], msgspec.Raw(b'"0x7d0"'), HEAD, HEAD) == "right"


def test_canned_results_are_right_beside_the_chains_own():
    canned = [{"custom": [1]}, True]
    for text in (b'{"custom":[1]}', b' {"custom": [ 1.0 ]}', b"true", b'"0x7d0"'):
        assert judge(MODEL, "eth_blockNumber", [], text, HEAD, HEAD, canned) == "right"
    for text in (b'{"custom":[2]}', b"1", b"false"):
        assert judge(MODEL, "eth_blockNumber", [], text, HEAD, HEAD, canned) == "wrong"


def test_a_result_where_the_chain_has_none_is_wrong_unless_it_is_canned():
    # A gateway may know methods that no provider knows, but nobody knows what null would answer.
    assert judge(MODEL, "eth_mine", [], b"true", HEAD, HEAD) == "none"
    assert judge(MODEL, "eth_mine", [], b"null", HEAD, HEAD) == "wrong"
    assert judge(MODEL, "eth_mine", [], b"true", HEAD, HEAD, [True]) == "right"
    assert judge(MODEL, "eth_getBalance", ["0x12"], b'"0x1"', HEAD, HEAD) == "wrong"


def test_a_young_chain_has_no_heads_below_zero():
    assert judge(MODEL, "eth_blockNumber", [], b'"0x1"', 3, 3) == "stale"
    assert judge(MODEL, "eth_getBlockByNumber", ["0x3", False], b"null", 3, 3) == "stale"


# How old an answer is


@given(st.sampled_from(sorted(set(AGEING) - {"eth_gasPrice"})), numbers, st.integers(1, STALE_BLOCKS))
def test_a_stale_answer_says_at_which_head_it_held_and_how_far_behind_that_is(method, number, age):
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    text = as_json(MODEL.answer(method, params, HEAD - age))
    assert whole_judge(MODEL, method, params, text, HEAD, HEAD + 1) == Judged("stale", HEAD - age, age)


@given(st.sampled_from(AGEING), numbers, st.integers(0, 3))
def test_a_right_answer_about_the_newest_block_says_its_height_and_any_other_none(method, number, later):
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    text = as_json(MODEL.answer(method, params, HEAD + later))
    found = whole_judge(MODEL, method, params, text, HEAD, HEAD + 3)
    assert found.height == (HEAD + later if method != "eth_gasPrice" else None)
    assert not asks_for_newest("eth_getBalance", [PERSON, hex(HEAD)])
    assert asks_for_newest("eth_getBalance", [PERSON])


@given(st.integers(1, STALE_BLOCKS - 1), st.integers(0, 100))
def test_what_was_not_there_yet_is_as_old_as_the_newest_head_that_did_not_have_it(age, deeper):
    """Its provider may be further behind; nobody can see that in its answer."""
    asked = [hex(HEAD - age + 1), False]
    assert whole_judge(MODEL, "eth_getBlockByNumber", asked, b"null", HEAD, HEAD) == Judged(
        "stale", None, age
    )
    state = [PERSON, hex(HEAD - age + 1)]
    lagging = ErrorObject(-32000, "header not found")
    assert whole_judge(MODEL, "eth_getBalance", state, lagging, HEAD, HEAD) == Judged("stale", None, age)


# Errors that are right answers

REVERT = "0x08c379a0" + "20".rjust(64, "0") + "06".rjust(64, "0") + b"paused".hex().ljust(64, "0")
ERRORS = [
    ("eth_getLogs", [{"fromBlock": hex(HEAD), "toBlock": hex(HEAD - 1)}], -32602),
    ("eth_getLogs", [{"fromBlock": hex(HEAD - 1500), "toBlock": hex(HEAD)}], -32005),
    ("eth_getBalance", ["0x12", "latest"], -32602),
    ("eth_getBalance", [PERSON, hex(HEAD + 50)], -32000),
    ("eth_call", [{"to": PERSON, "data": REVERT}, "latest"], 3),
    ("eth_estimateGas", [{"to": PERSON, "data": REVERT}], 3),
    ("eth_mine", [], -32601),
]


def answered(method, params):
    """The error that the chain answers, as a client reads it."""
    with pytest.raises(RpcError) as raised:
        MODEL.answer(method, params, HEAD)
    return ErrorObject(raised.value.code, raised.value.message, raised.value.data)


@pytest.mark.parametrize(("method", "params", "code"), ERRORS)
def test_the_error_that_the_chain_answers_is_right_and_any_other_answer_is_not(method, params, code):
    right = answered(method, params)
    assert right.code == code
    assert whole_judge(MODEL, method, params, right, HEAD, HEAD) == Judged("right", error_code=code)
    loud = ErrorObject(code, f"upstream 7 said:  {right.message.upper()} (request 12)", right.data)
    assert judge(MODEL, method, params, loud, HEAD, HEAD) == "right"
    other = ErrorObject(code + 7 if code > 0 else code - 1000, right.message, right.data)
    assert whole_judge(MODEL, method, params, other, HEAD, HEAD) == Judged("wrong", error_code=code)
    hidden = [b"null"] if method == "eth_mine" else [b"null", b'"0x"', b"[]"]
    for text in hidden:
        assert whole_judge(MODEL, method, params, text, HEAD, HEAD) == Judged("wrong", error_code=code)
    broken = ErrorObject(-32603, "Internal error")
    assert whole_judge(MODEL, method, params, broken, HEAD, HEAD) == Judged("none", error_code=code)


def test_a_revert_has_its_reason_and_its_data():
    method, params = "eth_call", [{"to": PERSON, "data": REVERT}, "latest"]
    right = answered(method, params)
    assert right == ErrorObject(3, "execution reverted: paused", REVERT)
    for data in (None, "0x", REVERT[:-2]):
        lost = ErrorObject(3, right.message, data)
        assert judge(MODEL, method, params, lost, HEAD, HEAD) == "wrong"
    assert judge(MODEL, method, params, ErrorObject(-32000, "execution reverted"), HEAD, HEAD) == "wrong"
    assert answered(method, [{"to": PERSON, "data": "0x08c379a0"}]) == ErrorObject(
        3, "execution reverted", "0x08c379a0"
    )


@pytest.mark.parametrize("method", sorted(METHODS))
def test_an_error_where_a_result_is_right_is_no_answer(method):
    params = params_for(MODEL, method, 1, 5, HEAD, DRAWS)
    for code in (3, -32000, -32602, -32603):
        assert whole_judge(MODEL, method, params, ErrorObject(code, "no"), HEAD, HEAD) == Judged("none")


def test_a_canned_error_is_right_and_the_only_one_where_every_provider_has_it():
    canned = [RpcError(3, "execution reverted: mine", {"a": [1]})]
    params = params_for(MODEL, "eth_call", 1, 5, HEAD, DRAWS)
    chains = as_json(MODEL.answer("eth_call", params, HEAD))
    right, bare = ErrorObject(3, "execution reverted", {"a": [1.0]}), ErrorObject(3, "execution reverted")
    assert judge(MODEL, "eth_call", params, right, HEAD, HEAD, canned) == "right"
    assert judge(MODEL, "eth_call", params, chains, HEAD, HEAD, canned) == "right"
    assert judge(MODEL, "eth_call", params, bare, HEAD, HEAD, canned) == "none"
    assert judge(MODEL, "eth_call", params, chains, HEAD, HEAD, canned, canned_only=True) == "wrong"
    assert judge(MODEL, "eth_call", params, bare, HEAD, HEAD, canned, canned_only=True) == "wrong"


@given(
    st.sampled_from(ERRORS), st.integers(-40000, 40000), st.text(max_size=20), st.none() | st.text(max_size=5)
)
def test_any_error_can_be_judged(asked, code, message, data):
    method, params, right = asked
    judged = whole_judge(MODEL, method, params, ErrorObject(code, message, data), HEAD, HEAD)
    assert judged.error_code == right
    assert code == right or judged.answer in {"wrong", "none"}
