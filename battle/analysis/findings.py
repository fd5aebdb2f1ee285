"""What a checker says, and what all of it amounts to."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from battle.formatting import plural

Verdict: TypeAlias = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Severity: TypeAlias = Literal["harm", "warning"]


EVIDENCE_IDS_MAX = 10
"""As many ids as a reader will look up; the query finds the rest."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One checker's answer: a sentence, and where to look.

    `verdict` is "PASS", "FAIL" or "INCONCLUSIVE", and `summary` the sentence that a report shows. Of a
    scenario's own checker Battle fills in the name, `checker`.

    `query` is SQL for `battle sql RUN`; `ids` are at most `EVIDENCE_IDS_MAX` of what it is about (requests,
    faults, nodes or segments).

    `severity` says who is concerned. "harm": a client got something false, late beyond its SLO, or nothing, or a
    process under test died; that is FAIL. "warning": a smell that no client felt; the verdict stays PASS, or becomes
    FAIL in a strict judgement. None: nothing is wrong, or the measurement is not trusted. A FAIL without one is harm.
    Raises ValueError for a severity that does not go with the verdict.
    """

    checker: str = ""
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
    def is_of_author(self) -> bool:
        """Whether a scenario's own checker found it: those are named "module:function"."""
        return ":" in self.checker

    @property
    def warns(self) -> bool:
        """Whether it is a warning, strict or not."""
        return self.severity == "warning"


_VERDICTS: dict[Severity, tuple[Verdict, ...]] = {"harm": ("FAIL",), "warning": ("PASS", "FAIL")}


def made_strict(finding: Finding) -> Finding:
    """The finding in a strict judgement: a warning fails it."""
    return msgspec.structs.replace(finding, verdict="FAIL") if finding.warns else finding


def worst(verdicts: list[Verdict]) -> Verdict:
    """FAIL beats INCONCLUSIVE beats PASS; without any verdict there is nothing to conclude from."""
    if "FAIL" in verdicts:
        return "FAIL"
    if "INCONCLUSIVE" in verdicts or not verdicts:
        return "INCONCLUSIVE"
    return "PASS"


EXIT_STATUS: dict[Verdict, int] = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}
"""What the command line says to the shell."""


def verdict_text(verdict: str, warnings: int) -> str:
    """The verdict as the first line of every report says it: "PASS with 2 warnings"."""
    return f"{verdict} with {plural(warnings, 'warning')}" if verdict == "PASS" and warnings else verdict
