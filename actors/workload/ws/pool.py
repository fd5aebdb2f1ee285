"""Requests over WebSocket connections that stay open: several under way on each, distinguished by their ids."""

from collections import deque

import trio

from battle.actors.close_codes import BAD_TEXT
from battle.actors.roles import WorkloadRole
from battle.actors.spec.limits import WebSocketLimits
from battle.actors.spec.workloads import WsRequests
from battle.actors.wire.jsonrpc import read_answer
from battle.actors.wire.untrusted_json import Unreadable
from battle.actors.wire.websocket.endpoints import PING_TIMEOUT, READS_TOO_SLOWLY, Ended
from battle.actors.workload.requests.outcome import (
    CLOSED,
    NO_WEBSOCKET,
    NOT_JSON_RPC,
    PROTOCOL,
    RESET,
    UNREAD,
    AnswerReader,
    Ending,
)
from battle.actors.workload.requests.request import Request
from battle.actors.workload.requests.tracker import RequestTracker
from battle.actors.workload.requests.unread_limit import UnreadLimit
from battle.actors.workload.ws.line import Line, Lines, clients_of
from battle.actors.workload.ws.messages import excerpt, id_within
from battle.actors.world.interfaces import Connect, World
from battle.store.events import NotificationReceived

UNASKED = "unasked"
"""The kind under which the log has what came in answer to nothing: a second answer, or none at all."""

_LATE_KEPT = 4096
"""Requests of one connection that timed out and whose answers may still come; a later one counts as unasked."""


class WsPool:
    """Sends each request at once on the next open connection in turn, or as soon as there is one.

    A request whose connection breaks, or that no connection can be had for, ends in the tracker, as does one whose
    answer came. While nobody lets this workload in, its requests end at once, as the last try did.
    """

    def __init__(
        self,
        world: World,
        nursery: trio.Nursery,
        tracker: RequestTracker,
        reader: AnswerReader,
        role: WorkloadRole,
        spec: WsRequests,
        connect: Connect | None = None,
    ) -> None:
        lines = Lines(world, nursery, role, spec, connect)
        self._now_ns = world.now_ns
        self._tracker = tracker
        self.given_up = UnreadLimit(world, WebSocketLimits().unsent_bytes)
        self._channels = [_Channel(self, lines, tracker, reader, client) for client in clients_of(role, spec)]
        self._turn = 0
        self._waiting: deque[Request] = deque()
        self._hopeless = NO_WEBSOCKET
        self._open_lines = len(self._channels)
        self._all_over = trio.Event()
        for channel in self._channels:
            channel.line.open_at(world.now_ns())

    def submit(self, request: Request) -> None:
        """Send this request as soon as possible. Does not wait."""
        channel = self._next_open()
        if channel is not None:
            channel.send(request)
        elif self._is_hopeful():
            self._waiting.append(request)
        else:
            self._tracker.end(request, self._hopeless, self._now_ns())

    async def finish(self) -> None:
        """Close all connections in good order. All requests must have ended."""
        for channel in self._channels:
            channel.line.finish()
        await self._all_over.wait()

    def log_limits(self) -> None:
        """Log how many connections were given up since the last time because the server did not read."""
        self.given_up.log()

    def close(self) -> None:
        """Drop all connections at once, and send nothing more."""
        self._waiting.clear()
        for channel in self._channels:
            channel.line.interrupt()

    def _next_open(self) -> "_Channel | None":
        for turn in range(self._turn, self._turn + len(self._channels)):
            channel = self._channels[turn % len(self._channels)]
            if channel.is_open:
                self._turn = (turn + 1) % len(self._channels)
                return channel
        return None

    def _is_hopeful(self) -> bool:
        return any(channel.is_open or channel.line.is_hopeful for channel in self._channels)

    def on_open(self) -> None:
        """A channel has a connection: what waits can be sent."""
        while self._waiting and (channel := self._next_open()) is not None:
            request = self._waiting.popleft()
            if not request.ended:
                channel.send(request)

    def on_failure(self, ending: Ending) -> None:
        """A channel got no connection: what waits fails, unless another channel is about to get one."""
        self._hopeless = ending
        if self._is_hopeful():
            return
        while self._waiting:
            request = self._waiting.popleft()
            if not request.ended:
                self._tracker.end(request, self._hopeless, self._now_ns())

    def on_over(self) -> None:
        """A channel has come to its end."""
        self._open_lines -= 1
        if not self._open_lines:
            self._all_over.set()


class _Channel:
    """A line, and the requests under way on it."""

    def __init__(
        self, pool: WsPool, lines: Lines, tracker: RequestTracker, reader: AnswerReader, client: int
    ) -> None:
        self.line = Line(lines, self, client)
        self._pool = pool
        self._lines = lines
        self._tracker = tracker
        self._reader = reader
        self._in_flight: dict[bytes, Request] = {}
        self._late: dict[bytes, None] = {}

    @property
    def is_open(self) -> bool:
        websocket = self.line.websocket
        return websocket is not None and websocket.is_open

    def send(self, request: Request) -> None:
        """Send a request on the open connection."""
        websocket = self.line.websocket
        assert websocket is not None
        self._in_flight[request.rpc_id] = request
        self._tracker.sent(request, self)
        websocket.send(request.wire)

    def forget(self, request: Request) -> None:
        """A request has timed out. The others have not, so the connection goes on."""
        key = request.rpc_id
        del self._in_flight[key]
        if len(self._late) >= _LATE_KEPT:
            self._late.pop(next(iter(self._late)))
        self._late[key] = None

    def abort(self) -> None:
        """Reset the connection at once."""
        if self.line.websocket is not None:
            self.line.websocket.abort()

    # Callbacks of the line.

    def opening(self, due_ns: int) -> None:
        pass

    def opened(self) -> None:
        self._pool.on_open()

    def heard(self, text: bytes, arrived_ns: int) -> None:
        try:
            answer = read_answer(text)
        except Unreadable:
            self._take_spoiled(text, arrived_ns)
            return
        key = bytes(answer.id)
        request = self._in_flight.pop(key, None)
        if request is None and key == b"null" and answer.error is not None:
            request = self._only_one()  # the server could not read its id
        if request is None:
            self._take_unasked(key, text, arrived_ns)
            return
        # What was sent and answered while a batch of events is served arrived, by the clock of the batch, before.
        ended_ns = max(arrived_ns, request.sent_ns)
        # What is read now may have been sent after the stamp, when the chain had gone on.
        ending = self._reader.ending_with(request, answer, self._lines.world.now_ns())
        self._tracker.end(request, ending, ended_ns, text)

    def failed(self, ending: Ending) -> None:
        self._pool.on_failure(ending)

    def lost(self, ended: Ended) -> None:
        ending = _ending(ended)
        if ending is UNREAD:
            self._pool.given_up.count()
        in_flight, self._in_flight = self._in_flight, {}
        self._late.clear()
        if in_flight and ended.by == "us" and ended.code == BAD_TEXT:
            # One answer was not UTF-8. Nobody can read whose it was: it counts for the oldest request.
            self._spoil(in_flight.pop(next(iter(in_flight))), ended.at_ns)
        for request in in_flight.values():
            self._tracker.end(request, ending, max(ended.at_ns, request.sent_ns))

    def over(self) -> None:
        self._pool.on_over()

    # What is no answer to anything.

    def _only_one(self) -> Request | None:
        """The one request under way: then it is clear whose the answer is."""
        return self._in_flight.popitem()[1] if len(self._in_flight) == 1 else None

    def _take_spoiled(self, text: bytes, arrived_ns: int) -> None:
        key = id_within(text)
        request = self._only_one() if key is None else self._in_flight.pop(key, None)
        if request is None:
            self._take_unasked(key, text, arrived_ns)
        else:
            self._spoil(request, arrived_ns, text)

    def _spoil(self, request: Request, arrived_ns: int, text: bytes | None = None) -> None:
        ended_ns = max(arrived_ns, request.sent_ns)
        self._tracker.end(request, self._reader.failed(request, NOT_JSON_RPC, ended_ns), ended_ns, text)

    def _take_unasked(self, key: bytes | None, text: bytes, arrived_ns: int) -> None:
        if key is not None and key in self._late:
            del self._late[key]
            return
        self._lines.world.log.append(
            NotificationReceived(
                at_ns=arrived_ns,
                workload=self._lines.workload,
                connection=self.line.connection,
                subscription="",
                kind=UNASKED,
                key=excerpt(text),
                answer="wrong" if self._lines.role.checks_answers else "none",
            )
        )


def abandon(request: Request) -> None:
    """What the tracker does with a request that has timed out on a channel."""
    assert isinstance(request.stream, _Channel)
    request.stream.forget(request)


def _ending(ended: Ended) -> Ending:
    """How the requests end that were under way on a connection."""
    if ended.reset:
        return RESET
    if ended.by == "us" and ended.reason == READS_TOO_SLOWLY:
        return UNREAD
    if ended.by == "us" and ended.reason != PING_TIMEOUT:
        return PROTOCOL  # this side closes when the other has broken the rules
    return CLOSED
