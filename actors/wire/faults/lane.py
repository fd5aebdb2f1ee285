"""What transport faults make of one direction of a connection. Pure: chunks and moments in, pieces and moments out.

A lane is a queue: bytes never overtake one another, whatever delays them. When a piece leaves is decided only when
it is the next one, from the faults in force at that moment; so the end of a fault frees what it held up.
"""

from collections import deque
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from battle.actors.rng import Draws
from battle.actors.spec.faults.transport import (
    Bandwidth,
    Jitter,
    Latency,
    LimitData,
    Partition,
    Slicer,
    SlowClose,
    Timeout,
    TransportFault,
)
from battle.actors.units import Duration, ms

Way: TypeAlias = Literal["in", "out"]
"""A direction as the node sees it: "in" is what it receives, "out" what it sends."""

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
    fault: TransportFault


class _Item(msgspec.Struct):
    """A chunk, or an end; each fault that delays it by an amount of its own, with that amount."""

    entered_ns: int
    data: bytes
    end: End | None
    delays: tuple[tuple[str, Duration], ...]


class Lane:
    """One direction of one connection, under the faults of the moment.

    `key` identifies it: together with a fault's id and the number of chunks which that fault has seen
    here it is what randomness is keyed by, so one fault less changes no draw of another.

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
        self._toxics: dict[str, TransportFault] = {}
        self._holders: tuple[str, ...] = ()
        self._chunks: dict[str, int] = {}
        self._carried: dict[str, int] = {}
        self._released_ns: int | None = None
        self._free_ns = 0
        self._planned: tuple[int, int] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is left to leave."""
        return not self._queue

    def govern(self, rulings: Iterable[Toxic]) -> None:
        """From now on these faults are in force, and no others."""
        self._toxics = {ruling.fault_id: ruling.fault for ruling in rulings}
        self._holders = tuple(
            fault_id for fault_id, fault in self._toxics.items() if isinstance(fault, Timeout | Partition)
        )
        for counts in (self._chunks, self._carried):
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
        delays = self._delays()
        if end in ("eof", "close") and noticed:
            slow = [(id_, fault.delay) for id_, fault in self._toxics.items() if isinstance(fault, SlowClose)]
            delays += tuple(slow)
        self._enter(_Item(now_ns, b"", end, delays))

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
        return self._planned[0]

    def take(self, now_ns: int) -> bytes | End | None:
        """What leaves now; None when nothing may. To be asked again until it is None."""
        due_ns = self.due_ns()
        if due_ns is None or due_ns > now_ns:
            return None
        assert self._planned is not None
        size = self._planned[1]
        self._planned = None
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
        self._count_carried(size, now_ns)
        return piece

    def _enter(self, item: _Item) -> None:
        if self._cut:
            return
        self.queued_bytes += len(item.data)
        self._queue.append(item)
        for fault_id, _ in item.delays:
            self._note(fault_id, "delayed")
        self._note_held()

    def _delays(self) -> tuple[tuple[str, Duration], ...]:
        """What delays a chunk that enters now. A draw of 0 is no delay."""
        delays = []
        for fault_id, fault in self._toxics.items():
            if isinstance(fault, Latency):
                delays.append((fault_id, fault.delay))
            elif isinstance(fault, Jitter):
                number = self._chunks[fault_id] = self._chunks.get(fault_id, 0) + 1
                share = self._draws.uniform(fault_id, *self._key, self.way, number)
                if delay := int(share * (fault.spread + 1)):
                    delays.append((fault_id, delay))
        return tuple(delays)

    def _plan(self, item: _Item) -> tuple[int, int]:
        """When the next piece of `item` leaves, and how large it is."""
        at_ns = item.entered_ns + sum(delay for id_, delay in item.delays if id_ in self._toxics)
        if item.end is not None:
            return at_ns, 0
        size = len(item.data) - self._offset
        for fault_id, fault in self._toxics.items():
            if isinstance(fault, Slicer):
                at_ns, size = self._sliced(fault_id, fault, at_ns, size)
            elif isinstance(fault, LimitData):
                size = max(1, min(size, fault.limit_bytes - self._carried.get(fault_id, 0)))
        rates = [(f.bytes_per_s, id_) for id_, f in self._toxics.items() if isinstance(f, Bandwidth)]
        if rates:
            rate, fault_id = min(rates)
            size = min(size, max(1, rate * QUANTUM_NS // _SECOND_NS))
            at_ns = max(at_ns, self._free_ns) - (-size * _SECOND_NS // rate)  # rounded up
            self._note(fault_id, "delayed")
        return at_ns, size

    def _sliced(self, fault_id: str, slicer: Slicer, at_ns: int, size: int) -> tuple[int, int]:
        if size > slicer.piece_bytes:
            self._note(fault_id, "sliced")
            size = slicer.piece_bytes
        if self._released_ns is not None and self._released_ns + slicer.delay > at_ns:
            self._note(fault_id, "sliced")
            at_ns = self._released_ns + slicer.delay
        return at_ns, size

    def _count_carried(self, size: int, now_ns: int) -> None:
        for fault_id, fault in self._toxics.items():
            if isinstance(fault, LimitData):
                carried = self._carried[fault_id] = self._carried.get(fault_id, 0) + size
                if carried >= fault.limit_bytes:
                    self._note(fault_id, "cut")
                    self.clear()
                    self._cut = True
                    self._queue.append(_Item(now_ns, b"", "cut", ()))
                    return

    def _note_held(self) -> None:
        for fault_id in self._holders:
            self._note(fault_id, "held")

    def _note(self, fault_id: str, action: str) -> None:
        self.acted.setdefault(fault_id, action)
