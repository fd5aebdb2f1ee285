"""Keep-alive connections to one server, as many as are needed at a time, and the queue for them."""

from collections import deque
from collections.abc import Callable
from functools import partial

import trio

from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.units import Duration, ms
from battle.actors.wire.http.client import Broken, Done, HttpClientConnection
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.workload.requests.outcome import (
    CLOSED,
    PROTOCOL,
    REFUSED,
    RESET,
    UNREAD,
    UNSENT,
    Ending,
)
from battle.actors.workload.requests.request import Request
from battle.actors.workload.requests.tracker import RequestTracker
from battle.actors.workload.requests.unread_limit import UnreadLimit
from battle.actors.world.interfaces import Connect, Stream, World
from battle.store.events import BenchLimitReached

_JUST_USED = ms(1)
"""A connection on which a response came so lately is taken to be open without asking the kernel: servers close
connections that have been idle for seconds, and under high load the question would cost a tenth of all time."""


_BROKEN: dict[Broken, Ending] = {"reset": RESET, "closed": CLOSED, "unread": UNREAD, "protocol": PROTOCOL}


class _Connection:
    """`request` is the one that waits for its response here; None while idle."""

    __slots__ = ("done", "http", "request", "used_ns")

    def __init__(
        self,
        stream: Stream,
        used_ns: int,
        received: Callable[["_Connection", HttpResponse | Broken, int], object],
        ended: Callable[["_Connection"], object],
    ) -> None:
        self.http = HttpClientConnection(stream, on_end=partial(ended, self))
        self.done: Done = partial(received, self)  # made once for all requests
        self.used_ns = used_ns
        self.request: Request | None = None


class ConnectionPool:
    """Sends each request on an idle connection at once, or on the next one that is free or opened.

    A connection carries one request at a time; only while it is being opened it has a task, in `nursery`. A
    request that cannot be sent, or whose connection breaks, ends in the tracker; `on_response` is called for the
    others, with the moment the rest of the response arrived, however long it waited for its turn here.
    """

    def __init__(
        self,
        world: World,
        nursery: trio.Nursery,
        tracker: RequestTracker,
        on_response: Callable[[Request, HttpResponse, int], None],
        *,
        endpoint: Endpoint,
        max_connections: int,
        connect_timeout: Duration,
        connect: Connect | None = None,
    ) -> None:
        self._world = world
        self._now_ns = world.now_ns
        self._nursery = nursery
        self._tracker = tracker
        self._on_response = on_response
        self._address = endpoint.address
        self._tls = endpoint.tls
        self._open_stream = connect or world.connect
        self._max_connections = max_connections
        self._connect_timeout = connect_timeout
        # The connection used last comes first: under little load the others stay cold, as in most clients.
        self._idle: list[_Connection] = []
        self._waiting: deque[Request] = deque()
        self._connections: dict[_Connection, None] = {}
        self._opening = 0
        self._closed = False
        # Of this second: how many requests had to wait because no further connection may be opened, and how long.
        self._waited = 0
        self._longest_wait_ns = 0
        self._unread_limit = UnreadLimit(world, WRITE_LIMIT_BYTES)

    def submit(self, request: Request) -> None:
        """Send this request as soon as possible. Does not wait."""
        while self._idle:
            connection = self._idle.pop()
            if self._now_ns() - connection.used_ns < _JUST_USED or connection.http.reusable:
                self._send(connection, request)
                return
            self._drop(connection)
        self._waiting.append(request)
        self._grow()

    def _send(self, connection: _Connection, request: Request) -> None:
        connection.request = request
        self._tracker.sent(request, connection.http)
        connection.http.exchange(request.wire, connection.done)

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
        room = self._max_connections - len(self._connections)
        while self._opening < min(len(self._waiting), room):
            self._opening += 1
            self._nursery.start_soon(self._open)

    async def _open(self) -> None:
        stream = await self._connect()
        if stream is not None and self._closed:
            stream.close()  # it was opened in the very moment of the end
        elif stream is not None:
            connection = _Connection(stream, self._now_ns(), self._received, self._ended)
            self._connections[connection] = None
            # With a connection on its way for each request that waits, they wait for the server to take them.
            self._free(connection, too_few=len(self._waiting) > self._opening + 1)

    async def _connect(self) -> Stream | None:
        ending, stream = UNSENT, None
        try:
            with trio.move_on_after(self._connect_timeout / 1e9):
                stream = await self._open_stream(self._address, self._tls)
        except ConnectionRefusedError:
            ending = REFUSED
        except OSError:
            pass  # the network, or this machine, has no connection for us
        self._opening -= 1
        if stream is None:
            request = self._next_waiting()
            if request is not None:
                self._tracker.end(request, ending, self._now_ns())
            self._grow()
        return stream

    def _free(self, connection: _Connection, *, too_few: bool = True) -> None:
        """A connection can take a request: the one that waits longest, if any does. `too_few`: it has waited for one
        of all that there may be, and not for this one to be opened."""
        request = self._next_waiting()
        if request is None:
            self._idle.append(connection)
        else:
            if too_few and len(self._connections) >= self._max_connections:
                self._note_wait(request)
            self._send(connection, request)

    def _note_wait(self, request: Request) -> None:
        self._waited += 1
        waited_ns = self._now_ns() - request.scheduled_ns
        self._longest_wait_ns = max(self._longest_wait_ns, waited_ns)

    def log_limits(self) -> None:
        """Log which limits of its own this pool met since the last time: of connections, and of what it keeps for
        servers that do not read."""
        self._log_waits()
        self._unread_limit.log()

    def _log_waits(self) -> None:
        if len(self._connections) >= self._max_connections and len(self._waiting) > self._opening:
            oldest = next((request for request in self._waiting if not request.ended), None)
            if oldest is not None:
                self._note_wait(oldest)
        if not self._waited:
            return
        self._world.log.append(
            BenchLimitReached(
                at_ns=self._now_ns(),
                node=self._world.node,
                limit="connections",
                times=self._waited,
                bound=self._max_connections,
                duration_ns=self._longest_wait_ns,
            )
        )
        self._waited = self._longest_wait_ns = 0

    def _received(self, connection: _Connection, result: HttpResponse | Broken, arrived_ns: int) -> None:
        request = connection.request
        assert request is not None
        # What was sent and answered while a batch of events is served arrived, by the clock of the batch, before.
        ended_ns = max(arrived_ns, request.sent_ns)
        if isinstance(result, str):
            self._break(connection, request, result, ended_ns)
            return
        connection.request = None
        connection.used_ns = self._now_ns()
        if connection.http.spent:
            self._drop(connection)
        else:
            self._free(connection)
        self._on_response(request, result, ended_ns)

    def _break(self, connection: _Connection, request: Request, why: Broken, ended_ns: int) -> None:
        if why == "unread":
            self._unread_limit.count()
        self._drop(connection)
        self._tracker.end(request, _BROKEN[why], ended_ns)

    def _ended(self, connection: _Connection) -> None:
        """A connection is of no more use, and leaves its place to another."""
        self._drop(connection)
        self._grow()

    def _drop(self, connection: _Connection) -> None:
        """Close a connection; its stream reports when that is done."""
        if connection not in self._connections:
            return
        del self._connections[connection]
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.request is None:
            connection.http.close()
        else:
            connection.http.abort()

    def close(self) -> None:
        """Drop all connections, and send nothing more. Does not wait; what is being opened is the nursery's."""
        self._closed = True
        self._tracker.interrupt()  # before a stream says that it was closed, as if the other side had done it
        self._waiting.clear()
        for connection in list(self._connections):
            self._drop(connection)
