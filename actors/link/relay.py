"""One connection through the link: what either end says is said to the other, until both have ended."""

from functools import partial

import trio

from battle.actors.world.interfaces import Loss, Stream

HELD_BYTES = 256 * 1024
"""What one end may leave unread before the other is asked to wait."""


class Relay:
    """Between two streams, which it closes or resets as their peers do."""

    def __init__(self, client: Stream, upstream: Stream) -> None:
        self._ends = (client, upstream)
        self._running = 2
        self._over = trio.Event()
        self._nursery: trio.Nursery

    async def run(self) -> None:
        """Relay until both ends have said their last, or one was lost."""
        client, upstream = self._ends
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                self._connect(client, upstream)
                self._connect(upstream, client)
                try:
                    await self._over.wait()
                finally:
                    self._over.set()
                nursery.cancel_scope.cancel()
        finally:
            client.close()
            upstream.close()

    def _connect(self, source: Stream, sink: Stream) -> None:
        source.on_data(partial(self._on_data, source, sink), partial(self._on_lost, sink))

    def _on_data(self, source: Stream, sink: Stream, data: bytes, _at_ns: int) -> None:
        if self._over.is_set():
            return
        if not data:
            self._nursery.start_soon(self._end, sink)
            return
        sink.write(data)
        if sink.unsent_bytes > HELD_BYTES:
            source.pause_receiving()
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
