"""The root of a Merkle Patricia trie over a list: what a header says of a block's transactions and receipts.

The keys are the RLP of the places in the list, as sequences of half bytes (nibbles). A node is a leaf (what is left
of a key, and the value), an extension (what several keys have in common, and the node below), or a branch (a node
for each nibble, and a value). A node of 32 bytes or more stands in the one above as its hash (Yellow Paper,
appendix D).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from battle.actors.chain.keccak import keccak
from battle.actors.chain.rlp import encode_bytes, encode_int, encoded_list

_Entry: TypeAlias = tuple[bytes, bytes]
"""A key as nibbles, one a byte, and its value."""

_HASH_BYTES = 32
_PATHS_KEPT = 1024
"""Keys are small numbers, so all tries have the same few paths."""
_NOTHING = encode_bytes(b"")
EMPTY_ROOT = keccak(_NOTHING)
"""The root of a trie without entries."""


def list_root(values: Sequence[bytes]) -> bytes:
    """The root of the trie that has each of `values`, none of them empty, at the RLP of its place."""
    if not values:
        return EMPTY_ROOT
    entries = sorted((_key(place), value) for place, value in enumerate(values))
    return keccak(_node(entries, 0))


@lru_cache(_PATHS_KEPT)
def _key(place: int) -> bytes:
    """The key of this place, as nibbles."""
    return bytes(nibble for byte in encode_int(place) for nibble in (byte >> 4, byte & 15))


def _node(entries: Sequence[_Entry], depth: int) -> bytes:
    """The RLP of the node over `entries`, which are sorted and have their first `depth` nibbles in common."""
    first, last = entries[0][0], entries[-1][0]
    if len(entries) == 1:
        return _short_node(first[depth:], encode_bytes(entries[0][1]), is_leaf=True)
    shared = depth
    while shared < len(first) and first[shared] == last[shared]:
        shared += 1
    branch = _branch(entries, shared)
    if shared == depth:
        return branch
    return _short_node(first[depth:shared], _reference(branch), is_leaf=False)


def _branch(entries: Sequence[_Entry], depth: int) -> bytes:
    parts = [_NOTHING] * 17
    begin = 0
    if len(entries[0][0]) == depth:  # a key that ends here sorts first
        parts[16] = encode_bytes(entries[0][1])
        begin = 1
    while begin < len(entries):
        nibble, end = entries[begin][0][depth], begin + 1
        while end < len(entries) and entries[end][0][depth] == nibble:
            end += 1
        parts[nibble] = _reference(_node(entries[begin:end], depth + 1))
        begin = end
    return encoded_list(parts)


def _short_node(nibbles: bytes, encoded: bytes, *, is_leaf: bool) -> bytes:
    """A leaf or an extension."""
    return encoded_list((_path(nibbles, is_leaf), encoded))


@lru_cache(_PATHS_KEPT)
def _path(nibbles: bytes, is_leaf: bool) -> bytes:
    """What a short node says of the key; also whether it is a leaf, and whether the number of nibbles is odd."""
    flag = 2 * is_leaf
    padded = bytes((flag + 1,)) + nibbles if len(nibbles) % 2 else bytes((flag, 0)) + nibbles
    return encode_bytes(bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True)))


def _reference(node: bytes) -> bytes:
    """How a node stands in the one above it."""
    return node if len(node) < _HASH_BYTES else encode_bytes(keccak(node))
