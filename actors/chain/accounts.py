"""The state of accounts and contracts: pure functions of (address, height).

Every value that changes says in its last four bytes at which height it holds, so that a stale answer can be
distinguished from a wrong one without a search. Addresses are 0x-hex in lower case.
"""

from typing import Literal, TypeAlias

from battle.actors.chain.hashes import Hashes

_PEOPLE = 256
_TOKENS = 16
HEIGHT_BITS = 32

Field: TypeAlias = Literal[b"balance", b"nonce"]


class Accounts:
    """What the accounts of a chain hold."""

    def __init__(self, hashes: Hashes) -> None:
        self._hashes = hashes
        self._people = [self._invented(b"person", number) for number in range(_PEOPLE)]
        self._tokens = [self._invented(b"token", number) for number in range(_TOKENS)]
        self._without_code = frozenset(self._people)

    def _invented(self, kind: bytes, number: int) -> str:
        return "0x" + self._hashes.digest(kind, number.to_bytes(2, "big"), 20).hex()

    def person(self, number: int) -> str:
        """The address of one of the chain's people, who send transactions and have no code."""
        return self._people[number % _PEOPLE]

    def token(self, number: int) -> str:
        """The address of one of the chain's token contracts, which emit the logs."""
        return self._tokens[number % _TOKENS]

    def balance_wei(self, address: str, height: int) -> int:
        """A balance; it changes with each block."""
        return self._base(b"balance", address, 4) << HEIGHT_BITS | height

    def transaction_count(self, address: str, height: int) -> int:
        """A nonce; it rises with each block."""
        return self._base(b"nonce", address, 2) << HEIGHT_BITS | height

    def code(self, address: str) -> str:
        """Every address has code, except those of the chain's people."""
        if address in self._without_code:
            return "0x"
        return "0x6080604052" + self._hashes.digest(b"code", address.encode(), 64).hex()

    def word(self, kind: Literal[b"call", b"storage"], address: str, key: str, height: int) -> str:
        """The 32 bytes a contract answers to `key`: call data, or a storage position."""
        answer = self._hashes.digest(kind, f"{address}:{key}".encode(), 28)
        return f"0x{answer.hex()}{height:08x}"

    def _base(self, part: Field, address: str, size_bytes: int) -> int:
        return int.from_bytes(self._hashes.digest(part, address.encode(), size_bytes), "big")
