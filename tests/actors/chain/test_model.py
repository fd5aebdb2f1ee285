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
from battle.actors.chain.hashes import ZERO_HASH, Hashes
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel, model_of
from battle.actors.rng import Draws
from battle.actors.spec.chain import Chain
from battle.actors.units import ms, seconds
from battle.actors.wire.correlation import embedded
from tests.actors.chain.chains import CHAIN, HASH, HEAD, MODEL, PERSON, as_json, ask, block, heights

indices = st.integers(0, 2**16 - 1)


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


@given(st.integers(0, 2**47), indices, st.sampled_from([b"block", b"transaction"]))
def test_a_hash_finds_its_place(height, index, kind):
    hashes = Hashes(1, 1)
    assert hashes.place_of(kind, hashes.at(kind, height, index)) == (height, index)


@given(st.integers(0, 2**40), st.integers(0, 255))
def test_a_hash_with_one_bit_changed_is_unknown(height, bit):
    hashes = Hashes(1, 1)
    changed = int(hashes.at(b"block", height), 16) ^ 1 << bit
    assert hashes.place_of(b"block", f"0x{changed:064x}") is None


def test_chains_of_other_seeds_and_ids_have_other_hashes():
    hashes = [Hashes(seed, chain_id).at(b"block", 5) for seed in range(3) for chain_id in range(3)]
    assert len(set(hashes)) == 9
    assert Hashes(1, 1).place_of(b"block", Hashes(2, 1).at(b"block", 5)) is None


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
    assert (log_index > 0) == ("f" in here["logsBloom"][2:])


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


@given(st.integers(0, 2**40))
def test_the_base_fee_moves_no_further_than_eip_1559_lets_it(height):
    fees = [int(fee, 16) for fee in ask("eth_feeHistory", 1, hex(height), head=height)["baseFeePerGas"]]
    assert 0.875 <= fees[1] / fees[0] <= 1.125


# A transaction whose hash carries a request's id


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**48 - 1))
def test_a_transaction_asked_for_by_its_id_is_in_the_past_and_agrees_with_its_receipt(workload, number):
    name = embedded(workload, number, 32)
    transaction = ask("eth_getTransactionByHash", name, head=CHAIN.start_height)
    receipt = ask("eth_getTransactionReceipt", name, head=CHAIN.start_height)
    here = block(int(transaction["blockNumber"], 16))
    assert transaction["hash"] == receipt["transactionHash"] == name
    assert transaction["blockHash"] == receipt["blockHash"] == here["hash"]
    assert transaction["transactionIndex"] == receipt["transactionIndex"] == hex(len(here["transactions"]))
    assert int(receipt["cumulativeGasUsed"], 16) == int(here["gasUsed"], 16) + int(receipt["gasUsed"], 16)
    assert receipt["logs"] == []


def test_an_id_further_inside_a_hash_is_no_transaction():
    moved = "0x00" + embedded(1, 2, 32)[2:-2]
    assert ask("eth_getTransactionByHash", moved) is None


# Purity


def test_models_of_one_chain_agree_and_models_of_two_do_not():
    assert all_answers(CHAIN) == all_answers(
        Chain(**{name: getattr(CHAIN, name) for name in ("seed", "chain_id", "start_height")})
    )
    assert all_answers(CHAIN) != all_answers(Chain(seed=8, chain_id=5, start_height=1000))


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
        ("eth_getTransactionCount", [PERSON]),
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
    one, other = model_of(Chain(seed=77)), model_of(Chain(seed=77))
    assert one.block_at(90) is other.block_at(90)
    assert model_of(Chain(seed=78)).block_hash(90) != one.block_hash(90)
