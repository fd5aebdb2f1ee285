"""The views and macros of a connection: each file of `queries/views` is a CREATE VIEW, each of `queries/macros` a
CREATE TEMP MACRO, and either may ask others of both. A macro is temporary so that none is left in an exported file.
"""

import re
from pathlib import Path

import duckdb

from battle.store.errors import QueryError

STORED = frozenset(
    {
        "attempt_cells",
        "attempts_by_second",
        "breaker_outages",
        "failovers",
        "gateway_reports",
        "repeated_attempts",
        "request_ends",
    }
)
"""Views that make little of much, and that several report queries ask: on the connection of the reports each is
computed once and kept, so that the millions of rows of a large log are counted once and not for each query.

Of a log of few rows every view is: there understanding a query costs most, and a table is understood at once."""

_COMMENT = re.compile(r"--.*")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


class Views:
    """Defines views and macros on a connection when they are needed: binding them all costs more than most questions.

    `directories`: where they are. `stored`: the views that become tables, computed when they are first needed.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, *directories: Path, stored: frozenset[str] = frozenset()
    ) -> None:
        self._connection = connection
        self._texts = {
            path.stem: path.read_text()
            for directory in directories
            for path in sorted(directory.glob("*.sql"))
        }
        self._stored = stored
        self._defined: set[str] = set()

    def define_mentioned(self, sql: str) -> None:
        """Define the views and macros that a query mentions, and those that these need.

        Raises:
            QueryError: a file is wrong, or what it needs does not exist.
        """
        found: list[str] = []
        self._add_mentioned(sql, found)
        self._define(found)

    def define_all(self) -> None:
        """Define every view and macro. Raises QueryError as `define_mentioned` does."""
        found: list[str] = []
        self._add_mentioned(" ".join(self._texts), found)
        self._define(found)

    def _add_mentioned(self, sql: str, found: list[str], above: tuple[str, ...] = ()) -> None:
        """Add each whose name stands in the SQL, those that it mentions itself before it.

        A column may have the name of one: then it is defined though nobody asks it, or two mention each other.
        """
        words = set(_WORD.findall(_COMMENT.sub("", sql)))
        for name, text in self._texts.items():
            if name in words and name not in found and name not in above:
                self._add_mentioned(text, found, (*above, name))
                found.append(name)

    def _define(self, names: list[str]) -> None:
        """Those that need another one that is not there yet wait for it."""
        waiting = [name for name in names if name not in self._defined]
        while waiting:
            failures: dict[str, str] = {}
            for name in waiting:
                try:
                    self._connection.execute(self._statement(name))
                    self._defined.add(name)
                except duckdb.InterruptException:
                    raise
                except duckdb.Error as error:
                    failures[name] = message_of(error)
            if len(failures) == len(waiting):
                raise QueryError("; ".join(f"{name}.sql: {why}" for name, why in failures.items()))
            waiting = list(failures)

    def _statement(self, name: str) -> str:
        text = self._texts[name]
        if name not in self._stored:
            return text
        assert f"CREATE VIEW {name} AS" in text
        return text.replace(f"CREATE VIEW {name} AS", f"CREATE TABLE {name} AS", 1)


def message_of(error: duckdb.Error) -> str:
    """DuckDB's message as one line, without the drawing of where in the query it was."""
    return " ".join(str(error).split("\n\nLINE ")[0].split())
