"""Regenerates the pages of docs/ that come from the code, and the printed answers in docs/cookbook.md.

    python -m tools.docs

Tables come from the event structs and the comments in the view files, the references from the spec structs, the
commands from the command line itself, and the answers from three simulated runs; the tutorial's commands are run as
it says. Tests in tests/docs/ hold that the committed pages are up to date.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from battle.analysis.reports import schema as report_schema
from tools.docs import fault_rules, targets, workflow
from tools.docs.answers import RUNS, answer, answered, make_run, recipes
from tools.docs.commands import commands_page
from tools.docs.explained import explained
from tools.docs.faults import faults_page
from tools.docs.printed import printed
from tools.docs.scenario import scenario_page
from tools.docs.tables import read_header, tables_page

__all__ = [
    "ANSWERED",
    "DOCS",
    "EXPLAINED",
    "PAGES",
    "RUNS",
    "TUTORIAL",
    "answer",
    "answered",
    "commands_page",
    "explained",
    "faults_page",
    "main",
    "make_run",
    "printed",
    "read_header",
    "recipes",
    "scenario_page",
    "tables_page",
]

DOCS = Path(__file__).parent.parent.parent / "docs"
ANSWERED = (DOCS / "cookbook.md",)
"""Pages that show queries with their answers."""

EXPLAINED = DOCS / "explain.md"
"""The page that shows stories of requests."""

TUTORIAL = DOCS / "tutorial.md"
"""The page whose commands are run one after the other."""

PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "scenario.md": scenario_page,
    "faults.md": faults_page,
    "commands.md": commands_page,
    "assets/report.schema.json": report_schema.json_schema,
}


def main() -> None:
    """Write all pages, our own workflow, the view from the faults, and the types from the metrics."""
    fault_rules.PATH.write_text(fault_rules.fault_rules())
    targets.PATH.write_text(targets.targets_stub())
    workflow.PATH.write_text(workflow.workflow())
    for name, make in PAGES.items():
        (DOCS / name).write_text(make())
    with TemporaryDirectory() as scratch:
        runs = {name: make_run(name, Path(scratch)) for name in RUNS}
        for path in ANSWERED:
            path.write_text(answered(path.read_text(), runs))
        EXPLAINED.write_text(explained(EXPLAINED.read_text(), runs))
    TUTORIAL.write_text(printed(TUTORIAL.read_text()))
