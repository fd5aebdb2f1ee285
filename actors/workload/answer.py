"""What a response means: the outcome of its request, and whether the answer in it is the right one. Pure."""

from typing import NamedTuple

import msgspec

from actors.chain.judge import judge
from actors.chain.model import ChainModel
from actors.wire.http import HttpResponse
from actors.wire.jsonrpc import Answer as RpcAnswer
from actors.wire.jsonrpc import read_answer
from actors.workload.request import Request
from actors.workload.spec import WorkloadRole
from store.events import Answer, Outcome


class Ending(NamedTuple):
    """How a request ended, in the words of `RequestEnded`."""

    outcome: Outcome
    answer: Answer = "none"
    failure: str | None = None
    rpc_code: int | None = None


TIMED_OUT = Ending("unknown", failure="timeout")
RESET = Ending("unknown", failure="reset")
CLOSED = Ending("unknown", failure="closed")
INTERRUPTED = Ending("unknown", failure="interrupted")
REFUSED = Ending("error", failure="refused")
UNSENT = Ending("error", failure="unsent")
NEVER_SENT = Ending("error", failure="interrupted")
"""Interrupted before it left."""
PROTOCOL = Ending("error", failure="protocol")
"""An answer came that is not HTTP, or not JSON-RPC."""

_OK: dict[Answer, Ending] = {answer: Ending("ok", answer) for answer in ("right", "wrong", "stale", "none")}
_HTTP_STATUS = Ending("error", failure="http_status")


class AnswerReader:
    """Reads responses, and checks the answers in them against the chain model.

    The head may move while a request is under way: an answer is right for any head from the moment the
    request was sent to the moment it ended.
    """

    def __init__(self, role: WorkloadRole, model: ChainModel) -> None:
        self._model = model
        self._canned = role.canned
        self._checks = role.checks_answers

    def ending(self, request: Request, response: HttpResponse, ended_ns: int) -> Ending:
        """How `request` ends with this response."""
        if not 200 <= response.status < 300:
            return _HTTP_STATUS
        try:
            answer = read_answer(response.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return PROTOCOL
        if answer.error is not None:
            # A server that could not read the call's id answers null.
            ours = not self._checks or bytes(answer.id) == b"null" or _is_for(request, answer)
            return Ending("error", "none" if ours else "wrong", "rpc_error", answer.error.code)
        if isinstance(answer.result, msgspec.UnsetType):
            return PROTOCOL
        if not self._checks:
            return _OK["none"]
        return _OK[self._judged(request, answer.result, ended_ns) if _is_for(request, answer) else "wrong"]

    def _judged(self, request: Request, result: msgspec.Raw, ended_ns: int) -> Answer:
        head_at = self._model.head_at
        return judge(
            self._model,
            request.method,
            request.params,
            result,
            head_at(request.sent_ns),
            head_at(ended_ns),
            self._canned.get(request.method, ()),
        )


def _is_for(request: Request, answer: RpcAnswer) -> bool:
    return bytes(answer.id) == b'"%b"' % request.id.encode()
