"""One client's connection to a provider: requests in, replies out in the same order, each when it is due.

No task wakes on a request's path: the stream hands over what comes, and the world's timers write the replies.
"""

from collections import deque
from collections.abc import Callable

from battle.actors.provider.answerer import ReceivedCall, ReceivedRequest, read_received
from battle.actors.provider.attempt_log import PendingReply, log_attempts
from battle.actors.provider.cors import ORIGIN, answer_preflight, is_preflight, shared_with
from battle.actors.provider.plain_requests import HEALTH_PATH, JSON, answer_plainly, carries_call, path_of
from battle.actors.provider.response import respond, respond_plainly
from battle.actors.provider.service import Service
from battle.actors.provider.ws_session import WebSocketSession
from battle.actors.provider.ws_sessions import Sessions
from battle.actors.wire import correlation
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.http.server import HttpServerConnection
from battle.actors.wire.jsonrpc import INVALID_REQUEST, Invalid, RpcError
from battle.actors.world.held import UNCOUNTED_BYTES
from battle.actors.world.interfaces import Stream

MAX_PIPELINED = 128
"""How many requests of one connection may wait for their replies before no more are read."""


class Connection:
    """Serves one connection until it ends, and logs every call that came over it."""

    def __init__(
        self, service: Service, sessions: Sessions, stream: Stream, settled: Callable[[Stream], object]
    ) -> None:
        """`settled` is called with the stream whenever all that was asked on it has been answered."""
        self._settled = settled
        self._sessions = sessions
        self._session: WebSocketSession | None = None
        self._service = service
        self._world = service.world
        self._stream = stream
        self._waiting: deque[PendingReply] = deque()
        self._waiting_bytes = 0
        self._last_due_ns = 0
        self._closing = False
        self._ended = False
        self._http = HttpServerConnection(self._world, stream, service.spec.limits, self)

    async def serve(self) -> None:
        """Answer requests until the client is gone or the connection is refused, closed or reset."""
        try:
            await self._http.run()
            if self._session is not None:
                await self._sessions.keep(self._session)
        finally:
            self.on_client_gone()

    @property
    def has_unanswered(self) -> bool:
        """Whether a request still waits for its reply."""
        return bool(self._waiting)

    @property
    def takes_more(self) -> bool:
        """Whether the next request is wanted: what follows one that is never answered cannot be answered either."""
        if self._closing or len(self._waiting) >= MAX_PIPELINED:
            return False
        return self.held_bytes <= UNCOUNTED_BYTES or not self._service.holds_too_much(self)

    @property
    def held_bytes(self) -> int:
        """As `Holder.held_bytes`: the replies that are not due."""
        return self._waiting_bytes if len(self._waiting) > 1 else 0  # one is taken in any case

    def on_request(self, request: HttpRequest) -> None:
        """A request has come in."""
        if request.wants_websocket:
            self._session = self._sessions.accept(request, self._stream, self._http.upgrade)
            return
        reply = self._reply_to(request)
        self._closing = reply.response.ending == "never"
        self._schedule(reply)

    def on_client_gone(self) -> None:
        """The connection is over: a client that ends its side has gone, and what still waits is never sent."""
        self._ended = True
        for reply in self._waiting:
            self._record(reply, None)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._world.held.forget(self)

    def _reply_to(self, request: HttpRequest) -> PendingReply:
        service, now_ns = self._service, self._world.now_ns()
        # What nearly all requests are is not looked at any closer.
        if (
            request.method != "POST" or request.headers.get(b"content-type") != JSON or request.target != "/"
        ) and not carries_call(request, service.spec.health):
            reply = self._reply_to_plain(request, now_ns)
        else:
            received = read_received(request, service.spec.max_batch_calls)
            plan = service.plan(received)
            head = service.head_at(now_ns)
            response = respond(service.answerer, received, plan, head, keep_alive=request.keep_alive)
            reply = PendingReply(received.asked, now_ns, now_ns + plan.delay, response)
        if ORIGIN in request.headers:
            reply.response = shared_with(reply.response, request.headers[ORIGIN], service.spec.cors_origins)
        return reply

    def _reply_to_plain(self, request: HttpRequest, now_ns: int) -> PendingReply:
        service = self._service
        asked = _no_call(request)
        plan = service.plan(ReceivedRequest([asked], is_batch=False))
        if is_preflight(request, service.spec.cors_origins):
            plain = answer_preflight(request)
        else:
            plain = answer_plainly(request, service.state(plan, now_ns))
        response = respond_plainly(
            plain, asked, plan, keep_alive=request.keep_alive, to_head=request.method == "HEAD"
        )
        return PendingReply([asked], now_ns, now_ns + plan.delay, response)

    def _schedule(self, reply: PendingReply) -> None:
        """A reply never overtakes one before it: timers of one moment run in order."""
        due_ns = self._last_due_ns = max(reply.due_ns, self._last_due_ns)
        self._waiting.append(reply)
        self._waiting_bytes += len(reply.response.data)
        if reply.response.ending == "never":
            return
        if due_ns <= reply.received_ns and len(self._waiting) == 1:
            self._send_next()
        else:
            self._world.call_at(due_ns, self._send_next)

    def _send_next(self) -> None:
        if self._ended:
            return
        reply = self._waiting.popleft()
        self._waiting_bytes -= len(reply.response.data)
        ending = reply.response.ending
        if ending == "reset":
            self._stream.abort()
        else:
            self._stream.write(reply.response.data)
        if ending == "cut":
            self._stream.close()
        if ending in ("reset", "cut"):
            self._record(reply, None)
            self.on_client_gone()
            return
        self._record(reply, self._world.now_ns())
        if ending == "close":
            self._stream.close()
        self._http.go_on()
        if not self._waiting:
            self._settled(self._stream)

    def _record(self, reply: PendingReply, replied_ns: int | None) -> None:
        log_attempts(self._service, "http", reply, replied_ns)


def _no_call(request: HttpRequest) -> ReceivedCall:
    """A request that carries no call, as the log has it: its method says what it asked for."""
    error = RpcError(INVALID_REQUEST, "the request carries no call")
    path = path_of(request)
    # Another path may be a secret.
    method = f"{request.method} {path}" if path in ("/", HEALTH_PATH) else request.method
    return ReceivedCall(Invalid(error), method, correlation.found_in_request(request.headers, b"", ""))
