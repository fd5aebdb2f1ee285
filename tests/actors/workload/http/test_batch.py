"""Batches: their wire, and what the answers to one are worth."""

import gzip
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.model import ChainModel
from battle.actors.roles import WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.limits import HttpLimits
from battle.actors.spec.workloads import HttpConstant
from battle.actors.units import seconds
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.http.parsers import RequestParser
from battle.actors.wire.jsonrpc import Call, read_calls
from battle.actors.workload.http.batch import (
    BatchBuilder,
    BatchCall,
    BatchReader,
    BatchRequest,
)
from battle.actors.workload.requests.call_source import call_source
from battle.actors.workload.requests.call_times import CallTimes
from battle.actors.workload.requests.outcome import Ending
from tests.actors.workload.sample_generators import HERE

CHAIN = Chain(start_height=1_000, block_time=seconds(2))
MODEL = ChainModel(CHAIN)
AT_NS = seconds(20)
SIZE = 4
NUMBER = 3
IDS = ["w2-12", "w2-13", "w2-14", "w2-15"]
MIX = {"eth_getBalance": 3.0, "eth_chainId": 1.0}
WRONG_BATCH = Ending("error", "wrong", "wrong_batch")


def role(**more: Any) -> WorkloadRole:
    spec: dict[str, Any] = {"method": "eth_getBalance", "rate": 1, "duration": seconds(1), "batch": SIZE}
    checks = more.pop("checks_answers", True)
    return WorkloadRole(
        HttpConstant(**(spec | more)), 2, 0, Endpoint("server:1", "/rpc"), CHAIN, 1, checks_answers=checks
    )


def built(**more: Any) -> BatchRequest:
    given = role(**more)
    return BatchBuilder(given, call_source(given, MODEL, CallTimes(lambda: 0)), SIZE).build(NUMBER, AT_NS)


def answers(request: BatchRequest, *, behind: int = 0) -> list[dict[str, Any]]:
    """What a truthful node, or one some blocks behind, answers to each call."""
    head = MODEL.head_at(AT_NS) - behind
    return [
        {
            "jsonrpc": "2.0",
            "id": json.loads(call.id),
            "result": MODEL.answer(call.method, call.params, head),
        }
        for call in request.calls
    ]


def error(identifier: str | None, code: int = -32000) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": "no"}}


def ending(body: Any, *, status: int = 200, headers: dict[bytes, bytes] | None = None, **more: Any) -> Ending:
    request = built(**more)
    request.sent_ns = AT_NS
    text = body if isinstance(body, bytes) else msgspec.json.encode(body)
    response = HttpResponse(status, headers or {}, text, True)
    read = BatchReader(role(**more), MODEL).ending(request, response, AT_NS)
    return Ending(*read[:4])


def test_a_batch_goes_by_its_first_call_and_each_call_has_a_number_of_its_own() -> None:
    request = built()
    parser = RequestParser(HttpLimits())
    parser.feed(request.wire)
    seen = parser.next_request()
    assert seen is not None
    assert (seen.target, seen.headers[b"x-battle-request"]) == ("/rpc", b"w2-12")
    calls = read_calls(seen.body)
    assert isinstance(calls, list)
    assert [json.loads(bytes(call.id)) for call in calls if isinstance(call, Call)] == IDS  # type: ignore[arg-type]
    assert [call.params for call in calls if isinstance(call, Call)] == [
        call.params for call in request.calls
    ]
    assert len({str(call.params) for call in request.calls}) == SIZE
    assert (request.id, request.method, request.scheduled_ns) == ("w2-12", "batch", AT_NS)


def test_each_call_of_a_batch_chooses_its_own_method() -> None:
    assert {call.method for call in built(method=MIX).calls} == MIX.keys()


def test_a_generator_makes_each_call_of_a_batch() -> None:
    calls = built(method="", generator=f"{HERE}:by_name").calls
    assert [call.params for call in calls] == [{"number": number} for number in range(12, 16)]


@given(st.permutations(range(SIZE)))
def test_right_answers_are_right_in_any_order(order: list[int]) -> None:
    right = answers(built())
    assert ending([right[n] for n in order]) == Ending("ok", "right")


@given(st.permutations(range(SIZE)).filter(lambda order: order != list(range(SIZE))))
def test_right_answers_under_swapped_ids_are_wrong(order: list[int]) -> None:
    right = answers(built())
    swapped = [{**right[n], "id": IDS[place]} for place, n in enumerate(order)]
    assert ending(swapped) == Ending("ok", "wrong")


@given(st.lists(st.integers(0, SIZE - 1), max_size=SIZE + 3).filter(lambda p: sorted(p) != list(range(SIZE))))
def test_answers_that_are_missing_or_repeated_are_wrong(picked: list[int]) -> None:
    right = answers(built())
    assert ending([right[n] for n in picked]) == WRONG_BATCH


@pytest.mark.parametrize("identifier", ["w2-16", 12, None])
def test_an_answer_nobody_asked_for_is_wrong(identifier: Any) -> None:
    right = answers(built())
    assert ending([*right, {**right[0], "id": identifier}]) == WRONG_BATCH
    assert ending([*right[1:], {**right[0], "id": identifier}]) == WRONG_BATCH


def test_one_wrong_result_makes_the_batch_wrong_and_one_stale_one_stale() -> None:
    right, old = answers(built()), answers(built(), behind=5)
    assert ending([*right[:3], {**right[3], "result": "0x1"}]) == Ending("ok", "wrong")
    assert ending([*right[:3], old[3]]) == Ending("ok", "stale")
    assert ending([{**right[0], "result": "0x1"}, *old[1:]]) == Ending("ok", "wrong")


def test_an_error_among_the_answers_is_the_batch_s() -> None:
    right = answers(built())
    assert ending([*right[:3], error(IDS[3], -32005)]) == Ending("error", "none", "rpc_error", -32005)
    wrong = {**right[0], "result": "0x1"}
    assert ending([wrong, *right[1:3], error(IDS[3])]) == Ending("error", "wrong", "rpc_error", -32000)
    assert ending([error(each) for each in IDS]) == Ending("error", "none", "rpc_error", -32000)


def test_an_error_without_an_id_stands_for_one_missing_answer_only() -> None:
    right = answers(built())
    unread = error(None)
    assert ending([*right[:3], unread]) == Ending("error", "none", "rpc_error", -32000)
    assert ending([*right[:2], unread]) == Ending("error", "wrong", "rpc_error", -32000)
    assert ending([*right, unread]) == Ending("error", "wrong", "rpc_error", -32000)
    assert ending([*right[:2], right[1], right[3], unread]) == Ending("error", "wrong", "rpc_error", -32000)


def test_a_compressed_batch_is_read() -> None:
    text = gzip.compress(msgspec.json.encode(answers(built())))
    assert ending(text, headers={b"content-encoding": b"gzip"}) == Ending("ok", "right")
    assert ending(text) == Ending("error", "wrong", "not_json_rpc")


def test_a_batch_may_be_refused_as_a_whole() -> None:
    assert ending(error(None, -32600)) == Ending("error", "none", "rpc_error", -32600)
    assert ending(error(IDS[1])) == Ending("error", "none", "rpc_error", -32000)
    assert ending(error("w2-99")) == Ending("error", "wrong", "rpc_error", -32000)
    assert ending(b"no", status=503) == Ending("error", "none", "http_status")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff", b'{"id":"w2-12","result":1}', b"[1]", b'[{"id":1}]']
)
def test_what_answers_no_batch_is_named_as_such(body: bytes) -> None:
    assert ending(body) == Ending("error", "wrong", "not_json_rpc")


def test_another_chain_s_answers_are_not_judged_but_each_call_must_have_one() -> None:
    results = [{"id": each, "result": 1} for each in IDS]
    assert ending(results, checks_answers=False) == Ending("ok", "none")
    assert ending(results[1:], checks_answers=False) == WRONG_BATCH
    assert ending([*results[1:], error(IDS[0])], checks_answers=False) == Ending(
        "error", "none", "rpc_error", -32000
    )


def test_questions_the_chain_does_not_know_make_the_answer_none() -> None:
    results = [{"id": each, "result": {"any": "thing"}} for each in IDS]
    assert ending(results, method="", generator=f"{HERE}:by_name") == Ending("ok", "none")
    assert ending(results[1:], method="", generator=f"{HERE}:by_name") == WRONG_BATCH


REFUSED = [("eth_getBalance", ["0x12"], -32602), ("eth_mine", [], -32601)]


@pytest.mark.parametrize("status", [200, 400])
def test_errors_that_are_right_answers_make_no_batch_an_error(status: int) -> None:
    calls = [BatchCall(b'"w2-%d"' % n, method, params) for n, (method, params, _) in enumerate(REFUSED)]
    request = BatchRequest("w2-0", calls, AT_NS, b"")
    request.sent_ns = AT_NS

    def read(*codes: int) -> Ending:
        body = msgspec.json.encode([error(f"w2-{n}", code) for n, code in enumerate(codes)])
        return BatchReader(role(), MODEL).ending(request, HttpResponse(status, {}, body, True), AT_NS)

    assert read(-32602, -32601) == Ending("ok", "right", None, -32602)
    failure = "rpc_error" if status == 200 else "http_status"
    assert read(-32602, 3) == Ending("error", "wrong", failure, 3)
    assert read(-32603, -32601) == Ending("error", "none", failure, -32603)


def test_a_batch_is_as_low_and_as_old_as_the_worst_of_its_answers() -> None:
    right, old = answers(built()), answers(built(), behind=5)
    request = built()
    request.sent_ns = AT_NS
    mixed = HttpResponse(200, {}, msgspec.json.encode([*right[:2], old[2], right[3]]), True)
    found = BatchReader(role(), MODEL).ending(request, mixed, AT_NS)
    assert found == Ending("ok", "stale", None, None, 1005, 5, seconds(8))
