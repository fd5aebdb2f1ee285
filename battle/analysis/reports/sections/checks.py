"""The section on checks: what each checker found."""

from collections.abc import Iterator

from battle.analysis.findings import Finding
from battle.analysis.reports.document import Cell, Paragraph, Section, Source, Table, Tone, columns, row
from battle.analysis.reports.provenance import command_of
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection

_VERDICT_TONES: dict[str, Tone] = {"PASS": "good", "FAIL": "bad", "INCONCLUSIVE": "unsure"}


def checks_section(report: Report) -> Section:
    """What must hold for the numbers to be valid, and whether it does."""
    rows = tuple(
        row(
            finding.checker,
            _verdict_cell(finding),
            ", ".join(finding.ids),
            finding.summary,
        )
        for finding in report.findings
    )
    return Section(
        "Checks",
        (
            Paragraph("What must hold for the numbers above to be valid.", quiet=True),
            Table(columns(":check", ":verdict", ":about", ":finding"), rows, stacks=True),
        ),
        tuple(_finding_sources(report)),
    )


def _verdict_cell(finding: Finding) -> Cell:
    if finding.warns:
        return Cell("warning", "unsure") if finding.verdict == "PASS" else Cell("FAIL (warning)", "bad")
    return Cell(finding.verdict, _VERDICT_TONES[finding.verdict])


def _finding_sources(report: Report) -> Iterator[Source]:
    for finding in report.findings:
        if finding.query is not None:
            yield Source(finding.checker, finding.query, command_of(finding.query, report.run.run_id))


CHECKS = ReportSection(place=140, title="Checks", make=checks_section)
