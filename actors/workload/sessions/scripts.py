"""The scripts that Battle has: what users of a chain do, one question after the other. Pure."""

from collections.abc import Callable
from typing import Any

from battle.actors.session_failures import SessionFailed
from battle.actors.units import Duration
from battle.actors.workload.sessions.script import Script

LOG_BLOCKS = 2
"""Of one range: as many as are asked for at a time where blocks are full."""


def poll_filter(length: int, block_time: Duration) -> Script:
    """Make a filter for blocks, ask for its changes, remove it. A block that comes twice has failed the session."""
    name = yield "eth_newBlockFilter", []
    seen: set[str] = set()
    for _ in range(length):
        yield block_time
        for block in _list((yield "eth_getFilterChanges", [name]), "eth_getFilterChanges"):
            if not isinstance(block, str):
                raise SessionFailed(f"eth_getFilterChanges: {block!r:.40} is no block's hash")
            if block in seen:
                raise SessionFailed(f"eth_getFilterChanges: block {block} came twice")
            seen.add(block)
    if (yield "eth_uninstallFilter", [name]) is not True:
        raise SessionFailed("eth_uninstallFilter: the filter was gone")


def walk_blocks(length: int, _block_time: Duration) -> Script:
    """From the newest block to its parent, and so on. A parent that is not known has failed the session."""
    block = yield "eth_getBlockByNumber", ["latest", False]
    for _ in range(length - 1):
        number, parent = _number(block, "number"), _text(block, "parentHash")
        block = yield "eth_getBlockByHash", [parent, False]
        if block is None:
            raise SessionFailed(f"eth_getBlockByHash: the parent of block {number} is not known")
        if _number(block, "number") != number - 1 or _text(block, "hash") != parent:
            raise SessionFailed(f"eth_getBlockByHash: another block than the parent of block {number}")


def walk_logs(length: int, _block_time: Duration) -> Script:
    """The logs of a few blocks, of those before them, and so on. A log of another block has failed the session."""
    newest = _quantity((yield "eth_blockNumber", []), "eth_blockNumber")
    for to in range(newest, max(newest - length * LOG_BLOCKS, -1), -LOG_BLOCKS):
        first = max(to - LOG_BLOCKS + 1, 0)
        found = yield "eth_getLogs", [{"fromBlock": hex(first), "toBlock": hex(to)}]
        for log in _list(found, "eth_getLogs"):
            if not first <= _number(log, "blockNumber") <= to:
                raise SessionFailed(f"eth_getLogs: a log of another block than {first} to {to}")


READING: dict[str, Callable[[int, Duration], Script]] = {
    "poll_filter": poll_filter,
    "walk_blocks": walk_blocks,
    "walk_logs": walk_logs,
}
"""Those that only read: all they need to know is how long they are, and the chain's block time."""


def _list(value: Any, method: str) -> list[Any]:
    if not isinstance(value, list):
        raise SessionFailed(f"{method}: the answer is no list")
    return value


def _text(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise SessionFailed(f"the answer has no {name}")
    return found


def _number(value: Any, name: str) -> int:
    return _quantity(_text(value, name), name)


def _quantity(value: Any, what: str) -> int:
    try:
        return int(value, 16)
    except (TypeError, ValueError):
        raise SessionFailed(f"{what}: {value!r:.40} is no quantity") from None
