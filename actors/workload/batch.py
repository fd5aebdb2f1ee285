"""Requests of many calls at once: how they are numbered and written, and what the answers to one mean. Pure.

One HTTP request is one request of the log, with the method "batch". Each of its calls has a number, and so an
id, of its own: those of request n are n * size, n * size + 1, and so on, and the request goes by the first. So
every id that a server sees is one of a request, and the log tells which call of which batch an attempt served.
"""

from collections import Counter
from typing import NamedTuple

import msgspec

from actors.chain.parameters import Params
from actors.wire.correlation import request_id
from actors.wire.http import HttpResponse, encode_request, request_head
from actors.wire.jsonrpc import Answer as RpcAnswer
from actors.wire.jsonrpc import read_answer, read_answers
from actors.workload.answer import HTTP_STATUS, PROTOCOL, UNREADABLE, AnswerReader, Ending
from actors.workload.asking import Ask
from actors.workload.request import Request, encode_call_text
from actors.workload.spec import WorkloadRole
from store.events import Answer

BATCH = "batch"

_WORST_FIRST: tuple[Answer, ...] = ("wrong", "stale", "none", "right")


class BatchCall(NamedTuple):
    """One call of a batch; `id` is as it stands in the JSON text."""

    id: bytes
    method: str
    params: Params


class BatchRequest(Request):
    """A request of several calls."""

    __slots__ = ("calls",)

    def __init__(self, id: str, calls: list[BatchCall], scheduled_ns: int, wire: bytes) -> None:
        super().__init__(id, BATCH, [], scheduled_ns, wire)
        self.calls = calls


class BatchBuilder:
    """Builds requests of `size` calls each."""

    def __init__(self, role: WorkloadRole, ask: Ask, size: int) -> None:
        self._index = role.index
        self._head = request_head(role.target, role.path)
        self._ask = ask
        self._size = size

    def build(self, number: int, scheduled_ns: int) -> BatchRequest:
        """Request `number`, due at `scheduled_ns`."""
        first = number * self._size
        calls: list[BatchCall] = []
        texts: list[bytes] = []
        for each in range(first, first + self._size):
            method, params, text = self._ask(each, scheduled_ns)
            call_id = b'"%b"' % request_id(self._index, each).encode()
            calls.append(BatchCall(call_id, method, params))
            texts.append(encode_call_text(call_id, method, text))
        name = request_id(self._index, first)
        body = b"[%b]" % b",".join(texts)
        return BatchRequest(name, calls, scheduled_ns, encode_request(self._head, body, name.encode()))


class BatchReader(AnswerReader):
    """Reads responses to batches: right only when each call has its answer, once, and the right one.

    With any error among the answers the outcome is `error`, with the first one's code. The answer is the worst
    of all: wrong (which a missing, repeated or unasked one is too, also when answers are not checked), stale,
    none (which an error is), right.
    """

    def ending(self, request: Request, response: HttpResponse, ended_ns: int) -> Ending:
        """How `request` ends with this response."""
        assert isinstance(request, BatchRequest)
        if not 200 <= response.status < 300:
            return HTTP_STATUS
        try:
            if not response.body.lstrip().startswith(b"["):
                return self._refused(request, read_answer(response.body))
            answers = read_answers(response.body)
        except UNREADABLE:
            return PROTOCOL
        if any(answer.error is None and answer.result is msgspec.UNSET for answer in answers):
            return PROTOCOL
        worst = self._worst(request, answers, ended_ns)
        for answer in answers:
            if answer.error is not None:
                return Ending("error", worst, "rpc_error", answer.error.code)
        return Ending("ok", worst)

    def _refused(self, request: BatchRequest, answer: RpcAnswer) -> Ending:
        """One answer to all calls: an error can be that."""
        if answer.error is None:
            return PROTOCOL
        ours = bytes(answer.id) in (b"null", *(call.id for call in request.calls))
        return Ending("error", "none" if ours else "wrong", "rpc_error", answer.error.code)

    def _worst(self, request: BatchRequest, answers: list[RpcAnswer], ended_ns: int) -> Answer:
        if not _each_once(request.calls, answers):
            return "wrong"
        by_id = {bytes(answer.id): answer for answer in answers}
        judged = {self._judged_call(request, call, by_id.get(call.id), ended_ns) for call in request.calls}
        return next(answer for answer in _WORST_FIRST if answer in judged)

    def _judged_call(
        self, request: BatchRequest, call: BatchCall, answer: RpcAnswer | None, ended_ns: int
    ) -> Answer:
        if answer is None or answer.error is not None or isinstance(answer.result, msgspec.UnsetType):
            return "none"
        if not self._checks:
            return "none"
        return self.judged(call.method, call.params, answer.result, request.sent_ns, ended_ns)


def _each_once(calls: list[BatchCall], answers: list[RpcAnswer]) -> bool:
    """Whether each call has one answer, and no other is there.

    An error with the id null may be anybody's whose own is missing: its sender could not read the call's id.
    """
    found = Counter(bytes(answer.id) for answer in answers)
    nobodys = sum(bytes(answer.id) == b"null" and answer.error is not None for answer in answers)
    found[b"null"] -= nobodys
    counts = [found.pop(call.id, 0) for call in calls]
    return max(counts) <= 1 and counts.count(0) == nobodys and not any(found.values())
