"""Ctrl-C while DuckDB works: it comes out as an error of DuckDB's, and must not be taken for one of the query's."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

_INTERRUPTED = "Query interrupted"
"""What the RuntimeError says by which DuckDB's Python client replaces the KeyboardInterrupt of the signal handler."""


@contextmanager
def interruptible() -> Iterator[None]:
    """An interruption inside is a KeyboardInterrupt, as anywhere else."""
    try:
        yield
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except RuntimeError as error:
        if str(error) != _INTERRUPTED:
            raise
        raise KeyboardInterrupt from None
