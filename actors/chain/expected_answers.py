"""Errors that are right answers: how they are written down, and when an error is the one that was expected. Pure.

A provider's canned answer is an error when it is an object whose only member is `error`:

    {"error": {"code": 3, "message": "execution reverted", "data": "0x08c379a0"}}

What a trace says a call should be answered is written as in JSON-RPC: {"result": ...} or {"error": ...}.

An error is the expected one when

- its code is the same,
- its message is of the same class. The codes that JSON-RPC itself defines have one meaning each, so their messages
  are free. Otherwise the message contains the expected one up to its first colon, whatever the case and the spaces:
  "execution reverted: not the owner" and "upstream said: Execution  reverted" are both "execution reverted: paused";
- its data is the same JSON. Where no data is expected any is accepted: details that were added take nothing away.
"""

from typing import Any

import msgspec

from battle.actors.wire.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    ErrorObject,
    RpcCode,
    RpcError,
)
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.store import typed

_ONE_MEANING = frozenset({PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS})
"""What JSON-RPC defines; not its -32603, which says nothing."""

_SERVER_CODES = (range(-32099, -31999), (-32603, 429))
"""With these a server speaks of itself, or of nearly everything; any other code speaks of the request."""


_decode = reader()


class _Wanted(msgspec.Struct, forbid_unknown_fields=True):
    code: RpcCode
    message: str
    data: Any = None


def expected_answer(value: Any) -> Any:
    """A written answer: an `RpcError` for an error, else the result as it is.

    Raises:
        ValueError: it has the form of an error, and is none; the message says what is wrong.
    """
    if not isinstance(value, dict) or value.keys() != {"error"}:
        return value
    try:
        error = typed.convert(value["error"], _Wanted)
    except msgspec.ValidationError as problem:
        raise ValueError(
            f'an error is written {{"error": {{"code": 3, "message": "..."}}}}, with "data" if it has any: {problem}'
        ) from None
    return RpcError(error.code, error.message, error.data)


def recorded_answer(text: bytes) -> Any:
    """The answer that a recorded call should have, from its JSON text: a result, or an `RpcError`.

    Raises:
        ValueError: it has neither or both, or an error that is none; the message says what is wrong.
    """
    try:
        recorded = _decode(text)
    except Unreadable as problem:
        raise ValueError(f"an answer cannot be read: {problem}") from None
    if isinstance(recorded, dict):
        if "error" in recorded and "result" not in recorded:
            return expected_answer({"error": recorded["error"]})
        if "result" in recorded and "error" not in recorded:
            return recorded["result"]
    raise ValueError('an answer is written {"result": ...} or {"error": {"code": ..., "message": "..."}}')


def is_expected_error(error: ErrorObject, expected: RpcError) -> bool:
    """Whether an error is the expected one: the same code and data, and a message of the same class."""
    return (
        error.code == expected.code
        and (expected.code in _ONE_MEANING or _is_of_class(error.message, expected.message))
        and (expected.data is None or same_json(error.data, expected.data))
    )


def is_distorted(error: ErrorObject, expected: RpcError) -> bool:
    """Whether an error that is not the expected one claims to be the answer: it speaks of the request, or repeats the
    expected message. Others say that a server failed, which may be so."""
    own_failure = any(error.code in codes for codes in _SERVER_CODES)
    return not own_failure or (bool(expected.message) and _is_of_class(error.message, expected.message))


def same_json(one: Any, other: Any) -> bool:
    """Equal as JSON, where 1 and 1.0 are one number, but 1 is not true."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _is_of_class(message: str, expected: str) -> bool:
    return _class_of(_plain(expected)) in _plain(message)


def _class_of(message: str) -> str:
    """A single word before a colon ("Error: ...") says too little to be a class."""
    first = message.partition(":")[0]
    return first if " " in first else message


def _plain(message: str) -> str:
    return " ".join(message.lower().split())
