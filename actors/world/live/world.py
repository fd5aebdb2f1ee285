"""What actors on a live node get from the world: the kernel's sockets and clock."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from errno import EINPROGRESS
from os import strerror
from typing import Any

import trio

from battle.actors.addresses import Address
from battle.actors.shared_lines import SharedLines
from battle.actors.spec.endpoints import Tls
from battle.actors.world.common import CommonWorld, serve_one
from battle.actors.world.interfaces import ConnectionHandler, EventLog, Stream, Timer, Usage, WorldName
from battle.actors.world.live.limits import LimitNotes
from battle.actors.world.live.listener import Listener
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.stream import LiveStream
from battle.actors.world.live.tls import wrap_in_tls
from battle.actors.world.live.usage import UsageMeter

_NO_ROOM_PAUSE_SECONDS = 0.1


class LiveWorld(CommonWorld):
    """The `World` of the actors in this process."""

    name: WorldName = "live"

    def __init__(
        self,
        reactor: Reactor,
        node: str,
        seed: int,
        log: EventLog,
        shared_lines: SharedLines | None = None,
    ) -> None:
        super().__init__(node, seed, log, shared_lines, reactor.held, reactor.lingering)
        self.now_ns = reactor.now_ns  # an attribute saves a call on the hot path
        self._reactor = reactor
        self._usage = UsageMeter().read
        self._limits = LimitNotes(node)
        self._resolved: dict[Address, tuple[socket.AddressFamily, Any]] = {}
        self._listeners: dict[Address, Listener] = {}

    def call_at(self, at_ns: int, fn: Callable[..., object], *args: Any) -> Timer:
        return self._reactor.call_at(at_ns, fn, *args)

    def wake(self, task: trio.lowlevel.Task) -> None:
        self._reactor.wake(task)

    def usage(self) -> Usage | None:
        try:
            return self._usage()
        except OSError as error:
            self.note_limit(error, "reading /proc")
            return None

    def note_limit(self, error: OSError, doing: str) -> bool:
        """Put in the log that this node met a limit of the operating system; False when `error` is another one."""
        return self._limits.note(error, doing, self.now_ns(), self.log)

    async def serve(
        self,
        address: Address,
        handler: ConnectionHandler,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        family, target = await self._resolve(address)
        with closing(Listener(family, target)) as listener:
            self._listeners[listener.address] = listener
            async with trio.open_nursery() as nursery:
                task_status.started(listener.address)
                while True:
                    await listener.wait()
                    try:
                        for stream in self._accepted(listener.socket):
                            nursery.start_soon(serve_one, handler, stream)
                    except OSError as error:
                        if not self.note_limit(error, "accepting a connection"):
                            raise
                        # Clients wait in the backlog until there is room; spinning would make none.
                        await trio.sleep(_NO_ROOM_PAUSE_SECONDS)

    def shut(self, address: Address) -> None:
        self._listeners[address].shut()

    def reopen(self, address: Address) -> None:
        self._listeners[address].reopen()

    def _accepted(self, listener: socket.socket) -> Iterator[LiveStream]:
        """Those who wait to be accepted, one by one, so that none is left without a handler when accepting fails.

        Raises OSError when it does.
        """
        while True:
            try:
                sock, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            sock.setblocking(False)
            yield LiveStream(self._reactor, sock)

    async def connect(
        self, address: Address, tls: Tls | None = None, *, receive_buffer: int | None = None
    ) -> Stream:
        stream = await self._connect(address, receive_buffer)
        return stream if tls is None else await wrap_in_tls(self._reactor, stream, tls)

    async def _connect(self, address: Address, receive_buffer: int | None) -> LiveStream:
        family, target = await self._resolve(address)
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as limit:
            self.note_limit(limit, "opening a connection")
            raise
        try:
            sock.setblocking(False)
            if receive_buffer is not None:  # before the handshake, in which the peer learns of it
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            error = sock.connect_ex(target)
            if error == EINPROGRESS:
                await trio.lowlevel.wait_writable(sock)
                error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                refusal = OSError(error, f"{strerror(error)}: {address}")
                self.note_limit(refusal, "opening a connection")
                raise refusal
            return LiveStream(self._reactor, sock)
        except BaseException:
            sock.close()
            raise

    async def _resolve(self, address: Address) -> tuple[socket.AddressFamily, Any]:
        found = self._resolved.get(address)
        if found is None:
            host, _, port = address.rpartition(":")
            info = await trio.socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
            found = self._resolved[address] = (info[0][0], info[0][4])
        return found
