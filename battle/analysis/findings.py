"""What a checker says, and the log it says it about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:  # a scenario imports `Slo` from this package, and should not wait for DuckDB
    from battle.store.database import Result, Run
    from battle.store.seal import Manifest

Verdict: TypeAlias = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Severity: TypeAlias = Literal["harm", "warning"]

SLO_SQL_SECONDS = 30.0
"""How long the statement of an `Slo.sql` may take; one that takes longer is not measured."""

EVIDENCE_IDS_MAX = 10
"""As many ids as a reader will look up; the query finds the rest."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One checker's answer: a sentence, and where to look.

    `query` is SQL for `battle sql RUN`; `ids` are at most `EVIDENCE_IDS_MAX` of what it is about (requests,
    faults, nodes or segments).

    `severity` says who is concerned. "harm": a client got something false, late beyond its SLO, or nothing, or a
    process under test died; that is FAIL. "warning": a smell that no client felt; the verdict stays PASS, or becomes
    FAIL in a strict judgement. None: nothing is wrong, or the measurement is in doubt. A FAIL that gives no severity
    is harm. Raises ValueError for a severity that does not go with the verdict.
    """

    checker: str
    verdict: Verdict
    summary: str
    query: str | None = None
    ids: tuple[str, ...] = ()
    severity: Severity | None = None

    def __post_init__(self) -> None:
        if self.verdict == "FAIL" and self.severity is None:
            msgspec.structs.force_setattr(self, "severity", "harm")
        if self.severity is not None and self.verdict not in _VERDICTS[self.severity]:
            raise ValueError(f"{self.checker}: {self.severity} does not go with {self.verdict}")

    @property
    def warns(self) -> bool:
        """Whether it is a warning, strict or not."""
        return self.severity == "warning"


_VERDICTS: dict[Severity, tuple[Verdict, ...]] = {"harm": ("FAIL",), "warning": ("PASS", "FAIL")}


def strictly(finding: Finding) -> Finding:
    """The finding in a strict judgement: a warning fails it."""
    return msgspec.structs.replace(finding, verdict="FAIL") if finding.warns else finding


class Log:
    """A run that is asked each question once, so that judgement and report share the answers."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._answers: dict[tuple[str, tuple[tuple[str, object], ...]], list[Any]] = {}

    def rows(self, query: str, **parameters: object) -> list[Any]:
        """The rows of a report query as named tuples. Raises QueryError as `Run.query` does."""
        key = (query, tuple(sorted(parameters.items())))
        if key not in self._answers:
            self._answers[key] = self._run.query(query, **parameters)
        return self._answers[key]

    def execute(self, sql: str) -> Result:
        """The answer to a user's own SQL, which can read the log alone. Raises QueryError as `Run.execute` does."""
        return self._run.execute(sql, SLO_SQL_SECONDS)

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


def worst(verdicts: list[Verdict]) -> Verdict:
    """FAIL beats INCONCLUSIVE beats PASS; without any verdict there is nothing to conclude from."""
    if "FAIL" in verdicts:
        return "FAIL"
    if "INCONCLUSIVE" in verdicts or not verdicts:
        return "INCONCLUSIVE"
    return "PASS"
