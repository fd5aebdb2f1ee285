"""JSON from outside: the one place where a stranger's bytes become data. Pure.

msgspec says in five ways that it cannot read a text (not JSON, not of the expected shape, not UTF-8, nested too
deeply, a number out of range), and looks into no part that is kept as `msgspec.Raw`. Whoever reads foreign bytes has
to know all that, so nobody else in `actors` decodes JSON (a test holds it). What a reader returns is safe to use:
each of its raw parts is UTF-8, and the rest can be compared, shown and encoded again further down the stack.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, overload

import msgspec

from battle.store import typed

T = TypeVar("T")
Text: TypeAlias = bytes | str | msgspec.Raw

SPARE_NESTING = 100
"""Frames kept free under Python's recursion limit while a nested text is decoded: whoever encodes, compares or shows
the data later may stand so much deeper in the stack."""

_FAILURES = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


class Unreadable(Exception):
    """A text from outside is not what was expected; the message says why.

    `is_json`: it is JSON, but of another shape, or holds a number that nothing here can hold.
    """

    def __init__(self, why: str, *, is_json: bool = False) -> None:
        super().__init__(why)
        self.is_json = is_json


@overload
def reader(shape: type[T]) -> Callable[[Text], T]: ...
@overload
def reader(shape: Any = Any) -> Callable[[Text], Any]: ...
def reader(shape: Any = Any) -> Callable[[Text], Any]:
    """What reads texts of this shape, any that msgspec knows.

    The reader takes any bytes, and raises nothing but `Unreadable`.
    """
    decode = typed.decoder(shape).decode

    def read(text: Text) -> Any:
        try:
            data = text if type(text) is bytes else _as_bytes(text)
            if not data.isascii():
                data.decode()
            # What is short, or has few brackets, is not nested deeply.
            if len(data) <= 2 * SPARE_NESTING or data.count(b"[") + data.count(b"{") <= SPARE_NESTING:
                return decode(data)
            return _from_below(decode, data, SPARE_NESTING)
        except _FAILURES as error:
            raise Unreadable(str(error), is_json=isinstance(error, msgspec.ValidationError)) from None

    return read


def _as_bytes(text: Text) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def _from_below(decode: Callable[[bytes], Any], data: bytes, frames: int) -> Any:
    return _from_below(decode, data, frames - 1) if frames else decode(data)
