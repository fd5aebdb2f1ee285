"""What stands in a block: transactions and what became of them. The same on all branches."""

from collections.abc import Sequence

import msgspec

from battle.actors.chain import rlp
from battle.actors.chain.headers import Contents
from battle.actors.chain.receipts import EmittedLog, Outcome, bloom_bytes, bloom_of
from battle.actors.chain.signed_transactions import SignedTransaction
from battle.actors.chain.tries import list_root


class IncludedTransaction(msgspec.Struct, frozen=True):
    """A transaction, the gas that it takes and the logs that it leaves."""

    signed: SignedTransaction
    gas_used: int
    logs: tuple[EmittedLog, ...] = ()


class Body(msgspec.Struct, frozen=True):
    """The transactions of a block, what became of each, and what the header says of them."""

    transactions: tuple[SignedTransaction, ...]
    outcomes: tuple[Outcome, ...]
    contents: Contents

    def size_bytes(self, encoded_header: bytes) -> int:
        """The size of the block as nodes send it to each other: with its header, and a list of no uncles."""
        transactions = rlp.encoded_list(
            rlp.encode_bytes(one.raw) if one.type else one.raw for one in self.transactions
        )
        return len(rlp.encoded_list((encoded_header, transactions, rlp.encode([]))))


def body_of(included: Sequence[IncludedTransaction]) -> Body:
    """The body of a block with these transactions."""
    outcomes = []
    gas = bloom = 0
    for one in included:
        gas += one.gas_used
        outcome = Outcome(one.gas_used, gas, one.logs, bloom_of(one.logs))
        bloom |= outcome.bloom
        outcomes.append(outcome)
    transactions = tuple(one.signed for one in included)
    receipts = [outcome.encoded(one.type) for one, outcome in zip(transactions, outcomes, strict=True)]
    contents = Contents(
        list_root([one.raw for one in transactions]), list_root(receipts), bloom_bytes(bloom), gas
    )
    return Body(transactions, tuple(outcomes), contents)
