"""What a chain knows, and how a call's words (tags, numbers, hashes) name a block of it."""

from typing import Any

from battle.actors.chain import parameters
from battle.actors.chain.accounts import Accounts
from battle.actors.chain.blocks import Blocks
from battle.actors.chain.branches import Branch
from battle.actors.chain.hashes import Hashes
from battle.actors.spec.chain import Chain
from battle.actors.wire.correlation import found_in_params
from battle.actors.wire.jsonrpc import SERVER_ERROR, RpcError

SAFE_BLOCKS = 32
"""How far the `safe` block is behind the head: an epoch."""
FINALIZED_BLOCKS = 64

TAG_LAGS = {"latest": 0, "pending": 0, "safe": SAFE_BLOCKS, "finalized": FINALIZED_BLOCKS}
"""How many blocks each tag is behind the head. There is no pending block: it is the latest."""


_LEADING_CHARACTERS = 2 + 24
"""A hash that carries a request's id carries it in front, in 12 bytes."""


class Facts:
    """The parts of one chain, together. `head` is always the height up to which the chain is known.

    With a `trunk`, those of the branch that leaves it at `fork_height`.
    """

    def __init__(self, spec: Chain, trunk: "Facts | None" = None, fork_height: int | None = None) -> None:
        self.spec = spec
        self.hashes: Hashes = Hashes(spec.seed, spec.chain_id) if trunk is None else trunk.hashes
        self.accounts: Accounts = Accounts(self.hashes) if trunk is None else trunk.accounts
        self.branch = Branch(self.hashes, fork_height)
        self.blocks: Blocks = Blocks(spec, self.hashes, self.branch, None if trunk is None else trunk.blocks)

    def height_named(self, value: Any, head: int, what: str) -> int:
        """The height that a tag or a number names; it may lie above the head."""
        if value == "latest":
            return head
        if type(value) is str and value in TAG_LAGS:
            return max(head - TAG_LAGS[value], 0)
        return 0 if value == "earliest" else parameters.quantity(value, what)

    def height_of_state(self, params: list[Any], index: int, head: int) -> int:
        """The height whose state a call asks for: a tag, number or EIP-1898 object; the head by default."""
        if len(params) <= index or (value := params[index]) is None or value == "latest":
            return head
        what = str(index)
        if isinstance(value, dict):
            height = self._height_of_object(value, head, what)
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
        height = self.branch.height_of(block_hash)
        return None if height is None or height > head else height

    def transaction(self, transaction_hash: str, head: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The transaction with this hash and its receipt, when it is one of the chain's and known by now."""
        if found_in_params(transaction_hash[:_LEADING_CHARACTERS]) is not None:
            found = self.blocks.asked_for(transaction_hash)
            return found if int(found[0]["blockNumber"], 16) <= head else None
        place = self.hashes.place_of(b"transaction", transaction_hash)
        if place is None or place[0] > head:
            return None
        block = self.blocks.at(place[0])
        if place[1] >= len(block.transactions):
            return None
        return block.transactions[place[1]], block.receipts[place[1]]
