"""The bytes of a WebSocket between a client and its upstream, until both have said their last.

A conversation reads them on the side, and says when those of the client may go on: until then they wait here, and the
client's stream is paused.

The client's stream has callbacks already, those of the HTTP connection that asked for the WebSocket: they are passed
on to `client_callbacks`. Until the upstream is there, what the client says stays in its stream.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

import trio

from battle.actors.link.conversation import Conversation
from battle.actors.world.interfaces import Loss, Stream, Timer, World

HELD_BYTES = 256 * 1024
"""What one end may leave unread before the other is asked to wait."""


class Relay:
    """Between two streams, which it closes or resets as their peers do."""

    def __init__(self, world: World, client: Stream, conversation: Conversation) -> None:
        self._world = world
        self._client = client
        self._conversation = conversation
        self._queue: deque[tuple[bytes, int]] = deque()
        self._timer: Timer | None = None
        self._clogging: set[Stream] = set()
        """Whose peer has to read first."""
        self._reasons_to_wait = 0
        """Of the client's stream, which is paused while there is one."""
        self._upstream: Stream | None = None
        self._early = b""
        self._running = 2
        self._over = trio.Event()
        self._nursery: trio.Nursery

    def client_callbacks(self) -> tuple[Callable[[bytes, int], object], Callable[[Loss, int], object]]:
        """The callbacks for the client's stream, as for `Stream.on_data`."""
        return self._on_client_data, self._on_client_lost

    def early(self, data: bytes) -> None:
        """The client said this already, behind its handshake. It has to wait for the upstream now."""
        self._early = data
        self._client.pause_receiving()

    async def run(self, upstream: Stream) -> None:
        """Relay until both ends have said their last, or one was lost."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                if not self._over.is_set():
                    self._begin(upstream)
                try:
                    await self._over.wait()
                finally:
                    self._over.set()
                nursery.cancel_scope.cancel()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._conversation.close()
            self._client.close()
            upstream.close()

    def _begin(self, upstream: Stream) -> None:
        self._upstream = upstream
        upstream.on_data(self._on_upstream_data, partial(self._on_lost, self._client))
        self._client.resume_receiving()
        if self._early:
            self._on_client_data(self._early, self._world.now_ns())

    def _on_client_data(self, data: bytes, _at_ns: int) -> None:
        assert self._upstream is not None, "the client's stream is paused until there is an upstream"
        if not data:
            self._pass(self._client, self._upstream, data)
            return
        self._queue += self._conversation.asked(data)
        self._pass_due()
        if self._queue:
            self._wait(self._client)
            self._arm()

    def _pass_due(self) -> None:
        """What of the client's words may go on now."""
        assert self._upstream is not None
        while self._queue and self._queue[0][1] <= self._world.now_ns():
            self._pass(self._client, self._upstream, self._queue.popleft()[0])

    def _arm(self) -> None:
        self._timer = self._world.call_at(self._queue[0][1], self._on_time)

    def _on_time(self) -> None:
        self._pass_due()
        if self._queue:
            self._arm()
        else:
            self._go_on(self._client)

    def _on_upstream_data(self, data: bytes, _at_ns: int) -> None:
        assert self._upstream is not None
        self._conversation.heard(data)
        self._pass(self._upstream, self._client, data)

    def _on_client_lost(self, how: Loss, at_ns: int) -> None:
        if self._upstream is None:
            self._over.set()
        else:
            self._on_lost(self._upstream, how, at_ns)

    def _pass(self, source: Stream, sink: Stream, data: bytes) -> None:
        if self._over.is_set():
            return
        if not data:
            self._nursery.start_soon(self._end, sink)
            return
        sink.write(data)
        if sink.unsent_bytes > HELD_BYTES and source not in self._clogging:
            self._clogging.add(source)
            self._wait(source)
            self._nursery.start_soon(self._resume_later, source, sink)

    def _on_lost(self, sink: Stream, how: Loss, _at_ns: int) -> None:
        """A reset goes on as a reset; what this node has closed itself, because nobody read it, is one as well."""
        if not self._over.is_set():
            sink.abort()
            self._over.set()

    async def _resume_later(self, source: Stream, sink: Stream) -> None:
        try:
            await sink.wait_send_all_might_not_block()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # its own receiver is notified, and ends the relay
        self._clogging.discard(source)
        self._go_on(source)

    def _wait(self, source: Stream) -> None:
        """Read no more of it until `_go_on`, once for each reason to wait."""
        if source is self._client:
            self._reasons_to_wait += 1
        source.pause_receiving()

    def _go_on(self, source: Stream) -> None:
        if source is self._client:
            self._reasons_to_wait -= 1
            if self._reasons_to_wait:
                return
        source.resume_receiving()

    async def _end(self, sink: Stream) -> None:
        """A half-close goes on once all before it has been sent."""
        try:
            await sink.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # its own receiver is notified, and ends the relay
        self._running -= 1
        if not self._running:
            self._over.set()
