"""Transactions that are sent: which a node accepts, and what it knows of those that wait to be in a block.

Errors have geth's words. Nobody lacks funds: a balance is invented, and sending changes none.
"""

from collections.abc import Sequence
from typing import Any

from battle.actors.chain import answered, parameters
from battle.actors.chain.facts import Facts
from battle.actors.chain.headers import GAS_LIMIT, HIGHEST_BASE_FEE_WEI
from battle.actors.chain.journal import BLOCKS_UNTIL_INCLUDED, Sent
from battle.actors.chain.keccak import keccak
from battle.actors.chain.parameters import Params, positional
from battle.actors.chain.signed_transactions import SignedTransaction, read
from battle.actors.wire.jsonrpc import SERVER_ERROR, RpcError

_PLAIN_GAS = 21_000
_CREATION_GAS = 32_000
_ZERO_BYTE_GAS = 4
_BYTE_GAS = 16
_CREATION_WORD_GAS = 2
_ACCESS_GAS = 2_400
_ACCESS_SLOT_GAS = 1_900


def raw_transaction(params: Params) -> bytes:
    """The bytes that are sent.

    Raises:
        RpcError: -32602, the parameters are no bytes.
    """
    return bytes.fromhex(parameters.data(positional(params, 1, 1)[0], "0")[2:])


def examined(facts: Facts, raw: bytes, head: int) -> SignedTransaction:
    """The transaction in these bytes, which a node accepts whose newest block is `head`.

    Raises:
        RpcError: -32000, it does not.
    """
    signed = read(raw)
    chain_id = facts.spec.chain_id
    if signed.chain_id != chain_id:
        raise _refused(f"invalid chain id for signer: have {signed.chain_id} want {chain_id}")
    if signed.gas > GAS_LIMIT:
        raise _refused("exceeds block gas limit")
    if signed.gas < (least := gas_used(signed)):
        raise _refused(f"intrinsic gas too low: gas {signed.gas}, minimum needed {least}")
    if signed.max_fee_wei < HIGHEST_BASE_FEE_WEI:
        offered, needed = signed.max_fee_wei, HIGHEST_BASE_FEE_WEI
        raise _refused(f"transaction underpriced: gas fee cap {offered}, minimum needed {needed}")
    next_nonce = facts.journal.transaction_count(signed.sender, head)
    if signed.nonce < next_nonce:
        raise _nonce_too_low(next_nonce, signed.nonce)
    if facts.journal.is_taken(signed.sender, signed.nonce):
        raise _refused("replacement transaction underpriced")
    if facts.journal.is_full():
        raise _refused("txpool is full")
    return signed


def accept(facts: Facts, raw: bytes, head: int) -> None:
    """Take a transaction, for the second block from now; all nodes of the run know it then.

    Raises:
        RpcError: -32000, it is known already, or a node does not accept it.
    """
    known = facts.journal.sent(keccak(raw))
    if known is not None:
        raise _known_errors(facts, known, head)[0]
    signed = examined(facts, raw, head)
    facts.journal.add(
        Sent(
            height=head + BLOCKS_UNTIL_INCLUDED,
            sender=signed.sender,
            nonce=signed.nonce,
            gas=gas_used(signed),
            hash=signed.hash,
            raw=raw,
        )
    )


def known_errors(facts: Facts, params: Params, head: int) -> list[RpcError]:
    """What is answered to whoever sends a transaction once more, as who sends again after a lost answer does; none
    when it was not sent."""
    known = facts.journal.sent(keccak(raw_transaction(params)))
    return [] if known is None else _known_errors(facts, known, head)


def _known_errors(facts: Facts, known: Sent, head: int) -> list[RpcError]:
    errors = [_refused("already known")]
    count = facts.journal.transaction_count(known.sender, head)
    if known.nonce < count:
        errors.insert(0, _nonce_too_low(count, known.nonce))
    return errors


def transaction_count(facts: Facts, address: str, height: int, *, waiting: bool) -> int:
    """How many transactions an address has sent: in blocks up to a height, or with those that wait as well."""
    sender = bytes.fromhex(address[2:])
    if waiting:
        return facts.journal.waiting_count(sender)
    return facts.journal.transaction_count(sender, height)


def waiting_transaction(facts: Facts, transaction_hash: str, head: int) -> dict[str, Any] | None:
    """A transaction that waits while `head` is the newest block."""
    sent = facts.journal.sent(bytes.fromhex(transaction_hash[2:]))
    if sent is None or sent.accepted_at > head:
        return None
    return answered.waiting_transaction(sent.signed())


def gas_used(signed: SignedTransaction) -> int:
    """What a sent transaction takes: no more than it must."""
    slots = [len(keys) for _, keys in signed.access_list]
    return intrinsic_gas(signed.data, creates=not signed.to, slots=slots)


def intrinsic_gas(data: bytes, *, creates: bool, slots: Sequence[int]) -> int:
    """The gas that a transaction takes before it does anything (Yellow Paper, 6.2). `slots`: for each address of its
    access list the number of storage positions."""
    zeros = data.count(0)
    gas = _PLAIN_GAS + _ZERO_BYTE_GAS * zeros + _BYTE_GAS * (len(data) - zeros)
    if creates:
        gas += _CREATION_GAS + _CREATION_WORD_GAS * -(-len(data) // 32)
    return gas + _ACCESS_GAS * len(slots) + _ACCESS_SLOT_GAS * sum(slots)


def _nonce_too_low(next_nonce: int, nonce: int) -> RpcError:
    return _refused(f"nonce too low: next nonce {next_nonce}, tx nonce {nonce}")


def _refused(why: str) -> RpcError:
    return RpcError(SERVER_ERROR, why)
