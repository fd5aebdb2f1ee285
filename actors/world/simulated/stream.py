"""In-memory byte streams in virtual time, with TCP's manners: latency, a window, end of stream, resets.

The receiver owns a queue of (arrival, bytes); the sender stamps each chunk when it writes. A chunk costs an
event in the heap only when somebody is already waiting for it.
"""

from collections import deque
from operator import index

import trio

from actors.world.seam import WRITE_LIMIT_BYTES, Stream
from actors.world.simulated.clock import EventClock, Host

WINDOW_BYTES = 256 * 1024
"""What is on its way or unread at the receiver before the rest waits at the sender."""

_EOF = b""


class _Pipe:
    """One direction of a connection."""

    __slots__ = (
        "_clock", "_last_ns", "_latency_ns", "_wake_ns", "broken", "drain_task", "ended", "held",
        "held_bytes", "host", "in_flight_bytes", "queue", "reader", "receiver_closed",
    )  # fmt: skip

    def __init__(self, clock: EventClock, host: Host, latency_ns: int) -> None:
        self._clock = clock
        self.host = host
        self._latency_ns = latency_ns
        self._last_ns = 0
        self._wake_ns = -1
        self.queue: deque[tuple[int, bytes]] = deque()
        self.in_flight_bytes = 0
        self.held: deque[bytes] = deque()
        self.held_bytes = 0
        self.ended = False
        self.broken = False
        self.receiver_closed = False
        self.reader: trio.lowlevel.Task | None = None
        self.drain_task: trio.lowlevel.Task | None = None

    # The sender's end.

    def push(self, data: bytes) -> None:
        if self.held or self.in_flight_bytes + len(data) > WINDOW_BYTES > len(data):
            self.held.append(data)
            self.held_bytes += len(data)
        else:
            self._launch(data)

    def _launch(self, data: bytes) -> None:
        self._last_ns = max(self._clock.now_ns() + self._latency_ns, self._last_ns)
        self.queue.append((self._last_ns, data))
        self.in_flight_bytes += len(data)
        if self.reader is not None:
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
        self._clock.call_at(self._clock.now_ns() + self._latency_ns, self.break_now)

    # The receiver's end.

    def break_now(self) -> None:
        self.broken = True
        self.queue.clear()
        self.held.clear()
        self.held_bytes = 0
        self.wake()
        self.wake_drain()

    def close_receiver(self) -> None:
        """The receiving end is gone: what it did not read is lost, and nobody waits for it any more."""
        self.receiver_closed = True
        self.queue.clear()
        self.held.clear()
        self.held_bytes = 0
        self.wake()
        self.wake_drain()

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
        while self.held and self.in_flight_bytes + len(self.held[0]) <= WINDOW_BYTES:
            data = self.held.popleft()
            self.held_bytes -= len(data)
            self._launch(data)
        if not self.held:
            if self.ended:
                self._launch(_EOF)
            self.wake_drain()

    def arm(self) -> None:
        """See to it that the waiting reader is woken when the next chunk arrives."""
        at_ns = self.queue[0][0]
        if at_ns != self._wake_ns:
            self._wake_ns = at_ns
            self._clock.call_at(at_ns, self.wake, host=self.host)

    def wake(self) -> None:
        self._wake_ns = -1
        if self.reader is not None:
            reader, self.reader = self.reader, None
            trio.lowlevel.reschedule(reader)

    def wake_drain(self) -> None:
        if self.drain_task is not None:
            task, self.drain_task = self.drain_task, None
            trio.lowlevel.reschedule(task)


class SimulatedStream(Stream):
    """One end of a simulated connection."""

    checkpoints = False
    """Whether each operation passes a full trio checkpoint, as trio's conformance tests demand. Off, an
    operation that need not wait does not yield: the difference is a third of a simulation's time."""

    def __init__(self, clock: EventClock, host: Host, incoming: _Pipe, outgoing: _Pipe) -> None:
        self._clock = clock
        self._host = host
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False
        self._sending = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if max_bytes is not None and index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        if self.checkpoints:
            await trio.lowlevel.checkpoint()
        incoming = self._incoming
        if incoming.reader is not None:
            raise trio.BusyResourceError("another task is already receiving from this stream")
        while not self._closed and not incoming.broken and not incoming.arrived():
            await self._wait_for_arrival()
        if self._closed:
            raise trio.ClosedResourceError
        if incoming.broken:
            raise trio.BrokenResourceError("the connection was reset")
        return incoming.take(max_bytes)

    async def _wait_for_arrival(self) -> None:
        incoming = self._incoming
        incoming.reader = trio.lowlevel.current_task()
        if incoming.queue:
            incoming.arm()

        def abort(_: object) -> trio.lowlevel.Abort:
            incoming.reader = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def write(self, data: bytes) -> None:
        outgoing = self._outgoing
        if self._closed or outgoing.ended or outgoing.broken or not self._host.alive or not data:
            return
        if outgoing.receiver_closed:
            # Bytes for an end that is closed are answered with a reset, a round trip later.
            latency_ns = 2 * outgoing._latency_ns
            self._clock.call_at(self._clock.now_ns() + latency_ns, self._incoming.break_now)
            return
        outgoing.push(bytes(data))
        if outgoing.held_bytes > WRITE_LIMIT_BYTES:
            self.abort()

    @property
    def closed(self) -> bool:
        """Whether this end was closed or aborted."""
        return self._closed

    @property
    def unsent_bytes(self) -> int:
        return self._outgoing.held_bytes

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._begin_send()
        try:
            self._check_sendable()
            if self.checkpoints:
                await trio.lowlevel.checkpoint()
                self._check_sendable()
            self.write(bytes(data))
            await self._drain()
        finally:
            self._sending = False

    async def wait_send_all_might_not_block(self) -> None:
        self._begin_send()
        try:
            self._check_open()
            if self.checkpoints:
                await trio.lowlevel.checkpoint()
            await self._drain()
        finally:
            self._sending = False

    def _begin_send(self) -> None:
        if self._sending:
            raise trio.BusyResourceError("another task is already sending on this stream")
        self._sending = True

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError

    def _check_sendable(self) -> None:
        self._check_open()
        if self._outgoing.ended:
            raise trio.ClosedResourceError("the sending side is closed")
        if self._outgoing.receiver_closed or self._incoming.broken or self._outgoing.broken:
            raise trio.BrokenResourceError("the peer is gone")

    async def _drain(self) -> None:
        """Wait until the peer's window has room for all that was written."""
        outgoing = self._outgoing

        def abort(_: object) -> trio.lowlevel.Abort:
            outgoing.drain_task = None
            return trio.lowlevel.Abort.SUCCEEDED

        while outgoing.held:
            outgoing.drain_task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(abort)
            self._check_open()
            if outgoing.broken or outgoing.receiver_closed:
                raise trio.BrokenResourceError("the peer is gone")

    async def send_eof(self) -> None:
        self._begin_send()
        try:
            self._check_open()
            if self.checkpoints:
                await trio.lowlevel.checkpoint()
            self._outgoing.push_eof()
        finally:
            self._sending = False

    def close(self) -> None:
        if self._host.alive:
            self.sever()

    def sever(self) -> None:
        """What the kernel does for an end that closes or dies: FIN, or RST when bytes were left unread."""
        if self._closed:
            return
        if self._incoming.has_unread_bytes():
            self._outgoing.reset()
        else:
            self._outgoing.push_eof()
        self._shut()

    def abort(self) -> None:
        if not self._closed and self._host.alive:
            self._outgoing.reset()
            self._shut()

    def _shut(self) -> None:
        self._closed = True
        self._incoming.close_receiver()
        self._outgoing.wake_drain()

    async def aclose(self) -> None:
        self.close()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            self._outgoing.reset()  # a cancelled close is a forced one
            raise

    def is_stale(self) -> bool:
        return self._closed or self._incoming.broken or self._outgoing.ended or self._incoming.arrived()


def connected_pair(
    clock: EventClock, one: Host, other: Host, latency_ns: int
) -> tuple[SimulatedStream, SimulatedStream]:
    """The two ends of a new connection between two nodes."""
    to_one = _Pipe(clock, one, latency_ns)
    to_other = _Pipe(clock, other, latency_ns)
    return SimulatedStream(clock, one, to_one, to_other), SimulatedStream(clock, other, to_other, to_one)
