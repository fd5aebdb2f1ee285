"""Traces agree with the transactions and receipts that they are about."""

import pytest

from battle.actors.wire.jsonrpc import RpcError
from tests.actors.chain.chains import HASH, HEAD, MODEL, ask

BUSY = next(height for height in range(HEAD, 0, -1) if len(MODEL.block_at(height).transactions) > 1)
BLOCK = MODEL.block_at(BUSY)
NAME = MODEL.block_hash(BUSY)
CALLS = {"tracer": "callTracer"}


def test_a_call_trace_says_what_the_transaction_asked_and_what_it_took():
    for transaction, receipt in zip(BLOCK.transactions, BLOCK.receipts, strict=True):
        assert ask("debug_traceTransaction", transaction["hash"], CALLS) == {
            "from": transaction["from"],
            "gas": transaction["gas"],
            "gasUsed": receipt["gasUsed"],
            "to": transaction["to"],
            "input": transaction["input"],
            "value": transaction["value"],
            "type": "CALL",
        }


def test_without_a_tracer_it_says_what_the_transaction_took():
    transaction, receipt = BLOCK.transactions[0], BLOCK.receipts[0]
    assert ask("debug_traceTransaction", transaction["hash"]) == {
        "gas": int(receipt["gasUsed"], 16),
        "failed": False,
        "returnValue": "0x",
        "structLogs": [],
    }


@pytest.mark.parametrize("options", [[], [CALLS]])
def test_a_block_s_traces_are_those_of_its_transactions(options):
    wanted = [
        {"txHash": one["hash"], "result": ask("debug_traceTransaction", one["hash"], *options)}
        for one in BLOCK.transactions
    ]
    assert ask("debug_traceBlockByNumber", hex(BUSY), *options) == wanted
    assert ask("debug_traceBlockByHash", NAME, *options) == wanted


def test_flat_traces_say_where_they_stand():
    traces = ask("trace_block", hex(BUSY))
    for index, (trace, transaction) in enumerate(zip(traces, BLOCK.transactions, strict=True)):
        assert trace["action"]["from"] == transaction["from"]
        assert trace["action"]["to"] == transaction["to"]
        assert (trace["blockNumber"], trace["blockHash"]) == (BUSY, NAME)
        assert (trace["transactionHash"], trace["transactionPosition"]) == (transaction["hash"], index)
        assert trace["result"]["gasUsed"] == BLOCK.receipts[index]["gasUsed"]
        assert ask("trace_transaction", transaction["hash"]) == [trace]


def test_traces_are_filtered_by_range_address_and_place():
    low, high = BUSY - 30, BUSY
    span = {"fromBlock": hex(low), "toBlock": hex(high)}
    traces = [trace for height in range(low, high + 1) for trace in ask("trace_block", hex(height))]
    assert ask("trace_filter", span) == traces
    sender, receiver = traces[0]["action"]["from"], traces[-1]["action"]["to"]
    sent = [trace for trace in traces if trace["action"]["from"] == sender]
    assert ask("trace_filter", {**span, "fromAddress": [sender.upper().replace("X", "x")]}) == sent
    received = [trace for trace in traces if trace["action"]["to"] == receiver]
    assert ask("trace_filter", {**span, "toAddress": [receiver]}) == received
    assert ask("trace_filter", {**span, "after": 1, "count": 2}) == traces[1:3]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("debug_traceTransaction", [HASH], -32000),
        ("debug_traceBlockByHash", [HASH], -32000),
        ("debug_traceBlockByNumber", [hex(HEAD + 1)], -32000),
        ("debug_traceTransaction", [BLOCK.transactions[0]["hash"], {"tracer": "other"}], -32000),
        ("debug_traceTransaction", [BLOCK.transactions[0]["hash"], 1], -32602),
        ("trace_filter", [1], -32602),
        ("trace_filter", [{"fromAddress": HASH}], -32602),
        ("trace_filter", [{"count": -1}], -32602),
        ("trace_filter", [{"fromBlock": "latest", "toBlock": "0x200"}], -32602),
        ("trace_filter", [{"fromBlock": "earliest", "toBlock": hex(10**6)}], -32005),
    ],
)
def test_what_cannot_be_traced_is_an_error(method, params, code):
    with pytest.raises(RpcError) as caught:
        ask(method, *params)
    assert caught.value.code == code


def test_of_what_is_not_known_there_are_no_flat_traces():
    assert ask("trace_block", HASH) is None
    assert ask("trace_transaction", HASH) is None
