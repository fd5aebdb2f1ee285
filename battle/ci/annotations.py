"""What of a report stands beside the code in a review: a sentence for each reason of a verdict. Pure.

The sentences are those of the report itself (`Report.reasons`, `Comparison.headline`): no channel words its own.
"""

import re
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

import msgspec

from battle.analysis.reports.comparison import Comparison
from battle.analysis.reports.schema import Report
from battle.scenario.slo.metrics import METRICS

Level: TypeAlias = Literal["error", "warning"]


class Place(msgspec.Struct, frozen=True):
    """Where a sentence belongs: a file, as seen from the top of the checkout, and its line where that is known."""

    file: str
    line: int | None = None


Places: TypeAlias = Callable[[str | None], Place | None]
"""The place for an SLO by its name, or (None) for the scenario itself; None: it is in no file of the checkout."""


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence that a CI service shows beside a line of code."""

    level: Level
    title: str
    message: str
    place: Place | None = None


def nowhere(_slo: str | None) -> Place | None:
    """The place of what is in no file of the checkout."""
    return None


def report_annotations(report: Report, places: Places = nowhere) -> list[Annotation]:
    """One for each reason of a report, and one for each warning. INCONCLUSIVE is an error too: nothing is proved."""
    run = report.run
    title = f"{report.verdict}: {run.scenario} ({run.world}, seed {run.seed})"
    return reason_annotations(title, report.reasons, report.warnings, places)


def reason_annotations(
    title: str, reasons: Iterable[str], warnings: Iterable[str], places: Places = nowhere
) -> list[Annotation]:
    """One for each reason why a run is no PASS, at its SLO where it names one, and one for each warning."""
    return [
        *(
            Annotation(level="error", title=title, message=reason, place=places(slo_of(reason)))
            for reason in reasons
        ),
        *(
            Annotation(level="warning", title=title, message=warning, place=places(None))
            for warning in warnings
        ),
    ]


def comparison_annotations(comparison: Comparison, places: Places = nowhere) -> list[Annotation]:
    """One for a comparison that found something worse, or could not decide."""
    if comparison.status == "nothing_worse":
        return []
    worse = comparison.status == "worse"
    title = f"{'Regression' if worse else 'Not enough data'}: {comparison.after.scenario}"
    level: Level = "error" if worse else "warning"
    return [Annotation(level=level, title=title, message=comparison.headline, place=places(None))]


_NAME = re.compile(r"[a-z][a-z0-9_]+")


def slo_of(reason: str) -> str | None:
    """The SLO that a reason is about; None when it is about something else."""
    return next((name for name in _NAME.findall(reason.partition(" was ")[0]) if name in METRICS), None)
