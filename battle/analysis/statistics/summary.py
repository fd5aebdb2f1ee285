"""A run's latencies as counts, by spans of time and bins of latency: small enough to commit."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from battle.analysis.statistics.bins import BINNING, bins_of, edges_ns

Clock: TypeAlias = Literal["due", "sent"]
Counts: TypeAlias = NDArray[np.int64]

_Scope: TypeAlias = tuple[Clock, str | None, str | None, int]
"""Clock, workload, method, and the length of a cell in nanoseconds."""

_NONE = np.zeros(0, dtype=np.int64)

CELLS = 100
"""Cells to ask for: enough to see what is correlated over a twentieth of the load, beyond which it is too short."""

CELLS_MIN = 25
"""Cells are merged down to this to save room, not further: intervals need at least 20."""

PACKED_BYTES_MAX = 60_000
"""With base64 and the rest below 100 kB of JSON, which a repository can bear per baseline."""

UNPACKED_KEPT = 4
"""As many as one comparison looks at in turn; each takes up to 2 MB."""

PLACES_PER_CELL = 4096
"""As in query `latency_cells`: a place is cell * 4096 + bin + 1; no bin is beyond."""


class CellRow(Protocol):
    """A row of query `latency_cells`."""

    workload: str | None
    method: str | None
    clock: str
    cells: int
    cell_ns: int
    places: Sequence[int]
    counts: Sequence[int]


class LatencySummary(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests took how long, by contiguous cells of time (of their due times) and bins of latency.

    Goes through JSON and back unchanged. `workload` and `method` None: all of them. `total` counts all requests;
    `unanswered` those that did not succeed, per cell: they never were answered, so their latency is infinite.
    `packed` holds `counts()`, the others, for bins from `first_bin` on: 32-bit little-endian integers, cell by
    cell, deflated. Summaries of different `binning` cannot be compared.
    """

    clock: Clock
    workload: str | None
    method: str | None
    cell_ns: int
    total: int
    unanswered: tuple[int, ...]
    first_bin: int
    packed: bytes
    binning: int = BINNING

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[CellRow],
        *,
        clock: Clock = "due",
        workload: str | None = None,
        method: str | None = None,
    ) -> LatencySummary:
        """The summary of one workload and method, or of all (None), from the rows of query `latency_cells`.

        A single method can be had only from rows that were asked for by method. Without any row it is empty.
        """
        chosen = [
            row
            for row in rows
            if row.clock == clock and workload in (None, row.workload) and method in (None, row.method)
        ]
        places = [np.asarray(row.places, dtype=np.int64) for row in chosen]
        counts = [np.asarray(row.counts, dtype=np.int64) for row in chosen]
        cells = max((row.cells for row in chosen), default=1)
        cell_ns = max((row.cell_ns for row in chosen), default=1)
        scope = (clock, workload, method, cell_ns)
        return _made(scope, cells, np.concatenate([_NONE, *places]), np.concatenate([_NONE, *counts]))

    @classmethod
    def from_samples(
        cls,
        due_ns: NDArray[np.int64],
        latencies_ns: NDArray[np.float64],
        *,
        cells: int = CELLS,
        clock: Clock = "due",
        workload: str | None = None,
        method: str | None = None,
    ) -> LatencySummary:
        """The summary of samples: when each request was due, and how long it took (infinite: never answered).

        Does with numpy what query `latency_cells` does with SQL.
        """
        began = int(due_ns.min())
        load_ns = int(due_ns.max()) - began + 1
        cell_ns = (load_ns - 1) // cells + 1
        count = (load_ns - 1) // cell_ns + 1
        places = (due_ns - began) // cell_ns * PLACES_PER_CELL + bins_of(latencies_ns) + 1
        return _made((clock, workload, method, cell_ns), count, places, np.ones_like(places))

    def counts(self) -> Counts:
        """Answered requests by cell (rows) and bin (columns, from `first_bin` on)."""
        return _unpacked(self.packed, len(self.unanswered))

    @property
    def cells(self) -> int:
        """How many cells of time there are."""
        return len(self.unanswered)

    @property
    def answered(self) -> int:
        """How many requests succeeded."""
        return self.total - sum(self.unanswered)

    @property
    def span_ns(self) -> int:
        """How long the load was, in whole cells."""
        return self.cells * self.cell_ns

    def merged(self, factor: int) -> LatencySummary:
        """The same with so many neighbouring cells made one; the last may get fewer."""
        unanswered = np.asarray(self.unanswered, dtype=np.int64)
        scope = (self.clock, self.workload, self.method, self.cell_ns * factor)
        return _packed(scope, sums(unanswered, factor), self.first_bin, sums(self.counts(), factor))


@lru_cache(maxsize=UNPACKED_KEPT)
def _unpacked(packed: bytes, cells: int) -> Counts:
    counts = np.frombuffer(zlib.decompress(packed), dtype="<u4").astype(np.int64).reshape(cells, -1)
    counts.flags.writeable = False
    return counts


def sums(by_cell: Counts, factor: int) -> Counts:
    """Sums of so many neighbouring rows; the last sum may be of fewer."""
    return np.add.reduceat(by_cell, np.arange(0, len(by_cell), factor), axis=0)


def edges_of(summary: LatencySummary, counts: Counts) -> NDArray[np.float64]:
    """The edges of the bins of `counts`, in nanoseconds."""
    return edges_ns(summary.first_bin, counts.shape[1])


def _made(scope: _Scope, cells: int, places: Counts, counts: Counts) -> LatencySummary:
    cell, bin_after = places // PLACES_PER_CELL, places % PLACES_PER_CELL
    answered = bin_after > 0
    used = bin_after[answered] - 1
    first = int(used.min()) if len(used) else 0
    width = int(used.max()) + 1 - first if len(used) else 1
    where = cell[answered] * width + used - first
    # Weights are summed as doubles, exactly below 2^53.
    table = np.bincount(where, counts[answered], cells * width).astype(np.int64).reshape(cells, width)
    unanswered = np.bincount(cell[~answered], counts[~answered], cells).astype(np.int64)
    made = _packed(scope, unanswered, first, table)
    while len(made.packed) > PACKED_BYTES_MAX and made.cells >= 2 * CELLS_MIN:
        made = made.merged(2)
    return made


def _packed(scope: _Scope, unanswered: Counts, first_bin: int, counts: Counts) -> LatencySummary:
    clock, workload, method, cell_ns = scope
    return LatencySummary(
        clock=clock,
        workload=workload,
        method=method,
        cell_ns=cell_ns,
        total=int(unanswered.sum() + counts.sum()),
        unanswered=tuple(unanswered.tolist()),
        first_bin=first_bin,
        packed=zlib.compress(counts.astype("<u4").tobytes()),
    )
