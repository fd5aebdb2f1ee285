"""Methods about what stands in a block: its receipts, its transactions by their places, how many there are. Pure."""

from collections.abc import Callable
from typing import Any

from battle.actors.chain import parameters
from battle.actors.chain.blocks import Block
from battle.actors.chain.facts import HASH_CHARACTERS, Facts
from battle.actors.chain.parameters import Params, positional


def block_named(facts: Facts, value: Any, head: int, what: str = "0") -> Block | None:
    """The block that a tag, a number, a hash or an EIP-1898 object names; None when there is none up to `head`.

    Raises:
        RpcError: -32602 for what names none, 4444 for one that is too old to be kept.
    """
    if isinstance(value, dict):
        value = value.get("blockHash", value.get("blockNumber"))
    if isinstance(value, str) and len(value) == HASH_CHARACTERS:
        return _block_of_hash(facts, value, head, what)
    return _block_of_number(facts, value, head, what)


def _block_of_hash(facts: Facts, value: Any, head: int, what: str = "0") -> Block | None:
    height = facts.height_of_hash(parameters.hash32(value, what), head)
    return None if height is None else facts.blocks.at(height)


def _block_of_number(facts: Facts, value: Any, head: int, what: str = "0") -> Block | None:
    height = facts.height_named(value, head, what)
    return None if height > head else facts.blocks.at(height)


def _receipts(facts: Facts, params: Params, head: int) -> list[dict[str, Any]] | None:
    block = block_named(facts, positional(params, 1, 1)[0], head)
    return None if block is None else block.receipts


def _count_by_hash(facts: Facts, params: Params, head: int) -> str | None:
    return _count(_block_of_hash(facts, positional(params, 1, 1)[0], head))


def _count_by_number(facts: Facts, params: Params, head: int) -> str | None:
    return _count(_block_of_number(facts, positional(params, 1, 1)[0], head))


def _count(block: Block | None) -> str | None:
    return None if block is None else hex(len(block.transactions))


def _uncles_by_hash(facts: Facts, params: Params, head: int) -> str | None:
    return None if _block_of_hash(facts, positional(params, 1, 1)[0], head) is None else "0x0"


def _uncles_by_number(facts: Facts, params: Params, head: int) -> str | None:
    return None if _block_of_number(facts, positional(params, 1, 1)[0], head) is None else "0x0"


def _transaction_by_hash_and_index(facts: Facts, params: Params, head: int) -> dict[str, Any] | None:
    block_hash, index = positional(params, 2, 2)
    return _transaction_at(_block_of_hash(facts, block_hash, head), index)


def _transaction_by_number_and_index(facts: Facts, params: Params, head: int) -> dict[str, Any] | None:
    number, index = positional(params, 2, 2)
    return _transaction_at(_block_of_number(facts, number, head), index)


def _transaction_at(block: Block | None, index: Any) -> dict[str, Any] | None:
    place = parameters.quantity(index, "1")
    if block is None or place >= len(block.transactions):
        return None
    return block.transactions[place]


BLOCK_CONTENTS: dict[str, Callable[[Facts, Params, int], Any]] = {
    "eth_getBlockReceipts": _receipts,
    "eth_getBlockTransactionCountByHash": _count_by_hash,
    "eth_getBlockTransactionCountByNumber": _count_by_number,
    "eth_getTransactionByBlockHashAndIndex": _transaction_by_hash_and_index,
    "eth_getTransactionByBlockNumberAndIndex": _transaction_by_number_and_index,
    "eth_getUncleCountByBlockHash": _uncles_by_hash,
    "eth_getUncleCountByBlockNumber": _uncles_by_number,
}
"""Each of these methods, by its name."""
