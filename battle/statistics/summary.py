"""A run's latencies as counts, by spans of time and bins of latency: small enough to commit."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from battle.statistics.binning import BINNING, bins_of, edges_ns

Clock: TypeAlias = Literal["due", "sent"]
Counts: TypeAlias = NDArray[np.int64]

CELLS = 400
"""Cells to ask for: short enough to see correlation that lasts a two-hundredth of the load."""

CELLS_MIN = 50
"""Cells are merged down to this to save room, not further: intervals need them."""

PACKED_BYTES_MAX = 60_000
"""With base64 and the rest below 100 kB of JSON, which a repository can bear per baseline."""

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
    `unanswered` those that did not end ok, per cell: they never were answered, so their latency is infinite.
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
        cells = max((row.cells for row in chosen), default=1)
        table = np.zeros(cells * PLACES_PER_CELL, dtype=np.int64)
        for row in chosen:
            # A place comes once in a row, so that plain indexing adds up.
            table[np.asarray(row.places, dtype=np.int64)] += np.asarray(row.counts, dtype=np.int64)
        by_cell = table.reshape(cells, PLACES_PER_CELL)
        cell_ns = max((row.cell_ns for row in chosen), default=1)
        return _made(clock, workload, method, cell_ns, by_cell[:, 0], by_cell[:, 1:])

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
        cell_ns = max(1, math.ceil(load_ns / cells))
        count = math.ceil(load_ns / cell_ns)
        places = (due_ns - began) // cell_ns * PLACES_PER_CELL + bins_of(latencies_ns) + 1
        table = np.bincount(places, minlength=count * PLACES_PER_CELL).reshape(count, PLACES_PER_CELL)
        return _made(clock, workload, method, cell_ns, table[:, 0], table[:, 1:])

    def counts(self) -> Counts:
        """Answered requests by cell (rows) and bin (columns, from `first_bin` on)."""
        flat = np.frombuffer(zlib.decompress(self.packed), dtype="<u4").astype(np.int64)
        return flat.reshape(len(self.unanswered), -1)

    @property
    def cells(self) -> int:
        """How many cells of time there are."""
        return len(self.unanswered)

    @property
    def answered(self) -> int:
        """How many requests ended ok."""
        return self.total - sum(self.unanswered)

    @property
    def span_ns(self) -> int:
        """How long the load was, in whole cells."""
        return self.cells * self.cell_ns

    def merged(self, factor: int) -> LatencySummary:
        """The same with so many neighbouring cells made one; the last may get fewer."""
        unanswered = np.asarray(self.unanswered, dtype=np.int64)
        cell_ns = self.cell_ns * factor
        counts, missing = merged_cells(self.counts(), factor), merged_cells(unanswered[:, None], factor)[:, 0]
        return _packed(self.clock, self.workload, self.method, cell_ns, missing, self.first_bin, counts)


def merged_cells(by_cell: Counts, factor: int) -> Counts:
    """Sums of so many neighbouring rows; the last sum may be of fewer."""
    return np.add.reduceat(by_cell, np.arange(0, len(by_cell), factor), axis=0)


def edges_of(summary: LatencySummary, counts: Counts) -> NDArray[np.float64]:
    """The edges of the bins of `counts`, in nanoseconds."""
    return edges_ns(summary.first_bin, counts.shape[1])


def _made(
    clock: Clock, workload: str | None, method: str | None, cell_ns: int, unanswered: Counts, counts: Counts
) -> LatencySummary:
    used = np.flatnonzero(counts.any(axis=0))
    first, last = (int(used[0]), int(used[-1])) if len(used) else (0, 0)
    kept = counts[:, first : last + 1]
    made = _packed(clock, workload, method, cell_ns, unanswered, first, kept)
    while len(made.packed) > PACKED_BYTES_MAX and made.cells >= 2 * CELLS_MIN:
        made = made.merged(2)
    return made


def _packed(
    clock: Clock,
    workload: str | None,
    method: str | None,
    cell_ns: int,
    unanswered: Counts,
    first_bin: int,
    counts: Counts,
) -> LatencySummary:
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
