"""Questions to the log of a run, sealed or not: `with open_run(run_dir) as run: run.query("summary")`.

Report queries are ours and read the Parquet files. SQL from a user runs in a process of its own (`sandbox` says why)
that can read the log and nothing else, and write nothing at all (`log_files` says why that takes a copy).
"""

from collections import namedtuple
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb

from battle.store import catalog, typed
from battle.store.catalog import Parameters
from battle.store.connections import FEW_ROWS, NO_EXTENSIONS, connect, fill, show_no_progress
from battle.store.errors import QueryError
from battle.store.interruption import interruptible
from battle.store.interruptions import scratch_directory
from battle.store.log_files import LogFiles
from battle.store.manifest import Manifest
from battle.store.sandbox import QUERY_SECONDS, Sandbox
from battle.store.sandbox import Result as Result
from battle.store.views import STORED, Views, message_of

T = TypeVar("T")

_FOR_OTHERS = {"storage_compatibility_version": "v1.0.0"}
"""Other tools have an older DuckDB: all since 1.0 can read such a file."""

_MEMORY_LIMIT = "3GB"
_ROWS_WITHIN_MEMORY = 20_000_000
"""Report queries on a log of up to so many requests stay within that memory (10 million take 1 GB), so that DuckDB
does not take most of the machine for what it could do without. Ranking more than these may need what there is."""


class Run:
    """A run that can be asked. Made by `open_run`; close it, or use it as a context manager.

    `manifest` holds the health of the log: who judges must look at it before believing an answer.
    `sealed` says whether it came from the sealed log, or from the segments of a run that crashed.
    """

    def __init__(self, run_dir: Path, parameters: Parameters) -> None:
        self._closed = False
        self._parameters = parameters
        self._trusted: duckdb.DuckDBPyConnection | None = None
        self._trusted_views: Views | None = None
        self._sandbox: Sandbox | None = None
        with ExitStack() as opening:
            self._files = opening.enter_context(LogFiles(run_dir))
            self._scratch = opening.enter_context(scratch_directory("battle-query-"))
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

    def query(self, name: str, /, **parameters: object) -> list[Any]:
        """The rows of the report query `name` as named tuples, its `$parameters` bound.

        Raises:
            QueryError: there is no such query, its parameters are others, DuckDB refuses it, or the run was closed.
        """
        return self.ask(catalog.query_text(name), **parameters)

    @interruptible()
    def ask(self, text: str, /, **parameters: object) -> list[Any]:
        """The rows of Battle's own SQL, trusted as a report query is. Raises QueryError as `query` does."""
        self._require_open()
        needed = catalog.needed_table(text)
        if needed is not None and not self.manifest.tables[needed]:
            return []
        connection, views = self._trusted_connection()
        views.define_mentioned(text)
        result = _run(connection, text, parameters)
        row = namedtuple("Row", result.columns)  # type: ignore[misc]  # columns are known when it runs
        return [row._make(values) for values in result.rows]

    def query_as(self, row_type: type[T], name: str, /, **parameters: object) -> list[T]:
        """Like `query`, with each row as a `row_type` (a msgspec Struct) of the same field names."""
        return [typed.convert(row._asdict(), row_type) for row in self.query(name, **parameters)]

    def execute(self, sql: str, seconds: float = QUERY_SECONDS) -> Result:
        """The answer to one statement of a user's own SQL. It cannot write, nor read outside the log.

        Raises:
            QueryError: it is no query, DuckDB refuses it, it asks for what it must not have, takes more memory
                than it may, or the run was closed; a QueryTooLongError when it takes longer than `seconds`.
            LogError: the log or the run's header cannot be understood.
        """
        self._require_open()
        if self._sandbox is None:
            paths = self._files.protected_paths()
            self._sandbox = Sandbox(paths, self.manifest, self.run_dir, self._parameters)
            self._resources.callback(self._sandbox.close)
        return self._sandbox.execute(sql, seconds)

    def _trusted_connection(self) -> tuple[duckdb.DuckDBPyConnection, Views]:
        if self._trusted is None or self._trusted_views is None:
            paths = self._files.open_paths()
            self._trusted = connect(paths, self.manifest, self.run_dir, self._parameters, str(self._scratch))
            self._resources.callback(self._trusted.close)
            few = sum(self.manifest.tables.values()) <= FEW_ROWS
            self._trusted_views = catalog.views(self._trusted, catalog.view_names() if few else STORED)
            if self.manifest.tables["requests"] <= _ROWS_WITHIN_MEMORY:
                self._trusted.execute(f"SET memory_limit = '{_MEMORY_LIMIT}'")
        return self._trusted, self._trusted_views

    def close(self) -> None:
        """Close the connections and files; harmless when repeated."""
        self._closed = True
        self._resources.close()

    def _require_open(self) -> None:
        if self._closed:
            raise QueryError(f"run {self.run_dir.name} is closed: open it again")

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

    The views are tables there, with what they gave: DuckDB 1.x does not understand how 2.0 stores some of them. The
    macros are not there.

    Raises:
        LogError: there is no such run, or its log contradicts itself.
    """
    draft, path = run_dir / "run.duckdb.tmp", run_dir / "run.duckdb"
    with LogFiles(run_dir) as files:
        draft.unlink(missing_ok=True)
        connection = duckdb.connect(str(draft), config={**NO_EXTENSIONS, **_FOR_OTHERS})
        try:
            show_no_progress(connection)
            fill(connection, files.open_paths(), files.manifest, run_dir, kind="TABLE")
            catalog.views(connection, catalog.view_names()).define_all()
        finally:
            connection.close()
    draft.rename(path)
    return path


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
