"""The chain is coherent, as a real one is, and all of it is a pure function of its seed."""

import os
import subprocess
import sys
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from battle.actors.chain.generated_params import params_for
from battle.actors.chain.histories import history_of
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel, model_of
from battle.actors.rng import Draws
from battle.actors.shared_lines import LinesInMemory
from battle.actors.spec.chain import Chain
from battle.actors.units import ms, seconds
from battle.actors.wire.correlation import embedded
from battle.actors.wire.jsonrpc import RpcError
from tests.actors.chain.chains import CHAIN, HASH, HEAD, MODEL, PERSON, as_json, ask, block, heights

SENDER = embedded(1, 2, 20)
ZERO_HASH = "0x" + "0" * 64


def all_answers(chain: Chain) -> bytes:
    model = ChainModel(chain)
    draws = Draws(1, "test")
    return as_json(
        [
            model.answer(method, params_for(model, method, 1, number, HEAD, draws), HEAD)
            for method in METHODS
            for number in range(5)
        ]
    )


# The head


@given(st.integers(0, 10**15), st.sampled_from([ms(1), ms(300), seconds(12), seconds(3600)]))
def test_a_block_is_produced_when_the_head_gets_there(now_ns, block_time):
    model = ChainModel(Chain(block_time=block_time))
    head = model.head_at(now_ns)
    assert model.time_of(head) <= now_ns < model.time_of(head + 1)
    assert model.head_at(model.time_of(head)) == head


def test_the_head_advances_with_the_block_time():
    model = ChainModel(Chain(start_height=500, block_time=ms(250)))
    assert [model.head_at(at) for at in (0, ms(249), ms(250), seconds(1))] == [500, 500, 501, 504]
    assert [ask("eth_blockNumber", head=head) for head in (0, 255)] == ["0x0", "0xff"]


# Blocks


@given(heights)
def test_a_block_links_to_its_parent(height):
    parent = ZERO_HASH if height == 0 else block(height - 1)["hash"]
    assert block(height)["parentHash"] == parent
    assert block(height)["number"] == hex(height)


@given(heights, st.booleans())
def test_a_block_is_the_same_by_hash_and_by_number(height, full):
    by_number = block(height, full)
    assert ask("eth_getBlockByHash", by_number["hash"], full) == by_number


def test_time_passes_from_block_to_block():
    stamps = [int(block(height)["timestamp"], 16) for height in range(20)]
    assert {after - before for before, after in pairwise(stamps)} == {2}


@given(heights)
def test_a_block_lists_its_transactions_by_hash_or_in_full(height):
    full = block(height)["transactions"]
    assert block(height, full=False)["transactions"] == [one["hash"] for one in full]


def test_blocks_differ_in_how_many_transactions_they_have():
    counts = {len(block(height)["transactions"]) for height in range(1, 100)}
    assert {0, 1, 7} <= counts


@pytest.mark.parametrize(
    ("tag", "height"),
    [
        ("latest", HEAD),
        ("pending", HEAD),
        ("safe", HEAD - 32),
        ("finalized", HEAD - 64),
        ("earliest", 0),
        (hex(77), 77),
    ],
)
def test_tags_name_blocks(tag, height):
    assert ask("eth_getBlockByNumber", tag, False) == block(height, full=False)


def test_a_young_chain_has_its_first_block_as_safe_and_final():
    assert ask("eth_getBlockByNumber", "finalized", False, head=5)["number"] == "0x0"


def test_what_is_above_the_head_is_not_known_yet():
    future = block(HEAD, head=HEAD)
    for method, params in [
        ("eth_getBlockByNumber", [hex(HEAD), True]),
        ("eth_getBlockByHash", [future["hash"], True]),
        *(("eth_getTransactionByHash", [one["hash"]]) for one in future["transactions"]),
        *(("eth_getTransactionReceipt", [one["hash"]]) for one in future["transactions"]),
    ]:
        assert ask(method, *params, head=HEAD - 1) is None
        assert ask(method, *params, head=HEAD) is not None


@pytest.mark.parametrize("hash_text", [HASH, ZERO_HASH, "0x" + "f" * 64])
def test_a_hash_of_nothing_is_unknown(hash_text):
    assert ask("eth_getBlockByHash", hash_text, False) is None
    assert ask("eth_getTransactionByHash", hash_text) is None
    assert ask("eth_getTransactionReceipt", hash_text) is None


def test_a_block_hash_is_no_transaction_hash_nor_the_other_way_round():
    height = next(height for height in range(1, HEAD) if block(height)["transactions"])
    assert ask("eth_getTransactionByHash", block(height)["hash"]) is None
    assert ask("eth_getBlockByHash", block(height)["transactions"][0]["hash"], False) is None


# Hashes


@given(heights, st.integers(0, 255))
def test_a_hash_with_one_bit_changed_is_unknown(height, bit):
    changed = int(block(height)["hash"], 16) ^ 1 << bit
    assert ask("eth_getBlockByHash", f"0x{changed:064x}", False) is None


def test_chains_of_other_seeds_and_ids_have_other_hashes():
    models = [
        ChainModel(Chain(seed=seed, chain_id=chain_id, start_height=128))
        for seed in range(3)
        for chain_id in range(1, 4)
    ]
    assert len({model.block_hash(5) for model in models}) == 9
    assert models[0].height_of(models[1].block_hash(5), 128) is None


# History


YOUNG = Chain(start_height=1000, history=128)


def test_what_is_before_the_history_is_pruned_and_its_state_is_not():
    model = ChainModel(YOUNG)
    asked: list[tuple[str, list[Any]]] = [
        ("eth_getBlockByNumber", [hex(871), False]),
        ("eth_getLogs", [{"fromBlock": hex(871), "toBlock": hex(880)}]),
        ("eth_feeHistory", ["0x2", hex(872)]),
    ]
    for method, params in asked:
        with pytest.raises(RpcError, match="pruned history unavailable") as raised:
            ask(method, *params, model=model, head=1000)
        assert raised.value.code == 4444
    assert ask("eth_getBlockByNumber", "earliest", False, model=model, head=1000)["number"] == hex(872)
    assert ask("eth_getBalance", PERSON, hex(5), model=model, head=1000) == ask(
        "eth_getBalance", PERSON, hex(5), model=model, head=5
    )


def test_a_model_that_gets_the_history_answers_as_one_that_works_it_out():
    given_history, worked_out = ChainModel(YOUNG, history=history_of(YOUNG)), ChainModel(YOUNG)
    for height in (872, 873, 1000, 1010):
        asked = ("eth_getBlockByNumber", hex(height), True)
        here = ask(*asked, model=given_history, head=1010)
        assert here == ask(*asked, model=worked_out, head=1010)
        for one in here["transactions"]:
            assert ask("eth_getTransactionByHash", one["hash"], model=ChainModel(YOUNG), head=1010) == one
    assert len(history_of(YOUNG).block_hashes()) == len(history_of(YOUNG).counts) == 129


def test_the_models_do_not_grow_for_blocks_nobody_asks_about():
    model = ChainModel(YOUNG)
    assert ask("eth_getBlockByHash", HASH, False, model=model, head=3000) is None
    assert ask("eth_getBlockByNumber", hex(3000), False, model=model, head=3000)["number"] == hex(3000)
    assert len(model._facts.blocks._built) == 1


# Transactions, receipts, logs


@given(heights)
def test_transactions_and_receipts_agree_with_their_block(height):
    here = block(height)
    gas_used = log_index = 0
    for index, transaction in enumerate(here["transactions"]):
        receipt = ask("eth_getTransactionReceipt", transaction["hash"])
        assert ask("eth_getTransactionByHash", transaction["hash"]) == transaction
        for one in (transaction, receipt, *receipt["logs"]):
            assert (one["blockHash"], one["blockNumber"]) == (here["hash"], hex(height))
            assert one["transactionIndex"] == hex(index)
        for name in ("from", "to", "type"):
            assert receipt[name] == transaction[name]
        assert receipt["effectiveGasPrice"] == transaction["gasPrice"]
        gas_used += int(receipt["gasUsed"], 16)
        assert int(receipt["gasUsed"], 16) <= int(transaction["gas"], 16)
        assert receipt["cumulativeGasUsed"] == hex(gas_used)
        for log in receipt["logs"]:
            assert (log["logIndex"], log["transactionHash"]) == (hex(log_index), transaction["hash"])
            log_index += 1
    assert here["gasUsed"] == hex(gas_used)
    assert (log_index > 0) == (int(here["logsBloom"], 16) > 0)


@given(heights, st.integers(0, 20))
def test_the_logs_of_a_range_are_those_of_its_receipts(low, size):
    high = min(low + size, HEAD)
    expected = [
        log
        for height in range(low, high + 1)
        for transaction in block(height)["transactions"]
        for log in ask("eth_getTransactionReceipt", transaction["hash"])["logs"]
    ]
    assert ask("eth_getLogs", {"fromBlock": hex(low), "toBlock": hex(high)}) == expected


def test_senders_have_sent_what_the_chain_says_they_sent():
    for height in range(1, 50):
        for transaction in block(height)["transactions"]:
            count = ask("eth_getTransactionCount", transaction["from"], hex(height))
            assert int(transaction["nonce"], 16) < int(count, 16)
            assert ask("eth_getCode", transaction["from"], "latest") == "0x"


def test_logs_come_from_contracts():
    logs = ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": hex(50)})
    assert len(logs) > 20
    assert all(len(ask("eth_getCode", log["address"], "latest")) > 2 for log in logs)


def test_fees_agree_with_the_blocks():
    history = ask("eth_feeHistory", "0x5", hex(100), [0, 50, 100])
    blocks = [block(height) for height in range(96, 102)]
    assert history["oldestBlock"] == hex(96)
    assert history["baseFeePerGas"] == [one["baseFeePerGas"] for one in blocks]
    assert history["gasUsedRatio"] == [
        int(one["gasUsed"], 16) / int(one["gasLimit"], 16) for one in blocks[:5]
    ]
    for one, rewards in zip(blocks, history["reward"], strict=False):
        tips = sorted(int(each["maxPriorityFeePerGas"], 16) for each in one["transactions"]) or [0]
        found = [int(reward, 16) for reward in rewards]
        assert found == sorted(found)
        assert (found[0], found[-1]) == (tips[0], tips[-1])


@given(st.integers(0, 2 * HEAD))
def test_the_base_fee_moves_no_further_than_eip_1559_lets_it(height):
    fees = [int(fee, 16) for fee in ask("eth_feeHistory", 1, hex(height), head=height)["baseFeePerGas"]]
    assert 0.875 <= fees[1] / fees[0] <= 1.125


# Purity


def test_models_of_one_chain_agree_and_models_of_two_do_not():
    assert all_answers(CHAIN) == all_answers(
        Chain(**{name: getattr(CHAIN, name) for name in ("seed", "chain_id", "start_height", "history")})
    )
    assert all_answers(CHAIN) != all_answers(Chain(seed=8, chain_id=5, start_height=1000, history=1000))


@given(st.lists(heights, min_size=1, max_size=30))
def test_what_was_asked_before_changes_no_answer(before):
    model = ChainModel(CHAIN)
    for height in before:
        ask("eth_getBlockByNumber", hex(height), True, model=model)
    assert ask("eth_getBlockByNumber", hex(before[0]), True, model=model) == block(before[0])


@pytest.mark.slow
def test_other_processes_give_the_same_answers():
    code = (
        "from chain.test_model import *; import sys, hashlib;"
        "sys.stdout.write(hashlib.sha256(all_answers(CHAIN)).hexdigest())"
    )
    path = os.pathsep.join(["tests/actors", "."])
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
            check=True,
            capture_output=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop()) == 64


@given(heights, heights)
def test_state_changes_with_each_block(one, other):
    assume(one != other)
    calls: list[tuple[str, list[Any]]] = [
        ("eth_getBalance", [PERSON]),
        ("eth_getTransactionCount", [SENDER]),
        ("eth_getStorageAt", [PERSON, "0x0"]),
        ("eth_call", [{"to": PERSON, "data": "0x01"}]),
    ]
    for method, params in calls:
        assert ask(method, *params, hex(one)) != ask(method, *params, hex(other))


def test_accounts_and_questions_have_answers_of_their_own():
    calls = [
        ask("eth_call", {"to": to, "data": data}, "latest")
        for to in (PERSON, MODEL.token(1))
        for data in ("0x", "0x01", "0x02")
    ]
    slots = [ask("eth_getStorageAt", PERSON, hex(slot), "latest") for slot in range(3)]
    balances = [ask("eth_getBalance", address, "latest") for address in (PERSON, MODEL.token(1))]
    assert len({*calls, *slots, *balances}) == 11


def test_nodes_of_one_process_share_what_they_know_of_a_chain():
    chain, lines = Chain(seed=77, start_height=200), LinesInMemory()
    one, other = (model_of(chain, lines, None, "providers") for _ in range(2))
    assert one.block_at(90) is other.block_at(90)
    assert model_of(chain, LinesInMemory(), None, "providers").block_at(90) is not one.block_at(90)


def test_who_checks_answers_shares_nothing_with_who_gives_them():
    chain, lines = Chain(seed=77, start_height=200), LinesInMemory()
    given, checked = (model_of(chain, lines, None, user) for user in ("providers", "workloads"))
    assert given.block_at(90) is not checked.block_at(90)
    assert given.block_at(90) == checked.block_at(90)


def test_each_node_has_a_clock_of_its_own():
    chain, lines = Chain(seed=77, start_height=200), LinesInMemory()
    ahead, other = (model_of(chain, lines, None, "workloads") for _ in range(2))
    ahead.clock.ahead_blocks = 3
    assert (ahead.highest_at(0), other.highest_at(0)) == (203, 200)
