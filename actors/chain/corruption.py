"""Answers that are not true: what a faulty provider says in place of the right result. Pure."""

from typing import Any

from battle.actors.chain.node_filters import FILTER_MAKERS

_NULLED = frozenset(
    {
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByHash",
        "eth_getTransactionReceipt",
        "trace_block",
        "trace_transaction",
    }
)
_EMPTIED = frozenset({"eth_getFilterChanges", "eth_getFilterLogs", "eth_getLogs", "trace_filter"})
_QUANTITY_SHIFT = 2**40
"""Added to a quantity: above the height in a balance or nonce, beyond any block or price of the last hours."""

_DATA_DIGITS = 40
"""From here on hex is data, and keeps its length: addresses, hashes, words, code. Quantities are shorter."""

_VALUE_MEMBERS = ("stateRoot", "value", "data", "baseFeePerGas")
"""Of blocks, transactions, logs, fee histories: what a corruption is about, so that the names still fit.

In a receipt it is the status."""

_LIMIT_DEPTH = 16
"""Canned results may nest; no result of a chain goes deeper than four."""

_INVENTED_LOG: dict[str, Any] = {
    "address": "0x" + "5a" * 20,
    "topics": ["0x" + "a5" * 32],
    "data": "0x" + "c3" * 32,
    "blockHash": "0x" + "3c" * 32,
    "blockNumber": "0x1",
    "transactionIndex": "0x0",
    "transactionHash": "0x" + "e1" * 32,
    "logIndex": "0x0",
    "removed": False,
}


def missing(method: str, result: Any) -> Any:
    """What a provider answers that lost its data: null for blocks, transactions and receipts, no logs.

    Results of other methods are returned as they are.
    """
    if method in _NULLED:
        return None
    return [] if method in _EMPTIED else result


def corrupted(method: str, result: Any) -> Any:
    """A false result of the same type and shape, which `judge` calls wrong; the right one is left as it is.

    The same result gives the same corruption. Null, and lists and objects without a value in them, are returned as
    they are: there is nothing to be wrong about; and so is the id of a new filter. A list of no logs becomes a list
    of an invented one.
    """
    if method in FILTER_MAKERS:
        return result
    if method == "eth_getLogs" and result == []:
        return [_INVENTED_LOG]
    return _altered(result, _LIMIT_DEPTH)


def _altered(value: Any, depth: int) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return _altered_text(value)
    if not value or depth == 0:
        return value
    if isinstance(value, dict):
        return _altered_object(value, depth - 1)
    return [_altered(value[0], depth - 1), *value[1:]] if isinstance(value, list) else value


def _altered_object(value: dict[str, Any], depth: int) -> dict[str, Any]:
    """One member is changed; the first that can be, if none is known to hold a value."""
    if value.get("status") in ("0x0", "0x1"):
        return {**value, "status": "0x0" if value["status"] == "0x1" else "0x1"}
    for name in (*(name for name in _VALUE_MEMBERS if name in value), *value):
        changed = _altered(value[name], depth)
        if changed != value[name]:
            return {**value, name: changed}
    return value


def _altered_text(text: str) -> str:
    if text == "0x":
        return "0x00"
    digits = text[2:]
    if not text.startswith("0x") or not _is_hex(digits):
        return str(int(text) + 1) if text.isdecimal() and len(text) < _DATA_DIGITS else text + "0"
    if len(digits) < _DATA_DIGITS:
        return hex(int(digits, 16) + _QUANTITY_SHIFT)
    return f"0x{int(digits[0], 16) ^ 1:x}{digits[1:]}"


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in digits)
