"""The JSON-RPC messages of subscriptions: to providers, from providers, and to clients. Pure.

What a client gets of a notification is the provider's own text of it, so nothing is lost by reading it.
"""

import re
from typing import TypeAlias

import msgspec

from battle.actors.gateway.calls.replies import Reply
from battle.actors.gateway.subscriptions.continuity import ChainHead, EthLog, PendingTransaction
from battle.actors.gateway.subscriptions.key import SubscriptionKey
from battle.actors.spec.chain import SubscriptionKind
from battle.actors.wire.jsonrpc import (
    SERVER_ERROR,
    ErrorObject,
    RpcError,
    encode_call,
    encode_error,
    read_answer,
    read_answers,
)
from battle.actors.wire.untrusted_json import Unreadable, reader

SUBSCRIBE, UNSUBSCRIBE = "eth_subscribe", "eth_unsubscribe"

UpstreamItem: TypeAlias = ChainHead | EthLog | PendingTransaction

_HASH = re.compile("0x[0-9a-fA-F]{64}")
_QUANTITY = re.compile("0x[0-9a-fA-F]{1,15}")
"""What every column of the log can hold; no chain is as high."""

MAX_SUBSCRIPTION_CHARACTERS = 128
"""Of the id that a provider gives a subscription: it goes to the log with each change."""


# Messages to clients.


def notification_prefix(subscription: str) -> str:
    """What a notification begins with; `prefix + payload + NOTIFICATION_SUFFIX` is the whole text."""
    return (
        f'{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":"{subscription}","result":'
    )


NOTIFICATION_SUFFIX = "}}"


def reply_text(reply: Reply, ids: tuple[bytes, ...], *, batch: bool) -> str:
    """A reply as a WebSocket message, "" when there is nothing to say.

    A WebSocket has no statuses: where an HTTP error came without JSON-RPC, it becomes a JSON-RPC error.
    """
    try:
        text = reply.body.decode()
        if 200 <= reply.status < 300 or _is_answer(reply.body):
            return text.strip()
        why = f"HTTP status {reply.status}"
    except UnicodeDecodeError:
        why = "the answer is not UTF-8"
    error = RpcError(SERVER_ERROR, f"The provider refused: {why}", {"http_status": reply.status})
    errors = [encode_error(msgspec.Raw(call_id), error).decode() for call_id in ids]
    return f"[{','.join(errors)}]" if batch and errors else "".join(errors)


def _is_answer(body: bytes) -> bool:
    try:
        if body.lstrip().startswith(b"["):
            return bool(read_answers(body))
        answer = read_answer(body)
        return answer.error is not None or answer.result is not msgspec.UNSET
    except Unreadable:
        return False


# What is said to providers, and what they say.


def subscribe_call(call_id: int, key: SubscriptionKey) -> str:
    """Asks a provider for a subscription."""
    return encode_call(SUBSCRIBE, key.params, call_id).decode()


def unsubscribe_call(call_id: int, subscription: str) -> str:
    """The call that ends a subscription at a provider."""
    return encode_call(UNSUBSCRIBE, [subscription], call_id).decode()


def block_number_call(call_id: int) -> str:
    """Asks for the newest block's height."""
    return encode_call("eth_blockNumber", [], call_id).decode()


class Notification(msgspec.Struct, frozen=True):
    """A provider published `text` to the subscription."""

    subscription: str
    text: str


class Answered(msgspec.Struct, frozen=True):
    """A provider answered a call of ours: with a result as JSON text, or an error."""

    call_id: int
    result: bytes
    error: ErrorObject | None


class _Published(msgspec.Struct):
    subscription: str
    result: msgspec.Raw


class _Message(msgspec.Struct):
    id: int | None = None
    method: str | None = None
    params: _Published | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorObject | None = None


_decode_message = reader(_Message)


def read_message(text: bytes) -> Notification | Answered | None:
    """What a provider says over a WebSocket; None for an error about nothing we asked.

    Raises:
        Unreadable: it is neither a notification nor an answer.
    """
    try:
        message = _decode_message(text)
    except Unreadable as error:
        raise Unreadable(f"neither a notification nor an answer: {error}") from None
    if message.params is not None and message.method == "eth_subscription":
        return Notification(message.params.subscription, bytes(message.params.result).decode())
    if message.id is not None:
        return Answered(message.id, bytes(message.result), message.error)
    if message.error is not None:
        return None
    raise Unreadable("neither a notification nor an answer")


class _HeadFields(msgspec.Struct):
    number: str
    hash: str
    parentHash: str


class _LogFields(msgspec.Struct):
    blockNumber: str
    blockHash: str
    logIndex: str
    removed: bool = False


_decode_head = reader(_HeadFields)
_decode_log = reader(_LogFields)
_decode_text = reader(str)


def read_item(kind: SubscriptionKind, text: str) -> UpstreamItem:
    """What was published to a subscription of this kind. Its payload is the text.

    Raises:
        Unreadable: it is something else.
    """
    try:
        if kind == "newHeads":
            head = _decode_head(text)
            return ChainHead(read_quantity(head.number), _hash(head.hash), _hash(head.parentHash), text)
        if kind == "logs":
            log = _decode_log(text)
            index = read_quantity(log.logIndex)
            return EthLog(read_quantity(log.blockNumber), _hash(log.blockHash), index, log.removed, text)
        return PendingTransaction(_hash(_decode_text(text)), text)
    except Unreadable as error:
        raise Unreadable(f"this is nothing of {kind}: {error}") from None


def read_text(result: bytes) -> str:
    """A result that should be a string, like a subscription's id.

    Raises:
        Unreadable: it is none.
    """
    try:
        return _decode_text(result)
    except Unreadable as error:
        raise Unreadable(f"expected a string: {error}") from None


def read_subscription(result: bytes) -> str:
    """The id that a provider gives a subscription.

    Raises:
        Unreadable: it is none.
    """
    name = read_text(result)
    if not 0 < len(name) <= MAX_SUBSCRIPTION_CHARACTERS:
        raise Unreadable(f"a subscription's id of {len(name)} characters")
    return name


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise Unreadable(f"{text!r:.80} is no hash")
    return text


def read_quantity(text: str) -> int:
    """A height or an index.

    Raises:
        Unreadable: it is no quantity of at most 60 bits.
    """
    if not _QUANTITY.fullmatch(text):
        raise Unreadable(f"{text!r:.40} is no quantity")
    return int(text, 16)
