"""What a connection to a run shows: the tables of the log, its segments, the run's facts, and the views."""

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import duckdb
import msgspec

from battle.store import typed
from battle.store.errors import LogError, QueryError
from battle.store.events import TABLES
from battle.store.manifest import RUN_HEADER, RUN_HEADER_BYTES_MAX, Manifest
from battle.store.regular import read_regular
from battle.store.scan import SegmentHealth
from battle.store.schema import struct_columns, table_columns
from battle.store.views import Views

QUERIES = Path(__file__).parent / "queries"
VIEWS = QUERIES / "views"
MACROS = QUERIES / "macros"

RUN_COLUMNS = {
    "run_id": "VARCHAR",
    "scenario": "VARCHAR",
    "world": "VARCHAR",
    "seed": "BIGINT",
    "started_at": "VARCHAR",
    "planned_duration_ns": "BIGINT",
    "document": "JSON",
}
"""Table `run`: what `run.json` says at its top level under these names, NULL for what it does not say or
says in another type, and the whole of it as `document`. One row, or none when there is no `run.json`."""

_PYTHON_TYPES = {"VARCHAR": str, "BIGINT": int}
_NAME = re.compile(r"[a-z][a-z0-9_]*")

_NO_ROW_WITHOUT = re.compile(r"^-- No row without: ([a-z_]+)$", re.MULTILINE)

_SENTENCE = re.compile(r".*?[.?](?=\s|$)", re.DOTALL)

_ABOUT_THE_RUN = {
    "run": "What `run.json` says of the run: its scenario, world, seed and all the rest as a document.",
    "segments": "One segment of the log, that of one incarnation of a node, and what is known to be wrong with it.",
}

Parameters = Mapping[str, str | int | float | bool | None]


class Entry(NamedTuple):
    """What can be asked about: of a table `meaning` says what a row is, of a view which question it answers."""

    name: str
    kind: Literal["table", "view"]
    meaning: str


def entries() -> Iterator[Entry]:
    """All tables and views of a run: those of the log, those about the run, then the views."""
    for table, event in TABLES.items():
        yield Entry(table, "table", _first_sentence(inspect.getdoc(event) or ""))
    for table, meaning in _ABOUT_THE_RUN.items():
        yield Entry(table, "table", meaning)
    for path in sorted(VIEWS.glob("*.sql")):
        comment, _, _ = path.read_text().partition("\n--\n")
        yield Entry(path.stem, "view", _first_sentence(comment.replace("-- ", "")))


def _first_sentence(text: str) -> str:
    found = _SENTENCE.match(text)
    return " ".join((found[0] if found else text).split())


def define_tables(connection: duckdb.DuckDBPyConnection, paths: Mapping[str, str], *, kind: str) -> None:
    """Define each table of the log from its Parquet file, as a VIEW or as a TABLE.

    A column that an earlier version of Battle did not write yet is NULL, as is whatever a run did not know.

    Raises:
        LogError: one of the files is not whole, as after a copy that was cut short.
    """
    assert kind in ("VIEW", "TABLE")
    for table in TABLES:
        path = paths[table].replace("'", "''")
        try:
            connection.execute(f"CREATE {kind} {table} AS SELECT * FROM read_parquet('{path}')")
        except duckdb.InvalidInputException:
            raise LogError(
                f"{table}.parquet of the sealed log is damaged: it is no whole Parquet file"
            ) from None
    rows = connection.execute(
        "SELECT table_name, list(column_name) FROM duckdb_columns() WHERE NOT internal GROUP BY table_name"
    ).fetchall()
    for table, found in rows:
        wanted = table_columns(table)
        if not set(wanted) <= set(found):
            path = paths[table].replace("'", "''")
            columns = ", ".join(
                f'"{name}"' if name in found else f'NULL::{type_} AS "{name}"'
                for name, type_ in wanted.items()
            )
            connection.execute(
                f"CREATE OR REPLACE {kind} {table} AS SELECT {columns} FROM read_parquet('{path}')"
            )


def define_segments(connection: duckdb.DuckDBPyConnection, manifest: Manifest) -> None:
    """Define table `segments`: the health of each segment the log was made from."""
    rows = [
        [_cell(getattr(segment, name)) for name in struct_columns(SegmentHealth)]
        for segment in manifest.segments
    ]
    _define(connection, "segments", struct_columns(SegmentHealth), rows)


def define_run(connection: duckdb.DuckDBPyConnection, run_dir: Path) -> None:
    """Define table `run` from `run.json`.

    Raises:
        LogError: `run.json` cannot be read, or is no JSON object.
    """
    text = _header_text(run_dir / RUN_HEADER)
    rows = []
    if text is not None:
        try:
            document = typed.decode(text, dict[str, Any])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise LogError(f"{run_dir / RUN_HEADER} cannot be understood: {error}") from None
        rows.append([*(_fact(document, name) for name in RUN_COLUMNS if name != "document"), text])
    _define(connection, "run", RUN_COLUMNS, rows)


def _header_text(path: Path) -> str | None:
    try:
        return read_regular(path, RUN_HEADER_BYTES_MAX).decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise LogError(f"{path} cannot be understood: {error}") from None


def _fact(document: dict[str, Any], name: str) -> object:
    value = document.get(name)
    if isinstance(value, dict):  # a scenario is named; the whole of it is in the document
        value = value.get("name")
    return value if type(value) is _PYTHON_TYPES[RUN_COLUMNS[name]] else None


def _cell(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


def _define(
    connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], rows: list[list[object]]
) -> None:
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"CREATE TABLE {table} ({declared})")
    if rows:
        marks = ", ".join("?" for _ in columns)
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def set_parameters(connection: duckdb.DuckDBPyConnection, parameters: Parameters) -> None:
    """Give the views their parameters: `getvariable('name')` in SQL, NULL when it was not given."""
    for name, value in parameters.items():
        if not _NAME.fullmatch(name):
            raise QueryError(f"{name!r} cannot name a parameter")
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})


def views(connection: duckdb.DuckDBPyConnection, stored: frozenset[str] = frozenset()) -> Views:
    """The views of `queries/views` and the macros of `queries/macros`; those `stored` become tables."""
    return Views(connection, VIEWS, MACROS, stored=stored)


def view_names() -> frozenset[str]:
    """The views there are."""
    return frozenset(path.stem for path in VIEWS.glob("*.sql"))


def query_text(name: str) -> str:
    """The SQL of a report query.

    Raises:
        QueryError: there is no query of this name.
    """
    path = QUERIES / f"{name}.sql"
    if not _NAME.fullmatch(name) or not path.exists():
        raise QueryError(f"there is no query named {name!r}")
    return path.read_text()


def needed_table(sql: str) -> str | None:
    """The table without any row of which a query has none either, as its line "No row without:" says.

    Planning what must come out empty costs more than most questions.
    """
    found = _NO_ROW_WITHOUT.search(sql)
    return found[1] if found else None


def query_names() -> list[str]:
    """The report queries there are."""
    return sorted(path.stem for path in QUERIES.glob("*.sql"))
