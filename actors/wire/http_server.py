"""The server's half of an HTTP/1.1 connection: hands out requests, holds the client to its limits."""

from typing import Protocol

import trio

from actors.wire.http import CONTINUE, HttpLimits, HttpRequest, ProtocolError, RequestParser, encode_response
from actors.world.seam import Stream, World

_LINGER_SECONDS = 1.0
"""How long a refused client may go on sending before we stop listening: closing at once would reset the
connection and could destroy the refusal on its way."""


class Replies(Protocol):
    """The replies of a server that reads a connection's next request before it has answered the last."""

    @property
    def has_unanswered(self) -> bool:
        """Whether a request that was handed out still waits for its reply."""

    async def settled(self) -> None:
        """Wait until none does."""


class HttpServerConnection:
    """Requests of one connection, one after another.

        with HttpServerConnection(world, stream, limits) as connection:
            while (request := await connection.next_request()) is not None:
                stream.write(encode_response(200, answer(request), keep_alive=request.keep_alive))

    Answers must be written in the order of the requests; the caller closes the stream. A caller that
    answers later than it asks for the next request says through `replies` what it still owes: meanwhile
    the connection is not idle, and a refusal does not overtake an answer.
    """

    def __init__(
        self, world: World, stream: Stream, limits: HttpLimits, replies: Replies | None = None
    ) -> None:
        self._world = world
        self._stream = stream
        self._limits = limits
        self._replies = replies
        self._parser = RequestParser(limits)
        self._last = False
        self._violation: ProtocolError | None = None
        self._begun = 0
        self._began_ns = 0
        self._idle_since_ns: int | None = None
        self._idle_timer = world.call_at(world.now_ns() + limits.idle_timeout, self._check_idle)

    def __enter__(self) -> "HttpServerConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._idle_timer.cancel()

    async def next_request(self) -> HttpRequest | None:
        """The next request; None when the connection has come to its end.

        A client that broke the protocol or a limit, or was too slow, has been answered 4xx by then.

        Raises:
            trio.BrokenResourceError, trio.ClosedResourceError: the connection broke.
        """
        if self._last:
            return None
        try:
            while (request := self._parser.next_request()) is None:
                if self._violation is not None:
                    raise self._violation
                if self._parser.in_message:
                    data = await self._receive_rest()
                else:
                    self._idle_since_ns = self._world.now_ns()
                    data = await self._stream.receive_some()
                    self._idle_since_ns = None
                if not data:
                    return None
                self._take(data)
        except ProtocolError as error:
            await self._refuse(error)
            return None
        self._last = not request.keep_alive
        return request

    async def _receive_rest(self) -> bytes:
        """More of a request that came in pieces: rare enough to afford a deadline."""
        left_ns = self._began_ns + self._limits.request_timeout - self._world.now_ns()
        with trio.move_on_after(max(left_ns, 0) / 1e9):
            return await self._stream.receive_some()
        raise ProtocolError(408, "the request took too long to arrive")

    def _take(self, data: bytes) -> None:
        parser = self._parser
        try:
            parser.feed(data)
        except ProtocolError as error:
            self._violation = error  # raised when the requests before it have been handed out
            return
        if parser.in_message and parser.messages_begun != self._begun:
            self._begun = parser.messages_begun
            self._began_ns = self._world.now_ns()
        if parser.expects_continue:
            parser.expects_continue = False
            self._stream.write(CONTINUE)

    def _check_idle(self) -> None:
        """One timer serves the whole connection: it looks again when the current idle time would be over."""
        now_ns = self._world.now_ns()
        if self._idle_since_ns is not None and self._replies is not None and self._replies.has_unanswered:
            self._idle_since_ns = now_ns
        since_ns = now_ns if self._idle_since_ns is None else self._idle_since_ns
        due_ns = since_ns + self._limits.idle_timeout
        if due_ns <= now_ns:
            self._stream.close()
        else:
            self._idle_timer = self._world.call_at(due_ns, self._check_idle)

    async def _refuse(self, error: ProtocolError) -> None:
        if self._replies is not None:
            with trio.move_on_after(self._limits.request_timeout / 1e9):
                await self._replies.settled()
        text = f"{error}\n".encode()
        self._stream.write(encode_response(error.status, text, content_type=b"text/plain", keep_alive=False))
        with trio.move_on_after(_LINGER_SECONDS):
            await self._stream.send_eof()
            while await self._stream.receive_some():
                await trio.lowlevel.checkpoint()  # a client that never pauses must not hold us up
