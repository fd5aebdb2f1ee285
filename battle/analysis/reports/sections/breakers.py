"""The section about circuit breakers: how often they opened, what that kept away, and how they came back."""

from battle.analysis.reports.cells import (
    NONE,
    bad_if_any,
    count,
    duration,
    moment,
    timed,
)
from battle.analysis.reports.document import (
    Block,
    Cell,
    Paragraph,
    Section,
    Table,
    columns,
    row,
)
from battle.analysis.reports.schema import BreakerFacts, BreakerSpan, Report
from battle.analysis.reports.section import ReportSection
from battle.analysis.visibility import unseen_text
from battle.formatting import duration_text

SPANS_SHOWN = 20
"""As many as one reads; report.json has more, the view `breaker_windows` all."""

_NOTE = (
    "An outage lasts from leaving closed until returning to it. Probes are the attempts allowed while half open. "
    "Re-opened: opened again within 5 s of closing. Skipped: how often a request was not sent to this provider "
    "because of it."
)


def breaker_section(report: Report) -> Section:
    """How often and how long each circuit breaker was not closed, and how it came back."""
    if not report.breakers:
        reports = report.gateway_reports
        nothing = "No circuit breaker changed."
        if not reports.breakers:
            nothing = f"Not available ({unseen_text(reports.kind, 'breakers')})."
        return Section("Circuit breakers", (Paragraph(nothing),))
    summary = columns(
        ":breaker", "outages", "opened", "time open", "recovered after: mean", "max", "re-opened", "probes", "good",
        "skipped",
    )  # fmt: skip
    blocks: list[Block] = [
        Table(summary, tuple(_breaker_row(breaker) for breaker in report.breakers)),
        Paragraph(_NOTE, quiet=True),
    ]
    spans = report.first_breaker_spans[:SPANS_SHOWN]
    if spans:
        title = columns(":breaker", "outage", ":state", "from", "lasted")
        began_ns = report.run.load_began_ns
        blocks.append(Table(title, tuple(_span_row(span, began_ns) for span in spans)))
    if len(report.first_breaker_spans) > SPANS_SHOWN:
        more = f"Only the first {SPANS_SHOWN} are shown; the view breaker_windows has them all."
        blocks.append(Paragraph(more, quiet=True))
    return Section(timed("Circuit breakers", report.run.world), tuple(blocks))


def _breaker_row(breaker: BreakerFacts) -> tuple[Cell, ...]:
    not_yet = Cell("not recovered", "unsure") if breaker.outages else NONE
    return row(
        f"{breaker.provider} ({breaker.transport})",
        count(breaker.outages),
        count(breaker.opened),
        duration_text(breaker.open_ns),
        duration(breaker.recovery_mean_ns, not_yet),
        duration(breaker.recovery_max_ns, not_yet),
        bad_if_any(breaker.relapses),
        count(breaker.probes),
        count(breaker.good_probes),
        count(breaker.rejections),
    )


def _span_row(span: BreakerSpan, began_ns: int | None) -> tuple[Cell, ...]:
    return row(
        f"{span.provider} ({span.transport})",
        count(span.outage),
        span.state.replace("_", " "),
        moment(span.started_ns, since_ns=began_ns),
        duration(span.duration_ns, Cell("to the end")),
    )


BREAKERS = ReportSection(
    place=100,
    title="Circuit breakers",
    make=breaker_section,
    queries=("breaker_summary", "breaker_spans"),
    charts=("breaker_lanes",),
)
