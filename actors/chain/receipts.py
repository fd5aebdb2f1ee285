"""What became of a transaction: its logs and its receipt, as consensus has them, and the blooms over the logs."""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from battle.actors.chain import rlp
from battle.actors.chain.keccak import keccak

_BLOOM_BYTES = 256
_VALUES_KEPT = 1024
"""Logs repeat the addresses of the chain's people and tokens: these are kept encoded, and as bits of a bloom."""


class EmittedLog(NamedTuple):
    """A log as the contract emits it, wherever it comes to stand; 0x-hex in lower case."""

    address: str
    topics: tuple[str, ...]
    data: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of one transaction. `cumulative_gas` is that of the block up to it; `bloom` is a bit set."""

    gas_used: int
    cumulative_gas: int
    logs: tuple[EmittedLog, ...] = ()
    bloom: int = 0

    def encoded(self, transaction_type: int) -> bytes:
        """The receipt as the receipts' trie has it (EIP-658, EIP-2718); all transactions succeed."""
        receipt = rlp.encoded_list(
            (
                rlp.encode_int(1),
                rlp.encode_int(self.cumulative_gas),
                rlp.encode_bytes(bloom_bytes(self.bloom)),
                rlp.encoded_list(map(_encoded_log, self.logs)),
            )
        )
        return bytes((transaction_type,)) + receipt if transaction_type else receipt


def bloom_of(logs: tuple[EmittedLog, ...]) -> int:
    """The bits that a bloom has for these logs: three for each address and topic (Yellow Paper, 4.3.1)."""
    bloom = 0
    for log in logs:
        bloom |= _bits(log.address)
        for topic in log.topics:
            bloom |= _bits(topic)
    return bloom


def bloom_bytes(bloom: int) -> bytes:
    """The 256 bytes of a bloom."""
    return bloom.to_bytes(_BLOOM_BYTES, "big")


@lru_cache(_VALUES_KEPT)
def _bits(value: str) -> int:
    digest = keccak(bytes.fromhex(value[2:]))
    places = (int.from_bytes(digest[at : at + 2], "big") & 2047 for at in (0, 2, 4))
    bits = 0
    for place in places:
        bits |= 1 << place
    return bits


def _encoded_log(log: EmittedLog) -> bytes:
    topics = rlp.encoded_list(map(_encoded, log.topics))
    return rlp.encoded_list((_encoded(log.address), topics, rlp.encode_bytes(bytes.fromhex(log.data[2:]))))


@lru_cache(_VALUES_KEPT)
def _encoded(value: str) -> bytes:
    return rlp.encode_bytes(bytes.fromhex(value[2:]))
