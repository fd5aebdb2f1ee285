"""What providers answer can be verified by whoever trusts nobody: recomputed independently, nothing is wrong."""

from itertools import count

import msgspec
import pytest
from eth_account import Account

from battle.actors.chain.model import ChainModel
from battle.actors.provider.answerer import CallAnswerer, read_received
from battle.actors.shared_lines import LinesInMemory
from battle.actors.spec.chain import Chain
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.jsonrpc import encode_call
from tests.actors.chain.recomputed import check_block, check_transaction

CHAIN = Chain(seed=11, chain_id=1337)
START = CHAIN.start_height
SENDER = Account.from_key(b"\x05" * 32)
RECIPIENT = "0x" + "12" * 20


class Node:
    """Answers as a provider does, as JSON text."""

    def __init__(self, model):
        self.answerer = CallAnswerer(model, {})
        self.answers = 0

    def ask(self, method, *params, head):
        request = HttpRequest("POST", "/", {}, encode_call(method, list(params), 1), keep_alive=True)
        answer = msgspec.json.decode(self.answerer.answer(read_received(request, 100), head))
        self.answers += 1
        assert "error" not in answer, answer
        return answer["result"]


def send_some(node, height):
    """Six transactions, of all three types, while `height` is the newest block."""
    access = [{"address": RECIPIENT, "storageKeys": ["0x" + "22" * 32]}]
    base = {"chainId": 1337, "gas": 90_000, "value": 3, "data": b"\x00battle"}
    first = int(node.ask("eth_getTransactionCount", SENDER.address, "pending", head=height), 16)
    for nonce, more in enumerate(
        [
            {"gasPrice": 10**11, "to": RECIPIENT},
            {"gasPrice": 10**11, "to": RECIPIENT, "type": 1, "accessList": access},
            {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9, "to": RECIPIENT},
            {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9, "to": RECIPIENT, "accessList": access},
            {"maxFeePerGas": 18 * 10**9, "maxPriorityFeePerGas": 18 * 10**9, "to": RECIPIENT},
            {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 0, "to": ""},
        ],
        start=first,
    ):
        signed = SENDER.sign_transaction({**base, **more, "nonce": nonce})
        name = node.ask("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex(), head=height)
        assert name == "0x" + bytes(signed.hash).hex()
        waiting = node.ask("eth_getTransactionByHash", name, head=height)
        assert (waiting["blockNumber"], waiting["hash"]) == (None, name)
        check_transaction(waiting)


def check_up_to(node, height):
    """Everything that can be asked about the block at a height, and its parent's hash."""
    block = node.ask("eth_getBlockByNumber", hex(height), True, head=height)
    receipts = []
    for one in block["transactions"]:
        receipts.append(node.ask("eth_getTransactionReceipt", one["hash"], head=height))
        assert node.ask("eth_getTransactionByHash", one["hash"], head=height) == one
    check_block(block, receipts)
    assert node.ask("eth_getBlockByHash", block["hash"], True, head=height) == block
    logs = node.ask("eth_getLogs", {"blockHash": block["hash"]}, head=height)
    assert logs == [log for receipt in receipts for log in receipt["logs"]]
    parent = node.ask("eth_getBlockByHash", block["parentHash"], False, head=height)
    assert int(parent["number"], 16) == height - 1
    return block


def test_blocks_transactions_and_receipts_recompute():
    node = Node(ChainModel(CHAIN))
    types = set()
    for height in range(START - 20, START + 20):
        if height >= START:
            send_some(node, height)
        types |= {one["type"] for one in check_up_to(node, height)["transactions"]}
    assert types == {"0x0", "0x1", "0x2"}


def test_branches_recompute_and_link_to_the_block_where_they_leave():
    lines = LinesInMemory()
    main = ChainModel(CHAIN, lines)
    send_some(Node(main), START + 1)
    node, other = Node(main), Node(main.branched(START + 3))
    for height in range(START + 1, START + 7):
        here, there = check_up_to(node, height), check_up_to(other, height)
        assert (here["hash"] == there["hash"]) == (height < START + 3)
        assert [one["hash"] for one in here["transactions"]] == [one["hash"] for one in there["transactions"]]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_answers_recompute():
    node = Node(ChainModel(CHAIN))
    for height in count(START - CHAIN.history + 1):
        if height >= START and height % 3 == 0:
            send_some(node, height)
        check_up_to(node, height)
        if node.answers >= 100_000:
            break
    assert node.answers >= 100_000
