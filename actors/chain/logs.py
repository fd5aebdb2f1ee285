"""Logs: reading a filter, and finding what it matches in the receipts of its blocks."""

from typing import Any

import msgspec

from battle.actors.chain import parameters
from battle.actors.chain.facts import Facts
from battle.actors.spec.workloads import LogFilter
from battle.actors.wire.jsonrpc import INVALID_PARAMS, LIMIT_EXCEEDED, SERVER_ERROR, RpcError

MAX_LOG_BLOCKS = 1000
"""The widest range one query may span, as hosted providers limit it."""

_MAX_TOPICS = 4

Topics = tuple[frozenset[str] | None, ...]


class LogPattern(msgspec.Struct, frozen=True):
    """Which logs are wanted, wherever they stand; None and missing topics match anything."""

    addresses: frozenset[str] | None
    topics: Topics

    def matches(self, log: dict[str, Any]) -> bool:
        """Whether a log is wanted."""
        if self.addresses is not None and log["address"] not in self.addresses:
            return False
        found = log["topics"]
        return len(self.topics) <= len(found) and all(
            wanted is None or topic in wanted for wanted, topic in zip(self.topics, found, strict=False)
        )


def matching(facts: Facts, value: Any, head: int) -> list[dict[str, Any]]:
    """The logs up to `head` that a filter object asks for, in chain order."""
    wanted = read_pattern(value)
    low, high = _range(facts, value, head)
    return [
        log
        for height in range(low, min(high, head) + 1)
        for receipt in facts.blocks.at(height).receipts
        for log in receipt["logs"]
        if wanted.matches(log)
    ]


def read_pattern(value: Any) -> LogPattern:
    """The addresses and topics of a filter object; its range, if it has one, is not looked at.

    Raises:
        RpcError: -32602 for what is no filter.
    """
    if not isinstance(value, dict):
        raise parameters.invalid("0", "expected a filter object")
    addresses = _choices(value.get("address"), "0.address", parameters.address)
    topics = value.get("topics")
    if topics is None:
        topics = []
    if not isinstance(topics, list) or len(topics) > _MAX_TOPICS:
        raise parameters.invalid("0.topics", f"expected a list of at most {_MAX_TOPICS}")
    return LogPattern(addresses, tuple(_choices(topic, "0.topics", parameters.hash32) for topic in topics))


def pattern_of(wanted: LogFilter) -> LogPattern:
    """What matches the logs that a subscription wants.

    Raises:
        RpcError: it is no filter.
    """
    topics = [list(topic) if isinstance(topic, tuple) else topic for topic in wanted.topics]
    address = list(wanted.address) if isinstance(wanted.address, tuple) else wanted.address
    return read_pattern({"address": address, "topics": topics})


def _range(facts: Facts, value: dict[str, Any], head: int) -> tuple[int, int]:
    if value.get("blockHash") is not None:
        if value.get("fromBlock") is not None or value.get("toBlock") is not None:
            raise parameters.invalid("0", "blockHash excludes fromBlock and toBlock")
        height = facts.height_of_hash(parameters.hash32(value["blockHash"], "0.blockHash"), head)
        if height is None:
            raise RpcError(SERVER_ERROR, "unknown block")
        return height, height
    low = _bound(facts, value.get("fromBlock"), head, "0.fromBlock")
    high = _bound(facts, value.get("toBlock"), head, "0.toBlock")
    if low > high:
        raise RpcError(INVALID_PARAMS, "invalid block range: fromBlock is above toBlock")
    if high - low >= MAX_LOG_BLOCKS:
        raise RpcError(LIMIT_EXCEEDED, f"the range of a log query is limited to {MAX_LOG_BLOCKS} blocks")
    return low, high


def _bound(facts: Facts, value: Any, head: int, what: str) -> int:
    return head if value is None else facts.height_named(value, head, what)


def _choices(value: Any, what: str, read: Any) -> frozenset[str] | None:
    """One value or a list of alternatives; none at all matches everything."""
    if value is None or value == []:
        return None
    return frozenset(read(one, what) for one in (value if isinstance(value, list) else [value]))
