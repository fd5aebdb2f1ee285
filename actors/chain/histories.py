"""The part of a chain that is there when a run begins: the names of its blocks and transactions.

A block's hash says its parent's, so whoever wants to know one has to build all before it. What is before a run is
built once, and all nodes get it.
"""

from functools import lru_cache

from battle.actors.chain.branches import Branch
from battle.actors.chain.invented_transactions import invention_of
from battle.actors.chain.journal import Journal
from battle.actors.chain.transactions import Transactions
from battle.actors.roles import ChainHistory
from battle.actors.shared_lines import LinesInMemory
from battle.actors.spec.chain import Chain

_HISTORIES_KEPT = 8
"""A run has one chain, and seldom a wrong one beside it."""


@lru_cache(_HISTORIES_KEPT)
def history_of(spec: Chain) -> ChainHistory:
    """The history of this chain, up to the block that is the newest when a run begins. It takes some 50 ms."""
    invention = invention_of(spec)
    oldest = spec.oldest_height
    transactions = Transactions(oldest, invention.transactions, Journal(LinesInMemory()))
    branch = Branch(invention, spec.block_time, transactions, oldest)
    blocks, names = [], []
    for height in range(oldest, spec.start_height + 1):
        blocks.append(branch.hash_of(height))
        names.append([one.hash for one in transactions.body(height).transactions])
    return ChainHistory(
        blocks=b"".join(blocks),
        transactions=b"".join(name for of_block in names for name in of_block),
        counts=bytes(map(len, names)),
    )
