"""The sections about rates: the knee of a load that goes up in steps, and what retries make of a load."""

from battle.analysis.reports.cells import (
    count,
    moment,
    percentile,
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
from battle.analysis.reports.schema import Amplification, Report
from battle.analysis.reports.section import ReportSection
from battle.analysis.time_text import second_ns
from battle.analysis.verdict.checkers.retries import SEEN_BY_PROVIDERS
from battle.analysis.verdict.knee import Knee, Step, StepStatus
from battle.formatting import percent_text, plural

REPORTED_FROM = 1.01
"""Attempts for each request in the worst second below which retries made nothing of the load."""

_STATUS: dict[StepStatus, Cell] = {
    "met": Cell("met", "good"),
    "missed": Cell("missed", "bad"),
    "generator_late": Cell("generator late", "unsure"),
    "no_slo": Cell("–", "quiet"),
}


def knee_section(report: Report) -> Section | None:
    """Up to which rate each stepped workload met its SLOs; None without one."""
    if not report.knees:
        return None
    blocks: list[Block] = []
    for knee in report.knees:
        blocks.append(Paragraph(_knee_text(knee)))
        if knee.steps:
            titles = columns("requests/s", "requests", "success rate", "p50", "p95", "p99", ":targets")
            blocks.append(Table(titles, tuple(_step_row(step) for step in knee.steps)))
    return Section(timed("Knee", report.run.world), tuple(blocks))


def _knee_text(knee: Knee) -> str:
    name = f"Workload {knee.workload}"
    if not knee.steps:
        return f"{name}: none of its steps is in the log."
    if knee.held_to is None:
        return f"{name} has no knee: no SLO sets a target for the success or latency of its requests."
    whose = "its own targets" if knee.held_to == "workload" else "the run's targets"
    if knee.rate_per_s is None:
        return f"{name} has no knee: no step met {whose}."
    missed = [step.rate_per_s for step in knee.steps if step.status != "met"]
    if not missed:
        return f"{name}: all steps met {whose}, up to {knee.rate_per_s:,g} requests a second; the knee is above that."
    below = [rate for rate in missed if rate < knee.rate_per_s]
    odd = f" At {_rates(below)} requests a second, which is less, they were not met." if below else ""
    return f"{name}: {whose} were met up to {knee.rate_per_s:,g} requests a second.{odd}"


def _rates(rates: list[float]) -> str:
    return ", ".join(f"{rate:,g}" for rate in rates)


def _step_row(step: Step) -> tuple[Cell, ...]:
    return row(
        f"{step.rate_per_s:,g}",
        count(step.requests),
        percent_text(step.success_ratio),
        percentile(step.p50_latency_ns, 50),
        percentile(step.p95_latency_ns, 95),
        percentile(step.p99_latency_ns, 99),
        _STATUS[step.status],
    )


def amplification_section(report: Report) -> Section | None:
    """What retries made of the load; None when they made nothing of it."""
    facts = report.amplification
    worst = facts.worst_attempts_per_request or facts.attempts_per_request or 0
    if worst < REPORTED_FROM and not facts.storm_seconds:
        return None
    blocks: list[Block] = [Paragraph(_amplification_text(facts))]
    if facts.first_storm_seconds:
        began_ns = report.run.load_began_ns
        storm = tuple(
            row(
                moment(second_ns(one.second, began_ns), since_ns=began_ns),
                count(one.requests),
                count(one.attempts),
                count(one.failed),
            )
            for one in facts.first_storm_seconds
        )
        blocks.append(Table(columns("storm at", "requests", "attempts", "failed"), storm))
    return Section("Retry amplification", tuple(blocks))


def _amplification_text(facts: Amplification) -> str:
    overall = facts.attempts_per_request or 0
    worst = facts.worst_attempts_per_request
    peak = "" if worst is None else f" ({worst:.2f} in the worst second)"
    storm = f" A retry storm lasted {plural(facts.storm_seconds, 'second')}." if facts.storm_seconds else ""
    whose = "from the gateway's log" if facts.source == "gateway" else SEEN_BY_PROVIDERS
    return f"{overall:.2f} attempts per request{peak}, {whose}.{storm}"


KNEE = ReportSection(place=50, title="Knee", make=knee_section, queries=("planned_steps",))
AMPLIFICATION = ReportSection(
    place=80, title="Retry amplification", make=amplification_section, queries=("retry_amplification",)
)
