"""What a response means: the outcome of its request, and whether the answer in it is the right one. Pure."""

from typing import NamedTuple

import msgspec

from actors.chain.judge import judge
from actors.chain.model import ChainModel
from actors.chain.parameters import Params
from actors.wire.http import HttpResponse
from actors.wire.jsonrpc import Answer as RpcAnswer
from actors.wire.jsonrpc import RpcError, read_answer
from actors.workload.asking import asks_about_the_chain
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
HTTP_STATUS = Ending("error", failure="http_status")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for text that is not JSON, not UTF-8, or nested too deeply."""

_OK: dict[Answer, Ending] = {answer: Ending("ok", answer) for answer in ("right", "wrong", "stale", "none")}


class AnswerReader:
    """Reads responses, and checks the answers in them against the chain model.

    The head may move while a request is under way: an answer is right for any head from the moment the
    request was sent to the moment it ended.
    """

    def __init__(self, role: WorkloadRole, model: ChainModel) -> None:
        self._model = model
        self._canned = role.canned
        self._checks = role.checks_answers
        self._knows_all = asks_about_the_chain(role)

    def ending(self, request: Request, response: HttpResponse, ended_ns: int) -> Ending:
        """How `request` ends with this response."""
        if not 200 <= response.status < 300:
            return HTTP_STATUS
        try:
            answer = read_answer(response.body)
        except UNREADABLE:
            return PROTOCOL
        return self.ending_with(request, answer, ended_ns)

    def ending_with(self, request: Request, answer: RpcAnswer, ended_ns: int) -> Ending:
        """How `request` ends with this answer, which came on its connection."""
        if answer.error is not None:
            # A server that could not read the call's id answers null.
            ours = not self._checks or bytes(answer.id) == b"null" or _is_for(request, answer)
            return Ending("error", "none" if ours else "wrong", "rpc_error", answer.error.code)
        if isinstance(answer.result, msgspec.UnsetType):
            return PROTOCOL
        if not self._checks:
            return _OK["none"]
        if not _is_for(request, answer):
            return _OK["wrong"]
        return _OK[self.judged(request.method, request.params, answer.result, request.sent_ns, ended_ns)]

    def judged(self, method: str, params: Params, result: msgspec.Raw, sent_ns: int, ended_ns: int) -> Answer:
        """What a result is worth; `none` for the author's own questions when neither chain nor canned knows."""
        head_from, head_to = self._model.head_at(sent_ns), self._model.head_at(ended_ns)
        canned = self._canned.get(method, ())
        if not self._knows_all and not canned and not self._can_answer(method, params, head_to):
            return "none"
        return judge(self._model, method, params, result, head_from, head_to, canned)

    def _can_answer(self, method: str, params: Params, head: int) -> bool:
        try:
            self._model.answer(method, params, head)
        except RpcError:
            return False
        return True


def _is_for(request: Request, answer: RpcAnswer) -> bool:
    return bytes(answer.id) == b'"%b"' % request.id.encode()
