"""Transactions, receipts and logs as nodes answer them: plain data, which is shared and not to be changed."""

from typing import Any

from battle.actors.chain.keccak import keccak
from battle.actors.chain.receipts import EmittedLog, Outcome, bloom_bytes
from battle.actors.chain.rlp import encode_bytes, encode_int, encoded_list
from battle.actors.chain.signed_transactions import SignedTransaction

_WAITS = {"blockHash": None, "blockNumber": None, "transactionIndex": None}


def place(block_hash: bytes, height: int, index: int) -> dict[str, Any]:
    """Where something stands, as all that stands in a block says it."""
    return {
        "blockHash": "0x" + block_hash.hex(),
        "blockNumber": hex(height),
        "transactionIndex": hex(index),
    }


def transaction(signed: SignedTransaction, base_fee_wei: int, where: dict[str, Any]) -> dict[str, Any]:
    """A transaction that stands at `where`."""
    return _transaction(signed, hex(effective_gas_price_wei(signed, base_fee_wei)), where)


def waiting_transaction(signed: SignedTransaction) -> dict[str, Any]:
    """A transaction that waits to be in a block: its price is the most that it may be."""
    return _transaction(signed, hex(signed.max_fee_wei), _WAITS)


def receipt(
    signed: SignedTransaction,
    outcome: Outcome,
    base_fee_wei: int,
    where: dict[str, Any],
    logs_before: int,
) -> dict[str, Any]:
    """The receipt of a transaction that stands at `where`, after `logs_before` logs of its block."""
    transaction_hash = "0x" + signed.hash.hex()
    logs = [
        _log(log, where, transaction_hash, logs_before + number) for number, log in enumerate(outcome.logs)
    ]
    return {
        "transactionHash": transaction_hash,
        **where,
        "from": "0x" + signed.sender.hex(),
        "to": _receiver(signed),
        "type": hex(signed.type),
        "status": "0x1",
        "gasUsed": hex(outcome.gas_used),
        "cumulativeGasUsed": hex(outcome.cumulative_gas),
        "effectiveGasPrice": hex(effective_gas_price_wei(signed, base_fee_wei)),
        "contractAddress": None if signed.to else _created_address(signed),
        "logs": logs,
        "logsBloom": "0x" + bloom_bytes(outcome.bloom).hex(),
    }


def effective_gas_price_wei(signed: SignedTransaction, base_fee_wei: int) -> int:
    """What a unit of gas costs the sender in a block with this base fee (EIP-1559)."""
    return min(signed.max_fee_wei, base_fee_wei + signed.tip_wei)


def _transaction(signed: SignedTransaction, gas_price: str, where: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        **where,
        "from": "0x" + signed.sender.hex(),
        "to": _receiver(signed),
        "hash": "0x" + signed.hash.hex(),
        "type": hex(signed.type),
        "chainId": hex(signed.chain_id),
        "nonce": hex(signed.nonce),
        "value": hex(signed.value_wei),
        "gas": hex(signed.gas),
        "gasPrice": gas_price,
        "input": "0x" + signed.data.hex(),
        "v": hex(signed.v),
        "r": hex(signed.signature.r),
        "s": hex(signed.signature.s),
    }
    if signed.type:
        answer["yParity"] = hex(signed.signature.y_parity)
        answer["accessList"] = [
            {"address": "0x" + address.hex(), "storageKeys": ["0x" + key.hex() for key in keys]}
            for address, keys in signed.access_list
        ]
    if signed.type == 2:
        answer["maxFeePerGas"] = hex(signed.max_fee_wei)
        answer["maxPriorityFeePerGas"] = hex(signed.tip_wei)
    return answer


def _log(log: EmittedLog, where: dict[str, Any], transaction_hash: str, index: int) -> dict[str, Any]:
    return {
        "address": log.address,
        "topics": list(log.topics),
        "data": log.data,
        **where,
        "transactionHash": transaction_hash,
        "logIndex": hex(index),
        "removed": False,
    }


def _receiver(signed: SignedTransaction) -> str | None:
    return "0x" + signed.to.hex() if signed.to else None


def _created_address(signed: SignedTransaction) -> str:
    """Where a contract comes to be that a transaction creates (Yellow Paper, 7)."""
    created = encoded_list((encode_bytes(signed.sender), encode_int(signed.nonce)))
    return "0x" + keccak(created)[12:].hex()
