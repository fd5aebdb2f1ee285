"""One WebSocket connection (RFC 6455) over a stream of either world, by callbacks: it has no task of its own.

Whoever owns the stream's `on_data` feeds it, so a server's HTTP connection can hand its stream over.

    open ---- close() --------------------------> closing ---+
      |                                                      |   the peer's close frame; the stream's end or loss;
      +------ the peer broke a rule, -----------> lingering -+   `close_timeout`; abort()
      |       or reads too slowly (`_fail`)                  |
      |                                                      v
      +------ the peer's close frame (answered); the ------> over
              stream's end or loss; a missed pong; abort()

    closing      Our close frame is on its way, and the peer's is awaited. Only then the outcome is known.
    lingering    The outcome is known; the stream is kept for a while, so that the peer can read our close frame.
    over         The stream has been let go: closed, or aborted where nobody would read what is unsent.

The outcome (`Ended`) is decided once: on leaving open, but for closing, where it is decided on leaving that. It is
reported by a timer of that moment, so `on_ended` is never called from inside another callback or a method, and it is
the last call. It is ours when our close frame was the first one, whatever the peer sends after that.

Messages are delivered and sent in open alone: of what still comes after it only a close frame is read
(`Frames.discard`). What arrived behind the handshake waits for a timer (`receive_early`), or for whatever the
stream says first, so that it is always read before it.

One timer at a time belongs to keep-alive: for the next ping, or for the pong that is awaited. Another one bounds
closing and lingering. Both end with over, the first on leaving open. What closes or lingers when its node ends is
over at once (`end_now`).
"""

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import msgspec
import trio

from battle.actors.close_codes import (
    ABNORMAL,
    NORMAL,
    POLICY_VIOLATION,
    is_close_code,
)
from battle.actors.spec.base import Spec, above_zero_problems
from battle.actors.spec.limits import WebSocketLimits
from battle.actors.units import Duration, seconds
from battle.actors.wire.websocket.frames import MAX_CONTROL_BYTES, CloseFrame, Frames, Ping, Pong
from battle.actors.world.interfaces import (
    Loss,
    Stream,
    Timer,
    World,
)

PING_TIMEOUT = "ping timeout"
READS_TOO_SLOWLY = "reads too slowly"
_NO_CLOSE_FRAME = "the connection closed without a close frame"
_RESET = "the connection was reset"
_GIVEN_UP = "this side gave the connection up"
_ABORTED = "this side aborted the connection"


class KeepAlive(Spec, frozen=True):
    """Pings of its own, so that a connection on which nothing comes back (half open) is found out."""

    ping_interval: Duration = seconds(20)
    """From one ping to the next."""
    pong_timeout: Duration = seconds(20)
    """A ping that is not answered within this ends the connection."""

    def problems(self) -> Iterator[str]:
        yield from above_zero_problems("keep-alive", self, *self.__struct_fields__)


class Ended(msgspec.Struct, frozen=True):
    """How a WebSocket came to its end."""

    code: int
    """Of the first close frame, whoever sent it; 1005 if it named none, 1006 if there was no close frame."""
    reason: str
    """Of that frame; without one, what happened."""
    by: Literal["peer", "us"]
    clean: bool
    """Whether each side has closed with a close frame."""
    reset: bool
    """Whether the peer reset the connection."""
    at_ns: int


OnMessage: TypeAlias = Callable[[bytes, int], object]
OnPong: TypeAlias = Callable[[bytes, int], object]
OnEnded: TypeAlias = Callable[[Ended], object]

_State: TypeAlias = Literal["open", "closing", "lingering", "over"]


class WebSocket:
    """One side of a WebSocket, after the handshake.

    Args:
        client: which side we are.
        on_message: called with each whole message as UTF-8 and the moment its last byte arrived.
        on_ended: called exactly once. The outcome is passed on as soon as it is known.
        on_pong: called with the payload of each pong but those of keep-alive, and when it arrived.
        keep_alive: None sends no pings.

    No callback is called from inside the constructor or a method, but for `feed`: `on_message` and `on_pong`
    are called from there (for `receive_early` possibly from a timer). `on_ended` is called from a timer of its own,
    after the last of the others, and nothing is called after it. Callbacks may call any method but `feed` and
    `lost`. They must not raise: one that does crashes the node, as with `Stream.on_data`.

    The stream is this object's to close: it may outlive `on_ended` for as long as `limits.close_timeout`, so
    that the peer can read why it was closed.
    """

    def __init__(
        self,
        world: World,
        stream: Stream,
        *,
        client: bool,
        on_message: OnMessage,
        on_ended: OnEnded,
        on_pong: OnPong | None = None,
        limits: WebSocketLimits,
        keep_alive: KeepAlive | None = None,
    ) -> None:
        self.answers_pings = True
        """A peer whose pings are not answered takes the connection for half open."""
        self.pings_ignored = 0
        self._world = world
        self._stream = stream
        self._on_message = on_message
        self._on_ended = on_ended
        self._on_pong = on_pong
        self._limits = limits
        self._frames = Frames(client, limits)
        self._state: _State = "open"
        self._close_sent = CloseFrame(ABNORMAL, "")
        self._reported = False
        self._finished: trio.Event | None = None
        self._close_timer: Timer | None = None
        self._early = b""
        self._early_ns = 0
        self._keep_alive = keep_alive
        self._ping_timer: Timer | None = None
        self._pings = 0
        self._pinged_ns = 0
        self._awaited_pong: bytes | None = None
        if keep_alive is not None:
            self._ping_timer = world.call_at(world.now_ns() + keep_alive.ping_interval, self._keep_pinging)

    # Callbacks of the stream.

    def receive_early(self, data: bytes) -> None:
        """Take what arrived behind the handshake, maybe nothing: it is read soon, and before anything that is fed."""
        if data:
            self._early = data
            self._early_ns = self._world.now_ns()
            self._world.call_at(self._early_ns, self._take_early)

    def feed(self, data: bytes, arrived_ns: int) -> None:
        """Take bytes from the stream, b"" at its end. Raises nothing but what a callback does."""
        self._take_early()
        if data:
            self._take(data, arrived_ns)
        else:
            self._end_without_close_frame(_NO_CLOSE_FRAME, "peer", arrived_ns)
            self._let_go()

    def lost(self, how: Loss, at_ns: int) -> None:
        """The stream is broken, or this side has closed it. Raises nothing but what a callback does."""
        self._take_early()
        if how == "reset":
            self._end_without_close_frame(_RESET, "peer", at_ns, reset=True)
        else:
            reason = READS_TOO_SLOWLY if how == "unread" else _GIVEN_UP
            self._end_without_close_frame(reason, "us", at_ns)
        self._let_go()

    def _take_early(self) -> None:
        if self._early:
            early, self._early = self._early, b""
            self._take(early, self._early_ns)

    def _take(self, data: bytes, arrived_ns: int) -> None:
        # Once this side has closed, by a callback of this very loop too, only a close frame comes out.
        for incoming in self._frames.read(data):
            if isinstance(incoming, bytes):
                self._on_message(incoming, arrived_ns)
            elif isinstance(incoming, Ping):
                self._answer(incoming)
            elif isinstance(incoming, Pong):
                self._take_pong(incoming.payload, arrived_ns)
            elif isinstance(incoming, CloseFrame):
                self._take_close(incoming, arrived_ns)
            else:
                self._fail(incoming.code, incoming.reason, arrived_ns)

    def _answer(self, ping: Ping) -> None:
        if self.answers_pings:
            self._write(self._frames.pong(ping.payload))
        else:
            self.pings_ignored += 1

    def _take_close(self, frame: CloseFrame, at_ns: int) -> None:
        if self._state == "open":
            self._stream.write(self._frames.close(frame.code, ""))
            self._end(Ended(frame.code, frame.reason, "peer", clean=True, reset=False, at_ns=at_ns))
        elif self._state == "closing":
            sent = self._close_sent
            self._end(Ended(sent.code, sent.reason, "us", clean=True, reset=False, at_ns=at_ns))
        self._let_go()

    # What the owner wants.

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent and received."""
        return self._state == "open"

    @property
    def unsent_bytes(self) -> int:
        """How much of what was sent the peer's side has not taken yet."""
        return self._stream.unsent_bytes

    def send(self, text: bytes | str) -> bool:
        """Send a message, without waiting; false when the connection is not open (any more): it is dropped.

        A peer that has left more than `limits.unsent_bytes` unread by now is closed with 1008.

        Raises:
            UnicodeDecodeError: the bytes are no UTF-8.
        """
        return self._state == "open" and self._write(self._frames.text(text))

    def ping(self, payload: bytes = b"") -> bool:
        """Send a ping with at most 125 bytes; false as with `send`. `on_pong` hears of the answer."""
        assert len(payload) <= MAX_CONTROL_BYTES
        return self._state == "open" and self._write(self._frames.ping(payload))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Begin the closing handshake; no message is delivered or sent any more.

        It ends when the peer has answered, or after `limits.close_timeout`. A reason that is too long for the
        frame is cut. Does nothing to a connection that is not open.

        Args:
            code: one that `is_close_code`.
        """
        assert is_close_code(code)
        if self._state == "open":
            self._close_sent = CloseFrame(code, reason)
            self._say_goodbye("closing", code, reason)

    def abort(self) -> None:
        """Reset the connection at once."""
        self._end_without_close_frame(_ABORTED, "us", self._world.now_ns())
        self._let_go(abort=True)

    def end_now(self) -> None:
        """As `Lingering.end_now`: the peer's close frame is not awaited any more."""
        self.abort()

    async def wait_closed(self) -> None:
        """Wait until `on_ended` was called and the stream has been let go: then a server's handler may return."""
        if self._finished is None:
            self._finished = trio.Event()
            self._check_finished()
        await self._finished.wait()

    def _write(self, frame: bytes) -> bool:
        unread = self._stream.unsent_bytes
        if unread > self._limits.unsent_bytes or (unread and self._stream.is_over_share()):
            self._fail(POLICY_VIOLATION, READS_TOO_SLOWLY, self._world.now_ns())
            return False
        self._stream.write(frame)
        return True

    # Keep-alive: one ping at a time, and one timer, for its pong or for the next ping.

    def _keep_pinging(self) -> None:
        assert self._keep_alive is not None
        self._pings += 1
        self._pinged_ns = self._world.now_ns()
        self._awaited_pong = b"keep-alive %d" % self._pings
        if self._write(self._frames.ping(self._awaited_pong)):
            due_ns = self._pinged_ns + self._keep_alive.pong_timeout
            self._ping_timer = self._world.call_at(due_ns, self._miss_pong)

    def _take_pong(self, payload: bytes, arrived_ns: int) -> None:
        if payload == self._awaited_pong:
            assert self._keep_alive is not None
            assert self._ping_timer is not None
            self._awaited_pong = None
            self._ping_timer.cancel()
            due_ns = max(self._pinged_ns + self._keep_alive.ping_interval, self._world.now_ns())
            self._ping_timer = self._world.call_at(due_ns, self._keep_pinging)
        elif self._on_pong is not None:
            self._on_pong(payload, arrived_ns)

    def _miss_pong(self) -> None:
        self._end_without_close_frame(PING_TIMEOUT, "us", self._world.now_ns())
        self._let_go(abort=True)  # nobody is there to read a close frame

    # The end.

    def _fail(self, code: int, reason: str, at_ns: int) -> None:
        """The peer has broken the rules: the outcome is known, but the peer should learn why."""
        self._end(Ended(code, reason, "us", clean=False, reset=False, at_ns=at_ns))
        self._say_goodbye("lingering", code, reason)

    def _say_goodbye(self, state: _State, code: int, reason: str) -> None:
        """Send a close frame, behind all that is unsent, and wait for the peer's for a limited time."""
        self._stream.write(self._frames.close(code, reason))
        self._frames.discard()
        self._state = state
        self._world.lingering.add(self)
        self._stop_timers()
        due_ns = self._world.now_ns() + self._limits.close_timeout
        self._close_timer = self._world.call_at(due_ns, self._stop_waiting)

    def _stop_waiting(self) -> None:
        self._end_without_close_frame("", "us", self._world.now_ns())
        self._let_go(abort=self._stream.unsent_bytes > 0)

    def _end_without_close_frame(
        self, reason: str, by: Literal["peer", "us"], at_ns: int, *, reset: bool = False
    ) -> None:
        """The connection is gone without a close frame of the peer's, if it has not ended before."""
        if self._state == "open":
            self._end(Ended(ABNORMAL, reason, by, clean=False, reset=reset, at_ns=at_ns))
        elif self._state == "closing":
            sent = self._close_sent
            self._end(Ended(sent.code, sent.reason, "us", clean=False, reset=reset, at_ns=at_ns))

    def _end(self, ended: Ended) -> None:
        # By a timer: whoever is in the middle of a method of ours, or iterates over many, is not surprised.
        self._world.call_at(self._world.now_ns(), self._report, ended)

    def _report(self, ended: Ended) -> None:
        self._reported = True
        self._on_ended(ended)
        self._check_finished()

    def _let_go(self, *, abort: bool = False) -> None:
        if self._state == "over":
            return
        self._state = "over"
        self._world.lingering.discard(self)
        self._frames.discard()
        self._stop_timers()
        if abort:
            self._stream.abort()
        else:
            self._stream.close()
        self._check_finished()

    def _stop_timers(self) -> None:
        for timer in (self._close_timer, self._ping_timer):
            if timer is not None:
                timer.cancel()

    def _check_finished(self) -> None:
        if self._finished is not None and self._reported and self._state == "over":
            self._finished.set()
