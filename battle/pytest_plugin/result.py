"""What a test gets from a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from battle.analysis.findings import Verdict
    from battle.analysis.reports.schema import Report


@dataclass(frozen=True, eq=False, repr=False)
class BattleResult:
    """A run that was judged. It is true when it passed: INCONCLUSIVE is not passed.

    `run_dir` is the run's directory, `report` all of the report (`battle.analysis.reports.schema.Report`).
    """

    run_dir: Path
    report: Report

    @property
    def verdict(self) -> Verdict:
        """PASS, FAIL or INCONCLUSIVE."""
        return self.report.verdict

    @property
    def passed(self) -> bool:
        """Whether the verdict is PASS."""
        return self.verdict == "PASS"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the verdict is FAIL or INCONCLUSIVE, a sentence each; a PASS has none."""
        return self.report.reasons

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a run warns of though no client felt it; a strict run has none, they are reasons."""
        return self.report.warnings

    @property
    def summary(self) -> str:
        """The verdict, each reason with its evidence, and where the report lies, in some lines for people."""
        from battle.pytest_plugin.summary import summary_text

        return summary_text(self.report, self.run_dir)

    def sql(self, query: str) -> list[Any]:
        """The rows that the run's log answers one SELECT with: tuples, named as its columns where that is possible.

        Raises:
            QueryError: DuckDB refuses the query, or it wants to write.
        """
        __tracebackhide__ = True
        from battle.store.database import open_run
        from battle.store.errors import QueryError

        try:
            with open_run(self.run_dir) as run:
                return run.execute(query).named_rows()
        except QueryError as error:
            raise error.with_traceback(None) from None

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        """One line, because pytest shows it so."""
        why = "; ".join(self.reasons)
        what = f"{self.report.run.scenario} against {self.report.run.gateway}"
        return f"<{self.report.verdict_text} {what}{': ' if why else ''}{why}>"
