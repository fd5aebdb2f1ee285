"""The events of a run that is over, in the order in which they were logged, from its verified files.

They come out of DuckDB sorted and are merged as they are needed, so memory stays bounded however long the run was.
"""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from battle.monitoring.figures import EVENTS, moment_of
from battle.store import typed
from battle.store.connections import show_no_progress
from battle.store.events import TABLES, Event
from battle.store.log_files import LogFiles

ROWS_AT_ONCE = 5_000
"""Of one table in memory: some 5 MB."""

MEMORY_LIMIT = "1GB"
"""For sorting; DuckDB puts what is larger into temporary files."""

_MOMENTS = {
    "attempts": "coalesce(replied_ns, received_ns)",
    "requests": "ended_ns",
    "gateway_attempts": "ended_ns",
    "gap_fills": "ended_ns",
}


def finished_events(run_dir: Path, segments: Sequence[str] | None = None) -> Iterator[tuple[str, Event]]:
    """Each event with the name of its segment, ordered by time; with `segments`, only of these.

    Raises:
        LogError: there is no such run, or its files are damaged.
    """
    tables = {table: event for table, event in TABLES.items() if event in EVENTS}
    with (
        LogFiles(run_dir) as files,
        closing(duckdb.connect(config={"memory_limit": MEMORY_LIMIT})) as connection,
    ):
        show_no_progress(connection)
        paths = files.open_paths()
        streams = [
            _rows(connection.cursor(), table, event, paths[table], segments)
            for table, event in tables.items()
        ]
        yield from heapq.merge(*streams, key=_moment)


def _moment(of_segment: tuple[str, Event]) -> int:
    return moment_of(of_segment[1])


def _rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    event: type[Event],
    path: str,
    segments: Sequence[str] | None,
) -> Iterator[tuple[str, Event]]:
    # Made of our own constants: what comes from outside is bound.
    chosen = "" if segments is None else "WHERE list_contains($segments, segment)"
    moment = _MOMENTS.get(table, "at_ns")
    parameters: dict[str, object] = {"path": path}
    if segments is not None:
        parameters["segments"] = list(segments)
    connection.execute(f"SELECT * FROM read_parquet($path) {chosen} ORDER BY {moment}, segment", parameters)
    names = [column[0] for column in connection.description or ()]
    while rows := connection.fetchmany(ROWS_AT_ONCE):
        for row in rows:
            data = {name: value for name, value in zip(names, row, strict=True) if value is not None}
            segment = data.pop("segment")
            yield segment, typed.convert(_plain(data), event)


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """Without the tag, which the table's name stands for; JSON as what it says."""
    if isinstance(parameters := data.get("parameters"), str):
        data["parameters"] = typed.decode(parameters)
    return data
