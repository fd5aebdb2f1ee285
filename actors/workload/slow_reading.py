"""Clients that read slowly: a small receive buffer, and so many bytes a second and no more.

What a connection has read comes from the stream below in pieces. While a piece is handed on, slice by slice, the
stream below is paused: it leaves the rest with the sender once the receive buffer is full.

            receive buffer full: the sender keeps the rest
    gateway ------------------> stream below ---a piece---> `_unread` ---a slice when its time has come---> the client
                                    ^                          |
                                    +------ resumed, when all of it is handed on and its time has passed
"""

from collections.abc import Callable

from battle.actors.addresses import Address
from battle.actors.spec.endpoints import Tls
from battle.actors.spec.workloads import Workload
from battle.actors.world.interfaces import Connect, Loss, Stream, Timer, World
from battle.store.events import BenchLimitReached

DEFAULT_RECEIVE_BUFFER = 16 * 1024
"""Of a client with a `read_rate`: with more, a gateway would not notice for long that nobody reads."""

SLICES_PER_SECOND = 20
"""A slice is what may be read in a twentieth of a second, so that rates are even and timers few."""


class SlowReaders:
    """The connections of one workload whose clients read slowly, or with a small buffer; `connect` opens one.

    Logs for each second how often one had more to read than it may (`BenchLimitReached`, limit `read_rate`): a reader
    that never had to wait was not slow.
    """

    def __init__(self, world: World, spec: Workload, connect: Connect) -> None:
        self._world = world
        self._connect = connect
        self._receive_buffer = spec.receive_buffer
        self._read_rate = spec.read_rate
        self._waits = 0
        self._streams: set[SlowReading] = set()

    async def connect(
        self, address: Address, tls: Tls | None = None, *, receive_buffer: int | None = None
    ) -> Stream:
        """As `World.connect`."""
        receive_buffer = receive_buffer or self._receive_buffer
        if self._read_rate is None:
            return await self._connect(address, tls, receive_buffer=receive_buffer)
        receive_buffer = receive_buffer or DEFAULT_RECEIVE_BUFFER
        stream = await self._connect(address, tls, receive_buffer=receive_buffer)
        slow = SlowReading(self._world, stream, self._read_rate, self._count, self._streams.discard)
        self._streams.add(slow)
        return slow

    def _count(self) -> None:
        self._waits += 1

    def hurry(self) -> None:
        """Read what is left as fast as it comes: the load is over, and what was sent until then was not missed."""
        for stream in [*self._streams]:
            stream.hurry()

    def sample(self) -> None:
        """Log what there was since the last time."""
        if self._waits and self._read_rate is not None:
            reached = BenchLimitReached(
                at_ns=self._world.now_ns(),
                node=self._world.node,
                limit="read_rate",
                times=self._waits,
                bound=round(self._read_rate),
            )
            self._world.log.append(reached)
            self._waits = 0

    def close(self) -> None:
        """The last second, cut short."""
        self.sample()


class SlowReading(Stream):
    """`inner`, of which no more than `read_rate` bytes a second are read by the callback of `on_data`.

    A task in `receive_some`, as in the handshake of a WebSocket, does not wait. The end of stream comes after all
    that was sent before; a reset at once, and what was not read by then is lost. `on_wait` is called for each slice
    behind which more was waiting already, `on_end` when nothing more will be read.
    """

    def __init__(
        self,
        world: World,
        inner: Stream,
        read_rate: float,
        on_wait: Callable[[], object],
        on_end: Callable[["SlowReading"], object],
    ) -> None:
        self._world = world
        self._inner = inner
        self._on_wait = on_wait
        self._on_end = on_end
        self._ns_per_byte = 1e9 / read_rate
        self._slice_bytes = max(int(read_rate / SLICES_PER_SECOND), 1)
        self._unread = b""
        self._receive: Callable[[bytes, int], object] | None = None
        self._lost: Callable[[Loss, int], object] | None = None
        self._paused = False
        self._hurries = False
        self._timer: Timer | None = None
        """Set while the time of what was read last has not passed yet."""

    def hurry(self) -> None:
        """From now on read as fast as anybody."""
        self._hurries = True
        if self._timer is not None:
            self._timer.cancel()
            self._wait_until(self._world.now_ns())

    def on_data(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> None:
        self._inner.on_data(self._on_piece, self._on_lost)
        self._receive, self._lost = receive, lost

    def _on_piece(self, data: bytes, at_ns: int) -> None:
        if not data or self._hurries:
            self._hand_on(data, at_ns)
            return
        self._unread += data
        self._inner.pause_receiving()
        self._read_on()

    def _read_on(self) -> None:
        """Read a slice, and the next one when its time has come."""
        size = len(self._unread) if self._hurries else self._slice_bytes
        data, self._unread = self._unread[:size], self._unread[size:]
        now_ns = self._world.now_ns()  # not when it came: that may be long ago
        if self._unread:
            self._on_wait()
        self._wait_until(now_ns + (0 if self._hurries else round(len(data) * self._ns_per_byte)))
        self._hand_on(data, now_ns)

    def _wait_until(self, at_ns: int) -> None:
        self._timer = self._world.call_at(at_ns, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if not self._paused:
            self._go_on()

    def _go_on(self) -> None:
        if self._receive is None:
            return
        if self._unread:
            self._read_on()
        else:
            self._inner.resume_receiving()

    def _hand_on(self, data: bytes, at_ns: int) -> None:
        receive = self._receive
        assert receive is not None
        if not data:
            self._receive = None
            self._on_end(self)
        receive(data, at_ns)

    def _on_lost(self, how: Loss, at_ns: int) -> None:
        self._receive = None
        self._on_end(self)
        assert self._lost is not None
        self._lost(how, at_ns)

    def pause_receiving(self) -> None:
        self._paused = True
        self._inner.pause_receiving()

    def resume_receiving(self) -> None:
        was_paused, self._paused = self._paused, False
        if was_paused and self._timer is None:
            self._wait_until(self._world.now_ns())

    def is_stale(self) -> bool:
        return bool(self._unread) or self._inner.is_stale()

    def close(self) -> None:
        self._on_end(self)
        self._inner.close()

    def abort(self) -> None:
        self._on_end(self)
        self._inner.abort()

    # As the stream below.

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self._inner.receive_some(max_bytes)

    def write(self, data: bytes) -> None:
        self._inner.write(data)

    @property
    def unsent_bytes(self) -> int:
        return self._inner.unsent_bytes

    def is_over_share(self) -> bool:
        return self._inner.is_over_share()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._inner.send_eof()

    async def aclose(self) -> None:
        await self._inner.aclose()
