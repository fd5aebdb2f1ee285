"""The client's half of an HTTP/1.1 connection that carries one request at a time."""

from actors.wire.http import HttpLimits, HttpResponse, ProtocolError, ResponseParser
from actors.world.seam import Stream

RESPONSE_LIMITS = HttpLimits(header_bytes=64 * 1024, body_bytes=64 * 2**20)
"""Servers may say more than clients: eth_getLogs answers run to megabytes."""


class HttpClientConnection:
    """Sends whole requests and receives their responses, one at a time."""

    def __init__(self, stream: Stream, limits: HttpLimits = RESPONSE_LIMITS) -> None:
        self.stream = stream
        self._parser = ResponseParser(limits)

    async def exchange(self, request: bytes) -> HttpResponse:
        """Send an encoded request and wait for its response.

        After a response with `keep_alive` false, or any exception, the connection is of no more use.

        Raises:
            ProtocolError: what came back is not HTTP, or the connection closed before the response was whole.
            trio.BrokenResourceError: the connection was reset.
            trio.ClosedResourceError: this side closed or aborted it, for example at a deadline.
        """
        self.stream.write(request)
        return await self.receive()

    async def receive(self) -> HttpResponse:
        """Wait for the response to the request that was written last; raises as `exchange` does."""
        while (response := self._parser.next_response()) is None:
            data = await self.stream.receive_some()
            if data:
                self._parser.feed(data)
                continue
            self._parser.feed_eof()
            if (response := self._parser.next_response()) is None:
                raise ProtocolError(502, "the connection closed before a response")
            break
        return response
