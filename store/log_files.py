"""The Parquet files of a run as open descriptors: what DuckDB reads, and what no query can write.

DuckDB is given `/proc/self/fd/N`, so no directory name needs quoting, and no pattern in one is expanded.
"""

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from battle.store.errors import LogError
from battle.store.events import TABLES
from battle.store.interruptions import scratch_directory
from battle.store.manifest import (
    RESTORE,
    Manifest,
    check_file,
    check_header,
    check_nothing_else,
    read_manifest,
)
from battle.store.regular import open_regular as open_regular
from battle.store.regular import read_regular as read_regular
from battle.store.seal import scan_run, write_tables

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class LogFiles:
    """One readable Parquet file per table, open until `close`.

    A run that was never sealed is sealed into a temporary directory first; its segments stay untouched.

    Raises:
        LogError: there is no such run, or its files are not what its manifest says.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._open = ExitStack()
        self._descriptors: dict[str, int] = {}
        if not run_dir.is_dir():
            raise LogError(f"there is no run at {run_dir}")
        manifest = read_manifest(run_dir)
        self.sealed = manifest is not None
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            if manifest is not None:
                check_header(manifest, run_dir)
                check_nothing_else(manifest, run_dir / "events")
                self._open_tables(run_dir / "events", manifest)
            else:
                with scratch_directory("battle-log-") as scratch:
                    manifest = write_tables(scan_run(run_dir), scratch, growing=True)
                    self._open_tables(scratch, manifest)
            on_failure.pop_all()
        self.manifest: Manifest = manifest

    def _open_tables(self, directory: Path, manifest: Manifest) -> None:
        for table in TABLES:
            path = directory / f"{table}.parquet"
            try:
                file = self._open.enter_context(open_regular(path))
            except FileNotFoundError:
                raise LogError(f"{path} is missing; {RESTORE}") from None
            except OSError as error:
                raise LogError(f"{path} cannot be read: {error.strerror}") from None
            check_file(path, file, manifest.files.get(table))
            self._descriptors[table] = file.fileno()

    def open_paths(self) -> dict[str, str]:
        """Where DuckDB reads each table."""
        return {table: _path(fd) for table, fd in self._descriptors.items()}

    def protected_paths(self) -> dict[str, str]:
        """Where untrusted SQL reads each table: copies in memory that the kernel lets nobody write.

        DuckDB's own settings are not enough: a path a query may read is one it may `COPY TO`, and a COPY
        inside a WITH looks like a SELECT.
        """
        return {table: _path(self._protected_copy(table, fd)) for table, fd in self._descriptors.items()}

    def _protected_copy(self, table: str, source: int) -> int:
        copy = os.memfd_create(table, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._open.callback(os.close, copy)
        size, offset = os.fstat(source).st_size, 0
        while offset < size:
            offset += os.sendfile(copy, source, offset, size - offset)
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
        return copy

    def close(self) -> None:
        """Release the descriptors; harmless when repeated."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _path(fd: int) -> str:
    return f"/proc/self/fd/{fd}"
