"""What each transaction did, as tracing nodes answer it: one call, as no contract of this chain calls another. Pure.

geth and others have `debug_`, Erigon, Nethermind and others `trace_`; most hosted nodes have neither.
"""

from collections.abc import Callable, Iterator
from typing import Any

from battle.actors.chain import parameters
from battle.actors.chain.block_contents import block_named
from battle.actors.chain.blocks import Block
from battle.actors.chain.facts import Facts
from battle.actors.chain.logs import MAX_LOG_BLOCKS
from battle.actors.chain.parameters import Params, positional
from battle.actors.spec.providers import Capability
from battle.actors.wire.jsonrpc import INVALID_PARAMS, LIMIT_EXCEEDED, SERVER_ERROR, RpcError

_SUCCEEDED = "0x1"


# debug_


def _debug_transaction(facts: Facts, params: Params, head: int) -> dict[str, Any]:
    values = positional(params, 1, 2)
    call_tracer = _is_call_tracer(values, 1)
    found = facts.transaction(parameters.hash32(values[0], "0"), head)
    if found is None:
        raise RpcError(SERVER_ERROR, "transaction not found")
    return _debug_trace(*found, call_tracer=call_tracer)


def _debug_block(facts: Facts, params: Params, head: int) -> list[dict[str, Any]]:
    values = positional(params, 1, 2)
    call_tracer = _is_call_tracer(values, 1)
    block = block_named(facts, values[0], head)
    if block is None:
        raise RpcError(SERVER_ERROR, f"block {values[0]} not found")
    return [
        {"txHash": one["hash"], "result": _debug_trace(one, receipt, call_tracer=call_tracer)}
        for one, receipt in _pairs(block)
    ]


def _is_call_tracer(values: list[Any], index: int) -> bool:
    """Whether the calls are wanted; by default each step is, of which there are none here."""
    options = values[index] if len(values) > index else None
    if options is None:
        return False
    if not isinstance(options, dict):
        raise parameters.invalid(str(index), "expected an object of options")
    tracer = options.get("tracer")
    if tracer not in (None, "", "callTracer"):
        raise RpcError(SERVER_ERROR, f"{tracer} is not a tracer of this node: it has callTracer")
    return bool(tracer)


def _debug_trace(
    transaction: dict[str, Any], receipt: dict[str, Any], *, call_tracer: bool
) -> dict[str, Any]:
    failed = receipt["status"] != _SUCCEEDED
    if not call_tracer:
        gas = int(receipt["gasUsed"], 16)
        return {"gas": gas, "failed": failed, "returnValue": "0x", "structLogs": []}
    is_creation = transaction["to"] is None
    called = {
        "from": transaction["from"],
        "gas": transaction["gas"],
        "gasUsed": receipt["gasUsed"],
        "to": receipt["contractAddress"] if is_creation else transaction["to"],
        "input": transaction["input"],
        "value": transaction["value"],
        "type": "CREATE" if is_creation else "CALL",
    }
    return {**called, "error": "execution reverted"} if failed else called


# trace_


def _trace_block(facts: Facts, params: Params, head: int) -> list[dict[str, Any]] | None:
    block = block_named(facts, positional(params, 1, 1)[0], head)
    return None if block is None else [_trace(*pair) for pair in _pairs(block)]


def _trace_transaction(facts: Facts, params: Params, head: int) -> list[dict[str, Any]] | None:
    found = facts.transaction(parameters.hash32(positional(params, 1, 1)[0], "0"), head)
    return None if found is None else [_trace(*found)]


def _trace_filter(facts: Facts, params: Params, head: int) -> list[dict[str, Any]]:
    (wanted,) = positional(params, 1, 1)
    if not isinstance(wanted, dict):
        raise parameters.invalid("0", "expected a filter object")
    senders = _addresses(wanted, "fromAddress")
    receivers = _addresses(wanted, "toAddress")
    skipped, most = (_whole(wanted, name) for name in ("after", "count"))
    found = [
        _trace(transaction, receipt)
        for block in _range(facts, wanted, head)
        for transaction, receipt in _pairs(block)
        if (senders is None or transaction["from"] in senders)
        and (receivers is None or transaction["to"] in receivers)
    ]
    begin = skipped or 0
    return found[begin:] if most is None else found[begin : begin + most]


def _addresses(wanted: dict[str, Any], name: str) -> frozenset[str] | None:
    values = wanted.get(name)
    if values is None:
        return None
    if not isinstance(values, list):
        raise parameters.invalid(f"0.{name}", "expected a list of addresses")
    return frozenset(parameters.address(one, f"0.{name}") for one in values)


def _whole(wanted: dict[str, Any], name: str) -> int | None:
    value = wanted.get(name)
    if value is None:
        return None
    if type(value) is not int or value < 0:
        raise parameters.invalid(f"0.{name}", "expected a whole number")
    return value


def _range(facts: Facts, wanted: dict[str, Any], head: int) -> Iterator[Block]:
    low = facts.height_named(wanted.get("fromBlock", "latest"), head, "0.fromBlock")
    high = facts.height_named(wanted.get("toBlock", "latest"), head, "0.toBlock")
    if low > high:
        raise RpcError(INVALID_PARAMS, "invalid block range: fromBlock is above toBlock")
    if high - low >= MAX_LOG_BLOCKS:
        raise RpcError(LIMIT_EXCEEDED, f"the range of a trace query is limited to {MAX_LOG_BLOCKS} blocks")
    return (facts.blocks.at(height) for height in range(low, min(high, head) + 1))


def _trace(transaction: dict[str, Any], receipt: dict[str, Any]) -> dict[str, Any]:
    begun = {name: transaction[name] for name in ("from", "gas", "value")}
    spent = {"gasUsed": receipt["gasUsed"]}
    if transaction["to"] is None:
        kind = "create"
        action = {**begun, "init": transaction["input"]}
        result = {**spent, "address": receipt["contractAddress"], "code": "0x"}
    else:
        kind = "call"
        action = {**begun, "callType": "call", "to": transaction["to"], "input": transaction["input"]}
        result = {**spent, "output": "0x"}
    failed = receipt["status"] != _SUCCEEDED
    return {
        "action": action,
        "blockHash": transaction["blockHash"],
        "blockNumber": int(transaction["blockNumber"], 16),
        **({"error": "Reverted"} if failed else {"result": result}),
        "subtraces": 0,
        "traceAddress": [],
        "transactionHash": transaction["hash"],
        "transactionPosition": int(transaction["transactionIndex"], 16),
        "type": kind,
    }


def _pairs(block: Block) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    return zip(block.transactions, block.receipts, strict=True)


TRACES: dict[Capability, dict[str, Callable[[Facts, Params, int], Any]]] = {
    "debug": {
        "debug_traceBlockByHash": _debug_block,
        "debug_traceBlockByNumber": _debug_block,
        "debug_traceTransaction": _debug_transaction,
    },
    "trace": {
        "trace_block": _trace_block,
        "trace_filter": _trace_filter,
        "trace_transaction": _trace_transaction,
    },
}
"""Each of these methods, by its name, under what a node must be capable of to have it."""
