"""Requests of many calls at once: how they are numbered and written, and what the answers to one mean. Pure.

One HTTP request is one request of the log, with the method "batch". Each of its calls has a number, and so an
id, of its own: those of request n are n * size, n * size + 1, and so on, and the request goes by the first. So
every id that a server sees is one of a request, and the log shows which call of which batch an attempt served.
"""

from collections import Counter
from typing import NamedTuple

import msgspec

from battle.actors.chain.parameters import Params
from battle.actors.roles import WorkloadRole
from battle.actors.wire.correlation import request_id
from battle.actors.wire.http.content_coding import decoded_body
from battle.actors.wire.http.messages import HttpResponse, encode_request, request_head_to
from battle.actors.wire.jsonrpc import RpcResponse, read_answer, read_answers
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.actors.workload.requests.call_source import CallSource
from battle.actors.workload.requests.outcome import (
    BODY_BYTES_MAX,
    HTTP_STATUS,
    NOT_JSON_RPC,
    AnswerReader,
    Ending,
)
from battle.actors.workload.requests.request import NumberIds, Request, encode_call_text
from battle.actors.workload.requests.trace import BATCH, Trace, calls_of
from battle.store.events import Answer

_decode = reader()
_WORST_FIRST: tuple[Answer, ...] = ("wrong", "stale", "none", "right")


class BatchCall(NamedTuple):
    """One call of a batch; `id` is as it stands in the JSON text. `recorded` is as of a `Request`."""

    id: bytes
    method: str
    params: Params
    recorded: bytes | None = None


class BatchRequest(Request):
    """A request of several calls."""

    __slots__ = ("calls",)

    def __init__(self, id: str, calls: list[BatchCall], scheduled_ns: int, wire: bytes) -> None:
        super().__init__(id, BATCH, [], scheduled_ns, wire)
        self.calls = calls


class BatchBuilder:
    """Builds requests of `size` calls each."""

    def __init__(self, role: WorkloadRole, next_call: CallSource, size: int) -> None:
        self._index = role.index
        self._head = request_head_to(role.endpoint)
        self._next_call = next_call
        self._size = size
        self._numbers = NumberIds(role)

    def build(self, number: int, scheduled_ns: int) -> BatchRequest:
        """Request `number`, due at `scheduled_ns`."""
        first = number * self._size
        numbered = self._numbers.has(first)
        calls: list[BatchCall] = []
        texts: list[bytes] = []
        for each in range(first, first + self._size):
            method, params, text = self._next_call(each, scheduled_ns)
            call_id = _call_id(self._index, each, self._numbers if numbered else None)
            calls.append(BatchCall(call_id, method, params))
            texts.append(encode_call_text(call_id, method, text))
        name = request_id(self._index, first)
        body = b"[%b]" % b",".join(texts)
        return BatchRequest(name, calls, scheduled_ns, encode_request(self._head, body, name.encode()))


class TraceBuilder:
    """Builds the requests of a trace: single calls, and batches."""

    def __init__(self, role: WorkloadRole, trace: Trace) -> None:
        self._index = role.index
        self._head = request_head_to(role.endpoint)
        self._trace = trace
        self._numbers = NumberIds(role)

    def build(self, number: int, scheduled_ns: int) -> Request:
        """Request `number`, due at `scheduled_ns`."""
        trace = self._trace
        if number in trace.batches:
            return self._batch(number, scheduled_ns)
        method, text = trace.methods[number], trace.params[number]
        name = request_id(self._index, number)
        rpc_id = _call_id(self._index, number, self._numbers if self._numbers.has(number) else None)
        wire = encode_request(self._head, encode_call_text(rpc_id, method, text), name.encode())
        request = Request(name, method, _decode(text), scheduled_ns, wire, rpc_id)
        request.recorded = trace.answers[number]
        return request

    def _batch(self, number: int, scheduled_ns: int) -> BatchRequest:
        calls: list[BatchCall] = []
        texts: list[bytes] = []
        second = self._trace.batches[number]
        numbers = self._numbers if self._numbers.has(number) else None
        for place, one in enumerate(calls_of(self._trace.params[number])):
            call_id = _call_id(self._index, second + place - 1 if place else number, numbers)
            calls.append(BatchCall(call_id, one.method, _decode(one.params), one.answer))
            texts.append(encode_call_text(call_id, one.method, one.params))
        name = request_id(self._index, number)
        wire = encode_request(self._head, b"[%b]" % b",".join(texts), name.encode())
        return BatchRequest(name, calls, scheduled_ns, wire)


def _call_id(index: int, number: int, numbers: NumberIds | None) -> bytes:
    """The JSON-RPC id of a call, as JSON text."""
    return b'"%b"' % request_id(index, number).encode() if numbers is None else numbers.text(number)


class BatchReader(AnswerReader):
    """Reads responses to batches, and to the single calls beside them in a trace.

    A batch is right only when each call has its answer, once, and the right one. With an error among the answers that
    is not the right answer to its call the outcome is `error`, with the first one's code; so it is with an answer
    missing, repeated or not asked for, which is wrong also when answers are not checked. The answer is the worst of
    all: wrong, stale, none (which such an error is), right. The height is the lowest of all, staleness the greatest.
    """

    def ending(self, request: Request, response: HttpResponse, ended_ns: int) -> Ending:
        """How `request` ends with this response."""
        if not isinstance(request, BatchRequest):
            return super().ending(request, response, ended_ns)
        succeeded = 200 <= response.status < 300
        try:
            body = decoded_body(response, BODY_BYTES_MAX)
            if not body.lstrip().startswith(b"["):
                return self._refused(request, read_answer(body), succeeded)
            answers = read_answers(body)
        except Unreadable:
            return NOT_JSON_RPC if succeeded else HTTP_STATUS
        if any(answer.error is None and answer.result is msgspec.UNSET for answer in answers):
            return NOT_JSON_RPC if succeeded else HTTP_STATUS
        ending = self._worst(request, answers, ended_ns)
        if succeeded or (ending.outcome == "ok" and all(answer.error is not None for answer in answers)):
            return ending
        return ending._replace(outcome="error", failure="http_status")

    def _refused(self, request: BatchRequest, answer: RpcResponse, succeeded: bool) -> Ending:
        """One answer to all calls: an error can be that."""
        if answer.error is None:
            return NOT_JSON_RPC if succeeded else HTTP_STATUS
        ours = bytes(answer.id) in (b"null", *(call.id for call in request.calls))
        failure = "rpc_error" if succeeded else "http_status"
        return Ending("error", "none" if ours else "wrong", failure, answer.error.code)

    def _worst(self, request: BatchRequest, answers: list[RpcResponse], ended_ns: int) -> Ending:
        by_id = {bytes(answer.id): answer for answer in answers}
        calls = [(call, by_id[call.id]) for call in request.calls if call.id in by_id]
        judged = [(answer, self._judged_call(request, call, answer, ended_ns)) for call, answer in calls]
        found = {ending.answer for _, ending in judged}
        whole = _each_once(request.calls, answers)
        if not whole:
            found.add("wrong")
        elif len(judged) < len(request.calls):
            found.add("none")
        heights = [ending.height for _, ending in judged if ending.height is not None]
        ages = [
            (ending.blocks_behind, ending.stale_ns)
            for _, ending in judged
            if ending.blocks_behind is not None and ending.stale_ns is not None
        ]
        right = {bytes(answer.id) for answer, ending in judged if ending.answer == "right"}
        errors = [answer for answer in answers if answer.error is not None]
        bad = [answer for answer in errors if bytes(answer.id) not in right]
        code = next((answer.error.code for answer in (*bad, *errors) if answer.error is not None), None)
        worst = next(answer for answer in _WORST_FIRST if answer in found)
        failure = "rpc_error" if bad else None if whole else "wrong_batch"
        blocks_behind, stale_ns = max(ages, default=(None, None))
        height = min(heights, default=None)
        return Ending("error" if failure else "ok", worst, failure, code, height, blocks_behind, stale_ns)

    def _judged_call(
        self, request: BatchRequest, call: BatchCall, answer: RpcResponse, ended_ns: int
    ) -> Ending:
        received = answer.result if answer.error is None else answer.error
        assert not isinstance(received, msgspec.UnsetType), "it was looked for before"
        return self.judged(call, received, request.sent_ns, ended_ns)


def _each_once(calls: list[BatchCall], answers: list[RpcResponse]) -> bool:
    """Whether each call has one answer, and no other is there.

    An error with the id null may be anybody's whose own is missing: its sender could not read the call's id.
    """
    found = Counter(bytes(answer.id) for answer in answers)
    nobodys = sum(bytes(answer.id) == b"null" and answer.error is not None for answer in answers)
    found[b"null"] -= nobodys
    counts = [found.pop(call.id, 0) for call in calls]
    return max(counts) <= 1 and counts.count(0) == nobodys and not any(found.values())
