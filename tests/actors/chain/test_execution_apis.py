"""The chain against the specification of Ethereum's JSON-RPC methods, as `tools/execution_apis.py` keeps it."""

import json
from functools import cache
from pathlib import Path

import jsonschema
import msgspec
import pytest

from battle.actors.chain.generated_params import params_for
from battle.actors.chain.methods import METHODS
from battle.actors.chain.node_filters import FILTER_MAKERS, FILTER_METHODS
from battle.actors.provider.answerer import CallAnswerer, read_received
from battle.actors.provider.filters import Filters
from battle.actors.rng import Draws
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, read_answer
from tests.actors.chain.chains import HEAD, MODEL

KEPT = Path(__file__).parent / "execution_apis"
SPECIFIED = json.loads((KEPT / "schemas.json").read_text())
EXCHANGES = [json.loads(line) for line in (KEPT / "exchanges.ndjson").read_text().splitlines()]
DRAWS = Draws(7, "specification")

NOT_SPECIFIED = {
    "eth_getUncleCountByBlockHash",
    "eth_getUncleCountByBlockNumber",
    "net_listening",
    "net_peerCount",
    "trace_block",
    "trace_filter",
    "trace_transaction",
    "web3_clientVersion",
    "web3_sha3",
}
"""What nodes have besides."""


# Members that the specification has since 2026, and nodes in use mostly not.
SPECIFIED["components"]["schemas"]["TransactionInfo"]["allOf"][0]["required"].remove("blockTimestamp")


@cache
def validator(method, part, index=None):
    schema = SPECIFIED["methods"][method][part]
    whole = {"components": SPECIFIED["components"], **(schema if index is None else schema[index])}
    return jsonschema.Draft7Validator(whole)


def node():
    """All methods at one node that has a filter of each kind; and the ids of those."""
    answerer = CallAnswerer(MODEL, {}, Filters("a", lambda: 0))
    return answerer, [
        result_of(answerer, method, [{}][: method == "eth_newFilter"]) for method in FILTER_MAKERS
    ]


def result_of(answerer, method, params, head=HEAD):
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    received = read_received(HttpRequest("POST", "/", {}, body, keep_alive=True), 1)
    answer = json.loads(answerer.answer(received, head))
    assert "error" not in answer, answer
    return answer["result"]


def params_of(method, number, filters):
    if method in FILTER_METHODS - FILTER_MAKERS.keys():
        return [filters[0]] if method == "eth_getFilterLogs" else [filters[number % 3]]
    params = params_for(MODEL, method, 1, number, HEAD, DRAWS)
    if method.startswith("debug_"):
        return params[:1]  # the specification knows no tracers
    if params and isinstance(params[0], dict) and "data" in params[0]:  # as it called `input` before
        return [{"to": params[0]["to"], "input": params[0]["data"]}, *params[1:]]
    return params


def test_all_is_specified_but_for_what_nodes_have_besides():
    assert (METHODS.keys() | FILTER_METHODS) - SPECIFIED["methods"].keys() == NOT_SPECIFIED


@pytest.mark.parametrize("method", sorted(SPECIFIED["methods"]))
def test_what_is_answered_is_of_the_specified_shape(method):
    answerer, filters = node()
    for number in range(10):
        params = params_of(method, number, filters)
        for index, value in enumerate(params):
            validator(method, "params", index).validate(value)
        # Polled a few blocks later, a filter holds something.
        result = result_of(answerer, method, params, HEAD + (number if method in FILTER_METHODS else 0))
        if result != []:  # of which it says that it could be two things
            validator(method, "result").validate(result)
        if result is None or result is False:
            assert method in ("eth_syncing", "eth_uninstallFilter")


def test_a_node_that_is_behind_answers_of_the_specified_shape():
    progress = {"startingBlock": "0x1", "currentBlock": "0x1", "highestBlock": "0x2"}
    validator("eth_syncing", "result").validate(progress)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange["name"])
def test_recorded_requests_are_understood(exchange):
    """About another chain: found or not, no method and no parameter is strange to the chain."""
    body = msgspec.json.encode(exchange["request"])
    received = read_received(HttpRequest("POST", "/", {}, body, keep_alive=True), 1)
    answer = read_answer(node()[0].answer(received, HEAD))
    if "result" in exchange["answer"]:
        refused = answer.error is not None and answer.error.code in (METHOD_NOT_FOUND, INVALID_PARAMS)
        assert not refused, answer.error
    else:
        assert answer.error is not None or exchange["name"] in LENIENT


LENIENT = {
    "tests/debug_traceBlockByNumber/trace-genesis.io",  # no block is one that cannot be traced
    "tests/eth_estimateGas/estimate-call-abi-error.io",  # contracts here revert when they are asked to
    "tests/eth_estimateGas/estimate-failed-call.io",
    "tests/eth_getLogs/filter-error-future-block-range.io",  # of what is to come there are no logs
}
"""Recorded errors in whose place the chain has results."""


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange["name"])
def test_recorded_answers_are_of_the_specified_shape(exchange):
    if "result" in exchange["answer"]:
        validator(exchange["request"]["method"], "result").validate(exchange["answer"]["result"])
