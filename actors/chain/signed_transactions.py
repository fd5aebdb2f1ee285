"""Signed transactions: made, written as bytes, and read from the bytes that somebody sent."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import msgspec

from battle.actors.chain import rlp
from battle.actors.chain.keccak import keccak
from battle.actors.chain.signatures import Signature, Signer, recover
from battle.actors.wire.jsonrpc import SERVER_ERROR, RpcError

TransactionType: TypeAlias = Literal[0, 1, 2]
"""Legacy ones with a chain's id (EIP-155), with an access list (EIP-2930), with a fee market (EIP-1559)."""

_TYPES: tuple[TransactionType, ...] = get_args(TransactionType)
_LONGEST_BYTES = 128 * 1024
"""What a node takes, as geth has it."""
_KEPT = 1024
_KEPT_BYTES = 1024
"""Of transactions up to this size the last ones are kept: each is read when it comes and for each block it is in."""
_LEGACY_PARITY = 35
"""A legacy signature's `v` is this and twice the chain's id more than the parity (EIP-155)."""
_WORD_BITS = 256
_FEE_BITS = 256
_COUNTER_BITS = 64

AccessList: TypeAlias = tuple[tuple[bytes, tuple[bytes, ...]], ...]
"""Addresses, each with storage positions of 32 bytes."""


class SignedTransaction(msgspec.Struct, frozen=True):
    """A transaction whose signature is right. Amounts are in wei; of a price there are two in the first two types,
    which are equal. `to` is empty where a contract is created."""

    type: TransactionType
    chain_id: int
    nonce: int
    tip_wei: int
    max_fee_wei: int
    gas: int
    to: bytes
    value_wei: int
    data: bytes
    access_list: AccessList
    signature: Signature
    sender: bytes
    raw: bytes
    hash: bytes

    @property
    def v(self) -> int:
        """The `v` of the signature, as this type has it."""
        parity = self.signature.y_parity
        return parity if self.type else parity + _LEGACY_PARITY + 2 * self.chain_id


def sign(
    signer: Signer,
    *,
    chain_id: int,
    nonce: int,
    tip_wei: int,
    max_fee_wei: int,
    gas: int,
    to: bytes,
    value_wei: int = 0,
    data: bytes = b"",
) -> SignedTransaction:
    """A transaction of type 2, signed."""
    fields = b"".join(
        (
            *map(rlp.encode_int, (chain_id, nonce, tip_wei, max_fee_wei, gas)),
            rlp.encode_bytes(to),
            rlp.encode_int(value_wei),
            rlp.encode_bytes(data),
            rlp.encoded_list(()),
        )
    )
    signature = signer.sign(keccak(b"\x02" + rlp.encoded_list((fields,))))
    raw = b"\x02" + rlp.encoded_list((fields, *map(rlp.encode_int, signature)))
    return SignedTransaction(
        2, chain_id, nonce, tip_wei, max_fee_wei, gas, to, value_wei, data, (),
        signature, signer.address, raw, keccak(raw),
    )  # fmt: skip


def read(raw: bytes, sender: bytes | None = None) -> SignedTransaction:
    """The transaction in these bytes. Where its sender is known the signature is not looked at, which takes long.

    Raises:
        RpcError: -32000, as geth has it, where it is none of the three types, or is not signed by anybody.
    """
    if len(raw) <= _KEPT_BYTES:
        return _read_once(raw, sender)
    if len(raw) > _LONGEST_BYTES:
        raise _refused(f"oversized data: transaction size {len(raw)}, limit {_LONGEST_BYTES}")
    return _read(raw, sender)


def _read(raw: bytes, sender: bytes | None) -> SignedTransaction:
    if not raw:
        raise _refused("typed transaction too short")
    if raw[0] < 0xC0 and raw[0] not in _TYPES[1:]:
        raise _refused("transaction type not supported")
    try:
        return _read_legacy(raw, sender) if raw[0] >= 0xC0 else _read_typed(raw, sender)
    except ValueError as error:
        raise _refused(str(error)) from None


_read_once = lru_cache(_KEPT)(_read)


def _refused(why: str) -> RpcError:
    return RpcError(SERVER_ERROR, why)


def _read_legacy(raw: bytes, sender: bytes | None) -> SignedTransaction:
    fields = _fields(raw, 9)
    nonce, price, gas, to, value, data, v, r, s = fields
    chain_id, parity = divmod(_number(v, _WORD_BITS) - _LEGACY_PARITY, 2)
    if chain_id < 0:
        raise ValueError("only replay-protected (EIP-155) transactions allowed over RPC")
    signature = Signature(parity, _number(r, _WORD_BITS), _number(s, _WORD_BITS))
    if sender is None:
        replay_protection = [rlp.encode_int(chain_id), rlp.encode_int(0), rlp.encode_int(0)]
        unsigned = rlp.encoded_list((*map(rlp.encode, fields[:6]), *replay_protection))
        sender = recover(keccak(unsigned), signature)
    price_wei = _number(price, _FEE_BITS)
    return _transaction(
        0, chain_id, nonce, price_wei, price_wei, gas, to, value, data, (), signature, sender, raw
    )


def _read_typed(raw: bytes, sender: bytes | None) -> SignedTransaction:
    kind: TransactionType = 1 if raw[0] == 1 else 2
    fields = _fields(raw[1:], 11 if kind == 1 else 12)
    chain_id, nonce, tip = fields[:3]
    max_fee, gas, to, value, data, access, parity, r, s = fields[
        -9:
    ]  # a list of 11 has one price, which is both
    signature = Signature(_number(parity, _WORD_BITS), _number(r, _WORD_BITS), _number(s, _WORD_BITS))
    if sender is None:
        unsigned = rlp.encoded_list(map(rlp.encode, fields[:-3]))
        sender = recover(keccak(raw[:1] + unsigned), signature)
    tip_wei, max_fee_wei = _number(tip, _FEE_BITS), _number(max_fee, _FEE_BITS)
    if tip_wei > max_fee_wei:
        raise ValueError("max priority fee per gas higher than max fee per gas")
    return _transaction(
        kind,
        _number(chain_id, _COUNTER_BITS),
        nonce,
        tip_wei,
        max_fee_wei,
        gas,
        to,
        value,
        data,
        _access_list(access),
        signature,
        sender,
        raw,
    )


def _transaction(
    kind: TransactionType,
    chain_id: int,
    nonce: rlp.Item,
    tip_wei: int,
    max_fee_wei: int,
    gas: rlp.Item,
    to: rlp.Item,
    value: rlp.Item,
    data: rlp.Item,
    access_list: AccessList,
    signature: Signature,
    sender: bytes,
    raw: bytes,
) -> SignedTransaction:
    receiver = _bytes(to)
    if len(receiver) not in (0, 20):
        raise ValueError("rlp: an address has 20 bytes")
    return SignedTransaction(
        kind,
        chain_id,
        _number(nonce, _COUNTER_BITS),
        tip_wei,
        max_fee_wei,
        _number(gas, _COUNTER_BITS),
        receiver,
        _number(value, _WORD_BITS),
        _bytes(data),
        access_list,
        signature,
        sender,
        raw,
        keccak(raw),
    )


def _fields(encoded: bytes, count: int) -> Sequence[rlp.Item]:
    fields = rlp.decode(encoded)
    if isinstance(fields, bytes) or len(fields) != count:
        raise ValueError(f"rlp: expected a list of {count} fields")
    return fields


def _bytes(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes):
        raise ValueError("rlp: expected bytes, not a list")
    return item


def _number(item: rlp.Item, bits: int) -> int:
    data = _bytes(item)
    if len(data) * 8 > bits or data[:1] == b"\x00":
        raise ValueError(f"rlp: expected a number of at most {bits} bits, without leading zeros")
    return int.from_bytes(data, "big")


def _access_list(item: rlp.Item) -> AccessList:
    return tuple(_access(one) for one in _list(item))


def _access(item: rlp.Item) -> tuple[bytes, tuple[bytes, ...]]:
    pair = list(_list(item))
    if len(pair) != 2:
        raise ValueError("rlp: an access list has pairs of an address and its storage positions")
    return _sized(pair[0], 20), tuple(_sized(one, 32) for one in _list(pair[1]))


def _list(item: rlp.Item) -> Iterable[rlp.Item]:
    if isinstance(item, bytes):
        raise ValueError("rlp: expected a list, not bytes")
    return item


def _sized(item: rlp.Item, size_bytes: int) -> bytes:
    data = _bytes(item)
    if len(data) != size_bytes:
        raise ValueError(f"rlp: expected {size_bytes} bytes, not {len(data)}")
    return data
