"""Is an answer right? The client's side of the chain model. Pure."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias

import msgspec

from actors.chain.accounts import HEIGHT_BITS
from actors.chain.facts import TAG_LAGS
from actors.chain.model import ChainModel
from actors.chain.parameters import Params
from actors.wire.jsonrpc import RpcError

STALE_BLOCKS = 256
"""How old the head of an answer may be to count as stale; anything older is wrong."""

_EMPTY_ANSWERS_TRIED = 8
"""An empty list of logs does not say of which head it is: this many of the newest are tried."""

Judgement: TypeAlias = Literal["right", "stale", "wrong"]

_STATE_METHODS = ("eth_getBalance", "eth_getTransactionCount", "eth_getStorageAt", "eth_call")
_READ_HEIGHT: dict[str, Callable[[Any], int]] = {
    "eth_blockNumber": lambda result: int(result, 16),
    "eth_getBlockByNumber": lambda result: int(result["number"], 16),
    "eth_getLogs": lambda result: int(result[-1]["blockNumber"], 16),
    "eth_feeHistory": lambda result: int(result["oldestBlock"], 16) + len(result["gasUsedRatio"]) - 1,
    **dict.fromkeys(_STATE_METHODS, lambda result: int(result, 16) % 2**HEIGHT_BITS),
}
"""Which height a method's result says it is of, where it says it."""

_is_hash = re.compile(r"0x[0-9a-f]{64}").fullmatch
_LAGS = sorted(set(TAG_LAGS.values()))
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_UNKNOWABLE = object()


def judge(
    model: ChainModel,
    method: str,
    params: Params,
    result: bytes | msgspec.Raw,
    head_from: int,
    head_to: int,
    canned: Iterable[Any] = (),
) -> Judgement:
    """Compare a result with what the chain says.

    `result` is the result's JSON text. It is right when it holds at any head in `head_from..head_to` (when
    the request was sent, and when its answer came), or equals one of `canned`; stale when it held at one
    of the `STALE_BLOCKS` heads before, or holds at any of these on another branch: a reorg's answers are about
    blocks that are no longer, or not yet, everybody's. Otherwise it is wrong. White space and the order of
    members do not matter.
    """
    text = bytes(result)
    for head in range(head_from, head_to + 1):
        expected = _answer(model, method, params, head)
        if expected is not _UNKNOWABLE and _encode(expected) == text:
            return "right"
    return _judge_decoded(model, method, params, text, head_from, head_to, canned)


def _judge_decoded(
    model: ChainModel,
    method: str,
    params: Params,
    text: bytes,
    head_from: int,
    head_to: int,
    canned: Iterable[Any],
) -> Judgement:
    """Not the bytes we would have written: compare as data, and look further back."""
    try:
        result = _decode(text)
    except msgspec.MsgspecError:
        return "wrong"
    if any(_same(result, one) for one in canned):
        return "right"
    newest = range(head_from, head_to + 1)
    if _holds(model, method, params, result, newest):
        return "right"
    oldest = max(head_from - STALE_BLOCKS, 0)
    older = [head for head in _heads_of(method, result, head_from, oldest) if oldest <= head < head_from]
    if _holds(model, method, params, result, older):
        return "stale"
    fork = _fork_said(model, result)
    if fork is not None and _holds(model.branched(fork), method, params, result, (*newest, *older)):
        return "stale"
    return "wrong"


def _holds(model: ChainModel, method: str, params: Params, result: Any, heads: Iterable[int]) -> bool:
    return any(_same(result, _answer(model, method, params, head)) for head in heads)


def _answer(model: ChainModel, method: str, params: Params, head: int) -> Any:
    try:
        return model.answer(method, params, head)
    except RpcError:
        return _UNKNOWABLE


def _same(result: Any, expected: Any) -> bool:
    """Equal as JSON, where 1 and 1.0 are one number, but 1 is not true."""
    return isinstance(result, bool) == isinstance(expected, bool) and bool(result == expected)


def _heads_of(method: str, result: Any, head_from: int, oldest: int) -> Iterable[int]:
    """The older heads at which this result may have held: few, because most results say their height."""
    if result is None:
        return (oldest,)
    if method == "eth_getLogs" and not result:
        return (*range(head_from - 1, head_from - 1 - _EMPTY_ANSWERS_TRIED, -1), oldest)
    if method == "eth_gasPrice":
        return range(head_from - 1, oldest - 1, -1)
    height = _height_said(method, result)
    return () if height is None else (height + lag for lag in _LAGS)


def _height_said(method: str, result: Any) -> int | None:
    """The height that a result speaks of, if it is of the shape such a result has."""
    try:
        return _READ_HEIGHT[method](result)
    except (TypeError, ValueError, LookupError):
        return None  # a method whose answers never age, or not even the right shape


def _fork_said(model: ChainModel, result: Any) -> int | None:
    """The branch of the newest block that a result names: a branch's answers say of which branch they are."""
    newest = result[-1] if isinstance(result, list) and result else result
    if not isinstance(newest, dict):
        return None
    name = newest.get("blockHash", newest.get("hash"))
    return model.fork_named_by(name) if type(name) is str and _is_hash(name) else None
