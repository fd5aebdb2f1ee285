"""The store of the history: Parquet files that several writers add to at once, without a lock.

    battle_history/slug=http-failover/month=2026-12/<run>-<digest>.parquet    one row, or those of one merge
                                                   all-<digest>.parquet       what compaction made of such files

A file is written under another name, synced, and renamed: it is there whole, or not at all. Its name has a digest of
what is in it, so two writers of one row write one file. No file is ever changed.

Compaction writes the rows of all files of a folder into one, syncs and renames that, and only then removes the files
that it read. Whatever happens in between, each row is in at least one file; a row that is in two files is one row for
every reader, the one that was recorded last. A reader looks at the folder before and after it read: if a file is gone
by then, or compaction added one, it reads again.

The folders are named for whoever looks at them, and so that a reader of one scenario can leave out the others: what
counts are the columns.
"""

import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from battle.analysis.baselines.snapshot import digest, slug
from battle.errors import BattleError, plain
from battle.history.place import require_place
from battle.history.row import HistoryRow
from battle.store import typed
from battle.store.connections import NO_EXTENSIONS, show_no_progress
from battle.store.regular import odd_kind

FILES_GLOB = "slug=*/month=*/*.parquet"
"""The files of a store, from its directory."""

COMPACT_AT = 100
"""Files in one folder at which adding to it compacts it: to open a file costs as much as to read a thousand rows."""

READ_ATTEMPTS = 20
"""How often a reader starts again because compaction changed the files under it, which takes it milliseconds."""

DRAFT_AGE = timedelta(days=1)
"""A draft that old was left by a writer that was killed: compaction removes it."""

_COMPACTED = "all-"

_PATH_SHOWN = 200
"""Characters of a path in a message: one of thousands would hide what is wrong with it."""

_METRIC = {
    "name": "VARCHAR",
    "workload": "VARCHAR",
    "value": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "never": "BOOLEAN",
}
_COLUMNS = {
    "run_id": "VARCHAR",
    "scenario": "VARCHAR",
    "world": "VARCHAR",
    "gateway": "VARCHAR",
    "seed": "BIGINT",
    "started_at": "VARCHAR",
    "verdict": "VARCHAR",
    "reasons": "VARCHAR[]",
    "distrusted": "VARCHAR[]",
    "partial": "BOOLEAN",
    "load_ns": "BIGINT",
    "requests": "BIGINT",
    "commit": "VARCHAR",
    "branch": "VARCHAR",
    "dirty": "BOOLEAN",
    "machine": "VARCHAR",
    "host": "JSON",
    "versions": "JSON",
    "scenario_digest": "VARCHAR",
    "gateway_digest": "VARCHAR",
    "source": "VARCHAR",
    "recorded_at": "VARCHAR",
    "metrics": f"STRUCT({', '.join(f'{name} {kind}' for name, kind in _METRIC.items())})[]",
}
"""The columns of a file, which are the fields of a row. A reader takes NULL for one that an older file has not."""

_LISTS = {"reasons": ["VARCHAR"], "distrusted": ["VARCHAR"], "metrics": [_METRIC]}
_JSON_SHAPE = msgspec.json.encode([_COLUMNS | _LISTS]).decode()

_KEY = ("run_id", "started_at", "scenario", "world", "gateway", "machine")
"""As in `HistoryRow.key`."""

_NEEDED = ("run_id", "scenario", "world", "gateway", "verdict")
"""A file that has not all of them is no file of a history."""


class _VanishedError(Exception):
    """A file was there when the folder was listed, and is not any more: compaction replaced it."""


class Merged(msgspec.Struct, frozen=True):
    """What a merge did: how many rows it found, how many of them were new, and in how many stores."""

    found: int
    added: int
    stores: int


class Compacted(msgspec.Struct, frozen=True):
    """What a compaction did: how many files there were before and after."""

    before: int
    after: int


def _nobody(problem: str) -> None:
    pass


def read(
    directory: Path,
    *,
    scenario: str | None = None,
    world: str | None = None,
    gateway: str | None = None,
    metrics: Collection[str] | None = None,
    on_problem: Callable[[str], object] = _nobody,
) -> list[HistoryRow]:
    """The rows of a history in the order of their start, each run once.

    `metrics` names those that the rows shall have; None: all. `on_problem` is called with a sentence for each file
    that cannot be read, or is no file of a history: the others are read all the same.

    Raises:
        BattleError: there is no such directory, or it changes faster than it can be read.
    """
    _require(directory)
    where = f"slug={slug(scenario)}/month=*/*.parquet" if scenario is not None else FILES_GLOB
    rows = _Reader(directory, where, on_problem).rows(metrics)
    wanted = (("scenario", scenario), ("world", world), ("gateway", gateway))
    return [
        row for row in rows if all(value is None or getattr(row, field) == value for field, value in wanted)
    ]


def add(directory: Path, row: HistoryRow) -> Path:
    """Add a run to a history, which is made if there is none, and return its file. Raises OSError, duckdb.Error."""
    row = msgspec.structs.replace(row, recorded_at=_now())
    path = _write_rows(directory, [row], f"{slug(row.run_id)}-{_digest_of([row])}")
    if sum(1 for _ in path.parent.glob("*.parquet")) >= COMPACT_AT:
        with suppress(
            BattleError, OSError, duckdb.Error
        ):  # the row is in; whoever reads will say what is wrong
            _compact_folder(path.parent, _nobody)
    return path


def merge(directory: Path, sources: Iterable[Path], on_problem: Callable[[str], object] = _nobody) -> Merged:
    """Add the rows of the histories that are below `sources` to that of a directory, which is made if there is none.

    Rows that are in it stay, and are not added again. Artifacts of CI are merged so, in any order and any number of
    times.

    Raises:
        BattleError: a source is no directory, or none of them has a history in it, or something else than a
            directory is where the history should be. `on_problem` is called for one that has none beside others that
            do.
        OSError, duckdb.Error: the history cannot be written.
    """
    require_place(directory)
    found: dict[tuple[str, ...], HistoryRow] = {}
    stores = _stores_below(list(sources), on_problem)
    for store in stores:
        if store.resolve() != directory.resolve():
            rows = _Reader(store, FILES_GLOB, on_problem).rows(None)
            found = _latest([*found.values(), *rows])
    known = {one.key: one for one in read(directory)} if _is_directory(directory) else {}
    new = [row for row in found.values() if _is_news(row, known.get(row.key))]
    for rows in _by_folder(new):
        _write_rows(directory, rows, f"merged-{_digest_of(rows)}")
    return Merged(len(found), len(new), len(stores))


def compact(directory: Path, on_problem: Callable[[str], object] = _nobody) -> Compacted:
    """Make one file of the files in each folder.

    Readers and writers may go on meanwhile, and so may others that compact. A file that cannot be read stays.

    Raises:
        BattleError: there is no such directory.
        OSError, duckdb.Error: the history cannot be written.
    """
    _require(directory)
    before = len(_files(directory, FILES_GLOB))
    for folder in sorted(directory.glob("slug=*/month=*")):
        _compact_folder(folder, on_problem)
        _remove_drafts(folder)
    return Compacted(before, len(_files(directory, FILES_GLOB)))


def write_parquet(rows: Sequence[HistoryRow], path: Path) -> None:
    """Write rows into one Parquet file, as the files of a history are. Raises OSError, duckdb.Error."""
    with _connected() as connection:
        _insert(connection, rows)
        _write(connection, "SELECT * FROM rows", path)


def columns() -> tuple[str, ...]:
    """The columns of a history's files."""
    return tuple(_COLUMNS)


def _require(directory: Path) -> None:
    if not _is_directory(directory):
        raise BattleError(
            f"there is no history {directory}: add a run with `battle history add RUN`, or run with --history"
        )


def _is_directory(path: Path) -> bool:
    """Whether there is such a directory. Raises BattleError where no file system could say."""
    try:
        return path.is_dir()
    except OSError as error:  # a name that is too long, a directory that may not be searched
        text = str(path)
        shown = text if len(text) <= _PATH_SHOWN else f"{text[:_PATH_SHOWN]}..."
        raise BattleError(f"{shown} cannot be read: {error.strerror}") from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _digest_of(rows: Sequence[HistoryRow]) -> str:
    """Of what rows say. When they were recorded is no part of it: a row that is added twice is one file."""
    return digest([msgspec.structs.replace(row, recorded_at="") for row in rows])


def _is_news(row: HistoryRow, known: HistoryRow | None) -> bool:
    return known is None or (row.recorded_at > known.recorded_at and _digest_of([row]) != _digest_of([known]))


def _latest(rows: Iterable[HistoryRow]) -> dict[tuple[str, ...], HistoryRow]:
    """Each run once: of several rows of it the one that was recorded last."""
    latest: dict[tuple[str, ...], HistoryRow] = {}
    for row in rows:
        other = latest.get(row.key)
        if other is None or row.recorded_at > other.recorded_at:
            latest[row.key] = row
    return latest


def _stores_below(sources: Sequence[Path], on_problem: Callable[[str], object]) -> list[Path]:
    found: set[Path] = set()
    empty = []
    for source in sources:
        if not _is_directory(source):
            raise BattleError(f"there is no directory {source} to merge")
        folders = {path.parent.parent.parent for path in source.rglob(FILES_GLOB)}
        found |= folders
        if not folders:
            empty.append(f"no history was found below {source}: there is no file {FILES_GLOB} in it")
    if not found:
        raise BattleError("; ".join(empty))
    for problem in empty:  # of a job that made no run, say
        on_problem(problem)
    return sorted(found)


def _by_folder(rows: Sequence[HistoryRow]) -> Iterator[list[HistoryRow]]:
    folders: dict[tuple[str, str], list[HistoryRow]] = {}
    for row in sorted(rows, key=_order):
        folders.setdefault(_folder(row), []).append(row)
    yield from folders.values()


def _folder(row: HistoryRow) -> tuple[str, str]:
    month = row.started_at[:7]
    return f"slug={slug(row.scenario)}", f"month={month if len(month) == 7 else 'unknown'}"


def _order(row: HistoryRow) -> tuple[str, ...]:
    return (row.started_at, *row.key)


def _files(directory: Path, where: str) -> list[Path]:
    return sorted(path for path in directory.glob(where) if not path.name.startswith("."))


class _Reader:
    """Reads the files of a store that `where` selects."""

    def __init__(self, directory: Path, where: str, on_problem: Callable[[str], object]) -> None:
        self._directory = directory
        self._where = where
        self._on_problem = on_problem

    def rows(self, metrics: Collection[str] | None) -> list[HistoryRow]:
        for _ in range(READ_ATTEMPTS):
            files = _files(self._directory, self._where)
            problems: list[str] = []
            with suppress(_VanishedError), _connected() as connection:
                rows = _rows_of(connection, files, metrics, problems)
                if _is_settled(files, _files(self._directory, self._where)):
                    for problem in problems:
                        self._on_problem(problem)
                    return sorted(_latest(rows).values(), key=_order)
        raise BattleError(
            f"{self._directory} changes faster than it can be read: end what compacts it, and try again"
        )


def _is_settled(before: Sequence[Path], after: Sequence[Path]) -> bool:
    """Whether what was read is the whole history: a row that was added meanwhile may be missing, no other."""
    new = set(after) - set(before)
    return set(before) <= set(after) and not any(path.name.startswith(_COMPACTED) for path in new)


def _connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config=NO_EXTENSIONS)
    show_no_progress(connection)
    shape = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
    connection.execute(f"CREATE TEMP TABLE rows ({shape})")
    return connection


_FROM_FILES = """
    SELECT * FROM rows WHERE false
    UNION ALL BY NAME
    SELECT * FROM read_parquet($files, union_by_name = true, hive_partitioning = false, filename = true)
"""
"""The rows of files of any version: a column that a file has not is NULL, and one of a later version is kept."""


def _rows_of(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    metrics: Collection[str] | None,
    problems: list[str],
) -> list[HistoryRow]:
    """The rows of the files that can be read; a sentence on each other goes to `problems`. Raises _VanishedError."""
    readable = _readable(connection, files, problems)
    if not readable:
        return []
    few = "metrics" if metrics is None else "list_filter(metrics, lambda m: list_contains($metrics, m.name))"
    made = f"list_transform({few}, lambda m: {_METRIC_READ})"
    asked = f"SELECT filename, to_json(t) FROM (SELECT * REPLACE ({made} AS metrics) FROM ({_FROM_FILES})) t"
    given: dict[str, object] = {} if metrics is None else {"metrics": list(metrics)}
    rows: list[HistoryRow] = []
    strange: dict[str, str] = {}
    for name, text in _asked(connection, asked, readable, given):
        try:
            # Not strict: where one file has text in a column of numbers, all have.
            rows.append(typed.convert(_known(text), HistoryRow, strict=False))
        except msgspec.ValidationError as error:
            strange[name] = str(error)
    problems += [f"{name} is no file of a history: {why}" for name, why in strange.items()]
    return rows


_METRIC_READ = "{" + ", ".join(f"{name}: m.{name}" for name in _METRIC if name != "never")
_METRIC_READ += ", never: coalesce(m.never, false)}"
"""The fields of a metric that this version knows."""


def _known(text: str) -> dict[str, Any]:
    """The fields that a row has: for those that an older version did not write the default counts."""
    data = typed.decode(text, dict[str, Any])
    return {name: value for name, value in data.items() if value is not None}


def _readable(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], problems: list[str]
) -> list[Path]:
    """The files that are whole, and of a history. DuckDB is given none that it would wait for, such as a FIFO."""
    files = list(_files_among(files, problems))
    if not files or _are_rows(connection, files):
        return files
    readable = []
    for path in files:
        if why := _why_not(connection, path):
            problems.append(_unreadable(path, why))
        else:
            readable.append(path)
    return readable


def _files_among(paths: Sequence[Path], problems: list[str]) -> Iterator[Path]:
    for path in paths:
        try:
            kind = odd_kind(path.stat().st_mode)
        except OSError as error:
            if not os.path.lexists(path):
                raise _VanishedError from None
            problems.append(_unreadable(path, str(error.strerror)))
        else:
            if kind is None:
                yield path
            else:
                problems.append(_unreadable(path, f"it is {kind}, not a file"))


def _unreadable(path: Path, why: str) -> str:
    return f"{path} cannot be read, so its runs are missing: {why}"


def _are_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> bool:
    try:
        return not _lacking(connection, files)
    except duckdb.Error:
        return False


def _lacking(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> int:
    """In how many rows a column is empty that each row of a history has."""
    empty = " OR ".join(f"{name} IS NULL" for name in _NEEDED)
    asked = f"SELECT count(*) FROM ({_FROM_FILES}) WHERE {empty}"
    return int(_asked(connection, asked, files, {})[0][0])


def _why_not(connection: duckdb.DuckDBPyConnection, path: Path) -> str | None:
    try:
        lacking = _lacking(connection, [path])
    except duckdb.Error as error:
        if not path.exists():
            raise _VanishedError from None
        return str(error).splitlines()[0]
    return f"it is no file of a history, which has {', '.join(_NEEDED)} in each row" if lacking else None


def _asked(
    connection: duckdb.DuckDBPyConnection, sql: str, files: Sequence[Path], given: dict[str, object]
) -> list[tuple[str, str]]:
    try:
        return connection.execute(sql, {"files": [_literal(path) for path in files], **given}).fetchall()
    except duckdb.Error:
        if not all(path.exists() for path in files):
            raise _VanishedError from None
        raise


def _literal(path: Path) -> str:
    """A path as DuckDB takes it: it reads *, ? and [ as patterns."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in str(path))


def _insert(connection: duckdb.DuckDBPyConnection, rows: Sequence[HistoryRow]) -> None:
    """As one document: row by row it would take DuckDB milliseconds each."""
    connection.execute(
        "INSERT INTO rows SELECT r.* FROM (SELECT unnest(from_json_strict($rows, $shape)) AS r)",
        {"rows": msgspec.json.encode(rows).decode(), "shape": _JSON_SHAPE},
    )


def _write_rows(directory: Path, rows: Sequence[HistoryRow], stem: str) -> Path:
    """Write rows of one folder into a file of their own."""
    path = directory.joinpath(*_folder(rows[0]), f"{stem}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(rows, path)
    return path


def _write(
    connection: duckdb.DuckDBPyConnection, sql: str, path: Path, given: dict[str, object] | None = None
) -> None:
    """Write the rows of a query into a file that is there whole or not at all, also after a power cut."""
    draft = _draft_of(path)
    try:
        # The path is our own; DuckDB takes no parameter there.
        target = str(draft).replace("'", "''")
        connection.execute(
            f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)", given or {}
        )
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _draft_of(path: Path) -> Path:
    """A new file beside it that no other writer has, and that readers do not look at."""
    if not path.name:  # the root, or the working directory
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    number = 0
    while True:
        draft = path.with_name(f".{path.stem}.{os.getpid()}-{number}.draft")
        try:
            draft.open("xb").close()
        except FileExistsError:
            number += 1
        else:
            return draft


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _compact_folder(folder: Path, on_problem: Callable[[str], object]) -> None:
    """Make one file of those in a folder. The order is all: first the new file is safe, then the old ones go."""
    with suppress(_VanishedError), _connected() as connection:  # others are at it
        problems: list[str] = []
        files = _readable(connection, _files(folder, "*.parquet"), problems)
        for problem in problems:
            on_problem(problem)
        if len(files) < 2:
            return
        path = folder / f"{_COMPACTED}{digest([one.name for one in files])}.parquet"
        names: dict[str, object] = {"files": [_literal(one) for one in files]}
        try:
            _write(connection, _DISTINCT, path, names)
        except duckdb.Error:
            if not all(one.exists() for one in files):
                return
            raise
        for one in files:
            one.unlink(missing_ok=True)


_DISTINCT = f"""
    SELECT * EXCLUDE (filename) FROM ({_FROM_FILES})
    QUALIFY row_number() OVER (PARTITION BY {", ".join(_KEY)} ORDER BY recorded_at DESC NULLS LAST, filename) = 1
    ORDER BY started_at, {", ".join(_KEY)}
"""


def _remove_drafts(folder: Path) -> None:
    oldest = (datetime.now(UTC) - DRAFT_AGE).timestamp()
    for draft in folder.glob(".*.draft"):
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime < oldest:
                draft.unlink()


def problem_text(error: Exception) -> str:
    """Why a history could not be written, in a sentence."""
    said = plain(error).strip().splitlines()
    return said[0] if said else type(error).__name__
