"""What responses mean. The end-to-end tests cover each kind; these are the fine distinctions."""

from typing import Any

import msgspec
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


def ending(body: bytes, **more: Any) -> Ending:
    """How a request ends, without what is said of its height and of the error it should have had."""
    return Ending(*whole_ending(body, **more)[:4])


def whole_ending(
    body: bytes,
    *,
    status: int = 200,
    checks: bool = True,
    took_ns: int = 0,
    method: str = "eth_blockNumber",
    params: Any = (),
    canned: dict[str, list[Any]] | None = None,
) -> Ending:
    spec = HttpConstant(method, rate=1, duration=seconds(1))
    canned = canned or {}
    role = WorkloadRole(
        spec, 0, 0, "server:1", "/", CHAIN, 1, canned, checks_answers=checks, only_canned=[*canned]
    )
    request = Request("w0-4", method, [*params], AT_NS, b"")
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
    assert ending(b"pong", checks=False) == Ending("error", "wrong", "not_json_rpc")


def test_the_status_comes_before_the_body() -> None:
    assert ending(result('"0x3f2"'), status=500) == Ending("error", "none", "http_status")
    assert ending(result('"0x3f2"'), status=201) == Ending("ok", "right")


@pytest.mark.parametrize(
    ("value", "took_ns", "height", "behind", "stale_ns"),
    [
        ('"0x3f2"', 0, 1010, None, None),
        ('"0x3f3"', seconds(2), 1011, None, None),
        ('"0x3f1"', seconds(1), 1009, 1, 0),
        ('"0x3ec"', 0, 1004, 6, seconds(10)),
        ('"0x3e0"', 0, 992, 18, seconds(34)),
        ('"0x1"', 0, None, None, None),
    ],
)
def test_an_answer_about_the_newest_block_says_its_height_and_how_long_it_had_not_held(
    value: str, took_ns: int, height: int | None, behind: int | None, stale_ns: int | None
) -> None:
    found = whole_ending(result(value), took_ns=took_ns)
    assert (found.height, found.blocks_behind, found.stale_ns) == (height, behind, stale_ns)


def test_another_chain_s_heights_are_read_from_its_answers() -> None:
    assert whole_ending(result('"0x10d4f"'), checks=False).height == 0x10D4F
    block: dict[str, Any] = {"checks": False, "method": "eth_getBlockByNumber"}
    assert whole_ending(result('{"number":"0x2a"}'), **block, params=["latest", False]).height == 42
    assert whole_ending(result('{"number":"0x2a"}'), **block, params=["0x2a", False]).height is None
    assert whole_ending(result('"none"'), checks=False).height is None


RANGE: dict[str, Any] = {"method": "eth_getLogs", "params": [{"fromBlock": "0x20", "toBlock": "0x10"}]}


def refusal(code: int, message: str = "invalid block range") -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": "w0-4", "error": {"code": code, "message": message}})


def test_an_error_that_is_the_right_answer_is_ok_under_any_status() -> None:
    for status in (200, 400, 500):
        found = whole_ending(refusal(-32602), status=status, **RANGE)
        assert found == Ending("ok", "right", None, -32602, expected_rpc_code=-32602)


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (refusal(-32600), 200, ("error", "wrong", "rpc_error", -32600)),
        (refusal(-32603, "Internal error"), 200, ("error", "none", "rpc_error", -32603)),
        (refusal(-32603, "Internal error"), 500, ("error", "none", "http_status", -32603)),
        (refusal(3), 400, ("error", "wrong", "http_status", 3)),
        (b"", 500, ("error", "none", "http_status", None)),
        (b"<html>", 502, ("error", "none", "http_status", None)),
        (b"<html>", 200, ("error", "wrong", "not_json_rpc", None)),
        (b"{}", 200, ("error", "wrong", "not_json_rpc", None)),
        (result("null"), 200, ("ok", "wrong", None, None)),
        (result("[]"), 500, ("error", "none", "http_status", None)),
        (result("[]", '"w0-5"'), 200, ("ok", "wrong", None, None)),
    ],
)
def test_every_other_answer_is_logged_with_the_error_it_should_have_been(
    body: bytes, status: int, expected: tuple[Any, ...]
) -> None:
    found = whole_ending(body, status=status, **RANGE)
    assert found == Ending(*expected, expected_rpc_code=-32602)


def test_a_canned_error_is_what_is_expected() -> None:
    canned = {"eth_blockNumber": [{"error": {"code": 3, "message": "execution reverted", "data": "0x08"}}]}
    text = b'{"jsonrpc":"2.0","id":"w0-4","error":{"code":3,"message":"execution reverted: no","data":"%b"}}'
    assert ending(text % b"0x08", canned=canned) == Ending("ok", "right", None, 3)
    assert ending(text % b"0x09", canned=canned) == Ending("error", "wrong", "rpc_error", 3)
    assert ending(result('"0x3f2"'), canned=canned) == Ending("ok", "wrong")
