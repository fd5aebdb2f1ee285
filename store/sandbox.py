"""A user's SQL in a process of its own, because that can be ended.

Inside one call of a function (`levenshtein` of long texts, a list of 100 million elements) DuckDB hears of no
interruption and of no memory limit: measured with 2.0, minutes and 6 GB. So whoever asks waits at a pipe, which
Ctrl-C and a deadline end at once, and the kernel limits what the process takes.
"""

import signal
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from battle.store.catalog import Parameters
from battle.store.errors import LogError, QueryError
from battle.store.interruptions import interruptions_wait
from battle.store.manifest import Manifest

QUERY_SECONDS = 300.0
"""How long a query may take when nobody says otherwise: a log of 10 million requests takes seconds."""

ANSWER_BYTES_MAX = 512 * 2**20
"""Of rows as they come through the pipe. In Python they take several times as much."""

_START_SECONDS = 60.0
"""For the process to be there: 0.3 s are usual."""


class Setup(msgspec.Struct, frozen=True):
    """What the process receives first: where it finds the log, and what its views read."""

    paths: dict[str, str]
    manifest: Manifest
    run_dir: str
    parameters: dict[str, Any]


class Result(msgspec.Struct, frozen=True):
    """The answer to a user's SQL: column names, their DuckDB types, and the rows."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]

    def named_rows(self) -> list[Any]:
        """The rows as tuples that are named as the columns where that is possible."""
        row = namedtuple("Row", self.columns, rename=True)  # type: ignore[misc]  # known when it runs
        return [row._make(values) for values in self.rows]


class QueryTooLongError(QueryError):
    """The query was stopped at its deadline."""


class Sandbox:
    """The process in which a user's SQL runs, started when it is first asked. Close it.

    `paths` are where it reads the tables: `/proc/self/fd/N` of the descriptors that it inherits.
    """

    def __init__(
        self, paths: Mapping[str, str], manifest: Manifest, run_dir: Path, parameters: Parameters
    ) -> None:
        self._setup = Setup(dict(paths), manifest, str(run_dir), dict(parameters))
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    def execute(self, sql: str, seconds: float) -> Result:
        """The answer to one statement.

        Raises:
            QueryError: it is no query, DuckDB refuses it, it takes longer than `seconds` or more memory than it may.
            LogError: the log cannot be shown to it.
        """
        try:
            return self._ask(sql, seconds)
        except BaseException as error:
            if not isinstance(error, QueryError | LogError) or isinstance(error, _EndedError):
                self.close()  # it may still be at it
            raise

    def _ask(self, sql: str, seconds: float) -> Result:
        pipe = self._started()
        try:
            pipe.send(sql)
            return self._answer(pipe, monotonic() + seconds, seconds)
        except (EOFError, ConnectionError):
            raise _EndedError(
                "the query took more memory than it may, or crashed DuckDB: ask for less"
            ) from None

    def _started(self) -> Connection:
        if self._pipe is None:
            mine, theirs = socket.socketpair()
            with mine, theirs:
                fds = [int(path.rpartition("/")[2]) for path in self._setup.paths.values()]
                with interruptions_wait():
                    self._process = _start(theirs.fileno(), fds)
                    self._pipe = Connection(mine.detach())
            self._pipe.send(self._setup)
            if not self._pipe.poll(_START_SECONDS):
                raise _TooLateError(f"the process for SQL did not start within {_START_SECONDS:g} s")
            try:
                _raise_if_failed(self._pipe.recv())
            except (EOFError, ConnectionError):
                raise _EndedError("the process for SQL ended before it was ready: is memory short?") from None
        return self._pipe

    def _answer(self, pipe: Connection, deadline: float, seconds: float) -> Result:
        columns: Sequence[str] = ()
        types: Sequence[str] = ()
        rows: list[tuple[Any, ...]] = []
        size = 0
        while True:
            if not pipe.poll(max(0.0, deadline - monotonic())):
                raise _TooLateError(f"it took longer than {seconds:g} s and was stopped")
            data = pipe.recv_bytes()
            size += len(data)
            if size > ANSWER_BYTES_MAX:
                raise _EndedError(
                    f"its answer is larger than {ANSWER_BYTES_MAX // 2**20} MB: ask for fewer rows"
                )
            match _raise_if_failed(_unpickled(data)):
                case ("columns", names, kinds):
                    columns, types = names, kinds
                case ("rows", some):
                    rows += some
                case ("end",):
                    return Result(columns=list(columns), types=list(types), rows=rows)

    def close(self) -> None:
        """End the process, whatever it is doing; harmless when repeated. The next question starts another."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._pipe = self._process = None


class _EndedError(QueryError):
    """The process is at its end, or must be brought to it."""


class _TooLateError(_EndedError, QueryTooLongError):
    """The same, for it took too long."""


def _start(channel: int, fds: Sequence[int]) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that a Ctrl-C at the terminal is for whoever asked, who then ends it."""
    return subprocess.Popen(
        [sys.executable, "-m", "battle.store.sandbox_process", str(channel)],
        pass_fds=(channel, *fds),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _unpickled(data: bytes) -> Any:
    import pickle

    return pickle.loads(data)  # from our own process: a query has no way to write to the pipe


def _raise_if_failed(message: Any) -> Any:
    match message:
        case ("query_error", text):
            raise QueryError(text)
        case ("log_error", text):
            raise LogError(text)
    return message
