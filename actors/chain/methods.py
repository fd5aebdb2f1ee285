"""The methods of the chain: (facts, parameters, head) to plain data, one function each."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from battle.actors.chain import fees, logs, parameters, pool
from battle.actors.chain.block_contents import BLOCK_CONTENTS
from battle.actors.chain.facts import Facts
from battle.actors.chain.keccak import keccak
from battle.actors.chain.node_status import NODE_STATUS
from battle.actors.chain.parameters import Params, positional
from battle.actors.chain.pool import intrinsic_gas
from battle.actors.chain.traces import TRACES
from battle.actors.wire.jsonrpc import SERVER_ERROR, RpcError

Method: TypeAlias = Callable[[Facts, Params, int], Any]

CLIENT_VERSION = "Battle/v1/mock"

REVERTING_SELECTOR = "0x08c379a0"
"""Calls of this function revert on every contract, with the call's data as the error's. It is the selector of
Solidity's `Error(string)`, with which contracts write down why they reverted, and which no contract has as a
function: so the data of a call is the reason that its answer will give."""
_REVERTED = 3

_CALL_GAS = 25_000


def _chain_id(facts: Facts, params: Params, _head: int) -> str:
    positional(params, 0, 0)
    return hex(facts.spec.chain_id)


def _net_version(facts: Facts, params: Params, _head: int) -> str:
    positional(params, 0, 0)
    return str(facts.spec.chain_id)


def _client_version(_facts: Facts, params: Params, _head: int) -> str:
    positional(params, 0, 0)
    return CLIENT_VERSION


def _syncing(_facts: Facts, params: Params, _head: int) -> bool:
    positional(params, 0, 0)
    return False


def _block_number(_facts: Facts, params: Params, head: int) -> str:
    positional(params, 0, 0)
    return hex(head)


def _gas_price(facts: Facts, params: Params, head: int) -> str:
    positional(params, 0, 0)
    return hex(fees.gas_price(facts, head))


def _fee_history(facts: Facts, params: Params, head: int) -> Any:
    values = positional(params, 2, 3)
    count = values[0] if type(values[0]) is int else parameters.quantity(values[0], "0")
    newest = facts.height_named(values[1], head, "1")
    if count < 1:
        raise parameters.invalid("0", "expected at least one block")
    if newest > head:
        raise RpcError(SERVER_ERROR, f"request beyond head block: requested {newest}, head {head}")
    return fees.history(facts, count, newest, _percentiles(values[2] if len(values) > 2 else None))


def _percentiles(value: Any) -> list[float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > 100:
        raise parameters.invalid("2", "expected a list of at most 100 percentiles")
    if not all(type(one) in (int, float) and 0 <= one <= 100 for one in value) or value != sorted(value):
        raise parameters.invalid("2", "expected rising percentiles from 0 to 100")
    return value


def _balance(facts: Facts, params: Params, head: int) -> str:
    values = positional(params, 1, 2)
    address = parameters.address(values[0], "0")
    return hex(facts.accounts.balance_wei(address, facts.height_of_state(values, 1, head)))


def _code(facts: Facts, params: Params, head: int) -> str:
    values = positional(params, 1, 2)
    address = parameters.address(values[0], "0")
    facts.height_of_state(values, 1, head)
    return facts.accounts.code(address)


def _transaction_count(facts: Facts, params: Params, head: int) -> str:
    values = positional(params, 1, 2)
    address = parameters.address(values[0], "0")
    height = facts.height_of_state(values, 1, head)
    if facts.accounts.has_invented_nonce(address):
        return hex(facts.accounts.transaction_count(address, height))
    return hex(pool.transaction_count(facts, address, height, waiting=values[1:] == ["pending"]))


def _storage_at(facts: Facts, params: Params, head: int) -> str:
    values = positional(params, 2, 3)
    address = parameters.address(values[0], "0")
    slot = parameters.slot(values[1], "1")
    return facts.accounts.word(b"storage", address, hex(slot), facts.height_of_state(values, 2, head))


def _call(facts: Facts, params: Params, head: int) -> str:
    values = positional(params, 1, 3)
    to, data = parameters.transaction(values[0], "0")
    height = facts.height_of_state(values, 1, head)
    _run(data)
    return facts.accounts.word(b"call", to, data, height)


def _estimate_gas(facts: Facts, params: Params, head: int) -> str:
    values = positional(params, 1, 3)
    to, data = parameters.transaction(values[0], "0")
    accesses = parameters.access_list(values[0].get("accessList"), "0.accessList")
    facts.height_of_state(values, 1, head)
    _run(data)
    code = bytes.fromhex(data[2:])
    gas = intrinsic_gas(code, creates=to == "0x", slots=[len(slots) for _, slots in accesses])
    return hex(gas + _CALL_GAS if code else gas)


def _create_access_list(facts: Facts, params: Params, head: int) -> dict[str, Any]:
    """A call reads no other account here: the list is empty, and saves no gas."""
    return {"accessList": [], "gasUsed": _estimate_gas(facts, params, head)}


def _run(data: str) -> None:
    """Raises what a call with this data that reverts is answered: code 3, as geth and others have it."""
    if not data.startswith(REVERTING_SELECTOR):
        return
    reason = _reason(bytes.fromhex(data[len(REVERTING_SELECTOR) :]))
    raise RpcError(_REVERTED, f"execution reverted: {reason}" if reason else "execution reverted", data)


def _reason(encoded: bytes) -> str:
    """The string in the ABI's encoding of one; "" where there is none."""
    size_bytes = int.from_bytes(encoded[32:64], "big")
    text = encoded[64 : 64 + size_bytes] if len(encoded) >= 64 + size_bytes else b""
    return text.decode("utf-8", "replace")


def _block_by_number(facts: Facts, params: Params, head: int) -> dict[str, Any] | None:
    values = positional(params, 2, 2)
    height = facts.height_named(values[0], head, "0")
    full = parameters.flag(values[1], "1")
    return None if height > head else _block(facts, height, full)


def _block_by_hash(facts: Facts, params: Params, head: int) -> dict[str, Any] | None:
    values = positional(params, 2, 2)
    height = facts.height_of_hash(parameters.hash32(values[0], "0"), head)
    full = parameters.flag(values[1], "1")
    return None if height is None else _block(facts, height, full)


def _block(facts: Facts, height: int, full: bool) -> dict[str, Any]:
    block = facts.blocks.at(height)
    listed = block.transactions if full else [transaction["hash"] for transaction in block.transactions]
    return {**block.header, "transactions": listed}


def _transaction_by_hash(facts: Facts, params: Params, head: int) -> dict[str, Any] | None:
    values = positional(params, 1, 1)
    transaction_hash = parameters.hash32(values[0], "0")
    found = facts.transaction(transaction_hash, head)
    return pool.waiting_transaction(facts, transaction_hash, head) if found is None else found[0]


def _transaction_receipt(facts: Facts, params: Params, head: int) -> dict[str, Any] | None:
    values = positional(params, 1, 1)
    found = facts.transaction(parameters.hash32(values[0], "0"), head)
    return None if found is None else found[1]


def _logs(facts: Facts, params: Params, head: int) -> list[dict[str, Any]]:
    return logs.matching(facts, positional(params, 1, 1)[0], head)


def _send_raw_transaction(facts: Facts, params: Params, head: int) -> str:
    """What is answered to whoever sends it first; nothing happens to it here."""
    raw = pool.raw_transaction(params)
    known = facts.journal.sent(keccak(raw))
    signed_hash = pool.examined(facts, raw, head).hash if known is None else known.hash
    return "0x" + signed_hash.hex()


def _without_the_waiting(facts: Facts, params: Params, head: int) -> Sequence[Any]:
    """A node that has not heard of a transaction answers null until it is in a block."""
    return () if _transaction_receipt(facts, params, head) else (None,)


def _counts_until_all_wait(facts: Facts, params: Params, head: int) -> Sequence[Any]:
    """Of several that wait a node may have heard of the first ones only."""
    values = positional(params, 1, 2)
    if values[1:] != ["pending"]:
        return ()
    known, all_waiting = (
        int(_transaction_count(facts, [values[0], tag], head), 16) for tag in ("latest", "pending")
    )
    return [hex(count) for count in range(known, all_waiting)]


OTHER_ANSWERS: dict[str, Callable[[Facts, Params, int], Sequence[Any]]] = {
    "eth_getTransactionByHash": _without_the_waiting,
    "eth_getTransactionCount": _counts_until_all_wait,
    "eth_sendRawTransaction": pool.known_errors,
}
"""Where more than one answer may be right at one head: which are right besides."""

METHODS: dict[str, Method] = {
    "eth_blockNumber": _block_number,
    "eth_call": _call,
    "eth_chainId": _chain_id,
    "eth_createAccessList": _create_access_list,
    "eth_estimateGas": _estimate_gas,
    "eth_feeHistory": _fee_history,
    "eth_gasPrice": _gas_price,
    "eth_getBalance": _balance,
    "eth_getBlockByHash": _block_by_hash,
    "eth_getBlockByNumber": _block_by_number,
    "eth_getCode": _code,
    "eth_getLogs": _logs,
    "eth_getStorageAt": _storage_at,
    "eth_getTransactionByHash": _transaction_by_hash,
    "eth_getTransactionCount": _transaction_count,
    "eth_getTransactionReceipt": _transaction_receipt,
    "eth_sendRawTransaction": _send_raw_transaction,
    "eth_syncing": _syncing,
    "net_version": _net_version,
    "web3_clientVersion": _client_version,
    **BLOCK_CONTENTS,
    **NODE_STATUS,
    **TRACES["debug"],
    **TRACES["trace"],
}
"""Every method of the chain."""
