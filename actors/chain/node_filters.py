"""Filters from a client's side: the methods, and whether an answer of theirs can be true. Pure.

Only the node that made a filter knows what it holds. What can be checked is that nothing in it is invented.
"""

import re
from typing import Any, Literal, TypeAlias

from battle.actors.chain.model import ChainModel

FilterKind: TypeAlias = Literal["newFilter", "newBlockFilter", "newPendingTransactionFilter"]

FILTER_MAKERS: dict[str, FilterKind] = {
    "eth_newFilter": "newFilter",
    "eth_newBlockFilter": "newBlockFilter",
    "eth_newPendingTransactionFilter": "newPendingTransactionFilter",
}
"""The methods that make filters."""

POLLS = ("eth_getFilterChanges", "eth_getFilterLogs")
UNINSTALL = "eth_uninstallFilter"

FILTER_METHODS = frozenset({*FILTER_MAKERS, *POLLS, UNINSTALL})
"""Answered by the node that is asked, from what it keeps for its clients, and not from the chain alone."""

_is_name = re.compile(r"0x[0-9a-f]{1,64}").fullmatch
_is_hash = re.compile(r"0x[0-9a-f]{64}").fullmatch


def kind_made_by(method: str) -> FilterKind | None:
    """The kind of filter that a method makes; None for one that makes none."""
    return FILTER_MAKERS.get(method)


def can_be_true(model: ChainModel, method: str, result: Any, head: int) -> bool:
    """Whether a node could answer so when the newest block is at `head`: all hashes and logs are of the chain, or
    were."""
    if method in FILTER_MAKERS:
        return isinstance(result, str) and _is_name(result) is not None
    if method == UNINSTALL:
        return isinstance(result, bool)
    return isinstance(result, list) and all(_is_of_chain(model, one, head) for one in result)


def _is_of_chain(model: ChainModel, one: Any, head: int) -> bool:
    if isinstance(one, dict):
        return _is_log(model, one, head)
    if not isinstance(one, str) or _is_hash(one) is None:
        return False
    # What waits while a block is the newest is in the next one.
    waiting = model.answer("eth_getTransactionByHash", [one], head + 1)
    return waiting is not None or _branch_with(model, one, head) is not None


def _is_log(model: ChainModel, log: dict[str, Any], head: int) -> bool:
    """One that a reorg took away is the same, but for `removed`."""
    name = log.get("blockHash")
    if not isinstance(name, str) or _is_hash(name) is None or not isinstance(log.get("removed"), bool):
        return False
    branch = _branch_with(model, name, head)
    return branch is not None and {**log, "removed": False} in branch.answer(
        "eth_getLogs", [{"blockHash": name}], head
    )


def _branch_with(model: ChainModel, block_hash: str, head: int) -> ChainModel | None:
    """The branch that has a block with this hash up to `head`."""
    fork = model.fork_named_by(block_hash, head)
    branch = model if fork is None else model.branched(fork)
    return branch if branch.answer("eth_getBlockByHash", [block_hash, False], head) is not None else None
