"""RLP, the encoding of all that Ethereum hashes: byte strings, and lists of them (Yellow Paper, appendix B)."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

Item: TypeAlias = bytes | Sequence["Item"]
"""What can be encoded: bytes, or a list of such."""

_SHORT_BYTES = 55
"""The longest payload whose length fits into the first byte."""
_STRING = 0x80
_LIST = 0xC0
_BYTES = tuple(bytes((number,)) for number in range(256))
_DEPTH = 16
"""How deep lists may nest in what strangers send; a transaction's are three deep."""


def encode(item: Item) -> bytes:
    """The encoding of bytes, or of a list."""
    return encode_bytes(item) if isinstance(item, bytes) else encoded_list(map(encode, item))


def encode_bytes(data: bytes) -> bytes:
    """The encoding of a byte string."""
    size_bytes = len(data)
    if size_bytes == 1 and data[0] < _STRING:
        return data
    if size_bytes <= _SHORT_BYTES:  # as most are: a call less
        return _BYTES[_STRING + size_bytes] + data
    return _prefix(_STRING, size_bytes) + data


def encode_int(value: int) -> bytes:
    """The encoding of a number that is not negative: its bytes without leading zeros."""
    return encode_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def encoded_list(encoded: Iterable[bytes]) -> bytes:
    """The encoding of a list whose items are encoded already."""
    payload = b"".join(encoded)
    return _prefix(_LIST, len(payload)) + payload


def decode(data: bytes) -> Item:
    """The item that is encoded, in the one way that is allowed.

    Raises:
        ValueError: it is not; the message says why.
    """
    item, end = _decode(data, 0, len(data), _DEPTH)
    if end != len(data):
        raise ValueError("rlp: input contains more than one value")
    return item


def _prefix(kind: int, size_bytes: int) -> bytes:
    if size_bytes <= _SHORT_BYTES:
        return _BYTES[kind + size_bytes]
    length = size_bytes.to_bytes((size_bytes.bit_length() + 7) // 8, "big")
    return _BYTES[kind + _SHORT_BYTES + len(length)] + length


def _decode(data: bytes, start: int, limit: int, depth: int) -> tuple[Item, int]:
    if start >= limit:
        raise ValueError("rlp: the input is too short")
    first = data[start]
    if first < _STRING:
        return data[start : start + 1], start + 1
    is_list = first >= _LIST
    begin, end = _payload(data, start, limit, _LIST if is_list else _STRING)
    if is_list:
        return _decode_list(data, begin, end, depth - 1), end
    if end - begin == 1 and data[begin] < _STRING:
        raise ValueError("rlp: a byte below 0x80 has no prefix")
    return data[begin:end], end


def _payload(data: bytes, start: int, limit: int, kind: int) -> tuple[int, int]:
    size_bytes, begin = data[start] - kind, start + 1
    if size_bytes > _SHORT_BYTES:
        begin += size_bytes - _SHORT_BYTES
        length = data[start + 1 : begin]
        size_bytes = int.from_bytes(length, "big")
        if size_bytes <= _SHORT_BYTES or not length[0]:
            raise ValueError("rlp: a length is not written in the shortest way")
    if begin + size_bytes > limit:
        raise ValueError("rlp: a value is larger than what contains it")
    return begin, begin + size_bytes


def _decode_list(data: bytes, begin: int, end: int, depth: int) -> list[Item]:
    if not depth:
        raise ValueError("rlp: lists nest too deep")
    items: list[Item] = []
    while begin < end:
        item, begin = _decode(data, begin, end, depth)
        items.append(item)
    return items
