"""The other side of HTTP connections, for tests: plain and awaiting, without limits or manners."""

import trio

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpRequest, HttpResponse, ProtocolError
from battle.actors.wire.http.parsers import RequestParser, ResponseParser

_LIMITS = HttpLimits(header_bytes=2**20, body_bytes=2**26)


class HttpServerPeer:
    """Reads requests."""

    def __init__(self, stream) -> None:
        self._stream = stream
        self._parser = RequestParser(_LIMITS)

    async def next_request(self) -> HttpRequest | None:
        """The next one; None at the end of the stream."""
        while (request := self._parser.next_request()) is None:
            data = await self._stream.receive_some()
            if not data:
                return None
            self._parser.feed(data)
            await trio.lowlevel.checkpoint()
        return request


class HttpClientPeer:
    """Sends requests and waits for their responses, one at a time."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self._parser = ResponseParser(_LIMITS)

    async def exchange(self, request: bytes) -> HttpResponse:
        """Raises ProtocolError when the stream ends before a whole response."""
        self.stream.write(request)
        return await self.receive()

    async def receive(self) -> HttpResponse:
        """The response to what was written last."""
        while (response := self._parser.next_response()) is None:
            data = await self.stream.receive_some()
            if data:
                self._parser.feed(data)
                continue
            self._parser.feed_eof()
            response = self._parser.next_response()
            if response is None:
                raise ProtocolError(502, "the connection closed before a response")
            break
        return response
