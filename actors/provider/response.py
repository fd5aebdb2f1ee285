"""What goes to the client for a call and its response plan: bytes, and what happens to the connection. Pure."""

from typing import Literal, TypeAlias

import msgspec

from battle.actors.provider.answerer import CallAnswerer, ReceivedCall, ReceivedRequest
from battle.actors.provider.response_plan import ResponsePlan
from battle.actors.spec.faults.behaviour import Failure
from battle.actors.wire.http.messages import encode_response
from battle.actors.wire.jsonrpc import INTERNAL_ERROR, LIMIT_EXCEEDED, SERVER_ERROR, Invalid, RpcError
from battle.store.events import Outcome

Ending: TypeAlias = Literal["keep", "close", "cut", "reset", "never"]
"""What becomes of the connection when a response is due: it goes on; it is closed behind the response; it is closed
inside the response; it is reset in place of the response. `never`: the response never comes."""

_STATUSES: dict[Failure, int] = {"http_500": 500, "http_502": 502, "http_503": 503, "http_429": 429}
_RPC_ERRORS: dict[Failure, RpcError] = {
    "rpc_error": RpcError(SERVER_ERROR, "the provider failed"),
    "rpc_server_error": RpcError(SERVER_ERROR, "the provider failed"),
    "rpc_internal_error": RpcError(INTERNAL_ERROR, "Internal error"),
    "rpc_limit": RpcError(LIMIT_EXCEEDED, "the request rate limit is exceeded"),
}
_RPC_ERRORS_FOR_STATUSES: dict[Failure, RpcError] = {
    "http_500": _RPC_ERRORS["rpc_internal_error"],
    "http_502": _RPC_ERRORS["rpc_internal_error"],
    "http_503": _RPC_ERRORS["rpc_internal_error"],
    "http_429": _RPC_ERRORS["rpc_limit"],
}
"""A WebSocket has no statuses."""

_PAGES: dict[Failure, tuple[int, bytes]] = {
    "html_error_page": (200, b"<!DOCTYPE html><title>Error</title><h1>Something went wrong</h1>\n"),
    "html_bad_gateway": (502, b"<!DOCTYPE html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>\n"),
}
_SPOILED: tuple[Failure, ...] = ("invalid_json", "wrong_content_type", "empty_body", "truncated")
"""Failures that have an answer to spoil; a request that gets none (all of it notifications) escapes them."""


class Response(msgspec.Struct, frozen=True):
    """What is sent when a response is due, and what happens then.

    `status` is that of a whole response: None when the client never has one, and on WebSockets.
    """

    data: bytes
    ending: Ending
    status: int | None = None
    is_malformed: bool = False

    def outcome(self, asked: ReceivedCall) -> Outcome:
        """What the log says became of a call: nobody knows that of one whose response was not sent whole."""
        if self.ending not in ("keep", "close"):
            return "unknown"
        failed = asked.rpc_code is not None and not asked.is_rightly_refused
        refused = self.is_malformed or failed or self.status not in (None, 200, 204)
        return "error" if refused else "ok"


_RESET = Response(b"", "reset")
_NEVER = Response(b"", "never")


def respond(
    answerer: CallAnswerer,
    received: ReceivedRequest,
    plan: ResponsePlan,
    head: int,
    *,
    keep_alive: bool = True,
) -> Response:
    """The HTTP response to a request that came when the chain was at `head`.

    Notes on every call its error code and the fault that decided what became of it.
    """
    failure = plan.failure
    body = _body(answerer, received, plan, head)
    escaped = not body and failure in _SPOILED
    _sign(received, plan, escaped=escaped)
    if failure is None or failure in _RPC_ERRORS or escaped:
        data = encode_response(200 if body else 204, body, keep_alive=keep_alive)
        return Response(data, _ending(keep_alive), 200 if body else 204)
    if failure == "reset":
        return _RESET
    if failure == "no_answer":
        return _NEVER
    if failure == "truncated":
        return Response(encode_response(200, body, keep_alive=keep_alive)[: -(len(body) // 2) or None], "cut")
    return _failed(failure, body, plan, keep_alive=keep_alive)


def respond_in_message(
    answerer: CallAnswerer, received: ReceivedRequest, plan: ResponsePlan, head: int
) -> Response:
    """The same over a WebSocket: `data` is a message, and nothing is sent when it is empty and the failure is none.

    HTTP's failures become JSON-RPC's errors; a wrong content type means nothing here and is escaped.
    """
    failure = plan.failure
    body = _body(answerer, received, plan, head, _RPC_ERRORS_FOR_STATUSES)
    escaped = failure == "wrong_content_type" or (not body and failure in _SPOILED)
    _sign(received, plan, escaped=escaped)
    if failure is None or failure in _RPC_ERRORS or failure in _RPC_ERRORS_FOR_STATUSES or escaped:
        return Response(body, "keep")
    if failure == "reset":
        return _RESET
    if failure == "no_answer":
        return _NEVER
    if failure == "truncated":
        return Response(body[: len(body) // 2], "cut")
    return Response(_spoiled(failure, body), "keep", is_malformed=True)


def _body(
    answerer: CallAnswerer,
    received: ReceivedRequest,
    plan: ResponsePlan,
    head: int,
    more_errors: dict[Failure, RpcError] | None = None,
) -> bytes:
    """The JSON-RPC text, where the response plan leaves one to be sent or spoiled."""
    failure = plan.failure
    if failure is None or failure in _SPOILED:
        return answerer.answer(received, head, None, plan.chain_faults)
    error = _RPC_ERRORS.get(failure) or (more_errors or {}).get(failure)
    return b"" if error is None else answerer.answer(received, head, error)


def _failed(failure: Failure, body: bytes, plan: ResponsePlan, *, keep_alive: bool) -> Response:
    ending = _ending(keep_alive)
    status = _STATUSES.get(failure)
    if status is not None:
        headers = {b"retry-after": b"%d" % plan.retry_after_s} if plan.retry_after_s else None
        return Response(encode_response(status, b"", headers=headers, keep_alive=keep_alive), ending, status)
    status = _PAGES[failure][0] if failure in _PAGES else 200
    content_type = b"application/json"
    if failure in _PAGES:
        content_type = b"text/html"
    elif failure == "wrong_content_type":
        content_type = b"text/plain"
    data = encode_response(status, _spoiled(failure, body), content_type=content_type, keep_alive=keep_alive)
    return Response(data, ending, status, is_malformed=True)


def _spoiled(failure: Failure, body: bytes) -> bytes:
    """Half of a JSON text is never one: it ends inside an object or a list."""
    if failure in _PAGES:
        return _PAGES[failure][1]
    if failure == "empty_body":
        return b""
    return body[: len(body) // 2] if failure == "invalid_json" else body


def _ending(keep_alive: bool) -> Ending:
    return "keep" if keep_alive else "close"


def _sign(received: ReceivedRequest, plan: ResponsePlan, *, escaped: bool) -> None:
    """Put on each call the fault that decided: the one that failed it, else one that changed its answer, else one
    that delayed it."""
    if escaped:
        return
    for asked in received.asked:
        if plan.failure is None:
            asked.fault_id = asked.fault_id or plan.fault_id
        # What is no call has its own error, whatever error the calls beside it get.
        elif plan.failure not in _RPC_ERRORS or not isinstance(asked.item, Invalid):
            asked.fault_id = plan.fault_id
