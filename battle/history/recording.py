"""A run adds itself to a history, and whatever becomes of that, its verdict stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from battle.defaults import DEFAULT_HISTORY

if TYPE_CHECKING:
    from battle.analysis.log import Log
    from battle.analysis.reports.schema import Report
    from battle.history.row import HistoryRow


class Recording:
    """Takes the row of a run while its log is open, and writes it when the reports are there."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._row: HistoryRow | None = None
        self._problem: Exception | None = None

    @classmethod
    def to(cls, history: Path | str | None) -> Recording:
        """Into this directory; None: the one of the working directory, if it exists, else nowhere."""
        if history is not None:
            return cls(Path(history).absolute())
        return cls(DEFAULT_HISTORY.absolute() if DEFAULT_HISTORY.is_dir() else None)

    def take(self, log: Log, report: Report) -> None:
        """Read the row from the log of the run and its report."""
        if self._directory is None:
            return
        from battle.history.run_row import row_of

        try:
            self._row = row_of(log, report)
        except Exception as error:  # a defect of ours must not cost the user the verdict
            self._problem = error

    def write(self) -> str | None:
        """Add the row to the history; the answer is a sentence if that was not possible."""
        if self._directory is None:
            return None
        from battle.history.store import add, problem_text

        try:
            if self._row is not None:
                add(self._directory, self._row)
        except Exception as error:  # whatever it is, the run took place and has its verdict
            self._problem = error
        if self._problem is None:
            return None
        return (
            f"the run is not in the history {self._directory}: {problem_text(self._problem)}; "
            "add it with `battle history add`"
        )
