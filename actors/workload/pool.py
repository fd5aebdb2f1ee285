"""Keep-alive connections to one server, as many as are needed at a time, and the queue for them."""

from collections import deque
from collections.abc import Callable

import trio

from actors.units import Duration, ms
from actors.wire.http import HttpResponse, ProtocolError, ResponseParser
from actors.wire.http_client import RESPONSE_LIMITS
from actors.workload.answer import CLOSED, PROTOCOL, REFUSED, RESET, UNSENT, Ending
from actors.workload.ledger import Ledger
from actors.workload.request import Request
from actors.world.seam import Address, Stream, World

_JUST_USED = ms(1)
"""A connection on which a response came so lately is taken to be open without asking the kernel: servers close
connections that have been idle for seconds, and under high load the question would cost a tenth of all time."""


class _Connection:
    """`request` is the one that waits for its response here; None while idle."""

    __slots__ = ("open", "parser", "request", "stream", "used_ns")

    def __init__(self, stream: Stream, used_ns: int) -> None:
        self.stream = stream
        self.used_ns = used_ns
        self.parser = ResponseParser(RESPONSE_LIMITS)
        self.request: Request | None = None
        self.open = True


class ConnectionPool:
    """Sends each request on an idle connection at once, or on the next one that is free or opened.

    A connection carries one request at a time and has one reader task in `nursery`. A request that cannot be
    sent, or whose connection breaks, ends in the ledger; `on_response` is called for the others, with the
    moment the response was whole.
    """

    def __init__(
        self,
        world: World,
        nursery: trio.Nursery,
        ledger: Ledger,
        on_response: Callable[[Request, HttpResponse, int], None],
        *,
        target: Address,
        max_connections: int,
        connect_timeout: Duration,
    ) -> None:
        self._world = world
        self._now_ns = world.now_ns
        self._nursery = nursery
        self._ledger = ledger
        self._on_response = on_response
        self._target = target
        self._max_connections = max_connections
        self._connect_timeout = connect_timeout
        # The connection used last comes first: under little load the others stay cold, as in most clients.
        self._idle: list[_Connection] = []
        self._waiting: deque[Request] = deque()
        self._connections = 0
        self._opening = 0

    def submit(self, request: Request) -> None:
        """Send this request as soon as possible. Does not wait."""
        while self._idle:
            connection = self._idle.pop()
            if self._now_ns() - connection.used_ns < _JUST_USED or not connection.stream.is_stale():
                self._send(connection, request)
                return
            self._drop(connection)
        self._waiting.append(request)
        self._grow()

    def _send(self, connection: _Connection, request: Request) -> None:
        connection.request = request
        self._ledger.sent(request, connection.stream)
        connection.stream.write(request.wire)

    def _next_waiting(self) -> Request | None:
        while self._waiting:
            request = self._waiting.popleft()
            if not request.ended:
                return request
        return None

    def _grow(self) -> None:
        """Open a connection for each request that waits for one, up to the limit."""
        while self._waiting and self._waiting[0].ended:
            self._waiting.popleft()
        while self._opening < len(self._waiting) and self._connections < self._max_connections:
            self._connections += 1
            self._opening += 1
            self._nursery.start_soon(self._run_connection)

    async def _run_connection(self) -> None:
        stream = await self._connect()
        if stream is None:
            return
        connection = _Connection(stream, self._now_ns())
        try:
            self._free(connection)
            ending = await self._read(connection)
        except BaseException:
            self._drop(connection)
            raise
        self._lost(connection, ending)

    async def _connect(self) -> Stream | None:
        ending, stream = UNSENT, None
        try:
            with trio.move_on_after(self._connect_timeout / 1e9):
                stream = await self._world.connect(self._target)
        except ConnectionRefusedError:
            ending = REFUSED
        except OSError:
            pass  # the network, or this machine, has no connection for us
        self._opening -= 1
        if stream is None:
            self._connections -= 1
            request = self._next_waiting()
            if request is not None:
                self._ledger.end(request, ending, self._now_ns())
            self._grow()
        return stream

    def _free(self, connection: _Connection) -> None:
        """A connection can take a request: the one that waits longest, if any does."""
        request = self._next_waiting()
        if request is None:
            self._idle.append(connection)
        else:
            self._send(connection, request)

    async def _read(self, connection: _Connection) -> Ending:
        """Receive responses until the connection is of no more use. Returns how a request on it ends then."""
        receive = connection.stream.receive_some
        ending = None
        try:
            while ending is None and connection.open:
                ending = self._take(connection, await receive())
        except trio.BrokenResourceError:
            return RESET
        except trio.ClosedResourceError:
            return CLOSED  # by ourselves: its request has ended
        return ending or CLOSED

    def _take(self, connection: _Connection, data: bytes) -> Ending | None:
        """Bytes from the server, b"" at their end. Returns an ending when nothing can follow them."""
        parser = connection.parser
        if not data:
            return self._at_end_of_stream(connection)
        if connection.request is None:
            return CLOSED  # nobody asked: often a farewell, like haproxy's 408
        try:
            parser.feed(data)
        except ProtocolError:
            return PROTOCOL
        response = parser.next_response()
        if response is not None:
            only = parser.next_response() is None and not parser.in_message
            self._received(connection, response, reusable=only and response.keep_alive)
        return None

    def _at_end_of_stream(self, connection: _Connection) -> Ending:
        try:
            connection.parser.feed_eof()
        except ProtocolError:
            return CLOSED  # in the middle of a response
        response = connection.parser.next_response()
        if response is not None:
            self._received(connection, response, reusable=False)
        return CLOSED

    def _received(self, connection: _Connection, response: HttpResponse, *, reusable: bool) -> None:
        request, connection.request = connection.request, None
        if request is None or request.ended:
            self._drop(connection)
            return
        connection.used_ns = now_ns = self._now_ns()
        if reusable:
            self._free(connection)
        else:
            self._drop(connection)
        self._on_response(request, response, now_ns)

    def _lost(self, connection: _Connection, ending: Ending) -> None:
        request = connection.request
        self._drop(connection)
        if request is not None and not request.ended:
            self._ledger.end(request, ending, self._now_ns())
        self._grow()

    def _drop(self, connection: _Connection) -> None:
        """Close a connection; its reader wakes up and ends."""
        if not connection.open:
            return
        connection.open = False
        self._connections -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.request is None:
            connection.stream.close()
        else:
            connection.stream.abort()
