"""Hashes that remember what they are the hash of, so that a chain without storage can look them up.

A hash is 24 bytes of keyed blake2b over (kind, place) followed by the place itself, masked with a digest of
those 24 bytes. To look one up, unmask the place and compute the hash again: what does not match is unknown,
as it would be to a real node. Nothing here is keccak, which Python's hashlib does not have.
"""

from hashlib import blake2b
from typing import Literal, TypeAlias

HashKind: TypeAlias = Literal[b"block", b"transaction", b"branch block"]
"""Blocks of the main branch; transactions; blocks of all other branches."""

_PLACE_BYTES = 8
_TAG_BYTES = 24
_INDEX_BITS: dict[HashKind, int] = {b"block": 16, b"transaction": 16, b"branch block": 24}
"""What remains of a place is for the height. A branch as long as this is that of no run: 16 million blocks."""
ZERO_HASH = "0x" + "0" * 64


class Hashes:
    """All hashes and pseudo-random bytes of one chain: pure functions of its seed and id."""

    __slots__ = ("_salt",)

    def __init__(self, seed: int, chain_id: int) -> None:
        self._salt = blake2b(f"{seed}:{chain_id}".encode(), digest_size=16).digest()

    def digest(self, kind: bytes, data: bytes, size_bytes: int = 32) -> bytes:
        """`size_bytes` (at most 64) that follow from `data`; different for each `kind` (at most 16 bytes)."""
        return blake2b(data, digest_size=size_bytes, salt=self._salt, person=kind).digest()

    def at(self, kind: HashKind, height: int, index: int = 0) -> str:
        """The hash of the block at `height`, or of the transaction at `index` in it, as 0x-hex.

        For a block of another branch `index` is its place in the branch.
        """
        place = height << _INDEX_BITS[kind] | index
        tag = self.digest(kind, place.to_bytes(_PLACE_BYTES, "big"), _TAG_BYTES)
        return f"0x{tag.hex()}{place ^ self._mask(tag):016x}"

    def place_of(self, kind: HashKind, text: str) -> tuple[int, int] | None:
        """The (height, index) that a well-formed hash stands for; None when it is none of this chain's."""
        raw = bytes.fromhex(text[2:])
        tag = raw[:_TAG_BYTES]
        place = int.from_bytes(raw[_TAG_BYTES:], "big") ^ self._mask(tag)
        if self.digest(kind, place.to_bytes(_PLACE_BYTES, "big"), _TAG_BYTES) != tag:
            return None
        return place >> _INDEX_BITS[kind], place & (1 << _INDEX_BITS[kind]) - 1

    def _mask(self, tag: bytes) -> int:
        return int.from_bytes(self.digest(b"mask", tag, _PLACE_BYTES), "big")
