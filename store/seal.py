"""Turns a run's segments into one Parquet file per table, with a manifest that says what is in them.

The manifest is the moment of commitment: without it a run is read from its segments, and may be sealed
again; with it the segments are superfluous, and removed. Identical segments give identical files.
"""

import os
from pathlib import Path

import duckdb
import msgspec

from battle.store.connections import show_no_progress
from battle.store.errors import LogError
from battle.store.events import TABLES, tag_of
from battle.store.interruption import interruptible
from battle.store.interruptions import scratch_directory
from battle.store.manifest import Manifest as Manifest
from battle.store.manifest import encode_manifest, header_facts, sealed_file, with_versions
from battle.store.manifest import read_manifest as read_manifest
from battle.store.scan import Scan, line_start, scan_segment, segment_name
from battle.store.schema import struct_columns, table_columns

_EXTRACT_BELOW = 0.5
"""A table with a smaller part of a segment gets its lines picked out first: DuckDB parses 1 M lines a
second, and picking rare lines out runs at the speed of memory."""


_COPIED_AT_ONCE = 2**20


def seal(run_dir: Path) -> Manifest:
    """Seal a run whose writers have all ended. Doing it again changes nothing.

    Raises:
        LogError: there is no such run, a segment has a strange name, it is still being written, or the
            files do not hold what the segments do. The segments are then left as they were.
    """
    manifest = read_manifest(run_dir)
    if manifest is None:
        events = run_dir / "events"
        if not run_dir.is_dir():
            raise LogError(f"there is no run at {run_dir}")
        events.mkdir(exist_ok=True)
        scans = scan_run(run_dir)
        run_id, header_digest = header_facts(run_dir)
        tables = write_tables(scans, events)
        manifest = with_versions(msgspec.structs.replace(tables, run_id=run_id, header_digest=header_digest))
        _check_unchanged(scans)
        _commit(manifest, events)
    for segment in manifest.segments:
        (run_dir / "events" / f"{segment.segment}.ndjson").unlink(missing_ok=True)
    return manifest


def scan_run(run_dir: Path) -> list[Scan]:
    """Scan all segments of a run, in the order of their nodes and incarnations.

    Raises:
        LogError: a segment has a strange name; or there are only Parquet files, and nothing vouches for them.
    """
    events = run_dir / "events"
    paths = sorted(events.glob("*.ndjson"), key=segment_name)
    if not paths and any(events.glob("*.parquet")):
        raise LogError(
            f"{events / 'manifest.json'} is missing: without it the Parquet files beside it are no log"
        )
    return [scan_segment(path) for path in paths]


@interruptible()
def write_tables(scans: list[Scan], target: Path, *, growing: bool = False) -> Manifest:
    """Write one Parquet file per table of the log into `target`, and check what was written.

    `growing`: somebody may still write the segments. Then no more is read of them than was scanned.

    Raises:
        LogError: a file does not hold as many rows as the scans counted.
    """
    problems: list[str] = []
    files = {}
    connection = duckdb.connect()
    show_no_progress(connection)
    try:
        for table in TABLES:
            path = target / f"{table}.parquet"
            holders = [scan for scan in scans if table in scan.health.tables]
            if not holders:
                _write_no_rows(connection, table, path)
                files[table] = sealed_file(path, 0)
                continue
            with scratch_directory("battle-seal-") as scratch:
                sources = [_source(scan, table, scratch, growing=growing) for scan in holders]
                problems += _write_rows(connection, table, sources, path)
            expected = sum(scan.health.tables[table] for scan in holders)
            rows = _count_rows(connection, path)
            if rows != expected:
                raise LogError(f"{rows} rows were written of {expected} in table {table}")
            files[table] = sealed_file(path, rows)
    finally:
        connection.close()
    return Manifest(files=files, segments=[scan.health for scan in scans], problems=problems)


def _source(scan: Scan, table: str, scratch: Path, *, growing: bool) -> str:
    """A readable file with this table's lines of a segment, named after the segment."""
    path = scratch / scan.path.name
    if scan.health.complete and scan.health.tables[table] >= _EXTRACT_BELOW * scan.health.events:
        if growing:
            _copy_start(scan.path, path, scan.health.bytes)
        else:
            path.symlink_to(scan.path.absolute())
        return str(path)
    start = line_start(tag_of(TABLES[table]))
    with scan.path.open("rb") as original, path.open("wb") as copy:
        for begin, end in scan.spans:
            original.seek(begin)
            block = original.read(end - begin)
            if start in block:
                copy.writelines(line for line in block.splitlines(keepends=True) if line.startswith(start))
    return str(path)


def _copy_start(source: Path, target: Path, size: int) -> None:
    with source.open("rb") as original, target.open("wb") as copy:
        while size > 0 and (data := original.read(min(size, _COPIED_AT_ONCE))):
            copy.write(data)
            size -= len(data)


def _write_rows(
    connection: duckdb.DuckDBPyConnection, table: str, sources: list[str], path: Path
) -> list[str]:
    parameters = {"sources": sources, "tag": tag_of(TABLES[table]), "path": str(path)}
    try:
        connection.execute(f"COPY ({_rows(table, strict=True)}) TO $path ({_PARQUET})", parameters)
    except duckdb.InvalidInputException as error:
        # One value that no column can hold must not cost the whole log: it becomes NULL, and is reported.
        connection.execute(f"COPY ({_rows(table, strict=False)}) TO $path ({_PARQUET})", parameters)
        return [f"{table}: {str(error).splitlines()[0]}"]
    return []


_EMPTY: dict[str, bytes] = {}
"""Files of tables without rows, of which most logs have several: made once, as they never differ."""


def _write_no_rows(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    if table in _EMPTY:
        path.write_bytes(_EMPTY[table])
    else:
        connection.execute(f"COPY ({_no_rows(table)}) TO $path ({_PARQUET})", {"path": str(path)})
        _EMPTY[table] = path.read_bytes()


_PARQUET = "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2"


def _rows(table: str, *, strict: bool) -> str:
    # Made of our own constants: what comes from outside is bound.
    columns = struct_columns(TABLES[table])
    wanted = ", ".join(f"'{name}': '{kind}'" for name, kind in {"type": "VARCHAR", **columns}.items())
    names = ", ".join(f'"{name}"' for name in columns)
    return (
        f"SELECT {names}, parse_filename(filename, true) AS segment FROM read_ndjson($sources, "
        f"columns = {{{wanted}}}, filename = true, ignore_errors = {not strict}) WHERE type = $tag"
    )


def _no_rows(table: str) -> str:
    casts = (f'NULL::{kind} AS "{name}"' for name, kind in table_columns(table).items())
    return f"SELECT {', '.join(casts)} WHERE false"


def _count_rows(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    row = connection.execute("SELECT count(*) FROM read_parquet($path)", {"path": str(path)}).fetchone()
    assert row is not None
    return int(row[0])


def _check_unchanged(scans: list[Scan]) -> None:
    for scan in scans:
        if scan.path.stat().st_size != scan.health.bytes:
            raise LogError(f"{scan.path} is still being written: stop its node before sealing")


def _commit(manifest: Manifest, events: Path) -> None:
    """Put the manifest in place, with everything it vouches for on the disk before it."""
    for table in manifest.files:
        _sync(events / f"{table}.parquet")
    draft = events / "manifest.json.tmp"
    draft.write_bytes(encode_manifest(manifest))
    _sync(draft)
    draft.rename(events / "manifest.json")
    _sync(events)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
