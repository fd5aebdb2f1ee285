"""One direction of a simulated connection: bytes in virtual time, with latency and a window.

A connection is two pipes (`stream.connected_pair`). A pipe has the sender's end on one node and the receiver's on
another, and holds bytes in two places:

              the window is full             stamped: now + latency
    push ---------------> held ----_release_held----> queue ----arrived----> take (a task), `receive` (a callback)
      |                                                 ^
      +------------ the window has room ----------------+

`queue` has what is on its way and what has arrived unread; together they are `in_flight_bytes`, which the window
limits. `held` is the sender's, and what limits of a stream count. A chunk costs no event of its own: it is stamped
with its arrival, and an event is in the heap only while somebody waits who is called (`arm`, once for one
moment).

Who wakes whom:

    the task in `receive_some`     the event of an arrival; the end of the connection at either end
    the callback of `on_data`      the event of an arrival, unless it is paused, on the receiver's node: a paused node
                                   gets it when it goes on
    the task in `send_all`         the window, once nothing is held; a reset; the close of either end

How it ends:

    open --push_eof--> ended: what is held leaves, then an empty chunk, which stays in the queue: it is read again
      |                  |    and again by tasks, and once by the callback, which is not called any more
      |                  |
      +--reset-----------+--> ended, what is held is lost; `latency_ns` later: broken, what is unread is lost too
      |                  |
      +--close_receiver--+--> receiver_closed: what is unread and held is lost; more that is sent is answered, by the
                              stream, with a reset of the pipe in the other direction

A callback hears of the end of stream or of a loss, never of both: whichever is first takes `_receive` away. It hears
of a loss by an event of its own, never from inside a method.
"""

from collections import deque
from collections.abc import Callable

import trio

from battle.actors.world.interfaces import Loss
from battle.actors.world.simulated.clock import EventClock, Host

WINDOW_BYTES = 256 * 1024
"""What is on its way or unread at the receiver before the rest waits at the sender."""

_EOF = b""


class Pipe:
    """One direction of a connection."""

    __slots__ = (
        "_clock",
        "_last_ns",
        "_lost",
        "_receive",
        "_wake_ns",
        "broken",
        "drain_task",
        "ended",
        "held",
        "held_bytes",
        "host",
        "in_flight_bytes",
        "latency_ns",
        "paused",
        "queue",
        "reader",
        "receiver_closed",
        "window_bytes",
    )  # fmt: skip

    def __init__(
        self, clock: EventClock, host: Host, latency_ns: int, window_bytes: int = WINDOW_BYTES
    ) -> None:
        self._clock = clock
        self.host = host
        self.window_bytes = window_bytes
        self.latency_ns = latency_ns
        self._last_ns = 0
        self._wake_ns = -1
        self.queue: deque[tuple[int, bytes]] = deque()
        self.in_flight_bytes = 0
        self.held: deque[bytes] = deque()
        self.held_bytes = 0
        self.ended = False
        self.broken = False
        self.receiver_closed = False
        self.paused = False
        self.reader: trio.lowlevel.Task | None = None
        self._receive: Callable[[bytes, int], object] | None = None
        self._lost: Callable[[Loss, int], object] | None = None
        self.drain_task: trio.lowlevel.Task | None = None

    # The sender's end.

    def push(self, data: bytes) -> None:
        while len(data) > self.window_bytes:
            self._push(data[: self.window_bytes])
            data = data[self.window_bytes :]
        self._push(data)

    def _push(self, data: bytes) -> None:
        if self.held or not self._fits(data):
            self.held.append(data)
            self.held_bytes += len(data)
        else:
            self._launch(data)

    def _fits(self, data: bytes) -> bool:
        return self.in_flight_bytes + len(data) <= self.window_bytes

    def _launch(self, data: bytes) -> None:
        self._last_ns = max(self._clock.now_ns() + self.latency_ns, self._last_ns)
        self.queue.append((self._last_ns, data))
        self.in_flight_bytes += len(data)
        if self.reader is not None or (self._receive is not None and not self.paused):
            self.arm()

    def push_eof(self) -> None:
        if not self.ended:
            self.ended = True
            if not self.held:
                self._launch(_EOF)

    def reset(self) -> None:
        """The sender resets: whatever is still on its way is lost when the reset arrives."""
        self.ended = True
        self.held.clear()
        self.held_bytes = 0
        self._clock.call_at(self._clock.now_ns() + self.latency_ns, self.break_now)

    # The receiver's end.

    def break_now(self) -> None:
        self.broken = True
        self.queue.clear()
        self.held.clear()
        self.held_bytes = 0
        self._end("reset")
        self.wake_drain()

    def close_receiver(self, how: Loss = "closed") -> None:
        """The receiving end is gone: what it did not read is lost, and nobody waits for it any more."""
        self.receiver_closed = True
        self.queue.clear()
        self.held.clear()
        self.held_bytes = 0
        self._end(how)
        self.wake_drain()

    def _end(self, how: Loss) -> None:
        """Whoever receives hears that nothing will come any more."""
        self.wake()
        if self._receive is not None:
            self._receive = None
            now_ns = self._clock.now_ns()
            self._clock.call_at(now_ns, self._report_lost, how, now_ns, host=self.host)

    def _report_lost(self, how: Loss, at_ns: int) -> None:
        assert self._lost is not None
        self._lost(how, at_ns)

    @property
    def has_receiver(self) -> bool:
        return self.reader is not None or self._lost is not None

    def call(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> None:
        """From now on `receive` is called for what arrives, and `lost` when nothing more can."""
        self._receive = receive
        self._lost = lost
        if self.broken:
            self._end("reset")
        elif self.queue:
            self.arm()

    def has_unread_bytes(self) -> bool:
        return bool(self.queue) and self.queue[0][1] is not _EOF

    def arrived(self) -> bool:
        return bool(self.queue) and self.queue[0][0] <= self._clock.now_ns()

    def take(self, max_bytes: int | None) -> bytes:
        """The first chunk that has arrived; b"" stays in the queue, so end of stream is seen again."""
        at_ns, data = self.queue[0]
        if data is _EOF:
            return data
        if max_bytes is not None and len(data) > max_bytes:
            self.queue[0] = (at_ns, data[max_bytes:])
            data = data[:max_bytes]
        else:
            self.queue.popleft()
        self.in_flight_bytes -= len(data)
        if self.held:
            self._release_held()
        return data

    def _release_held(self) -> None:
        while self.held and self._fits(self.held[0]):
            data = self.held.popleft()
            self.held_bytes -= len(data)
            self._launch(data)
        if not self.held:
            if self.ended:
                self._launch(_EOF)
            self.wake_drain()

    def arm(self) -> None:
        """See to it that whoever receives is woken when the next chunk arrives."""
        at_ns = max(self.queue[0][0], self._clock.now_ns())
        if at_ns != self._wake_ns:
            self._wake_ns = at_ns
            self._clock.call_at(at_ns, self._on_arrival, host=self.host)

    def _on_arrival(self) -> None:
        self.wake()
        queue, now_ns = self.queue, self._clock.now_ns()  # no time passes while events are served
        while self._receive is not None and not self.paused and queue and queue[0][0] <= now_ns:
            receive, arrived_ns = self._receive, queue[0][0]
            data = self.take(None)
            if data is _EOF:
                self._receive = None
            receive(data, arrived_ns)
        if self._receive is not None and self.queue and not self.paused:
            self.arm()

    def resume(self) -> None:
        """Hand on again what comes and what has come."""
        self.paused = False
        if self._receive is not None and self.queue:
            self.arm()

    def wake(self) -> None:
        self._wake_ns = -1
        if self.reader is not None:
            reader, self.reader = self.reader, None
            trio.lowlevel.reschedule(reader)

    def wake_drain(self) -> None:
        if self.drain_task is not None:
            task, self.drain_task = self.drain_task, None
            trio.lowlevel.reschedule(task)
