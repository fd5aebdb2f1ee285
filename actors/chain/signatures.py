"""Signatures on secp256k1, and the addresses of those who sign.

The library is loaded with the first key: it takes 40 ms, and whoever only describes a scenario needs none.
"""

from typing import NamedTuple

from battle.actors.chain.keccak import keccak

_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""How many points the curve has: a secret, r and s are above 0 and below it."""


class Signature(NamedTuple):
    """What a transaction has of a signature."""

    y_parity: int
    r: int
    s: int


class Signer:
    """A key: it signs, and has an address. `seed` is any bytes; equal ones give equal keys and signatures."""

    __slots__ = ("_key", "address")

    def __init__(self, seed: bytes) -> None:
        from coincurve import PrivateKey

        secret = int.from_bytes(keccak(seed), "big") % (_ORDER - 1) + 1
        self._key = PrivateKey(secret.to_bytes(32, "big"))
        self.address: bytes = _address(self._key.public_key.format(compressed=False))

    def sign(self, digest: bytes) -> Signature:
        """Sign the 32 bytes of a hash; always the same signature (RFC 6979), with the lower of the two s."""
        raw = self._key.sign_recoverable(digest, hasher=None)
        return Signature(raw[64], int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"))


def recover(digest: bytes, signature: Signature) -> bytes:
    """The address of whoever signed this hash.

    Raises:
        ValueError: nobody did: the values of the signature are impossible (EIP-2), or fit no point of the curve.
    """
    from coincurve import PublicKey

    parity, r, s = signature
    if parity not in (0, 1) or not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        raise ValueError("invalid transaction v, r, s values")
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((parity,))
    try:
        key = PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except ValueError as error:
        raise ValueError("invalid transaction v, r, s values") from error
    return _address(key.format(compressed=False))


def _address(public_key: bytes) -> bytes:
    """The last 20 bytes of the hash of a key: 0x04, then both coordinates."""
    return keccak(public_key[1:])[12:]
