"""What a client says and hears over a WebSocket that speaks JSON-RPC. Pure."""

import re
from typing import TypeAlias

import msgspec

from battle.actors.wire.jsonrpc import ErrorObject, RpcResponse
from battle.actors.wire.untrusted_json import Unreadable, reader

SUBSCRIBE, UNSUBSCRIBE, NOTIFICATION = "eth_subscribe", "eth_unsubscribe", "eth_subscription"

TEXT_CHARACTERS = 100
"""Of what a server says, the log keeps so much where it should not be: enough to see what it is."""


class Notification(msgspec.Struct, frozen=True):
    """News of a subscription; `result` is JSON text."""

    subscription: str
    result: msgspec.Raw


class Unrecognised(msgspec.Struct, frozen=True):
    """Neither news nor an answer."""

    text: str


Message: TypeAlias = Notification | RpcResponse | Unrecognised


class _Incoming(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(b"null")
    method: str | None = None
    params: Notification | None = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: ErrorObject | None = None


_decode = reader(_Incoming)
_decode_name = reader(str)
_our_id = re.compile(rb'"id"\s*:\s*("w\d+-\d+"|\d{13,15}(?=\D))').search


def read_message(text: bytes) -> Message:
    """What a server's message is. An answer has a result or an error; its id may be anybody's."""
    try:
        incoming = _decode(text)
    except Unreadable:
        return Unrecognised(excerpt(text))
    if incoming.method is None:
        if incoming.error is not None or incoming.result is not msgspec.UNSET:
            return RpcResponse(incoming.id, incoming.result, incoming.error)
    elif incoming.method == NOTIFICATION and incoming.params is not None:
        return incoming.params
    return Unrecognised(excerpt(text))


def granted(answer: RpcResponse) -> tuple[str, str | None]:
    """The subscription's id in an answer to `eth_subscribe`, or what is wrong with the answer."""
    if answer.error is not None:
        return "", f"{answer.error.code}: {answer.error.message}"[:TEXT_CHARACTERS]
    try:
        name = "" if isinstance(answer.result, msgspec.UnsetType) else _decode_name(answer.result)
    except Unreadable:
        name = ""
    if not 0 < len(name) <= TEXT_CHARACTERS:
        return "", "the answer is no subscription's id"
    return name, None


def is_yes(answer: RpcResponse) -> bool:
    """Whether the answer is `true`."""
    return not isinstance(answer.result, msgspec.UnsetType) and bytes(answer.result) == b"true"


def id_within(text: bytes) -> bytes | None:
    """The id of a request of ours, as JSON text, in what is no answer but may have begun as one."""
    found = _our_id(text)
    return None if found is None else found[1]


def excerpt(text: bytes) -> str:
    """So much of a text as the log keeps of what should not be there."""
    return text[: 4 * TEXT_CHARACTERS].decode("utf-8", "replace")[:TEXT_CHARACTERS]
