"""The writer for virtual time: what a flush would have saved is worked out afterwards, so no timer has to do it."""

from collections.abc import Callable

from battle.store.events import Event
from battle.store.segment import FLUSH_INTERVAL_NS, SegmentWriter
from battle.store.sink import Sink


class VirtualSegmentWriter(SegmentWriter):
    """Keeps and loses what a `SegmentWriter` flushed in time would, in far fewer blocks.

    In virtual time a flush is seen by nobody until the node dies. So events gather until a block is full, and only
    `discard` asks which of them a flush `FLUSH_INTERVAL_NS` after the first of its block would have saved. `now_ns`
    is the simulation's clock.
    """

    def __init__(self, sink: Sink, now_ns: Callable[[], int]) -> None:
        super().__init__(sink)
        self._now_ns = now_ns
        self._due_ns = 0
        self._saved = 0

    def append(self, event: Event) -> None:
        self._note_flush()
        super().append(event)

    def _note_flush(self) -> None:
        """A flush that was due by now has saved all that was pending before."""
        now_ns = self._now_ns()
        if now_ns >= self._due_ns:
            self._saved = len(self._pending)
            self._due_ns = now_ns + FLUSH_INTERVAL_NS

    def flush(self) -> None:
        super().flush()
        self._saved = 0

    def discard(self) -> None:
        if self._now_ns() >= self._due_ns:
            self._saved = len(self._pending)
        del self._pending[self._saved :]
        self.flush()
        super().discard()
