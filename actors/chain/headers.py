"""Block headers: what a block says of itself, and the hash that names it.

The fields are those from London to Paris: a base fee, and what proof of stake left of proof of work. There are no
withdrawals, blobs or requests, which came later: a header with them has more fields, and so another hash.
"""

from typing import Any

import msgspec

from battle.actors.chain import rlp
from battle.actors.chain.digests import Digests
from battle.actors.chain.keccak import keccak

GAS_LIMIT = 30_000_000
_GENESIS_S = 1_438_269_973
"""The Unix time of block 0."""
LOWEST_BASE_FEE_WEI = 16 * 10**9
_BASE_FEE_SPREAD_WEI = 19 * 10**8
"""Under 12.5 % of the lowest base fee: EIP-1559 allows no larger step from one block to the next."""
HIGHEST_BASE_FEE_WEI = LOWEST_BASE_FEE_WEI + _BASE_FEE_SPREAD_WEI
_EXTRA_DATA = b"battle"
_NO_UNCLES = keccak(rlp.encode([]))
_NO_PROOF_OF_WORK = bytes(8)
_ENCODED_NO_UNCLES = rlp.encode_bytes(_NO_UNCLES)
_ENCODED_NO_DIFFICULTY = rlp.encode_int(0)
_ENCODED_GAS_LIMIT = rlp.encode_int(GAS_LIMIT)
_ENCODED_EXTRA_DATA = rlp.encode_bytes(_EXTRA_DATA)
_ENCODED_NO_PROOF_OF_WORK = rlp.encode_bytes(_NO_PROOF_OF_WORK)


class Contents(msgspec.Struct, frozen=True):
    """What a header says of the transactions and receipts of its block."""

    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    gas_used: int


class Header(msgspec.Struct, frozen=True):
    """One header; `randao` is what proof of stake writes where the mix hash was."""

    number: int
    parent_hash: bytes
    miner: bytes
    state_root: bytes
    contents: Contents
    timestamp_s: int
    randao: bytes
    base_fee_wei: int

    def encoded(self) -> bytes:
        """Its RLP, in the order of the Yellow Paper and EIP-1559."""
        return rlp.encoded_list(
            (
                rlp.encode_bytes(self.parent_hash),
                _ENCODED_NO_UNCLES,
                rlp.encode_bytes(self.miner),
                rlp.encode_bytes(self.state_root),
                rlp.encode_bytes(self.contents.transactions_root),
                rlp.encode_bytes(self.contents.receipts_root),
                rlp.encode_bytes(self.contents.logs_bloom),
                _ENCODED_NO_DIFFICULTY,
                rlp.encode_int(self.number),
                _ENCODED_GAS_LIMIT,
                rlp.encode_int(self.contents.gas_used),
                rlp.encode_int(self.timestamp_s),
                _ENCODED_EXTRA_DATA,
                rlp.encode_bytes(self.randao),
                _ENCODED_NO_PROOF_OF_WORK,
                rlp.encode_int(self.base_fee_wei),
            )
        )

    def answered(self, block_hash: bytes, size_bytes: int) -> dict[str, Any]:
        """Itself as nodes answer it, with the hash and the size of its block."""
        contents = self.contents
        return {
            "number": hex(self.number),
            "hash": "0x" + block_hash.hex(),
            "parentHash": "0x" + self.parent_hash.hex(),
            "timestamp": hex(self.timestamp_s),
            "miner": "0x" + self.miner.hex(),
            "stateRoot": "0x" + self.state_root.hex(),
            "transactionsRoot": "0x" + contents.transactions_root.hex(),
            "receiptsRoot": "0x" + contents.receipts_root.hex(),
            "mixHash": "0x" + self.randao.hex(),
            "logsBloom": "0x" + contents.logs_bloom.hex(),
            "gasLimit": hex(GAS_LIMIT),
            "gasUsed": hex(contents.gas_used),
            "baseFeePerGas": hex(self.base_fee_wei),
            "size": hex(size_bytes),
            "difficulty": "0x0",
            "nonce": "0x" + _NO_PROOF_OF_WORK.hex(),
            "extraData": "0x" + _EXTRA_DATA.hex(),
            "sha3Uncles": "0x" + _NO_UNCLES.hex(),
            "uncles": [],
        }


def base_fee_wei(digests: Digests, height: int) -> int:
    """The base fee of the block at `height`; it follows from the height alone."""
    return (
        LOWEST_BASE_FEE_WEI + int.from_bytes(digests.at(b"base fee", height, 8), "big") % _BASE_FEE_SPREAD_WEI
    )


def header_at(
    digests: Digests,
    block_time_ns: int,
    height: int,
    fork_height: int | None,
    parent_hash: bytes,
    contents: Contents,
) -> Header:
    """The header at `height` of the main branch, or of the one that leaves it at `fork_height`.

    Branches have the same transactions at each height: their blocks differ in who made them.
    """
    if fork_height is None:
        miner = digests.at(b"miner", height, 20)
    else:
        miner = digests.digest(b"branch miner", b"%d:%d" % (fork_height, height), 20)
    invented = digests.at(b"roots", height, 64)
    return Header(
        number=height,
        parent_hash=parent_hash,
        miner=miner,
        state_root=invented[:32],
        contents=contents,
        timestamp_s=_GENESIS_S + height * block_time_ns // 10**9,
        randao=invented[32:],
        base_fee_wei=base_fee_wei(digests, height),
    )
