"""What responses mean. The end-to-end tests cover each kind; these are the fine distinctions."""

import gzip
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.generated_params import params_for
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.rng import Draws
from battle.actors.roles import WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.workloads import HttpConstant
from battle.actors.units import seconds
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.jsonrpc import RpcError
from battle.actors.workload.requests import outcome as outcome_module
from battle.actors.workload.requests.outcome import AnswerReader, Ending
from battle.actors.workload.requests.request import Request

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
    headers: dict[bytes, bytes] | None = None,
) -> Ending:
    spec = HttpConstant(method, rate=1, duration=seconds(1))
    canned = canned or {}
    role = WorkloadRole(
        spec, 0, 0, Endpoint("server:1"), CHAIN, 1, canned, checks_answers=checks, only_canned=[*canned]
    )
    request = Request("w0-4", method, [*params], AT_NS, b"")
    request.sent_ns = AT_NS
    response = HttpResponse(status, headers or {}, body, True)
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
    assert ending(result('"0x3f2"', call_id)) == Ending("error", "wrong", "wrong_id")


def test_an_error_under_another_id_is_somebody_else_s() -> None:
    assert ending(error('"w0-5"')) == Ending("error", "wrong", "wrong_id", -32000)


@pytest.mark.parametrize("call_id", ['"w0-4"', "null"])
def test_an_error_under_our_id_or_none_is_ours(call_id: str) -> None:
    assert ending(error(call_id)) == Ending("error", "none", "rpc_error", -32000)


def test_another_chain_s_answers_are_only_read_for_errors() -> None:
    assert ending(result('"0x1"', "1"), checks=False) == Ending("ok", "none")
    assert ending(error("1"), checks=False) == Ending("error", "none", "rpc_error", -32000)
    assert ending(b"pong", checks=False) == Ending("error", "wrong", "not_json_rpc")


def test_a_compressed_answer_is_read() -> None:
    headers = {b"content-encoding": b"gzip"}
    assert ending(gzip.compress(result('"0x3f2"')), headers=headers) == Ending("ok", "right")
    assert ending(gzip.compress(b"pong"), headers=headers) == Ending("error", "wrong", "not_json_rpc")
    assert ending(result('"0x3f2"'), headers=headers) == Ending("error", "wrong", "not_json_rpc")


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
        (result("[]", '"w0-5"'), 200, ("error", "wrong", "wrong_id", None)),
    ],
)
def test_every_other_answer_is_logged_with_the_error_it_should_have_been(
    body: bytes, status: int, expected: tuple[Any, Any, Any, Any]
) -> None:
    found = whole_ending(body, status=status, **RANGE)
    assert found == Ending(*expected, expected_rpc_code=-32602)


def test_a_canned_error_is_what_is_expected() -> None:
    canned = {"eth_blockNumber": [{"error": {"code": 3, "message": "execution reverted", "data": "0x08"}}]}
    text = b'{"jsonrpc":"2.0","id":"w0-4","error":{"code":3,"message":"execution reverted: no","data":"%b"}}'
    assert ending(text % b"0x08", canned=canned) == Ending("ok", "right", None, 3)
    assert ending(text % b"0x09", canned=canned) == Ending("error", "wrong", "rpc_error", 3)
    assert ending(result('"0x3f2"'), canned=canned) == Ending("ok", "wrong")


# The answer that is, byte for byte, as expected is not decoded: that must change nothing but the time it takes.

MODEL = ChainModel(CHAIN)
HEAD = MODEL.head_at(AT_NS)


def readers(
    method: str, canned: dict[str, list[Any]], only_canned: list[str]
) -> tuple[AnswerReader, AnswerReader]:
    """One as it is, and one that decodes every answer."""

    class Thorough(AnswerReader):
        def _right_as_written(self, request: Request, body: bytes, ended_ns: int) -> None:
            return None

    spec = HttpConstant(method, rate=1, duration=seconds(1))
    role = WorkloadRole(spec, 0, 0, Endpoint("server:1"), CHAIN, 1, canned, only_canned=only_canned)
    return AnswerReader(role, MODEL), Thorough(role, MODEL)


def told_at(method: str, params: list[Any], head: int) -> bytes:
    try:
        return msgspec.json.encode(MODEL.answer(method, params, head))
    except RpcError:
        return b"null"


FRAMES = (
    b'{"jsonrpc":"2.0","id":"w0-4","result":%b}',
    b'{"jsonrpc":"2.0","id":"w0-4","result":%b',
    b'{"jsonrpc":"2.0","id":"w0-4","result":%b]',
    b'{"jsonrpc":"2.0","id":"w0-4","result":%b}}',
    b'{"jsonrpc":"2.0","id":"w0-4","result":%b} ',
    b'{"jsonrpc":"2.0","id":"w0-4","result": %b}',
    b'{"jsonrpc":"2.0","id":"w0-4","result":%b,"id":"w0-5"}',
    b'{"jsonrpc":"2.0","id":"w0-4","result":%b,"result":"0x1"}',
    b'{"jsonrpc":"2.0","id":"w0-4","result":%b,"error":{"code":-32000,"message":"m"}}',
    b'{"jsonrpc":"2.0","id":"w0-5","result":%b}',
    b'{"id":"w0-4","result":%b,"jsonrpc":"2.0"}',
    b"%b",
)


@given(
    method=st.sampled_from(sorted(METHODS)),
    number=st.integers(0, 40),
    age=st.integers(-2, 3),
    moved=st.integers(0, 2),
    frame=st.sampled_from(FRAMES),
    status=st.sampled_from([200, 201, 204, 404, 500]),
    cut=st.integers(0, 3),
    canned=st.sampled_from([None, ["0x1"], [{"error": {"code": 3, "message": "m"}}]]),
    only_canned=st.booleans(),
    recorded=st.sampled_from([None, b'{"result":"0x1"}', b'{"error":{"code":3,"message":"m"}}']),
)
def test_what_is_not_decoded_ends_as_if_it_were(
    method: str, number: int, age: int, moved: int, frame: bytes, status: int, cut: int, canned: Any,
    only_canned: bool, recorded: bytes | None,
) -> None:  # fmt: skip
    params = params_for(MODEL, method, 0, number, HEAD, Draws(1, "questions"))
    request = Request("w0-4", method, params, AT_NS, b"")
    request.sent_ns, request.recorded = AT_NS, recorded
    body = frame % told_at(method, params, HEAD - age)
    response = HttpResponse(status, {}, body[: len(body) - cut], True)
    known = {} if canned is None else {method: canned}
    as_it_is, thorough = readers(method, known, [method] if only_canned and canned is not None else [])
    ended_ns = AT_NS + moved * CHAIN.block_time
    assert as_it_is.ending(request, response, ended_ns) == thorough.ending(request, response, ended_ns)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_right_result_is_not_taken_from_a_body_that_is_not_whole(frame: bytes) -> None:
    for method in sorted(METHODS):
        params = params_for(MODEL, method, 0, 3, HEAD, Draws(1, "questions"))
        request = Request("w0-4", method, params, AT_NS, b"")
        request.sent_ns = AT_NS
        as_it_is, thorough = readers(method, {}, [])
        whole = frame % told_at(method, params, HEAD)
        for body in (whole, whole[:-1], whole + b"}"):
            response = HttpResponse(200, {}, body, True)
            assert as_it_is.ending(request, response, AT_NS) == thorough.ending(request, response, AT_NS)


@pytest.mark.parametrize("moved", [0, 1, 2])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_right_answer_as_the_chain_writes_it_is_not_decoded(
    method: str, moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = params_for(MODEL, method, 0, 3, HEAD, Draws(1, "questions"))
    request = Request("w0-4", method, params, AT_NS, b"")
    request.sent_ns = AT_NS
    monkeypatch.setattr(outcome_module, "read_answer", None)
    response = HttpResponse(200, {}, FRAMES[0] % told_at(method, params, HEAD + moved), True)
    as_it_is, _ = readers(method, {}, [])
    assert as_it_is.ending(request, response, AT_NS + moved * CHAIN.block_time).answer == "right"
