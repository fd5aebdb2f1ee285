"""Keccak-256, the hash of Ethereum: SHA-3 before its padding was changed."""

import sha3


def keccak(data: bytes) -> bytes:
    """The 32 bytes of Keccak-256."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest
