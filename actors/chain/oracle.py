"""Is an answer right? The client's side of the chain model: the oracle for results and for errors. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from battle.actors.chain.accounts import HEIGHT_BITS
from battle.actors.chain.expected_answers import is_distorted, is_expected_error, same_json
from battle.actors.chain.facts import TAG_LAGS
from battle.actors.chain.model import ChainModel
from battle.actors.chain.node_filters import FILTER_METHODS, can_be_true
from battle.actors.chain.node_status import SYNCING, read_sync_progress
from battle.actors.chain.parameters import Params
from battle.actors.wire.jsonrpc import METHOD_NOT_FOUND, ErrorObject, RpcError
from battle.actors.wire.untrusted_json import Unreadable, reader

STALE_BLOCKS = 256
"""How old the head of an answer may be to count as stale; anything older is wrong."""

_EMPTY_ANSWERS_TRIED = 8
"""An empty list of logs does not say of which head it is: this many of the newest are tried."""

_HEADS_KEPT = 64
"""Most answers are right and of the newest block: the verdict on those is made once for each."""

_SHORT_BYTES = 100
"""A height alone, which many answers repeat, so that it is read once; a block comes new with each answer."""

Judgement: TypeAlias = Literal["right", "stale", "wrong", "none"]


class Judged(NamedTuple):
    """What an answer is worth.

    `none`: an error in place of the right answer, which does not claim to be it: some server failed.
    `height`: at which head the answer holds, where the question was about the newest block; None elsewhere, and for
    wrong answers. `blocks_behind`, of stale ones: how many blocks before the head of the moment the request was sent
    the last head was at which it held; on another branch, how many since the last block that both have.
    `error_code`: that of the error which is the right answer; None when a result is.
    """

    answer: Judgement
    height: int | None = None
    blocks_behind: int | None = None
    error_code: int | None = None


_RIGHT = Judged("right")


@lru_cache(_HEADS_KEPT)
def _right_at(height: int) -> Judged:
    return Judged("right", height)


_STATE_METHODS = ("eth_getBalance", "eth_getTransactionCount", "eth_getStorageAt", "eth_call")
_READ_HEIGHT: dict[str, Callable[[Any], int]] = {
    "eth_blockNumber": lambda result: int(result, 16),
    "eth_getBlockByNumber": lambda result: int(result["number"], 16),
    "eth_getLogs": lambda result: int(result[-1]["blockNumber"], 16),
    "eth_getTransactionByBlockNumberAndIndex": lambda result: int(result["blockNumber"], 16),
    "eth_feeHistory": lambda result: int(result["oldestBlock"], 16) + len(result["gasUsedRatio"]) - 1,
    **dict.fromkeys(_STATE_METHODS, lambda result: int(result, 16) % 2**HEIGHT_BITS),
}
"""Which height a method's result says it is of, where it says it."""

_WITHOUT_HEIGHT = frozenset(
    {
        "debug_traceBlockByNumber",
        "eth_gasPrice",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByNumber",
        "trace_block",
        "trace_filter",
    }
)
"""Methods whose answers say no height, or not when they are empty: all heads are tried."""

_WHICH_BLOCK: dict[str, int | None] = {
    "eth_blockNumber": None,
    "eth_getBlockByNumber": 0,
    "eth_getBalance": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
    "eth_call": 1,
    "eth_feeHistory": 1,
}
"""Which parameter says of which block a question is that has a height for an answer; None: always the newest."""

_NEWEST = ("latest", "pending", None)

_COUNT_CHARACTERS = len(hex(2**HEIGHT_BITS - 1))
"""Of a number of transactions; an invented one has a height in its last four bytes, and more before it."""

_HEIGHT_BOUND = 2**60
"""No chain is as high, and the log has no room for more."""

_is_hash = re.compile(r"0x[0-9a-f]{64}").fullmatch
_LAGS = sorted(set(TAG_LAGS.values()))
_encode = msgspec.json.Encoder().encode
_decode = reader()


def judge(
    model: ChainModel,
    method: str,
    params: Params,
    received: bytes | msgspec.Raw | ErrorObject,
    head_from: int,
    head_to: int,
    canned: Sequence[Any] = (),
    *,
    canned_only: bool = False,
) -> Judged:
    """Compare an answer with what the chain says.

    `received` is a result's JSON text, or an error. It is right when it holds at any head in `head_from..head_to`
    (when the request was sent, and when its answer came), or is one of `canned`, which are results and `RpcError`s;
    with `canned_only` nothing else is right. It is stale when it held at one of the `STALE_BLOCKS` heads before, or
    holds at any of these on another branch: a reorg's answers are about blocks that are no longer, or not yet,
    everybody's. Otherwise a result, also one that cannot be read, is wrong. White space and the order of members do
    not matter.

    `chain.expected_answers` says when an error is the right one. Any other is wrong where an error is the right
    answer and this one claims to be it; else it is no answer.
    """
    if isinstance(received, ErrorObject):
        return _Case(model, method, params, received, head_from, head_to, canned, canned_only).judged()
    text = bytes(received)
    if not canned_only:
        right = right_as_written(model, method, params, text, head_from, head_to)
        if right is not None:
            return right
    # Not the bytes we would have written: compare as data, and look further back.
    try:
        result = _decode(text)
    except Unreadable:
        return Judged(
            "wrong", error_code=right_error(model, method, params, head_to, canned, canned_only=canned_only)
        )
    return _Case(model, method, params, result, head_from, head_to, canned, canned_only).judged()


def right_as_written(
    model: ChainModel, method: str, params: Params, text: bytes, head_from: int, head_to: int
) -> Judged | None:
    """As `judge`, of a result that is, byte for byte, what we would have written; None of any other."""
    for head in range(head_from, head_to + 1):
        try:
            expected = model.answer(method, params, head)
        except RpcError:
            continue
        if _encode(expected) == text:
            return _right_at(head) if asks_for_newest(method, params) else _RIGHT
    return None


def right_error(
    model: ChainModel,
    method: str,
    params: Params,
    head: int,
    canned: Sequence[Any] = (),
    *,
    canned_only: bool = False,
) -> int | None:
    """The code of the error that is the right answer at this head; None when a result is, or may be."""
    found = _right_errors(model, method, params, head, canned, canned_only)
    return found[0].code if found else None


def asks_for_newest(method: str, params: Params) -> bool:
    """Whether a question is about the newest block, and its answer is of one height."""
    if method not in _WHICH_BLOCK:
        return False
    index = _WHICH_BLOCK[method]
    if index is None:
        return True
    if not isinstance(params, list):
        return False
    return len(params) <= index or (type(params[index]) in (str, type(None)) and params[index] in _NEWEST)


def newest_height(method: str, params: Params, result: bytes | msgspec.Raw) -> int | None:
    """The height of the newest block, as a result of any chain states it; None where the call is not about it."""
    if method not in ("eth_blockNumber", "eth_getBlockByNumber") or not asks_for_newest(method, params):
        return None
    text = bytes(result)
    return _height_in_short(method, text) if len(text) <= _SHORT_BYTES else _height_in(method, text)


def _height_in(method: str, text: bytes) -> int | None:
    try:
        return _height_said(method, _decode(text))
    except Unreadable:
        return None


_height_in_short = lru_cache(_HEADS_KEPT)(_height_in)


class _Case(NamedTuple):
    """An answer, decoded, and all that it is compared with."""

    model: ChainModel
    method: str
    params: Params
    received: Any
    head_from: int
    head_to: int
    canned: Sequence[Any]
    canned_only: bool

    def judged(self) -> Judged:
        if any(_fits(self.received, one) for one in self.canned):
            return self._as("right")
        if self.canned_only:
            return self._not_held()
        if self.method in FILTER_METHODS:
            return self._judged_filter()
        newest = range(self.head_from, self.head_to + 1)
        held = self._held(self.model, newest)
        if held is not None:
            return self._as("right", held)
        return self._judged_older(newest)

    def _judged_filter(self) -> Judged:
        """What only one node knows is right as long as nothing in it is invented. That a node does not know a filter
        is no answer to whoever made one."""
        if isinstance(self.received, ErrorObject):
            return Judged("none")
        true = can_be_true(self.model, self.method, self.received, self.head_to)
        return Judged("right" if true else "wrong")

    def _judged_older(self, newest: range) -> Judged:
        if self.method == SYNCING and (progress := read_sync_progress(self.received)) is not None:
            return self._judged_syncing(*progress)
        oldest = max(self.head_from - STALE_BLOCKS, 0)
        older = [head for head in self._older(oldest) if oldest <= head < self.head_from]
        held = self._held(self.model, older)
        if held is not None:
            held = self._newest_held(held)
            return self._as("stale", held)._replace(blocks_behind=self.head_from - held)
        fork = _fork_said(self.model, self.received, self.head_to)
        if fork is not None:
            held = self._held(self.model.branched(fork), (*newest, *older))
            if held is not None:
                return self._as("stale", held)._replace(blocks_behind=max(self.head_from - fork + 1, 0))
        return self._not_held()

    def _judged_syncing(self, head: int, newest: int) -> Judged:
        """Of a node that says how far behind it is: it is right about that, and stale as all that it answers."""
        behind = self.head_from - head
        if not self.head_from <= newest <= self.head_to or behind > STALE_BLOCKS:
            return self._not_held()
        return Judged("stale", blocks_behind=max(behind, 0))

    def _held(self, model: ChainModel, heads: Iterable[int]) -> int | None:
        """The first of these heads at which the answer holds."""
        return next(
            (head for head in heads if _holds(model, self.method, self.params, self.received, head)),
            None,
        )

    def _newest_held(self, held: int) -> int:
        """The newest head at which what held at this one may still hold: what was not there was so for long."""
        if not self._is_of_many_heads():
            return held
        beyond = self.head_from
        while beyond - held > 1:
            between = (held + beyond) // 2
            if self._held(self.model, (between,)) is None:
                beyond = between
            else:
                held = between
        return held

    def _is_of_many_heads(self) -> bool:
        return self.received is None or isinstance(self.received, ErrorObject) or self.method == "eth_getLogs"

    def _older(self, oldest: int) -> Iterable[int]:
        """The older heads at which this answer may have held, newest first: few, as most results say their height."""
        if self.received is None or isinstance(self.received, ErrorObject):
            return (oldest,)
        before = self.head_from - 1
        if self.method == "eth_getLogs" and not self.received:
            return (*range(before, before - _EMPTY_ANSWERS_TRIED, -1), oldest)
        if self.method in _WITHOUT_HEIGHT or self._is_of_what_was_sent():
            return range(before, oldest - 1, -1)
        height = _height_said(self.method, self.received)
        return () if height is None else (height + lag for lag in reversed(_LAGS))

    def _is_of_what_was_sent(self) -> bool:
        """A transaction that waits, or the number of those that were sent: neither says a height."""
        if self.method == "eth_getTransactionByHash":
            return isinstance(self.received, dict) and self.received.get("blockNumber") is None
        if self.method != "eth_getTransactionCount" or not isinstance(self.received, str):
            return False
        return len(self.received) <= _COUNT_CHARACTERS

    def _as(self, judgement: Judgement, head: int | None = None) -> Judged:
        if isinstance(self.received, ErrorObject):
            return Judged(judgement, error_code=self.received.code if judgement == "right" else None)
        height = head if head is not None and asks_for_newest(self.method, self.params) else None
        return Judged(judgement, height)

    def _not_held(self) -> Judged:
        right = _right_errors(
            self.model, self.method, self.params, self.head_to, self.canned, self.canned_only
        )
        code = right[0].code if right else None
        if isinstance(self.received, ErrorObject):
            distorted = any(is_distorted(self.received, one) for one in right)
            return Judged("wrong" if distorted else "none", error_code=code)
        if code == METHOD_NOT_FOUND and self.received is not None:
            # A gateway may answer methods of its own that no provider knows.
            return Judged("none", error_code=code)
        return Judged("wrong", error_code=code)


def _right_errors(
    model: ChainModel, method: str, params: Params, head: int, canned: Sequence[Any], canned_only: bool
) -> list[RpcError]:
    """The errors that are right at this head; none of them when a result may be right as well."""
    if method in FILTER_METHODS and not canned_only:
        return []
    right = [*canned] if canned_only else [*canned, _answer(model, method, params, head)]
    errors = [one for one in right if isinstance(one, RpcError)]
    return errors if len(errors) == len(right) else []


def _fits(received: Any, expected: Any) -> bool:
    if isinstance(received, ErrorObject):
        return isinstance(expected, RpcError) and is_expected_error(received, expected)
    return not isinstance(expected, RpcError) and same_json(received, expected)


def _holds(model: ChainModel, method: str, params: Params, received: Any, head: int) -> bool:
    right = _answer(model, method, params, head)
    if _fits(received, right):
        return True
    others = () if isinstance(right, RpcError) else model.other_answers(method, params, head)
    return any(_fits(received, other) for other in others)


def _answer(model: ChainModel, method: str, params: Params, head: int) -> Any:
    """The right result, or the right error."""
    try:
        return model.answer(method, params, head)
    except RpcError as error:
        return error


def _height_said(method: str, result: Any) -> int | None:
    """The height that a result speaks of, if it is of the shape such a result has."""
    try:
        height = _READ_HEIGHT[method](result)
        return height if 0 <= height < _HEIGHT_BOUND else None
    except (TypeError, ValueError, LookupError):
        return None  # a method whose answers never age, or not even the right shape


def _fork_said(model: ChainModel, result: Any, head: int) -> int | None:
    """The branch of the newest block that a result names: a branch's answers say of which branch they are."""
    newest = result[-1] if isinstance(result, list) and result else result
    if not isinstance(newest, dict):
        return None
    name = newest.get("blockHash", newest.get("hash"))
    return model.fork_named_by(name, head) if type(name) is str and _is_hash(name) else None
