"""JSON-RPC 2.0: reading calls and answers, writing results and errors. Pure.

Ids are kept as the bytes the client wrote (`msgspec.Raw`), so every id comes back exactly as it was sent.
"""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from battle.actors.wire.untrusted_json import Unreadable, reader

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
LIMIT_EXCEEDED = -32005

MAX_BATCH_CALLS = 10_000
"""What is read of a batch in about a tenth of a second. A body of 2 MB can hold a million elements, each of which
would become an object, and its error a hundred bytes of answer."""

METHOD_CHARACTERS = 128
"""What logs and tables keep of a method's name, which may be as long as a body."""

_NULL = msgspec.Raw(b"null")
_ID_STARTS = b'"-0123456789n'


class RpcError(Exception):
    """An answer that is an error. `code` is JSON-RPC's, or a server's own."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Call(msgspec.Struct):
    """One valid call. A notification has no id and gets no answer."""

    jsonrpc: Literal["2.0"]
    method: str
    params: list[Any] | dict[str, Any] = []
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_notification(self) -> bool:
        return self.id is msgspec.UNSET


class Invalid(msgspec.Struct):
    """Something in a call's place that is none; `id` is null where none could be read."""

    error: RpcError
    id: msgspec.Raw = _NULL


Item: TypeAlias = Call | Invalid


RpcCode: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What columns of the log can hold; a larger number is no code."""


class ErrorObject(msgspec.Struct):
    """The `error` member of an answer."""

    code: RpcCode
    message: str = ""
    data: Any = None


class RpcResponse(msgspec.Struct):
    """One answer as a client reads it: `result` or `error`."""

    id: msgspec.Raw = _NULL
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: ErrorObject | None = None


_decode_call = reader(Call)
_decode_batch = reader(list[msgspec.Raw])
_decode_loose = reader(dict[str, msgspec.Raw])
_decode_answer = reader(RpcResponse)
_decode_answers = reader(list[RpcResponse])
_encode = msgspec.json.Encoder().encode


def read_calls(body: bytes, max_batch_calls: int = MAX_BATCH_CALLS) -> Item | list[Item]:
    """What a request's body asks for: one item, or a list for a batch (never empty).

    A batch of more than `max_batch_calls` is one invalid item.
    """
    if not body.lstrip().startswith(b"["):
        return _read_call(body)
    try:
        elements = _decode_batch(body)
    except Unreadable as error:
        return Invalid(RpcError(PARSE_ERROR, f"Parse error: {error}"))
    if not elements:
        return Invalid(RpcError(INVALID_REQUEST, "Invalid Request: an empty batch"))
    if len(elements) > max_batch_calls:
        problem = f"the batch is too large: at most {max_batch_calls} calls"
        return Invalid(RpcError(INVALID_REQUEST, problem))
    return [_read_call(bytes(element)) for element in elements]


def _read_call(text: bytes) -> Item:
    try:
        call = _decode_call(text)
    except Unreadable as error:
        if error.is_json:
            return Invalid(RpcError(INVALID_REQUEST, f"Invalid Request: {error}"), _loose_id(text))
        return Invalid(RpcError(PARSE_ERROR, f"Parse error: {error}"))
    if call.id is not msgspec.UNSET and not _is_id(call.id):
        return Invalid(RpcError(INVALID_REQUEST, "Invalid Request: an id is a string, a number or null"))
    return call


def _is_id(found: msgspec.Raw) -> bool:
    return bytes(found)[0] in _ID_STARTS


def _loose_id(text: bytes) -> msgspec.Raw:
    """The id of something that is not a valid call, so that the client learns which one was refused."""
    try:
        found = _decode_loose(text).get("id", _NULL)
    except Unreadable:
        return _NULL
    return found if _is_id(found) else _NULL


def encode_call(method: str, params: Any, call_id: Any) -> bytes:
    """One call as a client writes it."""
    return _encode({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params})


def encode_result(call_id: msgspec.Raw, result: Any) -> bytes:
    """The answer to a call; `result` is plain data or `msgspec.Raw`."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (bytes(call_id), _encode(result))


def encode_error(call_id: msgspec.Raw, error: RpcError) -> bytes:
    """The error that answers a call."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (bytes(call_id), _encode(body))


def read_answer(body: bytes) -> RpcResponse:
    """A single answer.

    Raises:
        Unreadable: it is not JSON, or not an answer.
    """
    return _decode_answer(body)


def read_answers(body: bytes) -> list[RpcResponse]:
    """The answers to a batch, in the order they came.

    Raises:
        Unreadable: it is not JSON, or not a list of answers.
    """
    return _decode_answers(body)
