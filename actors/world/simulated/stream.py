"""One end of a connection in virtual time, with TCP's manners: half-closing, resets, a window."""

from collections.abc import Callable
from operator import index

import trio

from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.world import interfaces
from battle.actors.world.common import CommonStream
from battle.actors.world.interfaces import Loss
from battle.actors.world.simulated.clock import EventClock, Host
from battle.actors.world.simulated.pipe import WINDOW_BYTES, Pipe


class SimulatedStream(CommonStream):
    """One end of a simulated connection."""

    def __init__(self, clock: EventClock, host: Host, incoming: Pipe, outgoing: Pipe) -> None:
        self._clock = clock
        self._host = host
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False
        self.on_closed: Callable[[SimulatedStream], object] = _nothing
        """Called once, when this end was closed or aborted: a closed connection is nobody's to remember."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if max_bytes is not None and index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        if self.checkpoints:
            await trio.lowlevel.checkpoint()
        incoming = self._incoming
        if incoming.has_receiver:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        while not self._closed and not incoming.broken and not incoming.arrived():
            await self._wait_for_arrival()
        if self._closed:
            raise trio.ClosedResourceError
        if incoming.broken:
            raise trio.BrokenResourceError("the connection was reset")
        return incoming.take(max_bytes)

    def on_data(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        if self._incoming.has_receiver:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        self._incoming.call(receive, lost)

    def pause_receiving(self) -> None:
        self._incoming.paused = True

    def resume_receiving(self) -> None:
        self._incoming.resume()

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
            latency_ns = 2 * outgoing.latency_ns
            self._clock.call_at(self._clock.now_ns() + latency_ns, self._incoming.break_now)
            return
        outgoing.push(bytes(data))
        held = outgoing.held_bytes
        if held and (held > WRITE_LIMIT_BYTES or self._is_over(2 * interfaces.NODE_HELD_BYTES)):
            outgoing.reset()
            self._shut("unread")

    def _is_over(self, limit_bytes: int) -> bool:
        return self._host.held.must_go(self, limit_bytes)

    @property
    def unsent_bytes(self) -> int:
        return self._outgoing.held_bytes

    @property
    def held_bytes(self) -> int:
        """As `Holder.held_bytes`."""
        return self._outgoing.held_bytes

    def is_over_share(self) -> bool:
        return self._is_over(interfaces.NODE_HELD_BYTES)

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

    def _shut(self, how: Loss = "closed") -> None:
        self._closed = True
        self._host.held.forget(self)
        self._incoming.close_receiver(how)
        self._outgoing.wake_drain()
        self.on_closed(self)

    async def aclose(self) -> None:
        self.close()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            self._outgoing.reset()  # a cancelled close is a forced one
            raise

    def is_stale(self) -> bool:
        return self._closed or self._incoming.broken or self._outgoing.ended or self._incoming.arrived()


def _nothing(_: SimulatedStream) -> None:
    pass


def connected_pair(
    clock: EventClock, one: Host, other: Host, latency_ns: int, window_bytes: int = WINDOW_BYTES
) -> tuple[SimulatedStream, SimulatedStream]:
    """The two ends of a new connection between two nodes; `window_bytes` is what the other may send ahead."""
    to_one = Pipe(clock, one, latency_ns, window_bytes)
    to_other = Pipe(clock, other, latency_ns)
    return SimulatedStream(clock, one, to_one, to_other), SimulatedStream(clock, other, to_other, to_one)
