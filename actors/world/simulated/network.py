"""The simulated network: who listens where, and what happens to a connection attempt."""

from errno import EADDRINUSE, ECONNREFUSED
from typing import Protocol

from battle.actors.addresses import Address
from battle.actors.world.simulated.clock import EventClock, Host
from battle.actors.world.simulated.pipe import WINDOW_BYTES
from battle.actors.world.simulated.stream import SimulatedStream, connected_pair

LATENCY_NS = 50_000
"""One way between any two nodes: what a loopback connection between two busy processes shows."""

_FIRST_PORT = 8545


class Server(Host, Protocol):
    """What the network needs to know of a node that listens."""

    def accept(self, address: Address, stream: SimulatedStream) -> None:
        """A connection to `address` has come in."""


class Network:
    """Addresses of one simulation."""

    def __init__(self, clock: EventClock) -> None:
        self.clock = clock
        self._listeners: dict[Address, Server] = {}
        self._next_port = _FIRST_PORT

    def reserve(self, host: str, port: int) -> Address:
        """An address of `host` that nobody else has; port 0 asks for any."""
        if port == 0:
            port, self._next_port = self._next_port, self._next_port + 1
        return f"{host}:{port}"

    def listen(self, address: Address, node: Server) -> None:
        """From now on connections to `address` go to `node`. Raises OSError when it is taken."""
        if address in self._listeners:
            raise OSError(EADDRINUSE, f"address {address} is already in use")
        self._listeners[address] = node

    def listens(self, address: Address, node: Server) -> bool:
        """Whether it is `node` that listens on `address`."""
        return self._listeners.get(address) is node

    def shut(self, address: Address, node: Server) -> None:
        """Nobody listens on `address` any more, if it was `node` that did."""
        if self.listens(address, node):
            del self._listeners[address]

    def unlisten(self, node: Server) -> None:
        """Nobody listens any more where `node` did."""
        self._listeners = {address: other for address, other in self._listeners.items() if other is not node}

    def open(self, client: Host, address: Address, receive_buffer: int | None = None) -> SimulatedStream:
        """The client's end of a connection to whoever listens, who may send so many bytes ahead of what it reads.

        Raises:
            ConnectionRefusedError: nobody does.
        """
        server = self._listeners.get(address)
        if server is None:
            raise ConnectionRefusedError(ECONNREFUSED, f"nobody listens on {address}")
        window_bytes = receive_buffer or WINDOW_BYTES
        mine, theirs = connected_pair(self.clock, client, server, LATENCY_NS, window_bytes)
        server.accept(address, theirs)
        return mine
