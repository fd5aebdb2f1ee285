"""One function for each decoder of foreign bytes: it takes any bytes, and raises only for a mistake of ours.

What a decoder documents to raise is caught here; anything else that comes out is a finding. What would go to the log
is encoded, and its numbers must fit the log's columns.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from battle.actors.chain.model import ChainModel
from battle.actors.close_codes import is_close_code
from battle.actors.gateway.calls.proxied_request import proxied_of
from battle.actors.gateway.calls.replies import Reply
from battle.actors.gateway.policy import classify
from battle.actors.gateway.subscriptions import backfill_codec, codec
from battle.actors.gateway.subscriptions.continuity import Backfill
from battle.actors.gateway.subscriptions.key import read_key, read_subscription_id
from battle.actors.provider.answerer import CallAnswerer, read_received
from battle.actors.provider.chain_view import InForce
from battle.actors.roles import WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.faults.behaviour import MissingData, WrongAnswer
from battle.actors.spec.limits import HttpLimits, WebSocketLimits
from battle.actors.spec.workloads import HttpConstant, LogFilter
from battle.actors.units import seconds
from battle.actors.wire.http.messages import HttpRequest, HttpResponse, ProtocolError
from battle.actors.wire.http.parsers import RequestParser, ResponseParser
from battle.actors.wire.jsonrpc import Call, RpcError, RpcResponse, read_calls
from battle.actors.wire.untrusted_json import Unreadable
from battle.actors.wire.websocket.frames import CloseFrame, Frames
from battle.actors.wire.websocket.handshake import (
    ClientHandshake,
    Refusal,
    WebSocketRefused,
    accept_upgrade,
)
from battle.actors.workload.http.batch import BatchCall, BatchReader, BatchRequest
from battle.actors.workload.requests.outcome import AnswerReader
from battle.actors.workload.requests.request import Request
from battle.actors.workload.requests.trace import TraceError, parse_trace
from battle.actors.workload.ws.messages import (
    Notification,
    granted,
    id_within,
    is_yes,
    read_message,
)
from battle.actors.workload.ws.notification_oracle import NotificationOracle

Target = Callable[[bytes], None]

AT_NS = seconds(20)
CHAIN = Chain(start_height=1_000, block_time=seconds(2))
MODEL = ChainModel(CHAIN)
HEAD = MODEL.head_at(AT_NS)
BUSY = next(height for height in range(HEAD, 0, -1) if MODEL.block_at(height).transactions)
ADDRESS = "0x" + "ab" * 20
QUESTIONS: dict[str, list[Any]] = {
    "eth_blockNumber": [],
    "eth_gasPrice": [],
    "eth_feeHistory": ["0x2", "latest", [50]],
    "eth_getBalance": [ADDRESS, "latest"],
    "eth_getBlockByNumber": ["latest", False],
    "eth_getLogs": [{"fromBlock": hex(BUSY), "toBlock": "latest"}],
    "eth_getTransactionReceipt": [MODEL.block_at(BUSY).transactions[0]["hash"]],
}
KINDS: tuple[Any, ...] = ("newHeads", LogFilter(), "newPendingTransactions")
FILL = Backfill(1, HEAD - 1, HEAD, 1, "a")
LIMITS = HttpLimits(header_bytes=4096, body_bytes=64 * 1024)
KEY = b"0123456789abcdef"

_BIGINT = range(-(2**63), 2**63)


def loggable(*values: Any) -> None:
    """What the log is given must have a place there."""
    for value in values:
        if isinstance(value, int):
            assert value in _BIGINT, value
    msgspec.json.encode(values)


def pieces(data: bytes) -> Iterator[bytes]:
    """The data as a network might bring it: the first byte says in which steps."""
    step = data[0] % 7 * 3 + 1 if data and data[0] % 2 else len(data)
    for at in range(0, len(data), max(step, 1)):
        yield data[at : at + max(step, 1)]


# What clients send: to providers, and to the gateway.


def calls(data: bytes) -> None:
    """A body, from its bytes to the answer of a truthful provider and of a lying one."""
    received = read_received(HttpRequest("POST", "/", {}, data, True), 100)
    answer = _ANSWERING.answer(received, HEAD)
    assert not answer or _skim(answer)
    _ANSWERING.answer(read_received(HttpRequest("POST", "/", {}, data, True), 100), HEAD, faults=_LIES)
    for asked in received.asked:
        loggable(asked.method, asked.request_id, asked.rpc_code, asked.fault_id)


_skim = msgspec.json.Decoder(msgspec.Raw).decode  # an id of 5000 digits comes back as it was sent
_ANSWERING = CallAnswerer(MODEL, {"eth_gasPrice": "0x1"})
_LIES = (InForce("f1", MissingData("a", at=0, duration=1)), InForce("f2", WrongAnswer("a", at=0, duration=1)))


def gateway_calls(data: bytes) -> None:
    """A body, or a message, as the gateway reads it."""
    asked = read_calls(data)
    proxied = proxied_of(data, asked, 1, data[:50])
    if isinstance(proxied, Reply):
        assert proxied.status == 200
        return
    loggable(proxied.method, proxied.request_id)
    items = asked if isinstance(asked, list) else [asked]
    for call in (item for item in items if isinstance(item, Call)):
        msgspec.json.encode([call])
        for read in (read_key, read_subscription_id):
            try:
                read(call.params)
            except RpcError as error:
                msgspec.json.encode(error.message)


def http_requests(data: bytes) -> None:
    """A connection's bytes, and the handshake of a WebSocket in them."""
    parser = RequestParser(LIMITS)
    refusal = 400
    try:
        for piece in pieces(data):
            parser.feed(piece)
    except ProtocolError as error:
        refusal = error.status
    assert 400 <= refusal <= 505, refusal
    while (request := parser.next_request()) is not None:
        loggable(request.method, request.target)
        assert len(request.body) <= LIMITS.body_bytes
        answer = accept_upgrade(request)
        assert answer if isinstance(answer, bytes) else answer.encode()
        assert isinstance(answer, Refusal) or request.wants_websocket


def frames_of_clients(data: bytes) -> None:
    """Frames, as a server reads them."""
    _frames(data, client=False)


def frames_of_servers(data: bytes) -> None:
    """Frames, as a client reads them."""
    _frames(data, client=True)


def _frames(data: bytes, *, client: bool) -> None:
    frames = Frames(client, WebSocketLimits(message_bytes=1000, fragments=5))
    for piece in pieces(data):
        for incoming in frames.read(piece):
            if isinstance(incoming, bytes):
                incoming.decode()
            elif isinstance(incoming, CloseFrame):
                loggable(incoming.code, incoming.reason)
                assert is_close_code(incoming.code) or incoming.code in (1005, 1006), incoming.code
                frames.close(incoming.code, "")


def traces(data: bytes) -> None:
    """A recorded trace."""
    try:
        trace = parse_trace(data.splitlines(keepends=True), "t")
    except TraceError as error:
        loggable(*error.problems)
        return
    for method, params in zip(trace.methods, trace.params, strict=True):
        loggable(method, msgspec.json.decode(params))


# What providers say to the gateway.


def attempts(data: bytes) -> None:
    """The body of a response, as the gateway judges and passes it on; and the times in its head."""
    loggable(classify.retry_after({b"retry-after": data[:200], b"date": data[-200:]}))
    for ids, batch in (
        ((b'"w0-4"',), False),
        ((b"1", b"2.50", b'"x"'), True),
        ((), False),
        ((b"1e999",), False),
    ):
        verdict = classify.of_response(
            HttpResponse(200, {b"retry-after": data[:30]}, data, True), ids, batch=batch
        )
        loggable(verdict.outcome, verdict.failure, verdict.rpc_code, verdict.detail, verdict.retry_after)
        codec.reply_text(Reply(200, data), ids, batch=batch).encode()
        codec.reply_text(Reply(502, data), ids, batch=batch).encode()


def gateway_messages(data: bytes) -> None:
    """What a provider says over a WebSocket."""
    try:
        message = codec.read_message(data)
        if isinstance(message, codec.Notification):
            for kind in ("newHeads", "logs", "newPendingTransactions"):
                _read_item(kind, message.text)
        elif message is not None:
            loggable(codec.read_subscription(message.result))
            loggable(codec.read_quantity(codec.read_text(message.result)))
    except Unreadable as error:
        loggable(str(error))


def _read_item(kind: Any, text: str) -> None:
    try:
        loggable(*msgspec.structs.astuple(codec.read_item(kind, text)))
    except Unreadable as error:
        loggable(str(error))


def fills(data: bytes) -> None:
    """Answers to what fills a gap."""
    reads: tuple[Callable[[], Any], ...] = (
        lambda: [msgspec.structs.astuple(head) for head in backfill_codec.read_blocks(data, FILL)[0]],
        lambda: [backfill_codec.read_height(data)],
        lambda: [msgspec.structs.astuple(log) for log in backfill_codec.read_logs(data)],
    )
    for read in reads:
        try:
            loggable(*read())
        except Unreadable as error:
            loggable(str(error))


# What servers say to the load.


def http_responses(data: bytes) -> None:
    """A connection's bytes, as a client reads them; and the end of the stream."""
    parser = ResponseParser(LIMITS)
    try:
        for piece in pieces(data):
            parser.feed(piece)
        parser.feed_eof()
    except ProtocolError as error:
        loggable(str(error))
    while (response := parser.next_response()) is not None:
        loggable(response.status, len(response.body))
        assert 200 <= response.status <= 999


def handshakes(data: bytes) -> None:
    """The answer to the handshake of a WebSocket."""
    handshake = ClientHandshake("a:1", "/", {}, KEY)
    try:
        for piece in (*pieces(data), b""):
            if handshake.feed(piece) is not None:
                return
    except WebSocketRefused as refusal:
        loggable(refusal.status, str(refusal))
    except ProtocolError as error:
        loggable(str(error))


def _reader(kind: type[AnswerReader], *, checks: bool) -> AnswerReader:
    spec = HttpConstant(list(QUESTIONS), rate=1, duration=seconds(1))  # type: ignore[arg-type]
    role = WorkloadRole(spec, 0, 0, Endpoint("server:1"), CHAIN, 1, checks_answers=checks)
    return kind(role, MODEL)


_READERS = [_reader(AnswerReader, checks=checks) for checks in (True, False)]
_BATCH_READERS = [_reader(BatchReader, checks=checks) for checks in (True, False)]


def answers(data: bytes) -> None:
    """The body of a response, as the load judges it."""
    response = HttpResponse(200, {}, data, True)
    for method, params in QUESTIONS.items():
        request = Request("w0-4", method, params, AT_NS, b"")
        request.sent_ns = AT_NS
        for reader in _READERS:
            loggable(*reader.ending(request, response, AT_NS))
    named = zip((b'"w0-4"', b'"w0-5"', b'"w0-6"'), QUESTIONS.items(), strict=False)
    batch = BatchRequest("w0-4", [BatchCall(name, *call) for name, call in named], AT_NS, b"")
    batch.sent_ns = AT_NS
    for reader in _BATCH_READERS:
        loggable(*reader.ending(batch, response, AT_NS))


def notifications(data: bytes) -> None:
    """What a server says over a WebSocket to a client that subscribes."""
    message = read_message(data)
    id_within(data)
    if isinstance(message, Notification):
        results: Iterable[bytes] = (bytes(message.result),)
    elif isinstance(message, RpcResponse):
        loggable(*granted(message), is_yes(message))
        return
    else:
        loggable(message.text)
        results = (data,)
    for kind in KINDS:
        judge = NotificationOracle(MODEL, kind, checks=True)
        for result in results:
            answer, reading = judge.judged(result, AT_NS, HEAD)
            loggable(answer, *reading)


TARGETS: dict[str, Target] = {
    each.__name__: each
    for each in (
        calls, gateway_calls, http_requests, frames_of_clients, frames_of_servers, traces,
        attempts, gateway_messages, fills,
        http_responses, handshakes, answers, notifications,
    )
}  # fmt: skip
"""By name, each decoder of foreign bytes."""
