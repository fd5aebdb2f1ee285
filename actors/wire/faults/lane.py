"""What transport faults make of one direction of a connection. Pure: chunks and moments in, pieces and moments out.

A lane is a queue: bytes never overtake one another, whatever delays them. When a piece leaves is decided only when
it is the next one, from the faults in force at that moment; so the end of a fault frees what it held up.

Each fault says itself what it wants of a chunk and of a piece (`on_chunk`, `on_piece`). What comes of all of them is
said here: delays add up, the smallest size and the lowest rate count, and one that holds back stops the lane.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec

from battle.actors.rng import Draws
from battle.actors.spec.faults.transport import StreamFault, Way
from battle.actors.units import Duration, ms

End: TypeAlias = Literal["end", "reset", "eof", "close", "abort", "cut"]
"""What can come after the bytes: the peer's end of stream or reset; this side's half-close, close or abort; a fault's
cut."""

QUANTUM_NS = ms(10)
"""A limited connection sends what it may send in this time as one piece: smooth enough, and a hundred timers a
second at most. It may catch up by as much when its timer came late."""

_SECOND_NS = 10**9


class Toxic(msgspec.Struct, frozen=True):
    """A fault in force."""

    fault_id: str
    fault: StreamFault


class _Item(msgspec.Struct):
    """A chunk, or an end; each fault that delays it by an amount of its own, with that amount."""

    entered_ns: int
    data: bytes
    end: End | None
    delays: tuple[tuple[str, Duration], ...]


class Lane:
    """One direction of one connection, under the faults of the moment.

    `key` identifies it: together with a fault's id and how often that fault has drawn here it is what
    randomness is keyed by, so one fault less changes no draw of another.

    `acted` collects what became of the connection, by fault: the first action of each. The owner may empty it.
    """

    def __init__(self, way: Way, draws: Draws, *key: object) -> None:
        self.way: Way = way
        self.acted: dict[str, str] = {}
        self.queued_bytes = 0
        self._draws = draws
        self._key = key
        self._queue: deque[_Item] = deque()
        self._offset = 0
        self._cut = False
        self._toxics: dict[str, StreamFault] = {}
        self._holders: tuple[str, ...] = ()
        self._drawn: dict[str, int] = {}
        self._carried: dict[str, int] = {}
        self._released_ns: int | None = None
        self._free_ns = 0
        self._planned: _Piece | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is left to leave."""
        return not self._queue

    def govern(self, rulings: Iterable[Toxic]) -> None:
        """From now on these faults are in force, and no others."""
        self._toxics = {ruling.fault_id: ruling.fault for ruling in rulings}
        self._holders = tuple(fault_id for fault_id, fault in self._toxics.items() if fault.holds_back)
        for counts in (self._drawn, self._carried):
            for gone in [fault_id for fault_id in counts if fault_id not in self._toxics]:
                del counts[gone]
        self._planned = None
        if self._queue:
            self._note_held()

    def push(self, data: bytes, now_ns: int) -> None:
        """A chunk enters."""
        self._enter(_Item(now_ns, data, None, self._delays()))

    def push_end(self, end: End, now_ns: int, *, noticed: bool = True) -> None:
        """Nothing will enter any more; the end leaves after all that entered before it.

        A close that nobody would notice, because the peer has closed already, is not slowed down.
        """
        is_noticed_close = noticed and end in ("eof", "close")
        self._enter(_Item(now_ns, b"", end, self._delays(is_noticed_close=is_noticed_close)))

    def clear(self) -> None:
        """Forget all that has not left."""
        self._queue.clear()
        self._offset = self.queued_bytes = 0
        self._planned = None

    def due_ns(self) -> int | None:
        """When the next piece or end may leave; None when there is none, or when it is held back."""
        if not self._queue or self._holders:
            return None
        if self._planned is None:
            self._planned = self._plan(self._queue[0])
        return self._planned.due_ns

    def take(self, now_ns: int) -> bytes | End | None:
        """What leaves now; None when nothing may. To be asked again until it is None."""
        due_ns = self.due_ns()
        if due_ns is None or due_ns > now_ns:
            return None
        planned, self._planned = self._planned, None
        assert planned is not None
        size = planned.size
        item = self._queue[0]
        if item.end is not None:
            self._queue.popleft()
            return item.end
        piece = item.data[self._offset : self._offset + size]
        self._offset += size
        if self._offset == len(item.data):
            self._queue.popleft()
            self._offset = 0
        self.queued_bytes -= size
        self._released_ns = now_ns
        self._free_ns = max(due_ns, now_ns - QUANTUM_NS)
        self._count_carried(size, planned.limits, now_ns)
        return piece

    def _enter(self, item: _Item) -> None:
        if self._cut:
            return
        self.queued_bytes += len(item.data)
        self._queue.append(item)
        for fault_id, _ in item.delays:
            self.note(fault_id, "delayed")
        self._note_held()

    def _delays(self, *, is_noticed_close: bool = False) -> tuple[tuple[str, Duration], ...]:
        """What delays a chunk, or an end, that enters now. A delay of 0 is none."""
        delays = []
        for fault_id, fault in self._toxics.items():
            chunk = _Chunk(self, fault_id, is_noticed_close)
            fault.on_chunk(chunk)
            if chunk.delayed:
                delays.append((fault_id, chunk.delayed))
        return tuple(delays)

    def draw(self, fault_id: str) -> float:
        """The fault's next number from 0 to 1 here."""
        number = self._drawn[fault_id] = self._drawn.get(fault_id, 0) + 1
        return self._draws.uniform(fault_id, *self._key, self.way, number)

    def _plan(self, item: _Item) -> "_Piece":
        """The next piece of `item`; an end has no size, and only its delays."""
        due_ns = item.entered_ns + sum(delay for id_, delay in item.delays if id_ in self._toxics)
        piece = _Piece(due_ns, len(item.data) - self._offset, self._released_ns, self._carried, self.note)
        if item.end is None:
            for fault_id, fault in self._toxics.items():
                piece.fault_id = fault_id
                fault.on_piece(piece)
            piece.pace(self._free_ns)
        return piece

    def _count_carried(self, size: int, limits: dict[str, int], now_ns: int) -> None:
        for fault_id, limit in limits.items():
            carried = self._carried[fault_id] = self._carried.get(fault_id, 0) + size
            if carried >= limit:
                self.note(fault_id, "cut")
                self.clear()
                self._cut = True
                self._queue.append(_Item(now_ns, b"", "cut", ()))
                return

    def _note_held(self) -> None:
        for fault_id in self._holders:
            self.note(fault_id, "held")

    def note(self, fault_id: str, action: str) -> None:
        """The fault does this to the connection."""
        self.acted.setdefault(fault_id, action)


class _Chunk:
    """A `Chunk`: what enters a lane, as one of its faults sees it."""

    def __init__(self, lane: Lane, fault_id: str, is_noticed_close: bool) -> None:
        self.is_noticed_close = is_noticed_close
        self.delayed: Duration = 0
        self._lane = lane
        self._fault_id = fault_id

    def draw(self) -> float:
        return self._lane.draw(self._fault_id)

    def delay(self, delay: Duration) -> None:
        self.delayed += delay


class _Piece:
    """A `Piece` in the making, as the fault `fault_id` sees it, and what comes of what all faults asked for."""

    def __init__(
        self,
        due_ns: int,
        size: int,
        released_ns: int | None,
        carried: Mapping[str, int],
        note: Callable[[str, str], None],
    ) -> None:
        self.due_ns = due_ns
        self.size = size
        self.limits: dict[str, int] = {}
        self.fault_id = ""
        self._released_ns = released_ns
        self._carried = carried
        self._note = note
        self._rates: list[tuple[int, str]] = []

    def at_most(self, size_bytes: int) -> None:
        if self.size > size_bytes:
            self._note(self.fault_id, "sliced")
            self.size = size_bytes

    def apart(self, delay: Duration) -> None:
        if self._released_ns is not None and self._released_ns + delay > self.due_ns:
            self._note(self.fault_id, "sliced")
            self.due_ns = self._released_ns + delay

    def at_rate(self, bytes_per_s: int) -> None:
        self._rates.append((bytes_per_s, self.fault_id))

    def cut_after(self, size_bytes: int) -> None:
        self.limits[self.fault_id] = size_bytes
        self.size = max(1, min(self.size, size_bytes - self._carried.get(self.fault_id, 0)))

    def pace(self, free_ns: int) -> None:
        """Make it as small and as late as the lowest rate wants it; `free_ns`: until then the one before takes."""
        if self._rates:
            rate, fault_id = min(self._rates)
            self.size = min(self.size, max(1, rate * QUANTUM_NS // _SECOND_NS))
            self.due_ns = max(self.due_ns, free_ns) - (-self.size * _SECOND_NS // rate)  # rounded up
            self._note(fault_id, "delayed")
