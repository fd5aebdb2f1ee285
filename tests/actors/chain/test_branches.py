"""Branches are coherent as the main one is, and whoever sees one of their hashes knows which branch it is of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.generated_params import params_for
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.rng import Draws
from battle.actors.shared_lines import LinesInMemory
from battle.actors.spec.chain import Chain
from battle.actors.wire.jsonrpc import SERVER_ERROR, RpcError
from tests.actors.chain.chains import CHAIN, HEAD, PERSON, as_json, ask, judge

MODEL = ChainModel(CHAIN)
"""One of its own: it knows all branches that were ever begun on it."""

DRAWS = Draws(3, "branches")
FORK = HEAD - 5
FORKED = MODEL.branched(FORK)

NAMING_BLOCKS = {
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getBlockTransactionCountByHash",
    "eth_getLogs",
    "eth_getTransactionByBlockHashAndIndex",
    "eth_getTransactionByBlockNumberAndIndex",
    "eth_getTransactionByHash",
    "eth_getTransactionReceipt",
    "eth_getUncleCountByBlockHash",
    "trace_block",
    "trace_filter",
    "trace_transaction",
}

REFUSING_BLOCKS = {"debug_traceBlockByHash"}
"""Methods that say an error of a block that is not there, where the others say null."""

YOUNG = Chain(start_height=200, history=128)
LOWEST_FORK = HEAD - 12
"""Each branch that was begun once is looked through for each hash that nobody knows."""

forks = st.integers(LOWEST_FORK, HEAD)
heights = st.integers(LOWEST_FORK - 5, HEAD + 10)


def block_of(model, height, full=True, head=HEAD):
    return ask("eth_getBlockByNumber", hex(height), full, head=head, model=model)


# Hashes


@given(forks, heights)
def test_a_branch_has_blocks_of_its_own_from_its_fork_on_and_none_before(fork, height):
    branch = MODEL.branched(fork)
    name, main = branch.block_hash(height), MODEL.block_hash(height)
    assert (name != main) == (height >= fork)
    assert branch.height_of(name, height) == height
    assert branch.height_of(main, height) == (None if height >= fork else height)
    assert MODEL.height_of(name, height) == (None if height >= fork else height)


@given(forks, st.integers(0, 20))
def test_whoever_sees_a_branchs_hash_finds_its_fork(fork, distance):
    height = fork + distance
    name = MODEL.branched(fork).block_hash(height)
    assert MODEL.fork_named_by(name, height) == fork
    assert MODEL.fork_named_by(MODEL.block_hash(height), height) is None
    assert MODEL.fork_named_by(name, height - 1) is None, "a block of later on was found"
    assert MODEL.fork_named_by("0x" + "77" * 32, height) is None


def test_one_who_shares_the_lines_finds_a_branch_that_another_has_begun():
    lines = LinesInMemory()
    provider, other = ChainModel(YOUNG, lines), ChainModel(YOUNG, lines)
    name = provider.branched(195).block_hash(197)
    assert other.fork_named_by(name, 200) == 195
    assert other.branched(195).block_hash(197) == name
    assert ChainModel(YOUNG).fork_named_by(name, 200) is None


def test_branches_of_other_forks_have_other_hashes():
    model = ChainModel(YOUNG)
    assert len({model.branched(fork).block_hash(200) for fork in range(150, 201)}) == 51


# Blocks and what stands in them


@given(forks, st.integers(LOWEST_FORK - 5, HEAD))
def test_a_branchs_blocks_link_to_their_parents_down_to_the_common_ancestor(fork, height):
    branch = MODEL.branched(fork)
    here = block_of(branch, height)
    assert here["parentHash"] == block_of(branch, height - 1)["hash"]
    assert block_of(branch, fork)["parentHash"] == block_of(MODEL, fork - 1)["hash"]
    assert ask("eth_getBlockByHash", here["hash"], True, model=branch) == here
    if height < fork:
        assert here == block_of(MODEL, height)


@given(forks, st.integers(LOWEST_FORK - 5, HEAD))
def test_what_stands_in_a_branchs_block_agrees_with_it(fork, height):
    branch = MODEL.branched(fork)
    here = block_of(branch, height)
    logs = ask("eth_getLogs", {"blockHash": here["hash"]}, model=branch)
    for one in [*here["transactions"], *logs]:
        assert (one["blockHash"], one["blockNumber"]) == (here["hash"], hex(height))
    for one in here["transactions"]:
        receipt = ask("eth_getTransactionReceipt", one["hash"], model=branch)
        assert receipt["blockHash"] == here["hash"]


@given(forks, st.integers(LOWEST_FORK - 5, HEAD))
def test_a_branchs_block_has_the_main_ones_transactions_and_another_maker(fork, height):
    mine, main = (block_of(model, height, full=False) for model in (MODEL.branched(fork), MODEL))
    assert mine["transactions"] == main["transactions"]
    assert (mine["miner"] != main["miner"]) == (height >= fork)
    assert {name for name in mine if mine[name] != main[name]} <= {"hash", "parentHash", "miner"}


def test_hashes_of_the_other_branch_are_unknown():
    orphan, main = FORKED.block_hash(FORK + 1), MODEL.block_hash(FORK + 1)
    for model, known, unknown in ((MODEL, main, orphan), (FORKED, orphan, main)):
        assert ask("eth_getBlockByHash", known, False, model=model)["hash"] == known
        assert ask("eth_getBlockByHash", unknown, False, model=model) is None
        for method, params in (
            ("eth_getBalance", [PERSON, {"blockHash": unknown}]),
            ("eth_getLogs", [{"blockHash": unknown}]),
        ):
            with pytest.raises(RpcError) as caught:
                ask(method, *params, model=model)
            assert caught.value.code == SERVER_ERROR


def test_views_of_a_branch_agree_however_many_there_were_in_between():
    first = block_of(MODEL.branched(FORK), HEAD)
    for fork in range(FORK - 20, FORK):
        assert block_of(MODEL.branched(fork), HEAD) != first
    assert block_of(MODEL.branched(FORK), HEAD) == first == block_of(ChainModel(CHAIN).branched(FORK), HEAD)
    assert FORKED.branched(FORK - 1).block_hash(HEAD) == MODEL.branched(FORK - 1).block_hash(HEAD)
    assert (MODEL.fork_height, FORKED.fork_height) == (None, FORK)


# The judge


def judged(method, params, model, head=HEAD, head_from=HEAD, head_to=HEAD):
    text = as_json(model.answer(method, params, head))
    return judge(MODEL, method, params, text, head_from, head_to)


@given(
    st.sampled_from(sorted(METHODS.keys() - REFUSING_BLOCKS)),
    st.integers(0, 2**40),
    st.integers(0, 150),
    st.integers(-20, 3),
)
def test_a_branchs_answers_are_stale_where_they_differ_and_never_wrong(method, number, depth, later):
    branch = MODEL.branched(HEAD - depth)
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    head = HEAD + min(later, 0) if method in NAMING_BLOCKS else HEAD
    mine, main = (ask(method, *params, head=head, model=model) for model in (branch, MODEL))
    expected = "right" if mine == ask(method, *params, head=HEAD) else "stale"
    assert judged(method, params, branch, head, HEAD, HEAD + max(later, 0)) == expected
    assert mine == main or method in NAMING_BLOCKS


def said(method, params, model):
    """The answer, or the error that is one."""
    try:
        return ask(method, *params, model=model)
    except RpcError as error:
        return error.code, error.message


def test_all_that_names_a_block_differs_on_a_branch():
    differing = set()
    for method in METHODS:
        for number in range(20):
            params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
            branch = MODEL.branched(CHAIN.start_height - 100)
            if said(method, params, branch) != said(method, params, MODEL):
                differing.add(method)
    assert differing == NAMING_BLOCKS | REFUSING_BLOCKS


def test_a_branchs_newest_block_is_stale_and_a_made_up_one_is_wrong():
    newest = ask("eth_getBlockByNumber", "latest", False, model=FORKED)
    assert judge(MODEL, "eth_getBlockByNumber", ["latest", False], as_json(newest), HEAD, HEAD) == "stale"
    for name in ("hash", "miner", "stateRoot"):
        false = {**newest, name: "0x" + "77" * 32}
        assert judge(MODEL, "eth_getBlockByNumber", ["latest", False], as_json(false), HEAD, HEAD) == "wrong"
    future = ask("eth_getBlockByNumber", "latest", False, model=FORKED, head=HEAD + 1)
    assert judge(MODEL, "eth_getBlockByNumber", ["latest", False], as_json(future), HEAD, HEAD) == "wrong"


@pytest.mark.parametrize("name", ["0x12", 5, None, "0x" + "zz" * 32, ["0x"]])
def test_what_names_no_block_is_wrong(name):
    for result in ({"hash": name}, {"blockHash": name}, [{"blockHash": name}], [name]):
        assert judge(MODEL, "eth_getLogs", [{}], as_json(result), HEAD, HEAD) == "wrong"
