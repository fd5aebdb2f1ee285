"""Branches: the chain that everybody agrees on, and those that a reorg puts in its place for a while.

A branch is named by the height of its first own block, so two providers with a reorg at one height have the same
branch; the journal has these heights, so that whoever sees a hash can find out of which branch it is. A branch's
blocks hold the transactions that the main branch has at the same height, so state and fees are the same on all
branches; the blocks' makers are not, nor their hashes, nor whatever names a block.

A block's hash says its parent's: the hashes of a branch are worked out in order, from its first block on, and kept.
"""

from battle.actors.chain.headers import Header, header_at
from battle.actors.chain.invented_transactions import Invention
from battle.actors.chain.keccak import keccak
from battle.actors.chain.transactions import Transactions
from battle.actors.roles import ChainHistory
from battle.actors.units import Duration

NO_PARENT = bytes(32)
"""What the first block of all says of its parent."""


class Branch:
    """The main branch, whose first known block is at `first`, or one that leaves its `trunk` there."""

    def __init__(
        self,
        invention: Invention,
        block_time: Duration,
        transactions: Transactions,
        first: int,
        trunk: "Branch | None" = None,
    ) -> None:
        self._digests = invention.digests
        self._block_time = block_time
        self._transactions = transactions
        self._first = first
        self._trunk = trunk
        self._hashes: list[bytes] = []
        self._heights: dict[bytes, int] = {}

    @property
    def fork_height(self) -> int | None:
        """The height of the first block that the main branch does not have; None on the main branch."""
        return None if self._trunk is None else self._first

    def is_own(self, height: int) -> bool:
        """Whether the main branch has another block at `height`."""
        return self._trunk is not None and height >= self._first

    def learn(self, history: ChainHistory) -> None:
        """Know these blocks without building them."""
        for block_hash in history.block_hashes():
            self._append(block_hash)

    def hash_of(self, height: int) -> bytes:
        """The hash of the block at `height`, which is not before the first known one but for its parent."""
        if height < self._first:
            return self._hash_before(height)
        if len(self._hashes) <= height - self._first:
            self._transactions.seal(height)
        while len(self._hashes) <= height - self._first:
            self._append(keccak(self.header(self._first + len(self._hashes)).encoded()))
        return self._hashes[height - self._first]

    def header(self, height: int) -> Header:
        """The header of the block at `height`, which is the branch's own."""
        return header_at(
            self._digests,
            self._block_time,
            height,
            self.fork_height,
            self.hash_of(height - 1) if height else NO_PARENT,
            self._transactions.body(height).contents,
        )

    def height_of(self, block_hash: bytes, head: int) -> int | None:
        """The height of the block with this hash; None when it is none of this branch's up to `head`."""
        self.hash_of(max(head, self._first))
        height = self._heights.get(block_hash)
        if height is None:
            return (
                None if self._trunk is None else self._trunk.height_of(block_hash, min(head, self._first - 1))
            )
        return height if height <= head else None

    def _append(self, block_hash: bytes) -> None:
        self._heights[block_hash] = self._first + len(self._hashes)
        self._hashes.append(block_hash)

    def _hash_before(self, height: int) -> bytes:
        if self._trunk is not None:
            return self._trunk.hash_of(height)
        assert height == self._first - 1, f"block {height} is before the first known one"
        return self._digests.at(b"before history", height)
