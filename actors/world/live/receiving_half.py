"""The half of a TCP connection that receives: for a task that waits, or by callbacks from the reactor."""

import select
import socket
from collections.abc import Callable
from operator import index

import trio

from battle.actors.world.common import ReadByOne
from battle.actors.world.interfaces import Loss
from battle.actors.world.live.reactor import Reactor

_RECEIVE_BYTES = 64 * 1024
_READS_PER_TURN = 16
"""A connection that never runs dry lets the others have their turn after so many reads: a megabyte."""

_HANGUPS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
READABLE = select.EPOLLIN | _HANGUPS
READ_EVENTS = select.EPOLLIN | select.EPOLLRDHUP


class ReceivingHalf(ReadByOne):
    """What of a `LiveStream` receives, and whether it can."""

    def __init__(self, reactor: Reactor, sock: socket.socket) -> None:
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

    # For a task.

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
            # The kernel's buffer is empty, and an edge will tell of more; but a hang-up tells only once.
            self._readable = self._hung_up
        return data

    def _reschedule(self, task: trio.lowlevel.Task) -> None:
        self._reactor.wake(task)

    # By callbacks.

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
        """Hand over what there is, until nothing is left: only then will an edge tell of more."""
        # A look of its own may have found what an event that was seen before it, and is served later, tells again.
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

    # For both.

    def _on_readable(self, events: int) -> None:
        if events & _HANGUPS:
            self._hung_up = True
        if self._receive is not None:
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
