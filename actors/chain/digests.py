"""Where all that is invented about a chain comes from: bytes that follow from its seed and id. Pure."""

from hashlib import blake2b


class Digests:
    """All pseudo-random bytes of one chain."""

    __slots__ = ("_salt",)

    def __init__(self, seed: int, chain_id: int) -> None:
        self._salt = blake2b(f"{seed}:{chain_id}".encode(), digest_size=16).digest()

    def digest(self, kind: bytes, data: bytes, size_bytes: int = 32) -> bytes:
        """`size_bytes` (at most 64) that follow from `data`; different for each `kind` (at most 16 bytes)."""
        return blake2b(data, digest_size=size_bytes, salt=self._salt, person=kind).digest()

    def at(self, kind: bytes, height: int, size_bytes: int = 32) -> bytes:
        """`size_bytes` (at most 64) that follow from a height."""
        return self.digest(kind, height.to_bytes(8, "big"), size_bytes)
