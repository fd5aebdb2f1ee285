"""The sections about failure and survival: failovers, faults, circuit breakers."""

from battle.judgement.faults import effect_text
from battle.judgement.words import duration_text, plural
from battle.reports.document import Block, Cell, Paragraph, Section, Table, columns, row
from battle.reports.schema import BreakerFacts, BreakerSpan, FaultEffect, Report, SlowFailover
from battle.reports.values import count, duration, moment, timed

SLOWEST_SHOWN = 5
SPANS_SHOWN = 20
"""As many as one reads; report.json and the views have more."""

_NOT_SEEN = Cell("not seen", "doubtful")
_INFERRED = (
    "The gateway keeps no log of its own, so this is inferred from the providers' side: connections that a "
    "dead provider refused are not in it, and the count is a lower bound."
)
_FAULT_NOTE = (
    "Detected: the first failed attempt at the target, or its breaker's opening. Recovered: the first good "
    "attempt after the fault ended. Leaked: attempts sent to the broken provider meanwhile."
)


def failover_section(report: Report) -> Section:
    """How often requests needed more than one attempt, and what that cost."""
    facts = report.failovers
    if not facts.failovers:
        return Section("Failovers", (Paragraph("No request needed more than one attempt."),))
    asked = f"{facts.failovers:,} needed" if facts.failovers != 1 else "1 needed"
    answered = "all of them were" if facts.answered == facts.failovers else f"{facts.answered:,} of them were"
    text = (
        f"Of {plural(report.requests.total, 'request')} {asked} more than one attempt "
        f"(at most {facts.attempts_max}); {answered} answered in the end."
    )
    costs = row(
        *(
            duration(cost)
            for cost in (facts.cost_p50_ns, facts.cost_p95_ns, facts.cost_p99_ns, facts.cost_max_ns)
        )
    )
    blocks: list[Block] = [
        Paragraph(text),
        Table(columns("cost p50", "p95", "p99", "max"), (costs,)),
        Paragraph("The cost is the time until the attempt that answered began.", quiet=True),
        Table(
            columns(":dearest failovers", "at", ":asked", ":answered", "cost"),
            tuple(_failover_row(slow) for slow in facts.slowest[:SLOWEST_SHOWN]),
        ),
    ]
    if facts.source == "providers":
        blocks.append(Paragraph(_INFERRED, quiet=True))
    return Section(timed("Failovers", report.run.world), tuple(blocks))


def _failover_row(slow: SlowFailover) -> tuple[Cell, ...]:
    answered = Cell("yes") if slow.answered else Cell("no", "bad")
    path = " → ".join(slow.providers)
    return row(slow.request_id, moment(slow.started_ns), path, answered, duration(slow.cost_ns))


def fault_section(report: Report) -> Section:
    """What each fault did, and how long it took to notice and to come back."""
    if not report.faults:
        return Section("Faults", (Paragraph("No fault was planned."),))
    times = columns(
        ":fault", ":target", "applied", "for", "detected after", "recovered after", "leaked", "request errors"
    )
    effects = columns(":fault", ":took effect", ":evidence")
    return Section(
        timed("Faults", report.run.world),
        (
            Table(times, tuple(_fault_row(fault) for fault in report.faults)),
            Paragraph(_FAULT_NOTE, quiet=True),
            Table(effects, tuple(_effect_row(fault) for fault in report.faults)),
        ),
    )


def _fault_row(fault: FaultEffect) -> tuple[Cell, ...]:
    started_ns, ended_ns = fault.started_ns, fault.ended_ns
    lasted_ns = None if started_ns is None or ended_ns is None else ended_ns - started_ns
    unseen = Cell("–", "quiet") if started_ns is None else _NOT_SEEN
    return row(
        fault.fault_id,
        fault.target,
        moment(started_ns, Cell("never", "doubtful")),
        duration(lasted_ns, Cell("to the end") if started_ns is not None else Cell("–", "quiet")),
        duration(fault.time_to_detect_ns, unseen),
        duration(fault.time_to_recover_ns, unseen if ended_ns is not None else Cell("–", "quiet")),
        count(fault.leaked_attempts),
        count(fault.request_errors),
    )


def _effect_row(fault: FaultEffect) -> tuple[Cell, ...]:
    effect = Cell("yes", "good") if fault.effect_observed else Cell("no", "doubtful")
    return row(fault.fault_id, effect, effect_text(fault) or "none")


def breaker_section(report: Report) -> Section:
    """How often and how long each circuit breaker was not closed."""
    if not report.breakers:
        told = any(share.source == "gateway" for share in report.provider_shares)
        nothing = "No circuit breaker changed." if told else "Not measured: the gateway does not tell."
        return Section("Circuit breakers", (Paragraph(nothing),))
    summary = columns(":breaker", "changes", "opened", "half open", "closed", "time open", "passed over")
    spans = report.first_breaker_spans[:SPANS_SHOWN]
    blocks: list[Block] = [Table(summary, tuple(_breaker_row(breaker) for breaker in report.breakers))]
    if spans:
        title = columns(":breaker", "outage", ":state", "from", "lasted")
        blocks.append(Table(title, tuple(_span_row(span) for span in spans)))
    if len(report.first_breaker_spans) > SPANS_SHOWN:
        more = f"Only the first {SPANS_SHOWN} spans are shown; the view breaker_windows has them all."
        blocks.append(Paragraph(more, quiet=True))
    return Section(timed("Circuit breakers", report.run.world), tuple(blocks))


def _breaker_row(breaker: BreakerFacts) -> tuple[Cell, ...]:
    return row(
        f"{breaker.provider} ({breaker.transport})",
        count(breaker.changes),
        count(breaker.opened),
        count(breaker.half_opened),
        count(breaker.closed),
        duration_text(breaker.open_ns),
        count(breaker.rejections),
    )


def _span_row(span: BreakerSpan) -> tuple[Cell, ...]:
    return row(
        f"{span.provider} ({span.transport})",
        count(span.outage),
        span.state.replace("_", " "),
        moment(span.started_ns),
        duration(span.duration_ns, Cell("to the end")),
    )
