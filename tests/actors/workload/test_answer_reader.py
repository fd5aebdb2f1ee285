"""What responses mean. The end-to-end tests cover each kind; these are the fine distinctions."""

import pytest

from actors.chain.model import ChainModel
from actors.chain.spec import Chain
from actors.units import seconds
from actors.wire.http import HttpResponse
from actors.workload.answer import AnswerReader, Ending
from actors.workload.request import Request
from actors.workload.spec import HttpConstant, WorkloadRole

CHAIN = Chain(start_height=1_000, block_time=seconds(2))
AT_NS = seconds(20)
"""The head is 1,010 = 0x3f2 then."""


def ending(body: bytes, *, status: int = 200, checks: bool = True, took_ns: int = 0) -> Ending:
    spec = HttpConstant("eth_blockNumber", rate=1, duration=seconds(1))
    role = WorkloadRole(spec, 0, 0, "server:1", "/", CHAIN, 1, checks_answers=checks)
    request = Request("w0-4", "eth_blockNumber", [], AT_NS, b"")
    request.sent_ns = AT_NS
    response = HttpResponse(status, {}, body, True)
    return AnswerReader(role, ChainModel(CHAIN)).ending(request, response, AT_NS + took_ns)


def result(value: str, call_id: str = '"w0-4"') -> bytes:
    return f'{{"jsonrpc":"2.0","id":{call_id},"result":{value}}}'.encode()


def error(call_id: str = '"w0-4"') -> bytes:
    return f'{{"jsonrpc":"2.0","id":{call_id},"error":{{"code":-32000,"message":"m"}}}}'.encode()


@pytest.mark.parametrize(
    ("value", "took_ns", "answer"),
    [
        ('"0x3f2"', 0, "right"),
        ('"0x3f3"', 0, "wrong"),
        ('"0x3f3"', seconds(2), "right"),
        ('"0x3f2"', seconds(2), "right"),
        ('"0x3f1"', seconds(2), "stale"),
        ("null", 0, "wrong"),
    ],
)
def test_the_head_may_move_while_a_request_is_under_way(value: str, took_ns: int, answer: str) -> None:
    assert ending(result(value), took_ns=took_ns) == Ending("ok", answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("call_id", ['"w0-5"', "4", "null", '"w0-44"'])
def test_a_right_result_under_another_id_is_wrong(call_id: str) -> None:
    assert ending(result('"0x3f2"', call_id)) == Ending("ok", "wrong")


def test_an_error_under_another_id_is_somebody_else_s() -> None:
    assert ending(error('"w0-5"')) == Ending("error", "wrong", "rpc_error", -32000)


@pytest.mark.parametrize("call_id", ['"w0-4"', "null"])
def test_an_error_under_our_id_or_none_is_ours(call_id: str) -> None:
    assert ending(error(call_id)) == Ending("error", "none", "rpc_error", -32000)


def test_another_chain_s_answers_are_only_read_for_errors() -> None:
    assert ending(result('"0x1"', "1"), checks=False) == Ending("ok", "none")
    assert ending(error("1"), checks=False) == Ending("error", "none", "rpc_error", -32000)
    assert ending(b"pong", checks=False) == Ending("error", "none", "protocol")


def test_the_status_comes_before_the_body() -> None:
    assert ending(result('"0x3f2"'), status=500) == Ending("error", "none", "http_status")
    assert ending(result('"0x3f2"'), status=201) == Ending("ok", "right")
