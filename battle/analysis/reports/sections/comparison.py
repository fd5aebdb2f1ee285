"""The section that compares a run with its baseline."""

from collections.abc import Iterator

from battle.analysis.reports.comparison import Answer, Change, Comparison
from battle.analysis.reports.comparison_text import (
    ANSWERS,
    change_text,
    interval_text,
    undecided,
    value_text,
    visible_text,
)
from battle.analysis.reports.document import (
    Block,
    Cell,
    Paragraph,
    Section,
    Table,
    Tone,
    columns,
    row,
)
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection
from battle.formatting import percent_text

_TONES: dict[Answer, Tone] = {
    "better": "good",
    "same": "plain",
    "worse": "bad",
    "not_enough_data": "unsure",
}


def comparison_section(report: Report) -> Section | None:
    """Whether the run is worse than its baseline; None when it was not compared."""
    return None if report.comparison is None else section_of(report.comparison)


def section_of(comparison: Comparison) -> Section:
    """A comparison by itself."""
    return Section("Comparison with the baseline", tuple(_blocks(comparison)))


def _blocks(comparison: Comparison) -> Iterator[Block]:
    yield Paragraph(comparison.headline)
    yield from (Paragraph(text) for text in remarks(comparison))
    yield Table(
        columns(":metric", "before", "after", "change", ":confidence interval", "seen from", ":verdict"),
        tuple(_row(change) for change in comparison.changes),
    )
    yield from (Paragraph(text, quiet=True) for text in [*undecided(comparison.changes), rule(comparison)])


def remarks(comparison: Comparison) -> Iterator[str]:
    """What one must know beside the numbers: how the two sides differ, what cannot be trusted, what was confirmed."""
    before, after = comparison.before, comparison.after
    runs = f", {before.runs} runs" if before.runs > 1 else ""
    yield f"Before: {before.name} (seed {before.seed}{runs}). After: {after.name} (seed {after.seed})."
    yield from (f"{text[0].upper()}{text[1:]}." for text in (*comparison.differences, *comparison.cautions))
    if comparison.confirmed_by is not None:
        seen = "What is worse was" if comparison.status == "worse" else "Nothing that seemed worse was"
        yield f"{seen} seen again in a second run, {comparison.confirmed_by}."
    elif comparison.status == "worse":
        yield "Not confirmed by a second run: use --confirm."


def rule(comparison: Comparison) -> str:
    """What makes a change count, in two sentences."""
    return (
        f"A change counts when it exceeds {percent_text(comparison.threshold)} and its confidence interval excludes "
        f"zero; the joint confidence level is {percent_text(comparison.level)}. A change below “seen from” would "
        "not have been detected."
    )


def _row(change: Change) -> tuple[Cell, ...]:
    return row(
        change.name,
        value_text(change.before, change.unit),
        value_text(change.after, change.unit),
        change_text(change),
        interval_text(change),
        visible_text(change),
        _verdict(change),
    )


def _verdict(change: Change) -> Cell:
    text = ANSWERS[change.verdict]
    if change.verdict == "worse" and change.confirmed is False:
        return Cell(f"{text}, not confirmed", "unsure")
    if change.verdict in ("better", "worse") and not change.decides:
        return Cell(f"{text} (informational)", "quiet")
    return Cell(text, "quiet" if not change.decides else _TONES[change.verdict])


COMPARISON = ReportSection(place=40, title="Comparison with the baseline", make=comparison_section)
