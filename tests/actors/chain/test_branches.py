"""Branches are coherent as the main one is, and whoever sees one of their hashes knows which branch it is of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.branches import Branch, fork_of
from battle.actors.chain.generated_params import params_for
from battle.actors.chain.hashes import Hashes
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.rng import Draws
from battle.actors.wire.jsonrpc import SERVER_ERROR, RpcError
from tests.actors.chain.chains import CHAIN, HEAD, MODEL, PERSON, as_json, ask, judge

DRAWS = Draws(3, "branches")
FORK = HEAD - 5
FORKED = MODEL.branched(FORK)

NAMING_BLOCKS = {
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getLogs",
    "eth_getTransactionByHash",
    "eth_getTransactionReceipt",
}

forks = st.integers(1, HEAD)


def block_of(model, height, full=True, head=HEAD):
    return ask("eth_getBlockByNumber", hex(height), full, head=head, model=model)


# Hashes


@given(st.integers(1, 2**39), st.integers(0, 2**24 - 1))
def test_a_branchs_hash_finds_its_place_and_its_fork(fork, distance):
    hashes = Hashes(1, 1)
    branch = Branch(hashes, fork)
    name = branch.block_hash(fork + distance)
    assert branch.height_of(name) == fork + distance
    assert fork_of(hashes, name) == fork
    assert Branch(hashes, None).height_of(name) is None
    assert Branch(hashes, fork + 1).height_of(name) is None


@given(forks, st.integers(0, 2 * HEAD))
def test_a_branch_has_blocks_of_its_own_from_its_fork_on_and_none_before(fork, height):
    hashes = Hashes(1, 1)
    main, branch = Branch(hashes, None), Branch(hashes, fork)
    assert (branch.block_hash(height) != main.block_hash(height)) == (height >= fork) == branch.is_own(height)
    assert branch.height_of(main.block_hash(height)) == (None if height >= fork else height)
    assert fork_of(hashes, main.block_hash(height)) is None


def test_branches_of_other_forks_have_other_hashes():
    hashes = Hashes(1, 1)
    assert len({Branch(hashes, fork).block_hash(500) for fork in range(1, 501)}) == 500


# Blocks and what stands in them


@given(forks, st.integers(1, HEAD))
def test_a_branchs_blocks_link_to_their_parents_down_to_the_common_ancestor(fork, height):
    branch = MODEL.branched(fork)
    here = block_of(branch, height)
    assert here["parentHash"] == block_of(branch, height - 1)["hash"]
    assert block_of(branch, fork)["parentHash"] == block_of(MODEL, fork - 1)["hash"]
    assert ask("eth_getBlockByHash", here["hash"], True, model=branch) == here
    if height < fork:
        assert here == block_of(MODEL, height)


@given(forks, st.integers(1, HEAD))
def test_what_stands_in_a_branchs_block_agrees_with_it(fork, height):
    branch = MODEL.branched(fork)
    here = block_of(branch, height)
    logs = ask("eth_getLogs", {"blockHash": here["hash"]}, model=branch)
    for one in [*here["transactions"], *logs]:
        assert (one["blockHash"], one["blockNumber"]) == (here["hash"], hex(height))
    for one in here["transactions"]:
        receipt = ask("eth_getTransactionReceipt", one["hash"], model=branch)
        assert receipt["blockHash"] == here["hash"]


@given(forks, st.integers(1, HEAD))
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
    st.sampled_from(sorted(METHODS)),
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


def test_all_that_names_a_block_differs_on_a_branch():
    differing = set()
    for method in METHODS:
        for number in range(20):
            params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
            branch = MODEL.branched(CHAIN.start_height - 100)
            if ask(method, *params, model=branch) != ask(method, *params):
                differing.add(method)
    assert differing == NAMING_BLOCKS


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
