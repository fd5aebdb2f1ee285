"""The client's half of an HTTP/1.1 connection that carries one request at a time."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpResponse, ProtocolError, ResponseParser
from battle.actors.world.interfaces import Loss, Stream

RESPONSE_LIMITS = HttpLimits(header_bytes=64 * 1024, body_bytes=64 * 2**20)
"""Servers may say more than clients: eth_getLogs answers run to megabytes."""

Broken: TypeAlias = Literal["closed", "reset", "protocol"]
"""Why there is no response: the connection ended before it was whole, or was reset, or what came is not HTTP."""


class HttpClientConnection:
    """Sends whole requests and receives their responses, one at a time. It owns the stream from now on."""

    def __init__(self, stream: Stream, limits: HttpLimits = RESPONSE_LIMITS) -> None:
        self.stream = stream
        self._parser = ResponseParser(limits)
        self._done: Callable[[HttpResponse | Broken], object] | None = None
        self._spent = False
        stream.on_data(self._take, self._lost)

    def exchange(self, request: bytes, done: Callable[[HttpResponse | Broken], object]) -> None:
        """Send an encoded request; `done` is called once, later, with its response or with what went wrong.

        It is not called any more once this side has closed or aborted the stream.
        """
        assert self._done is None, "one request at a time"
        self._done = done
        self.stream.write(request)

    @property
    def reusable(self) -> bool:
        """Whether it can carry another request: it is open, and nothing came that nobody had asked for."""
        return not self._spent and not self.stream.is_stale()

    def close(self) -> None:
        """Close in good order: the exchange has come to its end."""
        self._spent = True
        self._done = None
        self.stream.close()

    def abort(self) -> None:
        """Reset: an answer that is still under way must not find anybody."""
        self._spent = True
        self._done = None
        self.stream.abort()

    def _take(self, data: bytes, arrived_ns: int) -> None:
        parser = self._parser
        try:
            if data:
                parser.feed(data)
            else:
                parser.feed_eof()
        except ProtocolError:
            self._end("protocol" if data else "closed")
            return
        response = None if self._done is None else parser.next_response()
        if response is not None:
            self._spent = not data or not response.keep_alive or parser.in_message
            self._end(response)
        elif self._done is None or not data:
            self._spent = True  # nobody asked: often a farewell, like haproxy's 408
            self._end("closed")

    def _lost(self, how: Loss, at_ns: int) -> None:
        self._spent = True
        self._end("reset" if how == "reset" else "closed")

    def _end(self, result: HttpResponse | Broken) -> None:
        if isinstance(result, str):
            self._spent = True
        done, self._done = self._done, None
        if done is not None:
            done(result)
