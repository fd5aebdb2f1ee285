"""Which transactions stand where: the bodies of a chain's blocks, and the places of their transactions."""

from battle.actors.chain.bodies import Body, IncludedTransaction, body_of
from battle.actors.chain.invented_transactions import InventedTransactions
from battle.actors.chain.journal import Journal
from battle.actors.roles import ChainHistory

_BODIES_KEPT = 64
"""Bodies that are kept: a block is built from one a moment after its hash."""

_INDEX_BITS = 16


class Transactions:
    """The transactions of a chain, on all of its branches: those that it has of itself, then those that were sent."""

    def __init__(self, oldest: int, invented: InventedTransactions, journal: Journal) -> None:
        self._invented = invented
        self._journal = journal
        self._bodies: dict[int, Body] = {}
        self._places: dict[bytes, int] = {}
        self._hashes: dict[int, list[bytes]] = {}
        self._placed = oldest - 1
        """Up to this height the places of all transactions are known."""

    def learn(self, history: ChainHistory) -> None:
        """Know the places of these transactions without building their blocks."""
        for hashes in history.transactions_by_block():
            self._place(self._placed + 1, hashes)

    def seal(self, height: int) -> None:
        """The blocks up to this height are about to be built: nothing more comes into them."""
        self._journal.sealed_up_to(height)

    def body(self, height: int) -> Body:
        """What stands in the block at `height`."""
        body = self._bodies.get(height)
        if body is None:
            if len(self._bodies) >= _BODIES_KEPT:
                self._bodies.pop(next(iter(self._bodies)))
            body = self._bodies[height] = self._build(height)
        if height == self._placed + 1:
            self._place(height, [one.hash for one in body.transactions])
        return body

    def place_of(self, transaction_hash: bytes, head: int) -> tuple[int, int] | None:
        """The height of a transaction's block, and its index there; None when no block up to `head` has it."""
        self._place_up_to(head)
        place = self._places.get(transaction_hash)
        if place is None or place >> _INDEX_BITS > head:
            return None
        return place >> _INDEX_BITS, place & (1 << _INDEX_BITS) - 1

    def hashes_at(self, height: int) -> list[bytes]:
        """The hashes of the transactions in the block at `height`."""
        self._place_up_to(height)
        return self._hashes[height]

    def _place_up_to(self, height: int) -> None:
        if self._placed < height:
            self.seal(height)
        while self._placed < height:
            self.body(self._placed + 1)

    def _build(self, height: int) -> Body:
        self.seal(height)
        sent = [IncludedTransaction(one.signed(), one.gas) for one in self._journal.transactions_in(height)]
        return body_of([*self._invented.at(height), *sent]) if sent else self._invented.body(height)

    def _place(self, height: int, hashes: list[bytes]) -> None:
        self._placed = height
        self._hashes[height] = hashes
        for index, transaction_hash in enumerate(hashes):
            self._places[transaction_hash] = height << _INDEX_BITS | index
