"""Blocks, with their transactions, receipts and logs, as nodes answer them."""

from typing import Any

import msgspec

from battle.actors.chain import answered
from battle.actors.chain.branches import Branch
from battle.actors.chain.transactions import Transactions
from battle.actors.wire.jsonrpc import RpcError

PRUNED = 4444
"""The code for what a node does not keep, because it is too old (EIP-4444)."""

_CACHED_BLOCKS = 512
"""Enough for the range a log query usually asks for; a block takes about 15 kB."""


class Block(msgspec.Struct, frozen=True):
    """All facts of one block, as the plain data that answers are made of. Not to be changed."""

    header: dict[str, Any]
    transactions: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    gas_used: int
    base_fee_wei: int
    tips: list[tuple[int, int]]
    """What the maker of the block got of each transaction, in wei for a unit of gas, and its gas; rising."""

    def tip_at(self, percentile: float) -> int:
        """The tip that `percentile` percent of the block's gas paid at most, in wei; 0 in an empty block."""
        wanted, gas = self.gas_used * percentile / 100, 0
        for tip_wei, gas_used in self.tips:
            gas += gas_used
            if gas >= wanted:
                return tip_wei
        return self.tips[-1][0] if self.tips else 0


class Blocks:
    """The blocks of a branch. Built when asked for; the latest few are kept, which changes no answer.

    `oldest` is the first height that is kept. `trunk` has the blocks before the branch's fork.
    """

    def __init__(
        self, oldest: int, branch: Branch, transactions: Transactions, trunk: "Blocks | None" = None
    ) -> None:
        self.oldest = oldest
        self._branch = branch
        self._transactions = transactions
        self._trunk = trunk
        self._built: dict[int, Block] = {}

    def at(self, height: int) -> Block:
        """The block at `height`.

        Raises:
            RpcError: 4444, it is older than what a node keeps.
        """
        if height < self.oldest:
            raise RpcError(PRUNED, "pruned history unavailable")
        if self._trunk is not None and not self._branch.is_own(height):
            return self._trunk.at(height)
        block = self._built.get(height)
        if block is None:
            if len(self._built) >= _CACHED_BLOCKS:
                self._built.pop(next(iter(self._built)))
            block = self._built[height] = self._build(height)
        return block

    def _build(self, height: int) -> Block:
        block_hash, body = self._branch.hash_of(height), self._transactions.body(height)
        header = self._branch.header(height)
        transactions, receipts, tips = [], [], []
        logs = 0
        for index, (signed, outcome) in enumerate(zip(body.transactions, body.outcomes, strict=True)):
            where = answered.place(block_hash, height, index)
            transactions.append(answered.transaction(signed, header.base_fee_wei, where))
            receipts.append(answered.receipt(signed, outcome, header.base_fee_wei, where, logs))
            logs += len(outcome.logs)
            price_wei = answered.effective_gas_price_wei(signed, header.base_fee_wei)
            tips.append((price_wei - header.base_fee_wei, outcome.gas_used))
        return Block(
            header.answered(block_hash, body.size_bytes(header.encoded())),
            transactions,
            receipts,
            body.contents.gas_used,
            header.base_fee_wei,
            sorted(tips),
        )
