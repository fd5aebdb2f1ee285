"""Blocks: each follows from its height alone, with its transactions, receipts and logs."""

from typing import Any

import msgspec

from battle.actors.chain.branches import Branch
from battle.actors.chain.hashes import ZERO_HASH, Hashes
from battle.actors.chain.transactions import Transactions
from battle.actors.spec.chain import Chain

GAS_LIMIT = 30_000_000
_GENESIS_S = 1_438_269_973
"""The Unix time of block 0."""
_LOWEST_BASE_FEE_WEI = 16 * 10**9
_BASE_FEE_SPREAD_WEI = 19 * 10**8
"""Under 12.5 % of the lowest base fee: EIP-1559 allows no larger step from one block to the next."""
_MOST_TRANSACTIONS = 7
_CACHED_BLOCKS = 512
"""Enough for the range a log query usually asks for; a block takes about 10 kB."""
_EMPTY_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
_BLOOM_OF_NOTHING = "0x" + "00" * 256
_BLOOM_OF_ANYTHING = "0x" + "ff" * 256
"""A bloom filter may say yes too often, never no wrongly: so it holds for whoever checks it with keccak."""


class Block(msgspec.Struct, frozen=True):
    """All facts of one block, as the plain data that answers are made of. Not to be changed."""

    header: dict[str, Any]
    transactions: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    gas_used: int
    base_fee_wei: int


class Blocks:
    """The blocks of a branch. Built when asked for; the latest few are kept, which changes no answer.

    `trunk` has the blocks before the branch's fork.
    """

    def __init__(self, spec: Chain, hashes: Hashes, branch: Branch, trunk: "Blocks | None" = None) -> None:
        self._block_time = spec.block_time
        self._hashes = hashes
        self._branch = branch
        self._trunk = trunk
        self._transactions = Transactions(spec, hashes, branch)
        self._built: dict[int, Block] = {}

    def at(self, height: int) -> Block:
        """The block at `height`."""
        if self._trunk is not None and not self._branch.is_own(height):
            return self._trunk.at(height)
        block = self._built.get(height)
        if block is None:
            if len(self._built) >= _CACHED_BLOCKS:
                self._built.pop(next(iter(self._built)))
            block = self._built[height] = self._build(height)
        return block

    def base_fee_wei(self, height: int) -> int:
        """The base fee of the block at `height`."""
        draw = self._hashes.digest(b"base fee", height.to_bytes(8, "big"), 8)
        return _LOWEST_BASE_FEE_WEI + int.from_bytes(draw, "big") % _BASE_FEE_SPREAD_WEI

    def asked_for(self, transaction_hash: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The transaction and receipt of a transaction whose hash carries a request's id.

        The load generator asks for these. Such a transaction stands behind the last one of a block before
        the run's epoch and has no logs. The block's own list does not name it: there are as many as there
        are requests.
        """
        height = self._transactions.asked_for_height(transaction_hash)
        block = self.at(height)
        index = len(block.transactions)
        return self._transactions.build(
            height, index, transaction_hash, block.base_fee_wei, block.gas_used, 0, plain=True
        )

    def _build(self, height: int) -> Block:
        base_fee_wei = self.base_fee_wei(height)
        count = self._hashes.digest(b"count", height.to_bytes(8, "big"), 1)[0] % (_MOST_TRANSACTIONS + 1)
        transactions, receipts = [], []
        gas_used = logs = 0
        for index in range(count if height else 0):
            name = self._hashes.at(b"transaction", height, index)
            pair = self._transactions.build(height, index, name, base_fee_wei, gas_used, logs)
            transactions.append(pair[0])
            receipts.append(pair[1])
            gas_used = int(pair[1]["cumulativeGasUsed"], 16)
            logs += len(pair[1]["logs"])
        header = self._header(height, gas_used, base_fee_wei, has_logs=logs > 0)
        return Block(header, transactions, receipts, gas_used, base_fee_wei)

    def _header(self, height: int, gas_used: int, base_fee_wei: int, has_logs: bool) -> dict[str, Any]:
        roots = self._hashes.digest(b"roots", height.to_bytes(8, "big"), 64).hex()
        more = self._hashes.digest(b"more roots", height.to_bytes(8, "big"), 64).hex()
        return {
            "number": hex(height),
            "hash": self._branch.block_hash(height),
            "parentHash": self._branch.block_hash(height - 1) if height else ZERO_HASH,
            "timestamp": hex(_GENESIS_S + height * self._block_time // 10**9),
            "miner": "0x" + (self._other_miner(height) if self._branch.is_own(height) else more[:40]),
            "stateRoot": "0x" + roots[:64],
            "transactionsRoot": "0x" + roots[64:],
            "receiptsRoot": "0x" + more[64:],
            "mixHash": "0x" + roots[32:96],
            "logsBloom": _BLOOM_OF_ANYTHING if has_logs else _BLOOM_OF_NOTHING,
            "gasLimit": hex(GAS_LIMIT),
            "gasUsed": hex(gas_used),
            "baseFeePerGas": hex(base_fee_wei),
            "size": hex(600 + gas_used // 200),
            "difficulty": "0x0",
            "nonce": "0x0000000000000000",
            "extraData": "0x626174746c65",
            "sha3Uncles": _EMPTY_UNCLES,
            "uncles": [],
        }

    def _other_miner(self, height: int) -> str:
        """Two branches have the same transactions at each height: their blocks differ in who made them."""
        return self._hashes.digest(b"branch miner", self._branch.block_hash(height).encode(), 20).hex()
