"""What stands in a block, asked for in other ways: each answer agrees with the block's."""

import pytest

from battle.actors.wire.jsonrpc import RpcError
from tests.actors.chain.chains import HASH, HEAD, MODEL, ask

HEIGHTS = range(HEAD - 20, HEAD + 1)
BUSY = next(height for height in reversed(HEIGHTS) if len(MODEL.block_at(height).transactions) > 1)
NAME = MODEL.block_hash(BUSY)


@pytest.mark.parametrize("named", [hex(BUSY), NAME, {"blockNumber": hex(BUSY)}, {"blockHash": NAME}])
def test_the_receipts_of_a_block_are_those_of_its_transactions(named):
    found = ask("eth_getBlockReceipts", named)
    hashes = ask("eth_getBlockByNumber", hex(BUSY), False)["transactions"]
    assert found == [ask("eth_getTransactionReceipt", one) for one in hashes]


def test_transactions_are_found_by_their_places():
    block = ask("eth_getBlockByHash", NAME, True)
    for index, transaction in enumerate(block["transactions"]):
        assert ask("eth_getTransactionByBlockHashAndIndex", NAME, hex(index)) == transaction
        assert ask("eth_getTransactionByBlockNumberAndIndex", hex(BUSY), hex(index)) == transaction
    beyond = hex(len(block["transactions"]))
    assert ask("eth_getTransactionByBlockHashAndIndex", NAME, beyond) is None
    assert ask("eth_getTransactionByBlockNumberAndIndex", hex(BUSY), beyond) is None


@pytest.mark.parametrize("height", HEIGHTS)
def test_transactions_are_counted_and_there_are_no_uncles(height):
    number, name = hex(height), MODEL.block_hash(height)
    count = hex(len(MODEL.block_at(height).transactions))
    assert ask("eth_getBlockTransactionCountByNumber", number) == count
    assert ask("eth_getBlockTransactionCountByHash", name) == count
    assert ask("eth_getUncleCountByBlockNumber", number) == "0x0"
    assert ask("eth_getUncleCountByBlockHash", name) == "0x0"


@pytest.mark.parametrize("kind", ["TransactionCountByHash", "Receipts", "TransactionCountByNumber"])
def test_of_a_block_that_is_not_known_there_is_nothing(kind):
    later = hex(HEAD + 1) if kind.endswith("Number") else HASH
    assert ask(f"eth_getBlock{kind}", later) is None
    assert ask("eth_getUncleCountByBlockNumber", hex(HEAD + 1)) is None
    assert ask("eth_getUncleCountByBlockHash", HASH) is None


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBlockReceipts", []),
        ("eth_getBlockReceipts", ["soon"]),
        ("eth_getBlockReceipts", [{}]),
        ("eth_getBlockReceipts", ["0x" + "zz" * 32]),
        ("eth_getBlockTransactionCountByHash", ["0x1"]),
        ("eth_getTransactionByBlockNumberAndIndex", ["latest", 0]),
        ("eth_getTransactionByBlockHashAndIndex", [HASH]),
        ("net_peerCount", [1]),
    ],
)
def test_wrong_parameters_are_refused(method, params):
    with pytest.raises(RpcError) as caught:
        ask(method, *params)
    assert caught.value.code == -32602


def test_what_a_node_says_of_itself():
    assert ask("net_listening") is True
    assert ask("net_peerCount") == "0x32"
    assert ask("eth_accounts") == []
    assert ask("eth_maxPriorityFeePerGas") == "0x3b9aca00"
    assert ask("eth_blobBaseFee") == "0x1"
    assert ask("web3_sha3", "0x") == "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert ask("eth_createAccessList", {"to": HASH[:42]}, "latest") == {"accessList": [], "gasUsed": "0x5208"}
