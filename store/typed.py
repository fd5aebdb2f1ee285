"""JSON and plain data made into structs, from any thread.

msgspec builds what it knows of a type when that is first used, in steps between which other threads run, and takes
what another thread has half built for whole: the process then dies of SIGSEGV. So types are built one at a time, here
alone; what is built can be used by all threads at once. A test holds the others to it.
"""

import threading
from functools import cache
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")

_BUILDING = threading.RLock()
"""One for the process: two types may have a third in common."""


@overload
def decoder(shape: type[T]) -> msgspec.json.Decoder[T]: ...
@overload
def decoder(shape: Any) -> msgspec.json.Decoder[Any]: ...
def decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    """What decodes JSON of this type, with all of the type built."""
    with _BUILDING:
        return _built(shape)


@overload
def decode(text: bytes | bytearray | memoryview | str, shape: type[T]) -> T: ...
@overload
def decode(text: bytes | bytearray | memoryview | str, shape: Any = Any) -> Any: ...
def decode(text: bytes | bytearray | memoryview | str, shape: Any = Any) -> Any:
    """JSON as a value of this type, which may be anything.

    Raises:
        msgspec.DecodeError: it is no JSON, or (msgspec.ValidationError) not of the type.
    """
    return decoder(shape).decode(text)


@overload
def convert(data: object, shape: type[T], *, strict: bool = True) -> T: ...
@overload
def convert(data: object, shape: Any, *, strict: bool = True) -> Any: ...
def convert(data: object, shape: Any, *, strict: bool = True) -> Any:
    """Plain data as a value of this type; not `strict`: "7" is a number as well. Raises msgspec.ValidationError."""
    decoder(shape)
    return msgspec.convert(data, shape, strict=strict)


@cache
def _built(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)
