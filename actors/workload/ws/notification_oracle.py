"""What a notification says, and whether that is so: the client's side of what the chain publishes. Pure.

Clients of one workload get the same notifications, so what a text says is worked out once.
"""

import re
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

from battle.actors.chain.facts import FINALIZED_BLOCKS
from battle.actors.chain.logs import pattern_of
from battle.actors.chain.model import ChainModel
from battle.actors.chain.notifications import header, logs_of_block, pending_transactions
from battle.actors.spec.workloads import LogFilter, SubscriptionTarget
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.actors.workload.ws.messages import TEXT_CHARACTERS, excerpt
from battle.store.events import Answer

REORG_BLOCKS = FINALIZED_BLOCKS
"""How far below the newest block of a client news may be: no reorg reaches below a finalized block."""

_READINGS_KEPT = 256
"""Texts whose meaning is remembered: clients get the same within seconds. A kilobyte or two each."""
_LONGEST_KEPT_BYTES = 16 * 1024

HEIGHTS_LOOKED_AT = 256
"""Blocks that are looked through for something that was due: a millisecond or two each, when the load is over."""

_is_hash = re.compile(r"0x[0-9a-f]{64}").fullmatch
_is_quantity = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,14})").fullmatch
_decode = reader()

Truth: TypeAlias = Literal["main", "orphaned", "none"]
"""Of the chain that everybody agrees on; of another branch of it; of neither."""


class Reading(NamedTuple):
    """Of which branch, and of which block, what a notification says is true; and what it says, as the log has it."""

    truth: Truth
    height: int
    key: str
    number: int | None = None
    hash: str | None = None
    parent_hash: str | None = None


class NotificationOracle:
    """Judges the notifications of subscriptions of one kind.

    With `checks` off, for chains that are not the model's, every answer is `none`.
    """

    def __init__(self, model: ChainModel, kind: SubscriptionTarget, *, checks: bool) -> None:
        self.kind = "logs" if isinstance(kind, LogFilter) else kind
        self._model = model
        self._checks = checks
        self._readings: dict[bytes, tuple[Reading, int]] = {}
        """What was read, while which block was the newest."""
        self._publishing: dict[int, bool] = {}
        """By height, whether its block has something for such a subscription."""
        self._read: Callable[[Any, int], Reading]
        # What waits to be in a block is of the one after the newest.
        self._ahead = 0
        if self.kind == "newHeads":
            self._read = self._read_head
        elif self.kind == "logs":
            self._pattern = pattern_of(kind if isinstance(kind, LogFilter) else LogFilter())
            self._read = self._read_log
        else:
            self._ahead = 1
            self._read = self._read_pending

    def judged(self, result: bytes, now_ns: int, newest: int) -> tuple[Answer, Reading]:
        """What a notification is worth that is read now; `result` is JSON text.

        It is right when it is true on the main branch by now; stale when it is true on another, or older by more
        than `REORG_BLOCKS` than `newest`, the highest block that a right notification gave this client before.
        Otherwise it is wrong. A log that is said to be removed is right when its block is of another branch.
        """
        head = self._model.highest_at(now_ns)
        reading = self._known(result, head) or self._reading(result, head)
        if not self._checks:
            return "none", reading
        if reading.truth == "none" or reading.height > head + self._ahead:
            return "wrong", reading
        if reading.truth == "orphaned" or reading.height < newest - REORG_BLOCKS:
            return "stale", reading
        return "right", reading

    def earliest_ns(self, reading: Reading) -> int:
        """Before that nobody can have sent what is right: the moment at which its block came about."""
        return self._model.time_of(reading.height - self._ahead - self._model.clock.ahead_blocks)

    def has_news(self, from_ns: int, until_ns: int) -> bool | None:
        """Whether the chain had something for such a subscription after `from_ns` and up to `until_ns`.

        Of more than `HEIGHTS_LOOKED_AT` blocks only the newest are looked at. None: the chain is not the model's.
        """
        if not self._checks:
            return None
        first, last = self._model.head_at(from_ns) + 1, self._model.head_at(max(until_ns, 0))
        return any(
            self._publishes_at(height) for height in range(max(first, last + 1 - HEIGHTS_LOOKED_AT), last + 1)
        )

    def _publishes_at(self, height: int) -> bool:
        known = self._publishing.get(height)
        if known is None:
            if self.kind == "newHeads":
                known = True
            elif self.kind == "logs":
                known = bool(logs_of_block(self._model, self._pattern, height))
            else:
                known = bool(pending_transactions(self._model, height))
            if len(self._publishing) >= HEIGHTS_LOOKED_AT:
                self._publishing.clear()
            self._publishing[height] = known
        return known

    def _known(self, result: bytes, head: int) -> Reading | None:
        """What was read before; what was not true then may be so with a newer block."""
        reading, then = self._readings.get(result, (None, head))
        return reading if reading is None or reading.truth != "none" or then == head else None

    def _reading(self, result: bytes, head: int) -> Reading:
        try:
            reading = self._read(_decode(result), head)
        except (Unreadable, _Unreadable):
            reading = Reading("none", 0, excerpt(result))
        if len(result) <= _LONGEST_KEPT_BYTES:
            if len(self._readings) >= _READINGS_KEPT:
                self._readings.pop(next(iter(self._readings)))
            self._readings[result] = reading, head
        return reading

    def _read_head(self, result: Any, head: int) -> Reading:
        number, name, parent = _number(result, "number"), _text(result, "hash"), _text(result, "parentHash")
        return Reading(self._truth_of_head(result, number, name, head), number, name, number, name, parent)

    def _truth_of_head(self, result: dict[str, Any], number: int, name: str, head: int) -> Truth:
        seen = self._branch_of(number, name, head)
        if seen is None:
            return "none"
        truth, model = seen
        whole, published = model.block_at(number).header, header(model, number)
        # Some servers publish the header with its size and uncles.
        fits = published.keys() <= result.keys() <= whole.keys()
        return truth if fits and all(_same(result[member], whole[member]) for member in result) else "none"

    def _read_log(self, result: Any, head: int) -> Reading:
        number, block = _number(result, "blockNumber"), _text(result, "blockHash")
        index = _number(result, "logIndex")
        removed = result.get("removed") is True
        key = f"{block}:{index}:removed" if removed else f"{block}:{index}"
        added = {**result, "removed": False} if removed else result
        truth = self._truth_of_log(added, self._branch_of(number, block, head), number, index)
        if removed and truth != "none":
            truth = "main" if truth == "orphaned" else "orphaned"
        return Reading(truth, number, key, number, block)

    def _truth_of_log(
        self, result: dict[str, Any], seen: tuple[Truth, ChainModel] | None, number: int, index: int
    ) -> Truth:
        if seen is None:
            return "none"
        truth, model = seen
        logs = [log for receipt in model.block_at(number).receipts for log in receipt["logs"]]
        if index >= len(logs) or not _same(result, logs[index]) or not self._pattern.matches(result):
            return "none"
        return truth

    def _read_pending(self, result: Any, head: int) -> Reading:
        if not isinstance(result, str):
            raise _Unreadable
        if not _is_hash(result):
            return Reading("none", 0, result[:TEXT_CHARACTERS])
        waits_from = self._model.waits_from(result, head) if self._checks else None
        if waits_from is None:
            return Reading("none", 0, result)
        return Reading("main", waits_from + 1, result)

    def _branch_of(self, number: int, name: str, head: int) -> tuple[Truth, ChainModel] | None:
        """The branch that a block is of, and the chain as who follows that sees it; None: there is no such block."""
        if not self._checks or not _is_hash(name):
            return None
        fork = self._model.fork_named_by(name, head)
        model = self._model if fork is None else self._model.branched(fork)
        if model.height_of(name, head) != number:
            return None
        return "main" if fork is None else "orphaned", model


class _Unreadable(Exception):
    """The result is not of the kind's shape."""


def _number(result: Any, member: str) -> int:
    text = _text(result, member)
    if not _is_quantity(text):
        raise _Unreadable
    return int(text, 16)


def _text(result: Any, member: str) -> str:
    text = result.get(member) if isinstance(result, dict) else None
    if not isinstance(text, str) or len(text) > TEXT_CHARACTERS:
        raise _Unreadable
    return text


def _same(result: Any, expected: Any) -> bool:
    """Equal as JSON, where 1 is not true."""
    return isinstance(result, bool) == isinstance(expected, bool) and bool(result == expected)
