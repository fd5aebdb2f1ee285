"""A listening socket that can be shut while the connections it has accepted live on."""

import socket
from typing import Any

import trio

_BACKLOG = 1024


class Listener:
    """Listens on `target` from the start. Raises OSError when it is taken, or not ours."""

    def __init__(self, family: socket.AddressFamily, target: Any) -> None:
        self._family = family
        self._opened = trio.Event()
        self.socket = self._bound(target)
        self._target = self.socket.getsockname()
        self._listening = False
        self.reopen()

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self._target[:2]
        return f"{host}:{port}"

    def shut(self) -> None:
        """Refuse connections: those that wait to be accepted are reset, new ones meet nobody.

        A socket that is bound but does not listen keeps the kernel from giving the port to somebody else.
        """
        if self._listening:
            self._listening = False
            self._opened = trio.Event()
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()
            self.socket = self._bound(self._target)

    def reopen(self) -> None:
        """Listen again."""
        if not self._listening:
            self.socket.listen(_BACKLOG)
            self._listening = True
            self._opened.set()

    def close(self) -> None:
        """Give the address up."""
        self.socket.close()

    async def wait(self) -> None:
        """Wait until somebody may be there to be accepted."""
        while True:
            await self._opened.wait()
            try:
                await trio.lowlevel.wait_readable(self.socket)
            except trio.ClosedResourceError:
                continue  # shut meanwhile
            if self._listening:
                return

    def _bound(self, target: Any) -> socket.socket:
        bound = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setblocking(False)
            bound.bind(target)
        except OSError:
            bound.close()
            raise
        return bound
