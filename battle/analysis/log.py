"""The log of a run as a checker sees it: the rows of named queries, the SQL of an SLO and of a scenario's checker."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from battle.scenario.run_header import RunHeader, read_header

if TYPE_CHECKING:  # what renders a report that is at hand should not wait for DuckDB
    from battle.store.database import Result, Run
    from battle.store.seal import Manifest


SLO_SQL_SECONDS = 30.0
"""How long the statement of an `Slo.sql`, or of a scenario's own checker, may take."""


class Log:
    """A run that is asked each question once, so that judgement and report share the answers."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._answers: dict[tuple[str, tuple[tuple[str, object], ...]], list[Any]] = {}

    def rows(self, query: str, /, **parameters: object) -> list[Any]:
        """The rows of a report query as named tuples. Raises QueryError as `Run.query` does."""
        key = (query, tuple(sorted(parameters.items())))
        if key not in self._answers:
            self._answers[key] = self._run.query(query, **parameters)
        return self._answers[key]

    def ask(self, sql: str, /, **parameters: object) -> list[Any]:
        """The rows of a question of Battle's own that is no named query. Raises QueryError as `Run.query` does."""
        return self._run.ask(sql, **parameters)

    def execute(self, sql: str) -> Result:
        """The answer to a user's own SQL, which can read the log alone. Raises QueryError as `Run.execute` does."""
        return self._run.execute(sql, SLO_SQL_SECONDS)

    @property
    def for_authors(self) -> RunLog:
        """The same log for a scenario's own checker."""
        return RunLog(self._run)

    @cached_property
    def header(self) -> RunHeader:
        """What `run.json` says of the run; all defaults where there is none."""
        rows = self.rows("run_header")
        return read_header(rows[0].document) if rows else RunHeader()

    @property
    def asked(self) -> tuple[tuple[str, dict[str, object]], ...]:
        """Each query that was asked, with its parameters, in the order of the first time."""
        return tuple((query, dict(parameters)) for query, parameters in self._answers)

    @property
    def sealed(self) -> bool:
        """Whether the log was sealed."""
        return self._run.sealed

    @property
    def manifest(self) -> Manifest:
        """Counts of the log, and what is known to be wrong with it."""
        return self._run.manifest


class RunLog:
    """The log of a run, as a scenario's own checker gets it.

    `log.sql(query)` returns the rows of one SELECT as named tuples. The tables and views are in the
    [reference](tables.md). A query can read the log alone, and takes at most 30 s; one that DuckDB refuses raises
    QueryError, with which the checker's finding is INCONCLUSIVE.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def sql(self, query: str) -> list[Any]:
        """The rows that the log answers one SELECT with. Raises QueryError as `Run.execute` does."""
        return self._run.execute(query, SLO_SQL_SECONDS).named_rows()
