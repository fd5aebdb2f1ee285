"""What a node publishes to its subscribers: heads, logs, pending transactions, and what a reorg changes. Pure.

All results are plain data, which is shared: do not change it.
"""

from typing import Any

from battle.actors.chain.logs import LogPattern, read_pattern
from battle.actors.chain.model import ChainModel

__all__ = [
    "REORG_BLOCKS_MAX",
    "LogPattern",
    "fork_between",
    "header",
    "logs_of_block",
    "pending_transactions",
    "read_pattern",
    "reorg_heads",
    "reorg_logs",
]

REORG_BLOCKS_MAX = 1024
"""How many of the newest blocks a reorg publishes again: more at once would overflow any subscriber's buffer."""

_NOT_IN_HEADER = ("size", "uncles")


def header(model: ChainModel, height: int) -> dict[str, Any]:
    """The header of the block at `height`, as `newHeads` publishes it."""
    block = model.block_at(height).header
    return {name: value for name, value in block.items() if name not in _NOT_IN_HEADER}


def logs_of_block(model: ChainModel, pattern: LogPattern, height: int) -> list[dict[str, Any]]:
    """The logs of the block at `height` that `pattern` (from `read_pattern`) matches, in chain order."""
    return [
        log for receipt in model.block_at(height).receipts for log in receipt["logs"] if pattern.matches(log)
    ]


def pending_transactions(model: ChainModel, head: int) -> list[str]:
    """The hashes of the transactions that wait while `head` is the newest block: those of the block after it.

    They are the same on all branches.
    """
    return [transaction["hash"] for transaction in model.block_at(head + 1).transactions]


def fork_between(before: ChainModel, after: ChainModel) -> int | None:
    """The lowest height at which two views of one chain differ; None when they do not, or are of two chains."""
    if before.spec != after.spec or before.fork_height == after.fork_height:
        return None
    return min(height for height in (before.fork_height, after.fork_height) if height is not None)


def reorg_heads(before: ChainModel, after: ChainModel, head: int) -> list[dict[str, Any]]:
    """The headers to publish when a node whose newest published block is `head` turns from `before` to `after`.

    Oldest first; the heights were published before, with other hashes. Nothing says that those are void: so
    do real nodes.
    """
    return [header(after, height) for height in _replaced(before, after, head)]


def reorg_logs(before: ChainModel, after: ChainModel, head: int, pattern: LogPattern) -> list[dict[str, Any]]:
    """The logs to publish in that case: those of `before` with `removed: true`, then those of `after`."""
    heights = _replaced(before, after, head)
    gone = [log for height in heights for log in logs_of_block(before, pattern, height)]
    come = [log for height in heights for log in logs_of_block(after, pattern, height)]
    return [{**log, "removed": True} for log in gone] + come


def _replaced(before: ChainModel, after: ChainModel, head: int) -> range:
    fork = fork_between(before, after)
    return range(0) if fork is None else range(max(fork, head + 1 - REORG_BLOCKS_MAX, 0), head + 1)
