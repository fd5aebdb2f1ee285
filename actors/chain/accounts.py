"""The state of accounts and contracts: pure functions of (address, height).

Every value that changes says in its last four bytes at which height it holds, so that a stale answer can be
distinguished from a wrong one without a search. Addresses are 0x-hex in lower case.
"""

from typing import Literal, TypeAlias

from battle.actors.chain.digests import Digests
from battle.actors.chain.signatures import Signer
from battle.actors.wire.correlation import found_in_params

_PEOPLE = 64
_TOKENS = 16
HEIGHT_BITS = 32

Field: TypeAlias = Literal[b"balance", b"nonce"]


class Accounts:
    """What the accounts of a chain hold."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._people = [Signer(self._invented(b"person", number, 32)) for number in range(_PEOPLE)]
        self._tokens = ["0x" + self._invented(b"token", number, 20).hex() for number in range(_TOKENS)]
        self._without_code = frozenset("0x" + person.address.hex() for person in self._people)

    def _invented(self, kind: bytes, number: int, size_bytes: int) -> bytes:
        return self._digests.digest(kind, number.to_bytes(2, "big"), size_bytes)

    def person(self, number: int) -> Signer:
        """One of the chain's people, who send transactions and have no code."""
        return self._people[number % _PEOPLE]

    def token(self, number: int) -> str:
        """The address of one of the chain's token contracts, which emit the logs."""
        return self._tokens[number % _TOKENS]

    def balance_wei(self, address: str, height: int) -> int:
        """A balance; it changes with each block."""
        return self._base(b"balance", address, 4) << HEIGHT_BITS | height

    def has_invented_nonce(self, address: str) -> bool:
        """Whether its nonce rises with each block, as those of the chain's people, and of addresses that carry a
        request's id. All others count the transactions that they have sent."""
        return address in self._without_code or found_in_params(address) is not None

    def transaction_count(self, address: str, height: int) -> int:
        """The nonce of an address that has an invented one."""
        return self._base(b"nonce", address, 2) << HEIGHT_BITS | height

    def code(self, address: str) -> str:
        """Every address has code, except those of the chain's people."""
        if address in self._without_code:
            return "0x"
        return "0x6080604052" + self._digests.digest(b"code", address.encode(), 64).hex()

    def word(self, kind: Literal[b"call", b"storage"], address: str, key: str, height: int) -> str:
        """The 32 bytes a contract answers to `key`: call data, or a storage position."""
        answer = self._digests.digest(kind, f"{address}:{key}".encode(), 28)
        return f"0x{answer.hex()}{height:08x}"

    def _base(self, part: Field, address: str, size_bytes: int) -> int:
        return int.from_bytes(self._digests.digest(part, address.encode(), size_bytes), "big")
