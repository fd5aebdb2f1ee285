"""Questions to the log of a run, sealed or not: `with open_run(run_dir) as run: run.query("summary")`.

Report queries are ours and read the Parquet files. SQL from a user runs on a connection of its own that can
read the log and nothing else, and write nothing at all (`store.files` says why that takes a copy).
"""

from collections import namedtuple
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self, TypeVar

import duckdb
import msgspec

from store import catalog
from store.catalog import Parameters
from store.errors import QueryError
from store.files import LogFiles
from store.interruption import interruptible
from store.seal import Manifest
from store.views import Views, message_of

T = TypeVar("T")

_NO_EXTENSIONS: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}

_MEMORY_LIMIT = "3GB"
_ROWS_WITHIN_MEMORY = 20_000_000
"""Report queries on a log of up to so many requests stay within that memory (10 million take 1 GB), so that DuckDB
does not take most of the machine for what it could do without. Ranking more than these may need what there is."""

_USER_STATEMENTS = frozenset({"SELECT", "EXPLAIN", "MULTI"})
"""What `execute` takes. DESCRIBE, SUMMARIZE, SHOW and VALUES count as SELECT; PIVOT is MULTI."""


class Result(msgspec.Struct, frozen=True):
    """The answer to a user's SQL: column names, their DuckDB types, and the rows."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


class Run:
    """A run that can be asked. Made by `open_run`; close it, or use it as a context manager.

    `manifest` holds the health of the log: who judges must look at it before believing an answer.
    `sealed` tells whether it came from the sealed log, or from the segments of a run that crashed.
    """

    def __init__(self, run_dir: Path, parameters: Parameters) -> None:
        self._parameters = parameters
        self._trusted: duckdb.DuckDBPyConnection | None = None
        self._trusted_views: Views | None = None
        self._sandbox: duckdb.DuckDBPyConnection | None = None
        with ExitStack() as opening:
            self._files = opening.enter_context(LogFiles(run_dir))
            self._scratch = opening.enter_context(TemporaryDirectory(prefix="battle-query-"))
            self._resources = opening.pop_all()

    @property
    def manifest(self) -> Manifest:
        """Counts of the log and the health of its segments."""
        return self._files.manifest

    @property
    def run_dir(self) -> Path:
        """Where the run lies."""
        return self._files.run_dir

    @property
    def sealed(self) -> bool:
        """Whether the run was sealed when it was opened."""
        return self._files.sealed

    @interruptible()
    def query(self, name: str, **parameters: object) -> list[Any]:
        """The rows of the report query `name` as named tuples, its `$parameters` bound.

        Raises:
            QueryError: there is no such query, its parameters are others, or DuckDB refuses it.
        """
        text = catalog.query_text(name)
        connection, views = self._trusted_connection()
        views.define_mentioned(text)
        result = _run(connection, text, parameters)
        row = namedtuple("Row", result.columns)  # type: ignore[misc]  # columns are known when it runs
        return [row._make(values) for values in result.rows]

    def query_as(self, row_type: type[T], name: str, **parameters: object) -> list[T]:
        """Like `query`, with each row as a `row_type` (a msgspec Struct) of the same field names."""
        return [msgspec.convert(row._asdict(), row_type) for row in self.query(name, **parameters)]

    @interruptible()
    def execute(self, sql: str) -> Result:
        """The answer to one statement of a user's own SQL. It cannot write, nor read outside the log.

        Raises:
            QueryError: it is no query, DuckDB refuses it, or it asks for what it must not have.
        """
        connection = self._sandbox_connection()
        _check_statement(connection, sql)
        return _run(connection, sql, {})

    def _trusted_connection(self) -> tuple[duckdb.DuckDBPyConnection, Views]:
        if self._trusted is None or self._trusted_views is None:
            self._trusted = self._connect(self._scratch, self._files.open_paths)
            self._trusted_views = Views(self._trusted, catalog.VIEWS, stored=True)
            if self.manifest.tables["requests"] <= _ROWS_WITHIN_MEMORY:
                self._trusted.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        return self._trusted, self._trusted_views

    def _sandbox_connection(self) -> duckdb.DuckDBPyConnection:
        if self._sandbox is None:
            # Without a directory to spill into, there is none that a query could write to either.
            self._sandbox = self._connect("", self._files.protected_paths)
            catalog.define_views(self._sandbox)
            _lock(self._sandbox)
        return self._sandbox

    def _connect(self, temp_directory: str, paths: Callable[[], dict[str, str]]) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config={**_NO_EXTENSIONS, "temp_directory": temp_directory})
        self._resources.callback(connection.close)
        allowed = paths()
        catalog.set_parameters(connection, self._parameters)
        # Else each mention of a table in a view reads the footer of its file again.
        connection.execute("SET parquet_metadata_cache = true")
        # DuckDB draws one into stdout when it takes the process for somebody at a prompt.
        connection.execute("SET enable_progress_bar = false")
        _fill(connection, self._files, allowed, kind="VIEW")
        quoted = ", ".join(f"'{path}'" for path in allowed.values())
        connection.execute(f"SET allowed_paths = [{quoted}]")
        return connection

    def close(self) -> None:
        """Close the connections and files; harmless when repeated."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_run(run_dir: Path, parameters: Parameters | None = None) -> Run:
    """Open a run for questions. `parameters` are what views read with `getvariable('name')`.

    Raises:
        LogError: there is no such run, or its log contradicts itself.
    """
    return Run(run_dir, parameters or {})


@interruptible()
def export_database(run_dir: Path) -> Path:
    """Write the whole run into `run.duckdb` in its directory, for other tools, and return its path.

    Raises:
        LogError: there is no such run, or its log contradicts itself.
    """
    draft, path = run_dir / "run.duckdb.tmp", run_dir / "run.duckdb"
    with LogFiles(run_dir) as files:
        draft.unlink(missing_ok=True)
        connection = duckdb.connect(str(draft), config=_NO_EXTENSIONS)
        try:
            _fill(connection, files, files.open_paths(), kind="TABLE")
            catalog.define_views(connection)
        finally:
            connection.close()
    draft.rename(path)
    return path


def _fill(
    connection: duckdb.DuckDBPyConnection, files: LogFiles, paths: dict[str, str], *, kind: str
) -> None:
    catalog.define_tables(connection, paths, kind=kind)
    catalog.define_segments(connection, files.manifest)
    catalog.define_run(connection, files.run_dir)


def _lock(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET allowed_directories = []")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _check_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise QueryError(f"the query is no valid UTF-8, at character {error.start + 1}") from None
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(message_of(error)) from None
    if len(statements) != 1:
        raise QueryError(f"one statement is expected here, not {len(statements)}")
    kind = statements[0].type.name
    if kind not in _USER_STATEMENTS:
        raise QueryError(f"{kind} is not allowed here: the log of a run can be read, not changed")


def _run(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object]) -> Result:
    bound = {name: _bound(value) for name, value in parameters.items()}
    try:
        cursor = connection.execute(sql, bound) if bound else connection.execute(sql)
        rows: Iterable[tuple[Any, ...]] = cursor.fetchall()
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise QueryError(message_of(error)) from None
    described = cursor.description or []
    return Result(
        columns=[column[0] for column in described],
        types=[str(column[1]) for column in described],
        rows=list(rows),
    )


def _bound(value: object) -> object:
    """Times are 64 bits wide also where they are small: DuckDB would take 5 for 32 bits, and arithmetic overflow."""
    return duckdb.Value(value, duckdb.sqltype("BIGINT")) if type(value) is int else value
