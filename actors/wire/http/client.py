"""The client's half of an HTTP/1.1 connection that carries one request at a time."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpResponse, ProtocolError
from battle.actors.wire.http.parsers import ResponseParser
from battle.actors.world.interfaces import Loss, Stream

RESPONSE_LIMITS = HttpLimits(header_bytes=64 * 1024, body_bytes=64 * 2**20)
"""Servers may say more than clients: eth_getLogs answers run to megabytes."""

Broken: TypeAlias = Literal["closed", "reset", "unread", "protocol"]
"""Why there is no response: the connection ended before it was whole, or was reset, or this side gave it up because
the server left too much unread, or what came is not HTTP."""

Done: TypeAlias = Callable[[HttpResponse | Broken, int], object]
"""Takes what came of an exchange, and when the rest of it arrived, in nanoseconds (see `Stream.on_data`)."""


def _nobody_waits() -> None:
    pass


class HttpClientConnection:
    """Sends whole requests and receives their responses, one at a time. It owns the stream from now on.

    `on_end` is called when it is of no more use because of what came: its end (whoever brought it about, also by
    `close` and `abort`), or anything that is not the response to a request. After `done`; perhaps more than once.
    """

    __slots__ = ("_done", "_on_end", "_parser", "spent", "stream")

    def __init__(
        self,
        stream: Stream,
        limits: HttpLimits = RESPONSE_LIMITS,
        on_end: Callable[[], object] = _nobody_waits,
    ) -> None:
        self.stream = stream
        self.spent = False
        """Whether it can carry no more requests, as far as has been seen without a look at the stream."""
        self._parser = ResponseParser(limits)
        self._done: Done | None = None
        self._on_end = on_end
        stream.on_data(self._take, self._lost)

    def exchange(self, request: bytes, done: Done) -> None:
        """Send an encoded request; `done` is called once, later, with its response or with what went wrong.

        It is not called any more once this side has closed or aborted the connection.
        """
        assert self._done is None, "one request at a time"
        self._done = done
        self.stream.write(request)

    @property
    def reusable(self) -> bool:
        """Whether it can carry another request: it is open, and nothing came that nobody had asked for."""
        return not self.spent and not self.stream.is_stale()

    def close(self) -> None:
        """Close in good order: the exchange has come to its end."""
        self.spent = True
        self._done = None
        self.stream.close()

    def abort(self) -> None:
        """Reset: an answer that is still under way must not find anybody."""
        self.spent = True
        self._done = None
        self.stream.abort()

    def _take(self, data: bytes, arrived_ns: int) -> None:
        """Bytes from the server, b"" at their end."""
        done = self._done
        if done is None:
            self._end("closed", arrived_ns)  # nobody asked: often a farewell, like haproxy's 408
            return
        parser = self._parser
        try:
            if data:
                parser.feed(data)
            else:
                parser.feed_eof()
        except ProtocolError:
            self._end("protocol" if data else "closed", arrived_ns)
            return
        response = parser.next_response()
        if response is None:
            if not data:
                self._end("closed", arrived_ns)
            return
        self._done = None
        more = parser.next_response() is not None or parser.in_message
        self.spent = more or not data or not response.keep_alive
        done(response, arrived_ns)
        if not data:
            self._on_end()

    def _lost(self, how: Loss, at_ns: int) -> None:
        self._end(how, at_ns)

    def _end(self, why: Broken, at_ns: int) -> None:
        self.spent = True
        done, self._done = self._done, None
        if done is not None:
            done(why, at_ns)
        self._on_end()
