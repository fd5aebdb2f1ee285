"""The process in which a user's SQL runs: `python -m battle.store.sandbox_process FD`, started by `sandbox`."""

import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

from battle.store import catalog
from battle.store.connections import connect
from battle.store.errors import LogError, QueryError
from battle.store.sandbox import Setup
from battle.store.views import message_of

_ROWS_AT_ONCE = 1000

_MEMORY_SHARE = 0.5
_MEMORY_MAX = 3 * 2**30
"""What DuckDB may take, of the machine's memory and at most: 10 million requests are asked within it."""

_DATA_MAX = 5 * 2**30
"""What the kernel lets the process take: texts and lists are beyond DuckDB's own counting."""

_LOOK_SECONDS = 1.0
"""Between two looks at whether whoever asks is still there."""

_STATEMENTS = frozenset({"SELECT", "EXPLAIN", "MULTI"})
"""What is taken. DESCRIBE, SUMMARIZE, SHOW and VALUES count as SELECT; PIVOT is MULTI."""


def serve(pipe: Connection) -> None:
    """Answer one statement after the other, until whoever asks is gone."""
    setup: Setup = pipe.recv()
    try:
        connection = _connection(setup)
    except LogError as error:
        pipe.send(("log_error", str(error)))
        return
    except QueryError as error:
        pipe.send(("query_error", str(error)))
        return
    pipe.send(("ready",))
    while True:
        sql = pipe.recv()
        try:
            for message in _answers(connection, sql):
                pipe.send(message)
        except QueryError as error:
            pipe.send(("query_error", str(error)))


def _connection(setup: Setup) -> duckdb.DuckDBPyConnection:
    # Without a directory to spill into, there is none that a query could write to either.
    connection = connect(setup.paths, setup.manifest, Path(setup.run_dir), setup.parameters, "")
    catalog.views(connection).define_all()
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    connection.execute(f"SET memory_limit = '{min(_MEMORY_MAX, int(machine * _MEMORY_SHARE)) // 2**20}MiB'")
    connection.execute("SET allowed_directories = []")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA_MAX, _DATA_MAX))
    return connection


def _answers(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    """The answer in pieces, as whoever asks understands them. Raises QueryError."""
    _check_statement(connection, sql)
    try:
        cursor = connection.execute(sql)
        described = cursor.description or []
        yield "columns", [column[0] for column in described], [str(column[1]) for column in described]
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield "rows", rows
    except duckdb.Error as error:
        raise QueryError(message_of(error)) from None
    except MemoryError:
        raise QueryError("the query took more memory than it may: ask for less") from None
    yield ("end",)


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
    if kind not in _STATEMENTS:
        raise QueryError(f"{kind} is not allowed here: the log of a run can be read, not changed")


def _leave_with(parent: int) -> None:
    """End this process when the one that asks is gone: in the middle of a query the pipe would not say so."""
    never = threading.Event()
    while os.getppid() == parent:
        never.wait(_LOOK_SECONDS)
    os._exit(0)


def main() -> None:
    """Serve the descriptor that is the argument."""
    pipe = Connection(int(sys.argv[1]))
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    with suppress(EOFError, ConnectionError):  # whoever asked has left
        serve(pipe)


if __name__ == "__main__":
    main()
