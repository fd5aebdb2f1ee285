"""What a link reads of the calls that pass it: which they were, how they ended, and what was said of the chain. Pure.

What cannot be read passes all the same: it is logged as far as it is understood.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import xxhash

from battle.actors.wire import correlation
from battle.actors.wire.http.content_coding import decoded_body
from battle.actors.wire.http.messages import HttpRequest, HttpResponse
from battle.actors.wire.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_CHARACTERS,
    METHOD_NOT_FOUND,
    Call,
    Item,
    RpcResponse,
    read_answer,
    read_answers,
    read_calls,
)
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.store.events import Outcome

DECODED_BYTES_MAX = 16 * 2**20
"""Of an answer, when it is read here: most are a few kilobytes."""

EXECUTION_REVERTED = 3

_OF_THE_CALLER = frozenset({EXECUTION_REVERTED, METHOD_NOT_FOUND, INVALID_PARAMS, INVALID_REQUEST})
"""Errors that say something about the call, and nothing about the provider."""


class PassedCall(msgspec.Struct, frozen=True):
    """A call that passed, with the id by which the log knows it. What is no call has the method ""."""

    item: Item | None
    method: str
    request_id: str | None


class CallOutcome(msgspec.Struct, frozen=True):
    """How a call ended, with the error's code if it got one."""

    outcome: Outcome
    rpc_code: int | None = None


class ChainFact(msgspec.Struct, frozen=True):
    """What an answer says of the chain: whoever says another `value` of the `subject` contradicts it."""

    subject: str
    value: str
    is_final: bool
    """Whether no reorganisation can change it: it is about one block, named by its hash."""


def calls_in(request: HttpRequest) -> list[PassedCall]:
    """The calls of a request; one without a method when it is none."""
    if request.method != "POST":
        return [PassedCall(None, "", correlation.found_in_request(request.headers, b"", ""))]
    items = read_calls(request.body)
    batch = items if isinstance(items, list) else [items]
    return [_passed(item, {} if isinstance(items, list) else request.headers) for item in batch]


def calls_in_message(message: bytes) -> list[PassedCall]:
    """The calls in a message of a WebSocket."""
    items = read_calls(message)
    return [_passed(item, {}) for item in (items if isinstance(items, list) else [items])]


def _passed(item: Item, headers: dict[bytes, bytes]) -> PassedCall:
    if not isinstance(item, Call):
        return PassedCall(item, "", correlation.found_in_request(headers, bytes(item.id), ""))
    params = msgspec.json.encode(item.params).decode()
    call_id = b"" if item.id is msgspec.UNSET else bytes(item.id)
    found = correlation.found_in_request(headers, call_id, params)
    return PassedCall(item, item.method[:METHOD_CHARACTERS], found)


def answers_in(response: HttpResponse) -> list[RpcResponse]:
    """The answers in a response; none when it holds no JSON-RPC."""
    try:
        body = decoded_body(response, DECODED_BYTES_MAX)
        return read_answers(body) if body.lstrip().startswith(b"[") else [read_answer(body)]
    except Unreadable:
        return []


def answer_to(call: PassedCall, answers: Sequence[RpcResponse], alone: bool) -> RpcResponse | None:
    """Which of the answers is for this call: by its id, or the only one for the only call."""
    if alone:
        return answers[0] if len(answers) == 1 else None
    if not isinstance(call.item, Call) or call.item.id is msgspec.UNSET:
        return None
    wanted = bytes(call.item.id)
    return next((answer for answer in answers if bytes(answer.id) == wanted), None)


def outcome_of(call: PassedCall, status: int, answer: RpcResponse | None) -> CallOutcome:
    """How a call ended that got this answer, in a response with this status."""
    failed = not 200 <= status < 300
    if answer is None:
        needs_none = isinstance(call.item, Call) and call.item.is_notification
        return CallOutcome("error" if failed or (call.method and not needs_none) else "ok")
    if answer.error is None:
        return CallOutcome("error" if failed else "ok")
    code = answer.error.code
    return CallOutcome("ok" if code in _OF_THE_CALLER and not failed else "error", code)


class _Block(msgspec.Struct):
    number: str
    hash: str
    parent: str = msgspec.field(name="parentHash")
    state_root: str = msgspec.field(name="stateRoot", default="")
    transactions_root: str = msgspec.field(name="transactionsRoot", default="")
    receipts_root: str = msgspec.field(name="receiptsRoot", default="")
    timestamp: str = ""


class _Receipt(msgspec.Struct):
    transaction: str = msgspec.field(name="transactionHash")
    block: str = msgspec.field(name="blockHash")
    status: str = ""
    gas_used: str = msgspec.field(name="gasUsed", default="")
    logs: list[dict[str, Any]] = []


_read_block = reader(_Block)
_read_receipt = reader(_Receipt)
_read_text = reader(str)


def facts_in(method: str, answer: RpcResponse) -> Iterator[ChainFact]:
    """What the answer to a call of this method says of the chain: blocks, receipts and the chain's id.

    Facts about heights may change with a reorganisation; those about a block of one hash never do.
    """
    if answer.result is msgspec.UNSET or bytes(answer.result) == b"null":
        return
    result = bytes(answer.result)
    try:
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
            yield from _block_facts(_read_block(result))
        elif method == "eth_getTransactionReceipt":
            yield from _receipt_facts(_read_receipt(result))
        elif method == "eth_chainId":
            yield ChainFact("chain id", _read_text(result).lower(), is_final=True)
    except (Unreadable, ValueError):
        return  # not of the shape that the method's answers have: it says nothing that could be compared


class _Notification(msgspec.Struct):
    class Params(msgspec.Struct):
        """What is new, of a subscription."""

        result: _Block

    params: Params
    method: Literal["eth_subscription"]


_read_notification = reader(_Notification)


def facts_in_notification(message: bytes) -> Iterator[ChainFact]:
    """What a new head that a subscription brings says of the chain: its hash, and its parent's.

    Its contents are left out: nodes differ in which fields of a header they send.
    """
    try:
        block = _read_notification(message).params.result
        height = int(block.number, 16)
    except (Unreadable, ValueError):
        return
    yield ChainFact(f"block {height}", block.hash.lower(), is_final=False)
    yield ChainFact(f"block {height - 1}", block.parent.lower(), is_final=False)


def _block_facts(block: _Block) -> Iterator[ChainFact]:
    height = int(block.number, 16)
    block_hash, parent = block.hash.lower(), block.parent.lower()
    yield ChainFact(f"block {height}", block_hash, is_final=False)
    yield ChainFact(f"block {height - 1}", parent, is_final=False)
    roots = (block.state_root, block.transactions_root, block.receipts_root)
    content = (str(height), parent, *roots, block.timestamp)
    yield ChainFact(f"contents of {block_hash}", _digest(content), is_final=True)


def _receipt_facts(receipt: _Receipt) -> Iterator[ChainFact]:
    logs = [
        (log.get("address"), log.get("topics"), log.get("data"), log.get("logIndex")) for log in receipt.logs
    ]
    subject = f"receipt of {receipt.transaction.lower()} in {receipt.block.lower()}"
    yield ChainFact(subject, _digest((receipt.status, receipt.gas_used, logs)), is_final=True)


def _digest(content: object) -> str:
    """Of hex text, whose letters may be of either case."""
    return xxhash.xxh3_64_hexdigest(msgspec.json.encode(content).lower())
