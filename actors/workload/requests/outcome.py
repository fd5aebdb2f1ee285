"""What a response means: the outcome of its request, and whether the answer in it is the right one. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec

from battle.actors.chain.expected_answers import expected_answer, recorded_answer
from battle.actors.chain.model import ChainModel
from battle.actors.chain.oracle import (
    judge,
    newest_height,
    right_as_written,
    right_error,
)
from battle.actors.chain.parameters import Params
from battle.actors.roles import WorkloadRole
from battle.actors.wire.http.client import RESPONSE_LIMITS
from battle.actors.wire.http.content_coding import CONTENT_CODING, decoded_body
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.jsonrpc import ErrorObject, RpcResponse, read_answer
from battle.actors.wire.untrusted_json import Unreadable
from battle.actors.workload.requests.request import Request
from battle.store.events import Answer, Outcome


class Ending(NamedTuple):
    """How a request ended, in the words of `RequestEnded`."""

    outcome: Outcome
    answer: Answer = "none"
    failure: str | None = None
    rpc_code: int | None = None
    height: int | None = None
    blocks_behind: int | None = None
    stale_ns: int | None = None
    expected_rpc_code: int | None = None


TIMED_OUT = Ending("unknown", failure="timeout")
RESET = Ending("unknown", failure="reset")
CLOSED = Ending("unknown", failure="closed")
UNREAD = Ending("unknown", failure="unread")
"""Given up by this side: the gateway left more of what was sent to it unread than this node keeps."""
INTERRUPTED = Ending("unknown", failure="interrupted")
REFUSED = Ending("error", failure="refused")
NO_WEBSOCKET = Ending("error", failure="no_websocket")
"""Something listened, and there is no WebSocket all the same: it refused the upgrade, or closed each connection."""
UNSENT = Ending("error", failure="unsent")
NEVER_SENT = Ending("error", failure="interrupted")
"""Interrupted before it left."""
PROTOCOL = Ending("error", failure="protocol")
"""What came is not HTTP, or not a WebSocket's frames: nobody knows whether an answer was in it."""
NOT_JSON_RPC = Ending("error", "wrong", "not_json_rpc")
"""A body under a status of success, or a message, came that is not JSON-RPC: a wrong answer, whatever was asked."""
WRONG_ID = Ending("error", "wrong", "wrong_id")
"""The answer says that it is to another request: a client drops it, or takes it for that other one's."""
HTTP_STATUS = Ending("error", failure="http_status")

BODY_BYTES_MAX = RESPONSE_LIMITS.body_bytes
"""Of a body that came compressed, when it is no more."""

_HEADS_KEPT = 64
"""Most answers are right and of the newest block: the ending of those is made once for each."""

_OK: dict[Answer, Ending] = {answer: Ending("ok", answer) for answer in ("right", "wrong", "stale", "none")}


_NOTHING: tuple[Sequence[Any], bool] = ((), False)


@lru_cache(_HEADS_KEPT)
def _of_height(answer: Answer, height: int) -> Ending:
    return Ending("ok", answer, height=height)


class Asked(Protocol):
    """A call, and the answer that was recorded for it: `{"result": ...}` or `{"error": {...}}` as JSON text."""

    @property
    def method(self) -> str: ...
    @property
    def params(self) -> Params: ...
    @property
    def recorded(self) -> bytes | None: ...


class AnswerReader:
    """Reads responses, and checks the answers in them against the chain model.

    The head may move while a request is under way: an answer is right for any head from the moment the
    request was sent to the moment it ended. An error that is the right answer ends its request `ok`. Where an
    answer was recorded, that one alone is right.
    """

    def __init__(self, role: WorkloadRole, model: ChainModel) -> None:
        self._model = model
        self._canned = {
            method: [expected_answer(value) for value in values] for method, values in role.canned.items()
        }
        self._only_canned = frozenset(role.only_canned)
        self._checks = role.checks_answers

    def ending(self, request: Request, response: HttpResponse, ended_ns: int) -> Ending:
        """How `request` ends with this response."""
        if self._checks and response.status == 200 and CONTENT_CODING not in response.headers:
            right = self._right_as_written(request, response.body, ended_ns)
            if right is not None:
                return right
        try:
            answer = read_answer(decoded_body(response, BODY_BYTES_MAX))
        except Unreadable:
            answer = RpcResponse()
        succeeded = 200 <= response.status < 300
        if answer.error is None and (not succeeded or isinstance(answer.result, msgspec.UnsetType)):
            return self.failed(request, NOT_JSON_RPC if succeeded else HTTP_STATUS, ended_ns)
        ending = self.ending_with(request, answer, ended_ns)
        return ending if succeeded or ending.outcome == "ok" else ending._replace(failure="http_status")

    def _right_as_written(self, request: Request, body: bytes, ended_ns: int) -> Ending | None:
        """The ending with an answer that is, byte for byte, as we would have written it: most are, and need not be
        decoded. None of any other, about which nothing is known yet."""
        before = b'{"jsonrpc":"2.0","id":%b,"result":' % request.rpc_id
        if not body.startswith(before) or request.recorded is not None or request.method in self._only_canned:
            return None
        model = self._model
        head_from, head_to = model.head_at(request.sent_ns), model.highest_at(ended_ns)
        text = body[len(before) : -1]
        right = right_as_written(model, request.method, request.params, text, head_from, head_to)
        if right is None or body[-1:] != b"}":
            return None
        return _OK["right"] if right.height is None else _of_height("right", right.height)

    def ending_with(self, request: Request, answer: RpcResponse, ended_ns: int) -> Ending:
        """How `request` ends with this answer, which came on its connection."""
        received = answer.result if answer.error is None else answer.error
        if isinstance(received, msgspec.UnsetType):
            return self.failed(request, NOT_JSON_RPC, ended_ns)
        code = None if answer.error is None else answer.error.code
        if self._checks and not _is_for(request, answer):
            return self.failed(request, WRONG_ID._replace(rpc_code=code), ended_ns)
        ending = self.judged(request, received, request.sent_ns, ended_ns)
        if code is None:
            return ending
        if ending.answer == "right":
            return ending._replace(rpc_code=code)
        return ending._replace(outcome="error", failure="rpc_error", rpc_code=code)

    def failed(self, asked: Asked, ending: Ending, ended_ns: int) -> Ending:
        """This ending of a request that got no answer to it, with the error that the answer should have been."""
        if not self._checks:
            return ending
        canned, only = self._known(asked)
        head = self._model.head_at(ended_ns)
        code = right_error(self._model, asked.method, asked.params, head, canned, canned_only=only)
        return ending if code is None else ending._replace(expected_rpc_code=code)

    def judged(
        self, asked: Asked, received: msgspec.Raw | ErrorObject, sent_ns: int, ended_ns: int
    ) -> Ending:
        """The ending of a call with this answer, as if an error were one as good as a result."""
        model = self._model
        if not self._checks and asked.recorded is None:
            if isinstance(received, ErrorObject):
                return _OK["none"]
            height = newest_height(asked.method, asked.params, received)
            return _OK["none"] if height is None else _of_height("none", height)
        canned, only = _NOTHING if asked.recorded is None and not self._canned else self._known(asked)
        head_from = model.head_at(sent_ns)
        answer, height, behind, code = judge(
            model,
            asked.method,
            asked.params,
            received,
            head_from,
            model.highest_at(ended_ns),
            canned,
            canned_only=only,
        )
        if behind is None and code is None:
            return _OK[answer] if height is None else _of_height(answer, height)
        stale_ns = None if behind is None else max(sent_ns - model.time_of(head_from - behind + 1), 0)
        return Ending("ok", answer, None, None, height, behind, stale_ns, code)

    def _known(self, asked: Asked) -> tuple[Sequence[Any], bool]:
        """The answers that are known without the chain, and whether they are the only right ones."""
        if asked.recorded is not None:
            return [recorded_answer(asked.recorded)], True
        return self._canned.get(asked.method, ()), asked.method in self._only_canned


def _is_for(request: Request, answer: RpcResponse) -> bool:
    """Whether an answer has the request's id. A server that could not read a call's id answers null, an error."""
    found = bytes(answer.id)
    return found == request.rpc_id or (answer.error is not None and found == b"null")
