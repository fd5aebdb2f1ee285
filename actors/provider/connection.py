"""One client's connection to a provider: requests in, replies out in the same order, each when it is due.

No task wakes on a request's path: the stream hands over what comes, and the world's timers write the replies.
"""

from collections import deque

import msgspec

from actors.provider.answering import Asked, Question, read_question
from actors.provider.behaviour import Fate
from actors.provider.service import Service
from actors.wire import correlation
from actors.wire.http import HttpRequest, encode_response
from actors.wire.http_server import HttpServerConnection
from actors.wire.jsonrpc import INVALID_REQUEST, SERVER_ERROR, Invalid, RpcError
from actors.world.seam import Stream
from store.events import AttemptServed, Outcome

MAX_PIPELINED = 128
"""How many requests of one connection may wait for their replies before no more are read."""

_HTTP_FAILURES = {"http_500": 500, "http_502": 502, "http_503": 503}
_AT_ONCE = Fate(0)
_INJECTED = RpcError(SERVER_ERROR, "the provider failed")


class Reply(msgspec.Struct):
    """What a request gets, when it is due. `http_status` is None when the client will never have one."""

    asked: list[Asked]
    received_ns: int
    due_ns: int
    http_status: int | None
    data: bytes
    closes: bool
    fate: Fate


class Connection:
    """Serves one connection until it ends, and logs every call that came over it."""

    def __init__(self, service: Service, stream: Stream) -> None:
        self._service = service
        self._world = service.world
        self._stream = stream
        self._waiting: deque[Reply] = deque()
        self._last_due_ns = 0
        self._closing = False
        self._ended = False
        self._http = HttpServerConnection(self._world, stream, service.spec.limits, self)

    async def serve(self) -> None:
        """Answer requests until the client is gone or the connection is refused, closed or reset."""
        try:
            await self._http.run()
        finally:
            self.on_client_gone()

    @property
    def has_unanswered(self) -> bool:
        """Whether a request still waits for its reply."""
        return bool(self._waiting)

    @property
    def takes_more(self) -> bool:
        """Whether the next request is wanted: what follows one that is never answered cannot be answered either."""
        return len(self._waiting) < MAX_PIPELINED and not self._closing

    def on_request(self, request: HttpRequest) -> None:
        """A request has come in."""
        reply = self._reply_to(request)
        self._closing = reply.fate.failure == "no_answer"
        self._schedule(reply)

    def on_client_gone(self) -> None:
        """The connection is over: a client that ends its side has gone, and what still waits is never sent."""
        self._ended = True
        for reply in self._waiting:
            self._record(reply, None)
        self._waiting.clear()

    def _reply_to(self, request: HttpRequest) -> Reply:
        now_ns = self._world.now_ns()
        closes = not request.keep_alive
        if request.method != "POST":
            return Reply(
                [_no_call(request)], now_ns, now_ns, 405, _method_not_allowed(request), closes, _AT_ONCE
            )
        service = self._service
        question = read_question(request, service.spec.max_batch_calls)
        fate = service.fate(question.asked[0].request_id)
        status, body = self._answer(question, fate, service.model.head_at(now_ns))
        data = b"" if status is None else encode_response(status, body, keep_alive=request.keep_alive)
        return Reply(question.asked, now_ns, now_ns + fate.delay, status, data, closes, fate)

    def _answer(self, question: Question, fate: Fate, head: int) -> tuple[int | None, bytes]:
        """The HTTP status and body of an answer; a request that will never be answered has no status."""
        if fate.failure is None or fate.failure == "rpc_error":
            failure = None if fate.failure is None else _INJECTED
            body = self._service.answering.answer(question, head, failure)
            return (200 if body else 204), body
        return _HTTP_FAILURES.get(fate.failure), b""

    def _schedule(self, reply: Reply) -> None:
        """A reply never overtakes one before it: timers of one moment run in order."""
        due_ns = self._last_due_ns = max(reply.due_ns, self._last_due_ns)
        self._waiting.append(reply)
        if reply.fate.failure == "no_answer":
            return
        if due_ns <= reply.received_ns and len(self._waiting) == 1:
            self._send_next()
        else:
            self._world.call_at(due_ns, self._send_next)

    def _send_next(self) -> None:
        if self._ended:
            return
        reply = self._waiting.popleft()
        if reply.http_status is None:
            self._stream.abort()
            self._record(reply, None)
            self.on_client_gone()
            return
        self._stream.write(reply.data)
        self._record(reply, self._world.now_ns())
        if reply.closes:
            self._stream.close()
        self._http.go_on()

    def _record(self, reply: Reply, replied_ns: int | None) -> None:
        answered = replied_ns is not None
        for asked in reply.asked:
            self._world.log.append(
                AttemptServed(
                    provider=self._service.spec.name,
                    transport="http",
                    method=asked.method,
                    received_ns=reply.received_ns,
                    outcome=_outcome(reply, asked) if answered else "unknown",
                    request_id=asked.request_id,
                    replied_ns=replied_ns,
                    http_status=reply.http_status if answered else None,
                    rpc_code=asked.rpc_code if answered else None,
                    fault_id=reply.fate.fault_id,
                )
            )


def _outcome(reply: Reply, asked: Asked) -> Outcome:
    return "ok" if reply.http_status in (200, 204) and asked.rpc_code is None else "error"


def _no_call(request: HttpRequest) -> Asked:
    error = RpcError(INVALID_REQUEST, "only POST carries calls")
    return Asked(Invalid(error), "", correlation.found_in_request(request.headers, b"", ""))


def _method_not_allowed(request: HttpRequest) -> bytes:
    return encode_response(
        405,
        b"POST a JSON-RPC call here\n",
        content_type=b"text/plain",
        headers={b"allow": b"POST"},
        keep_alive=request.keep_alive,
    )
