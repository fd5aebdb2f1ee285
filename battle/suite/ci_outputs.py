"""What a suite has for a CI service."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from battle.analysis.reports.schema import Report
from battle.ci.annotations import Annotation, reason_annotations
from battle.ci.gitlab import samples_of
from battle.ci.publish import Outcome, places_in
from battle.suite.files import render_markdown
from battle.suite.results import SuiteReport, SuiteRun


def suite_outcome(report: SuiteReport, suite_dir: Path, reports: Sequence[Report | None]) -> Outcome:
    """Annotations of each run, the table as summary, and the report files."""
    return Outcome(
        annotations=tuple(chain.from_iterable(_annotations(run, report.world) for run in report.runs)),
        summary=lambda: render_markdown(report, links=False),
        outputs={
            "verdict": report.verdict,
            "report": str(suite_dir / "suite.html"),
            "results": str(suite_dir),
        },
        name=suite_dir.name,
        out=suite_dir.parent.parent,
        junit=suite_dir / "suite-junit.xml",
        samples=tuple(chain.from_iterable(samples_of(one) for one in reports if one is not None)),
    )


def _annotations(run: SuiteRun, world: str) -> list[Annotation]:
    title = f"{run.status}: {run.scenario} ({world}, seed {run.seed})"
    reasons = run.reasons or (() if run.status == "PASS" else (run.status,))
    return reason_annotations(title, reasons, run.warnings, places_in(run.scenario))
