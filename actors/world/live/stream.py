"""A TCP connection on the reactor."""

import select
import socket
import struct
from collections.abc import Callable
from operator import index

import trio

from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.world import interfaces
from battle.actors.world.common import ReadByOne
from battle.actors.world.interfaces import Loss
from battle.actors.world.live.reactor import Reactor

_RECEIVE_BYTES = 64 * 1024
_READS_PER_TURN = 16
"""A connection that never runs dry lets the others have their turn after so many reads: a megabyte."""

_HANGUPS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_READABLE = select.EPOLLIN | _HANGUPS
_READ_EVENTS = select.EPOLLIN | select.EPOLLRDHUP
_WRITABLE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR

LINGER_NS = 10 * 10**9
"""How long a closed stream goes on sending to a peer that does not read, before it gives up on it."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class LiveStream(ReadByOne):
    """One connected, non-blocking TCP socket, which the stream owns from now on."""

    def __init__(self, reactor: Reactor, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reactor = reactor
        self._socket = sock
        self._fd = sock.fileno()
        self._receive: Callable[[bytes, int], object] | None = None
        self._lost: Callable[[Loss, int], object] | None = None
        self._ended_by_us: Loss = "closed"
        self._paused = False
        self._arrived_ns = 0
        self._readable = True
        self._hung_up = False
        self._closed = False
        self._closing = False
        self._ended = False
        self._refused: OSError | None = None
        self._reset: OSError | None = None
        self._pending = bytearray()
        self._drainer: trio.lowlevel.Task | None = None
        reactor.register(self._fd, _READ_EVENTS, self._on_events)

    # Receiving, for a task.

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if max_bytes is None:
            max_bytes = _RECEIVE_BYTES
        elif index(max_bytes) < 1:
            raise ValueError("max_bytes must be at least 1")
        if self.checkpoints:
            await trio.lowlevel.checkpoint()
        if self._reader is not None or self._lost is not None:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        while True:
            if self._closed or self._closing:
                raise trio.ClosedResourceError
            if self._reset is not None:  # the kernel says so only once
                raise trio.BrokenResourceError(str(self._reset))
            if self._readable:
                data = self._receive_now(max_bytes)
                if data is not None:
                    return data
            await self._wait_readable()

    def _receive_now(self, max_bytes: int) -> bytes | None:
        try:
            data = self._socket.recv(max_bytes)
        except BlockingIOError:
            self._readable = False
            return None
        except OSError as error:
            self._reset = error
            raise trio.BrokenResourceError(str(error)) from error
        if len(data) < max_bytes:
            # The kernel's buffer is empty, and an edge will report more; but a hang-up is reported once.
            self._readable = self._hung_up
        return data

    def _reschedule(self, task: trio.lowlevel.Task) -> None:
        self._reactor.wake(task)

    # Receiving, by callbacks.

    def on_data(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> None:
        if self._closed or self._closing:
            raise trio.ClosedResourceError
        if self._reader is not None or self._lost is not None:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        self._receive = receive
        self._lost = lost
        if self._readable:  # for what is there no further edge may come
            self._pump_soon()

    def pause_receiving(self) -> None:
        self._paused = True

    def resume_receiving(self) -> None:
        if self._paused:
            self._paused = False
            self._pump_soon()  # for what came meanwhile no further edge may come

    def _pump_soon(self) -> None:
        self._reactor.call_at(self._reactor.now_ns(), self._pump)

    def _pump(self) -> None:
        """Hand over what there is, until nothing is left: only then will an edge report more."""
        # A read of its own may have found what an event that was seen before it, and is served later, reports again.
        arrived_ns = self._arrived_ns = max(self._arrived_ns, self._reactor.seen_ns)
        for _ in range(_READS_PER_TURN):
            receive = self._receive
            if receive is None or self._paused:
                return
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                self._lose("reset", arrived_ns)
                return
            if not data:
                self._at_end_of_stream(receive, arrived_ns)
                return
            receive(data, arrived_ns)
            if len(data) < _RECEIVE_BYTES and not self._hung_up:
                return
        self._pump_soon()

    def _at_end_of_stream(self, receive: Callable[[bytes, int], object], arrived_ns: int) -> None:
        if self._refused is not None:  # a reset that `write` has met first looks like an end to the reader
            self._lose("reset", arrived_ns)
        else:
            self._receive = None
            receive(b"", arrived_ns)

    def _lose(self, how: Loss, at_ns: int) -> None:
        assert self._lost is not None
        self._receive = None
        self._lost(how, at_ns)

    # Receiving, for both.

    def _on_readable(self, events: int) -> None:
        if events & _HANGUPS:
            self._hung_up = True
        if self._receive is not None and self._paused and events & select.EPOLLERR:
            self._lose(
                "reset", self._reactor.seen_ns
            )  # nobody reads now, and who paused would never hear of it
        elif self._receive is not None:
            self._pump()
        else:
            self._readable = True
            self._wake_reader()

    def _stop_receiving(self) -> None:
        """This side closes: whoever receives hears of it, but not before the stream's method has returned."""
        self._wake_reader()
        if self._receive is not None:
            self._receive = None
            now_ns = self._reactor.now_ns()
            self._reactor.call_at(now_ns, self._lose, self._ended_by_us, now_ns)

    def is_stale(self) -> bool:
        if self._closed or self._closing or self._ended:
            return True
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    # Sending.

    def write(self, data: bytes) -> None:
        if self._closed or self._closing or self._ended or self._refused is not None:
            return
        if not self._pending:
            data = data[self._send_now(data) :]
            if not data or self._refused is not None:
                return
            self._reactor.modify(self._fd, _READ_EVENTS | select.EPOLLOUT)
        self._pending += data
        too_much = len(self._pending) > WRITE_LIMIT_BYTES
        if too_much or self._reactor.held.must_go(self, 2 * interfaces.NODE_HELD_BYTES):
            self._ended_by_us = "unread"
            self.abort()

    def _send_now(self, data: bytes | bytearray) -> int:
        """How much the kernel took. An error is kept for `send_all`; the reader meets it by itself."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._refused = error
            return 0

    def _flush(self) -> None:
        # Edge-triggered: until the kernel refuses more, no further edge will come.
        while self._pending and (sent := self._send_now(self._pending)):
            del self._pending[:sent]
        if self._refused is not None:
            self._pending.clear()
        if self._pending:
            return
        if self._closing:
            self._release()
            return
        self._reactor.modify(self._fd, _READ_EVENTS)
        self._wake_drainer()

    @property
    def unsent_bytes(self) -> int:
        return len(self._pending)

    @property
    def held_bytes(self) -> int:
        """As `Holder.held_bytes`."""
        return len(self._pending)

    def is_over_share(self) -> bool:
        return self._reactor.held.must_go(self, interfaces.NODE_HELD_BYTES)

    async def send_eof(self) -> None:
        self._begin_send()
        try:
            if self._closed or self._closing:
                raise trio.ClosedResourceError
            if self.checkpoints:
                await trio.lowlevel.checkpoint()
            if self._ended:
                return
            await self._drain()
            self._ended = True
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError as error:
                raise trio.BrokenResourceError(str(error)) from error
        finally:
            self._sending = False

    def _check_sendable(self) -> None:
        if self._closed or self._closing or self._ended:
            raise trio.ClosedResourceError
        if self._refused is not None:
            raise trio.BrokenResourceError(str(self._refused)) from self._refused

    async def _drain(self) -> None:
        """Wait until the kernel has taken all that was written."""
        while self._pending:
            self._drainer = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abort_drain)
        self._check_sendable()

    def _abort_drain(self, _: object) -> trio.lowlevel.Abort:
        self._drainer = None
        return trio.lowlevel.Abort.SUCCEEDED

    # Ending.

    def close(self) -> None:
        if self._closed or self._closing:
            return
        self._closing = True
        self._stop_receiving()
        self._wake_drainer()
        if self._pending:
            self._reactor.lingering.add(self)
            self._reactor.call_at(self._reactor.now_ns() + LINGER_NS, self.abort)
        else:
            self._release()

    def abort(self) -> None:
        if self._closed:
            return
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._pending.clear()
        self._release()

    def end_now(self) -> None:
        """As `Lingering.end_now`."""
        self.abort()

    async def aclose(self) -> None:
        self.close()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            self.abort()  # a cancelled close is a forced one
            raise

    def _release(self) -> None:
        self._closed = True
        self._reactor.held.forget(self)
        self._reactor.lingering.discard(self)
        self._reactor.forget(self._fd)
        self._socket.close()
        self._stop_receiving()
        self._wake_drainer()

    # Waking.

    def _on_events(self, events: int) -> None:
        if events & _READABLE:
            self._on_readable(events)
        if self._pending and events & _WRITABLE:
            self._flush()

    def _wake_drainer(self) -> None:
        if self._drainer is not None:
            drainer, self._drainer = self._drainer, None
            self._reactor.wake(drainer)
