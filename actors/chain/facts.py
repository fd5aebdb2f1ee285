"""What a chain knows, and how a call's words (tags, numbers, hashes) name a block of it."""

from typing import Any

from battle.actors.chain import parameters
from battle.actors.chain.accounts import Accounts
from battle.actors.chain.blocks import Blocks
from battle.actors.chain.branches import Branch
from battle.actors.chain.headers import base_fee_wei
from battle.actors.chain.histories import history_of
from battle.actors.chain.invented_transactions import invention_of
from battle.actors.chain.journal import Journal
from battle.actors.chain.transactions import Transactions
from battle.actors.roles import ChainHistory
from battle.actors.spec.chain import Chain
from battle.actors.wire.jsonrpc import SERVER_ERROR, RpcError

SAFE_BLOCKS = 32
"""How far the `safe` block is behind the head: an epoch."""
FINALIZED_BLOCKS = 64

HASH_CHARACTERS = 2 + 64
"""Of a hash in JSON, which so differs from a number."""

TAG_LAGS = {"latest": 0, "pending": 0, "safe": SAFE_BLOCKS, "finalized": FINALIZED_BLOCKS}
"""How many blocks each tag is behind the head. There is no pending block: it is the latest."""


class Facts:
    """The parts of one chain, together. `head` is always the height up to which the chain is known.

    Made by `facts_of` for the main branch, by `on_branch` for others.
    """

    def __init__(
        self,
        spec: Chain,
        journal: Journal,
        transactions: Transactions,
        branch: Branch,
        trunk: "Facts | None" = None,
    ) -> None:
        invention = invention_of(spec)
        self.spec = spec
        self.journal = journal
        self.digests = invention.digests
        self.accounts: Accounts = invention.accounts
        self.transactions = transactions
        self.branch = branch
        before = None if trunk is None else trunk.blocks
        self.blocks: Blocks = Blocks(spec.oldest_height, branch, transactions, before)

    def on_branch(self, branch: Branch) -> "Facts":
        """Those of a branch that leaves this one, which is the main one."""
        return Facts(self.spec, self.journal, self.transactions, branch, self)

    def new_branch(self, fork_height: int) -> Branch:
        """The branch that leaves this one, which is the main one, at `fork_height`."""
        invention, block_time = invention_of(self.spec), self.spec.block_time
        return Branch(invention, block_time, self.transactions, fork_height, self.branch)

    def base_fee_wei(self, height: int) -> int:
        """The base fee of the block at `height`, also of one that is not built yet."""
        return base_fee_wei(self.digests, height)

    def height_named(self, value: Any, head: int, what: str) -> int:
        """The height that a tag or a number names; it may lie above the head."""
        if value == "latest":
            return head
        if type(value) is str and value in TAG_LAGS:
            return max(head - TAG_LAGS[value], 0)
        return self.blocks.oldest if value == "earliest" else parameters.quantity(value, what)

    def height_of_state(self, params: list[Any], index: int, head: int) -> int:
        """The height whose state a call asks for: a tag, number, hash or EIP-1898 object; the head by default."""
        if len(params) <= index or (value := params[index]) is None or value == "latest":
            return head
        what = str(index)
        if isinstance(value, dict):
            height = self._height_of_object(value, head, what)
        elif isinstance(value, str) and len(value) == HASH_CHARACTERS:
            height = self.height_of_hash(parameters.hash32(value, what), head)
        else:
            height = self.height_named(value, head, what)
        if height is None or height > head:
            raise RpcError(SERVER_ERROR, "header not found")
        return height

    def _height_of_object(self, value: dict[str, Any], head: int, what: str) -> int | None:
        if "blockHash" in value:
            return self.height_of_hash(parameters.hash32(value["blockHash"], f"{what}.blockHash"), head)
        return self.height_named(value.get("blockNumber"), head, f"{what}.blockNumber")

    def height_of_hash(self, block_hash: str, head: int) -> int | None:
        """The height of the block with this hash, when it is one of the branch's and known by now."""
        return self.branch.height_of(bytes.fromhex(block_hash[2:]), head)

    def transaction(self, transaction_hash: str, head: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The transaction with this hash and its receipt, when a block up to `head` has it."""
        place = self.transactions.place_of(bytes.fromhex(transaction_hash[2:]), head)
        if place is None:
            return None
        block = self.blocks.at(place[0])
        return block.transactions[place[1]], block.receipts[place[1]]


def facts_of(spec: Chain, journal: Journal, history: ChainHistory | None = None) -> Facts:
    """Those of the main branch. Without the history that is known it is worked out, which takes some 50 ms."""
    known = history_of(spec) if history is None else history
    invention = invention_of(spec)
    transactions = Transactions(spec.oldest_height, invention.transactions, journal)
    transactions.learn(known)
    branch = Branch(invention, spec.block_time, transactions, spec.oldest_height)
    branch.learn(known)
    return Facts(spec, journal, transactions, branch)
