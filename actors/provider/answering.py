"""From the body of a POST to the body of its answer. Pure."""

from typing import Any

import msgspec

from actors.chain.model import ChainModel
from actors.wire import correlation
from actors.wire.http import REQUEST_ID_HEADER, HttpRequest
from actors.wire.jsonrpc import (
    INVALID_REQUEST,
    Call,
    Invalid,
    Item,
    RpcError,
    encode_error,
    encode_result,
    read_calls,
)

_NO_HEADERS: dict[bytes, bytes] = {}
_encode = msgspec.json.Encoder().encode


class Asked(msgspec.Struct):
    """One call of a request as it came in, with the id by which the log knows it.

    What is no call has the method "".
    """

    item: Item
    method: str
    request_id: str | None
    rpc_code: int | None = None


class Question(msgspec.Struct):
    """What one HTTP request asks: one call, or a batch."""

    asked: list[Asked]
    is_batch: bool


def read_question(request: HttpRequest, max_batch_calls: int) -> Question:
    """The calls of a POST; a batch over the limit, and what is no JSON-RPC, is one invalid item."""
    items = read_calls(request.body)
    if not isinstance(items, list):
        text = "" if REQUEST_ID_HEADER in request.headers else request.body.decode("latin-1")
        return Question([_asked(items, request.headers, text)], is_batch=False)
    if len(items) > max_batch_calls:
        error = RpcError(INVALID_REQUEST, f"the batch is too large: at most {max_batch_calls} calls")
        return Question([_asked(Invalid(error), request.headers, "")], is_batch=False)
    return Question([_asked_in_batch(item, request.headers) for item in items], is_batch=True)


def _asked(item: Item, headers: dict[bytes, bytes], params: str) -> Asked:
    if isinstance(item, Invalid):
        return Asked(item, "", correlation.found_in_request(headers, bytes(item.id), params))
    call_id = b"" if item.id is msgspec.UNSET else bytes(item.id)
    return Asked(item, item.method, correlation.found_in_request(headers, call_id, params))


def _asked_in_batch(item: Item, headers: dict[bytes, bytes]) -> Asked:
    """Inside a batch a call's own trail is more exact than the header, which is the whole batch's."""
    params = _encode(item.params).decode() if isinstance(item, Call) else ""
    asked = _asked(item, _NO_HEADERS, params)
    return asked if asked.request_id is not None else _asked(item, headers, params)


class Answering:
    """Answers calls: from the canned results first, then from the chain."""

    def __init__(self, model: ChainModel, canned: dict[str, Any]) -> None:
        self._model = model
        self._canned = {method: msgspec.Raw(_encode(result)) for method, result in canned.items()}

    def answer(self, question: Question, head: int, failure: RpcError | None = None) -> bytes:
        """The body that answers, empty when only notifications were asked; notes each call's error code.

        With `failure` every valid call gets that error.
        """
        if not question.is_batch:
            return self._answer_one(question.asked[0], head, failure)
        answers = [self._answer_one(asked, head, failure) for asked in question.asked]
        wanted = [answer for answer in answers if answer]
        return b"[%b]" % b",".join(wanted) if wanted else b""

    def _answer_one(self, asked: Asked, head: int, failure: RpcError | None) -> bytes:
        item = asked.item
        if isinstance(item, Invalid):
            asked.rpc_code = item.error.code
            return encode_error(item.id, item.error)
        try:
            if failure is not None:
                raise failure
            result = self._result(item, head)
        except RpcError as error:
            asked.rpc_code = error.code
            return b"" if item.id is msgspec.UNSET else encode_error(item.id, error)
        return b"" if item.id is msgspec.UNSET else encode_result(item.id, result)

    def _result(self, call: Call, head: int) -> Any:
        canned = self._canned.get(call.method)
        return self._model.answer(call.method, call.params, head) if canned is None else canned
