"""Hashes that remember what they are the hash of, so that a chain without storage can look them up.

A hash is 24 bytes of keyed blake2b over (kind, place) followed by the place itself, masked with a digest of
those 24 bytes. To look one up, unmask the place and compute the hash again: what does not match is unknown,
as it would be to a real node. Nothing here is keccak, which Python's hashlib does not have.
"""

from hashlib import blake2b
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[b"block", b"transaction"]

_PLACE_BYTES = 8
_TAG_BYTES = 24
ZERO_HASH = "0x" + "0" * 64


class Hashes:
    """All hashes and pseudo-random bytes of one chain: pure functions of its seed and id."""

    __slots__ = ("_salt",)

    def __init__(self, seed: int, chain_id: int) -> None:
        self._salt = blake2b(f"{seed}:{chain_id}".encode(), digest_size=16).digest()

    def digest(self, kind: bytes, data: bytes, size_bytes: int = 32) -> bytes:
        """`size_bytes` (at most 64) that follow from `data`; different for each `kind` (at most 16 bytes)."""
        return blake2b(data, digest_size=size_bytes, salt=self._salt, person=kind).digest()

    def at(self, kind: Kind, height: int, index: int = 0) -> str:
        """The hash of the block at `height`, or of the transaction at `index` in it, as 0x-hex."""
        place = height << 16 | index
        tag = self.digest(kind, place.to_bytes(_PLACE_BYTES, "big"), _TAG_BYTES)
        return f"0x{tag.hex()}{place ^ self._mask(tag):016x}"

    def place_of(self, kind: Kind, text: str) -> tuple[int, int] | None:
        """The (height, index) that a well-formed hash stands for; None when it is none of this chain's."""
        raw = bytes.fromhex(text[2:])
        tag = raw[:_TAG_BYTES]
        place = int.from_bytes(raw[_TAG_BYTES:], "big") ^ self._mask(tag)
        if self.digest(kind, place.to_bytes(_PLACE_BYTES, "big"), _TAG_BYTES) != tag:
            return None
        return place >> 16, place & 0xFFFF

    def _mask(self, tag: bytes) -> int:
        return int.from_bytes(self.digest(b"mask", tag, _PLACE_BYTES), "big")
