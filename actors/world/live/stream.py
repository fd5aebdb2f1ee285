"""A TCP connection on the reactor."""

import select
import socket
import struct

import trio

from battle.actors.spec.limits import WRITE_LIMIT_BYTES
from battle.actors.world import interfaces
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.receiving_half import READ_EVENTS, READABLE, ReceivingHalf

_WRITABLE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
LINGER_NS = 10 * 10**9
"""How long a closed stream goes on sending to a peer that does not read, before it gives up on it."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class LiveStream(ReceivingHalf):
    """One connected, non-blocking TCP socket, which the stream owns from now on."""

    def __init__(self, reactor: Reactor, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(reactor, sock)
        self._pending = bytearray()
        self._drainer: trio.lowlevel.Task | None = None
        reactor.register(self._fd, READ_EVENTS, self._on_events)

    # Sending.

    def write(self, data: bytes) -> None:
        if self._closed or self._closing or self._ended or self._refused is not None:
            return
        if not self._pending:
            data = data[self._send_now(data) :]
            if not data or self._refused is not None:
                return
            self._reactor.modify(self._fd, READ_EVENTS | select.EPOLLOUT)
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
        self._reactor.modify(self._fd, READ_EVENTS)
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
            self._reactor.call_at(self._reactor.now_ns() + LINGER_NS, self.abort)
        else:
            self._release()

    def abort(self) -> None:
        if self._closed:
            return
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._pending.clear()
        self._release()

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
        self._reactor.forget(self._fd)
        self._socket.close()
        self._stop_receiving()
        self._wake_drainer()

    # Waking.

    def _on_events(self, events: int) -> None:
        if events & READABLE:
            self._on_readable(events)
        if self._pending and events & _WRITABLE:
            self._flush()

    def _wake_drainer(self) -> None:
        if self._drainer is not None:
            drainer, self._drainer = self._drainer, None
            self._reactor.wake(drainer)
