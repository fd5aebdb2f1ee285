"""The server's half of an HTTP/1.1 connection: hands out requests, holds the client to its limits.

Requests come by callback: on their path no task has to wake up. The connection's one task sleeps until its end.

A connection is in one of seven states (`State`); it moves by the five events of `Event` and by nothing else:

    RECEIVING --LAST_REQUEST--> LAST --UPGRADE--------------------+
        |                                                         v
        | VIOLATION                                           UPGRADED
        v                                                         ^
    VIOLATED --LAST_REQUEST--> LAST_VIOLATED --UPGRADE------------+
        |                           |
        +--REFUSAL--> REFUSED <-----+ REFUSAL

    CLIENT_GONE leads from every state but UPGRADED to GONE. There a request that had come whole may still be handed
    out: LAST_REQUEST leaves it GONE, and UPGRADE leads to UPGRADED.

Whole requests wait in the parser, and one of them in `_next`. They go to the answerer as fast as it takes them,
also those that came before a violation. While one waits in `_next` the stream is paused, so that a client which
sends more than is wanted fills its own buffers and not ours; so neither a violation nor the client's end can come
from the stream meanwhile. A slow request, a lost connection and the answerer's `go_on` can.

`run` ends in three ways: by `UPGRADE`; by a lost connection; and when nothing is left to be answered after the
client has gone or violated something. It refuses a violation then, unless the client has gone. What is answered
after the last request ends with the answerer, which closes the stream.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

import trio

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import CONTINUE, HttpRequest, ProtocolError, encode_response
from battle.actors.wire.http.parsers import RequestParser
from battle.actors.world import interfaces
from battle.actors.world.held import UNCOUNTED_BYTES
from battle.actors.world.interfaces import (
    Loss,
    Stream,
    Timer,
    World,
)

_LINGER_SECONDS = 1.0
"""How long a refused client may go on sending before we stop listening: closing at once would reset the
connection and could destroy the refusal on its way."""


class State(Enum):
    """Where a connection stands, between the callbacks that move it."""

    RECEIVING = auto()
    """Requests come."""
    LAST = auto()
    """The request after which the client wants no other has been handed out; what follows is ignored."""
    VIOLATED = auto()
    """The client broke the protocol or a limit. What was whole before is handed out; then it is refused."""
    LAST_VIOLATED = auto()
    """As `LAST`, after a violation: refused once that request is answered."""
    REFUSED = auto()
    """The refusal has been written; the client has a moment to end its side."""
    GONE = auto()
    """Nothing more comes. What has been handed out may still be answered."""
    UPGRADED = auto()
    """All that comes is another protocol's."""


class Event(Enum):
    """What moves a connection from one state to another."""

    LAST_REQUEST = auto()
    VIOLATION = auto()
    REFUSAL = auto()
    CLIENT_GONE = auto()
    UPGRADE = auto()


RECEIVING, LAST, VIOLATED, LAST_VIOLATED, REFUSED, GONE, UPGRADED = State

TRANSITIONS: dict[State, dict[Event, State]] = {
    RECEIVING: {Event.LAST_REQUEST: LAST, Event.VIOLATION: VIOLATED, Event.CLIENT_GONE: GONE},
    LAST: {Event.CLIENT_GONE: GONE, Event.UPGRADE: UPGRADED},
    VIOLATED: {Event.LAST_REQUEST: LAST_VIOLATED, Event.REFUSAL: REFUSED, Event.CLIENT_GONE: GONE},
    LAST_VIOLATED: {Event.REFUSAL: REFUSED, Event.CLIENT_GONE: GONE, Event.UPGRADE: UPGRADED},
    REFUSED: {Event.CLIENT_GONE: GONE},
    # The last request may have waited for the answerer, and an end of stream may be followed by a loss.
    GONE: {Event.LAST_REQUEST: GONE, Event.CLIENT_GONE: GONE, Event.UPGRADE: UPGRADED},
    UPGRADED: {},
}
"""Where each event leads. One that is not listed for a state cannot happen in it: it would be a mistake of ours."""


ENDING = (VIOLATED, LAST_VIOLATED, REFUSED, GONE)
"""The connection is over as soon as nothing is left to be answered."""


class Answerer(Protocol):
    """Whoever answers the requests of a connection, in the order they came."""

    @property
    def takes_more(self) -> bool:
        """Whether it wants the next request before it has answered those it was given."""

    @property
    def has_unanswered(self) -> bool:
        """Whether a request that was handed out still waits for its reply."""

    def on_request(self, request: HttpRequest) -> None:
        """The next request."""

    def on_client_gone(self) -> None:
        """Nothing more comes from the client: it ended its side, or the connection broke or was closed.

        What is unanswered may still be answered, if the connection lives; until then it is kept open.
        """


class HttpServerConnection:
    """Requests of one connection, one after another.

        connection = HttpServerConnection(world, stream, limits, answerer)
        await connection.run()

    Whenever the answerer has answered, or takes more again, it says so by `go_on`. The caller of `run` closes
    the stream. A client that breaks the protocol or a limit, or is too slow, is answered 4xx, after the
    requests it made before; what follows a request that is its connection's last is ignored.
    """

    def __init__(self, world: World, stream: Stream, limits: HttpLimits, answerer: Answerer) -> None:
        self._world = world
        self._stream = stream
        self._limits = limits
        self._answerer = answerer
        self._parser = RequestParser(limits)
        self._state = RECEIVING
        self._violation: ProtocolError | None = None
        self._next: HttpRequest | None = None
        self._handing_out = False  # on the stack: an answerer that answers at once calls `go_on` from there
        self._paused = False  # the stream, as `_hold_back` left it
        self._begun = 0
        self._idle_since_ns = world.now_ns()
        self._upgrade_target: tuple[Callable[[bytes, int], object], Callable[[Loss, int], object]] | None = (
            None
        )
        self._over = trio.Event()
        self._timer = world.call_at(self._idle_since_ns + limits.idle_timeout, self._check_idle)
        self._slow_timer: Timer | None = None

    async def run(self) -> None:
        """Serve until the connection has come to its end, whoever ends it."""
        try:
            self._stream.on_data(self._take, self._lost)
            await self._over.wait()
            if self._violation is not None and self._state in (VIOLATED, LAST_VIOLATED):
                await self._refuse(self._violation)
        finally:
            self._world.held.forget(self)
            self._timer.cancel()
            if self._slow_timer is not None:
                self._slow_timer.cancel()

    @property
    def held_bytes(self) -> int:
        """As `Holder.held_bytes`: what has come of a request that is not whole."""
        return self._parser.held_bytes

    def go_on(self) -> None:
        """The answerer has answered, or takes more again."""
        self._idle_since_ns = self._world.now_ns()
        if not self._handing_out:
            self._hand_out()

    def upgrade(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> bytes:
        """The connection goes on in another protocol: what comes from now on goes there, and `run` returns.

        To be called from within `on_request`. Returns what came behind the request.
        """
        self._upgrade_target = receive, lost
        self._move(Event.UPGRADE)
        self._over.set()
        return self._parser.after_upgrade

    def _move(self, event: Event) -> None:
        to = TRANSITIONS[self._state].get(event)
        assert to is not None, f"{event.name} cannot happen in {self._state.name}"
        self._state = to

    def _violate(self, error: ProtocolError) -> None:
        """It is answered when the requests before it have been."""
        self._violation = error
        self._move(Event.VIOLATION)

    # What comes from the stream.

    def _take(self, data: bytes, arrived_ns: int) -> None:
        if self._upgrade_target is not None:
            self._upgrade_target[0](data, arrived_ns)
            return
        if not data:
            self._end()
            return
        if self._state is not RECEIVING:
            return
        self._parse(data, arrived_ns)
        if self._more():  # empty lines are no request, however many come
            self._idle_since_ns = arrived_ns
        self._hand_out()

    def _parse(self, data: bytes, arrived_ns: int) -> None:
        parser = self._parser
        try:
            parser.feed(data)
        except ProtocolError as error:
            self._violate(error)
            return
        if not parser.in_message:
            return
        if parser.messages_begun != self._begun:
            self._begun = parser.messages_begun
            self._watch(arrived_ns + self._limits.request_timeout)
        if parser.held_bytes > UNCOUNTED_BYTES and self._world.held.must_go(self, interfaces.NODE_HELD_BYTES):
            parser.drop_message()
            self._violate(ProtocolError(503, "too much waits here of requests that have not come whole"))
            return
        if parser.expects_continue:
            parser.expects_continue = False
            self._stream.write(CONTINUE)

    def _lost(self, how: Loss, at_ns: int) -> None:
        if self._upgrade_target is not None:
            self._upgrade_target[1](how, at_ns)
            return
        self._end()
        self._over.set()

    def _end(self) -> None:
        self._move(Event.CLIENT_GONE)
        self._answerer.on_client_gone()
        self._hand_out()

    # What goes to the answerer.

    def _hand_out(self) -> None:
        self._handing_out = True
        answerer = self._answerer
        while self._more() and answerer.takes_more:
            request, self._next = self._next, None
            assert request is not None
            if not request.keep_alive:
                self._move(Event.LAST_REQUEST)
            answerer.on_request(request)
        self._handing_out = False
        self._hold_back(self._next is not None)
        if self._state is not RECEIVING:
            self._end_if_done()

    def _end_if_done(self) -> None:
        if self._state in ENDING and self._next is None and not self._answerer.has_unanswered:
            self._over.set()

    def _more(self) -> bool:
        """Whether there is a request to hand out."""
        if self._next is None and (self._state is RECEIVING or self._state is VIOLATED):
            self._next = self._parser.next_request()
        return self._next is not None

    def _hold_back(self, hold: bool) -> None:
        """A client that sends more than is wanted waits: what it sends stays in the stream."""
        if hold == self._paused:
            return
        self._paused = hold
        if hold:
            self._stream.pause_receiving()
        else:
            self._stream.resume_receiving()

    # Limits.

    def _watch(self, due_ns: int) -> None:
        """A request came in pieces: rare enough to afford a timer of its own."""
        if self._slow_timer is not None:
            self._slow_timer.cancel()
        self._slow_timer = self._world.call_at(due_ns, self._check_slow, self._begun)

    def _check_slow(self, number: int) -> None:
        waits = self._parser.in_message and self._parser.messages_begun == number
        if waits and self._state is RECEIVING:
            self._violate(ProtocolError(408, "the request took too long to arrive"))
            self._hand_out()

    def _check_idle(self) -> None:
        """One timer serves the whole connection: it looks again when the current idle time would be over."""
        now_ns = self._world.now_ns()
        busy = self._answerer.has_unanswered or self._parser.in_message
        due_ns = (now_ns if busy else self._idle_since_ns) + self._limits.idle_timeout
        if due_ns <= now_ns:
            self._stream.close()
        else:
            self._timer = self._world.call_at(due_ns, self._check_idle)

    async def _refuse(self, error: ProtocolError) -> None:
        text = f"{error}\n".encode()
        self._stream.write(encode_response(error.status, text, content_type=b"text/plain", keep_alive=False))
        self._move(Event.REFUSAL)
        self._over = trio.Event()
        try:
            with trio.move_on_after(_LINGER_SECONDS):
                await self._stream.send_eof()
                await self._over.wait()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client did not wait for the refusal
