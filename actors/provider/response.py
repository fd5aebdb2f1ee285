"""What goes to the client for a call and its response plan: bytes, and what happens to the connection. Pure."""

from typing import Literal, TypeAlias

import msgspec

from battle.actors.provider.answerer import CallAnswerer, ReceivedCall, ReceivedRequest
from battle.actors.provider.plain_requests import PlainAnswer
from battle.actors.provider.response_plan import ResponsePlan
from battle.actors.spec.failures import FailureKind, HttpFailure, RpcFailure, encoded, failure_of
from battle.actors.spec.faults.behaviour import StaleHead
from battle.actors.wire.http.messages import encode_response
from battle.actors.wire.jsonrpc import Invalid, RpcError
from battle.store.events import Outcome

Ending: TypeAlias = Literal["keep", "close", "cut", "reset", "never"]
"""What becomes of the connection when a response is due: it goes on; it is closed behind the response; it is closed
inside the response; it is reset in place of the response. `never`: the response never comes."""

_ANSWERED = (None, 200, 204)
"""The statuses of responses that answer; messages have none."""

_PAGES: dict[str, tuple[int, bytes]] = {
    "html_error_page": (200, b"<!DOCTYPE html><title>Error</title><h1>Something went wrong</h1>\n"),
    "html_bad_gateway": (502, b"<!DOCTYPE html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>\n"),
}
_SPOILED: tuple[str, ...] = ("invalid_json", "wrong_content_type", "empty_body", "truncated")
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
        refused = self.is_malformed or failed or self.status not in _ANSWERED
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
    if plan.failure is None and not plan.call_failures:
        return _answered(answerer, received, plan, head, keep_alive=keep_alive)
    failure = None if plan.failure is None else failure_of(plan.failure)
    if isinstance(failure, HttpFailure):
        _sign(received, plan)
        return _refused(failure, plan, keep_alive=keep_alive)
    if failure == "reset" or failure == "no_answer":
        _sign(received, plan)
        return _RESET if failure == "reset" else _NEVER
    body = _body(answerer, received, plan, failure, head)
    if isinstance(failure, str) and (body or failure not in _SPOILED):
        _sign(received, plan)
        return _broken(failure, body, keep_alive=keep_alive)
    _sign_calls(received, plan, failure)
    error = _sole_error(received, plan, failure)
    status, headers = (error.http_status, encoded(error.headers)) if error else (200, None)
    data = encode_response(
        status if body else 204, body, headers=headers if body else None, keep_alive=keep_alive
    )
    return Response(data, _ending(keep_alive), status if body else 204)


def _answered(
    answerer: CallAnswerer, received: ReceivedRequest, plan: ResponsePlan, head: int, *, keep_alive: bool
) -> Response:
    """The response when nothing fails, as nearly always: none of the ways to fail is looked at."""
    body = answerer.answer(received, head, None, plan.chain_faults)
    if plan.fault_id is not None:
        for asked in received.asked:
            asked.fault_id = asked.fault_id or plan.fault_id
    status = 200 if body else 204
    return Response(encode_response(status, body, keep_alive=keep_alive), _ending(keep_alive), status)


def respond_plainly(
    plain: PlainAnswer, asked: ReceivedCall, plan: ResponsePlan, *, keep_alive: bool, to_head: bool
) -> Response:
    """The HTTP response to a request that carries no call.

    Failures of HTTP fall on it as on any other request; those of JSON-RPC, and of JSON, do not.
    """
    failure = None if plan.failure is None else failure_of(plan.failure)
    asked.fault_id = plan.fault_id
    if failure == "reset" or failure == "no_answer":
        return _RESET if failure == "reset" else _NEVER
    if isinstance(failure, HttpFailure):
        response = _refused(failure, plan, keep_alive=keep_alive)
    elif isinstance(failure, str) and failure in _PAGES:
        response = _broken(failure, b"", keep_alive=keep_alive)
    else:
        asked.fault_id = _plain_fault(plain, plan)
        data = encode_response(
            plain.status,
            plain.body,
            content_type=plain.content_type,
            headers=plain.headers,
            keep_alive=keep_alive,
        )
        response = Response(data, _ending(keep_alive), plain.status)
    if not to_head:
        return response
    return msgspec.structs.replace(response, data=response.data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")


def _plain_fault(plain: PlainAnswer, plan: ResponsePlan) -> str | None:
    """The fault that decided an answer to no call: the one by which the node is behind, else one that delayed it."""
    if plain.shows_lag:
        return next((one.fault_id for one in plan.chain_faults if isinstance(one.fault, StaleHead)), None)
    return plan.fault_id if plan.failure is None else None


def respond_in_message(
    answerer: CallAnswerer, received: ReceivedRequest, plan: ResponsePlan, head: int
) -> Response:
    """The same over a WebSocket: `data` is a message, and nothing is sent when it is empty and the failure is none.

    HTTP's failures become JSON-RPC's errors; a wrong content type means nothing here and is escaped.
    """
    failure = None if plan.failure is None else failure_of(plan.failure)
    if isinstance(failure, HttpFailure):
        body = _body(answerer, received, plan, failure.in_message, head)
        _sign(received, plan)
        return Response(body, "keep")
    if failure == "reset" or failure == "no_answer":
        _sign(received, plan)
        return _RESET if failure == "reset" else _NEVER
    body = _body(answerer, received, plan, failure, head)
    escaped = failure == "wrong_content_type" or not isinstance(failure, str)
    if escaped or (not body and failure in _SPOILED):
        _sign_calls(received, plan, failure)
        return Response(body, "keep")
    assert isinstance(failure, str)
    _sign(received, plan)
    if failure == "truncated":
        return Response(body[: len(body) // 2], "cut")
    return Response(_spoiled(failure, body), "keep", is_malformed=True)


def refused_handshake(plan: ResponsePlan) -> Response | None:
    """The response that refuses to open a WebSocket, as HTTP's failures do; None when it is opened."""
    failure = None if plan.failure is None else failure_of(plan.failure)
    return _refused(failure, plan, keep_alive=False) if isinstance(failure, HttpFailure) else None


def _body(
    answerer: CallAnswerer,
    received: ReceivedRequest,
    plan: ResponsePlan,
    failure: FailureKind | None,
    head: int,
) -> bytes:
    """The JSON-RPC text that is sent or spoiled; in it each call that fails by itself has its error."""
    if not plan.call_failures and not isinstance(failure, RpcFailure):
        return answerer.answer(received, head, None, plan.chain_faults)

    def error_of(method: str) -> RpcError | None:
        one = plan.call_failure(method)
        found = failure if one is None else one.failure
        if not isinstance(found, RpcFailure):
            return None
        return RpcError(found.code, found.message.replace("{method}", method), found.data)

    return answerer.answer(received, head, error_of, plan.chain_faults)


def _sole_error(
    received: ReceivedRequest, plan: ResponsePlan, failure: FailureKind | None
) -> RpcFailure | None:
    """The error that is all of the response, and so has a say in its status; None when there is none, or more."""
    if isinstance(failure, RpcFailure) and not plan.call_failures:
        return failure
    one = None if received.is_batch else plan.call_failure(received.asked[0].method)
    if one is not None:
        return one.failure
    return failure if isinstance(failure, RpcFailure) and not received.is_batch else None


def _refused(failure: HttpFailure, plan: ResponsePlan, *, keep_alive: bool) -> Response:
    headers = encoded(failure.headers)
    if plan.retry_after_s:
        headers[b"retry-after"] = b"%d" % plan.retry_after_s
    data = encode_response(
        failure.status,
        failure.body.encode(),
        content_type=failure.content_type.encode("ascii"),
        headers=headers,
        keep_alive=keep_alive,
    )
    malformed = failure.status in _ANSWERED
    return Response(data, _ending(keep_alive), failure.status, is_malformed=malformed)


def _broken(failure: str, body: bytes, *, keep_alive: bool) -> Response:
    if failure == "truncated":
        return Response(encode_response(200, body, keep_alive=keep_alive)[: -(len(body) // 2) or None], "cut")
    status = _PAGES[failure][0] if failure in _PAGES else 200
    content_type = b"application/json"
    if failure in _PAGES:
        content_type = b"text/html"
    elif failure == "wrong_content_type":
        content_type = b"text/plain"
    data = encode_response(status, _spoiled(failure, body), content_type=content_type, keep_alive=keep_alive)
    return Response(data, _ending(keep_alive), status, is_malformed=True)


def _spoiled(failure: str, body: bytes) -> bytes:
    """Half of a JSON text is never one: it ends inside an object or a list."""
    if failure in _PAGES:
        return _PAGES[failure][1]
    if failure == "empty_body":
        return b""
    return body[: len(body) // 2] if failure == "invalid_json" else body


def _ending(keep_alive: bool) -> Ending:
    return "keep" if keep_alive else "close"


def _sign(received: ReceivedRequest, plan: ResponsePlan) -> None:
    """The fault that failed the whole request is that of each of its calls."""
    for asked in received.asked:
        asked.fault_id = plan.fault_id


def _sign_calls(received: ReceivedRequest, plan: ResponsePlan, failure: FailureKind | None) -> None:
    """Put on each call the fault that decided: the one that failed it, else one that changed its answer, else one
    that delayed it."""
    for asked in received.asked:
        one = plan.call_failure(asked.method)
        if isinstance(asked.item, Invalid) and (one is not None or isinstance(failure, RpcFailure)):
            continue  # what is no call has its own error, whatever error the calls beside it get
        if one is not None:
            asked.fault_id = one.fault_id
        elif failure is None:
            asked.fault_id = asked.fault_id or plan.fault_id
        elif isinstance(failure, RpcFailure):
            asked.fault_id = plan.fault_id
