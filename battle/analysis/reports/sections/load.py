"""The sections about the load and what came of it: SLOs, latencies, errors, answers, providers."""

from collections.abc import Iterator

from battle.analysis.reports.cells import (
    count,
    duration,
    explain_command,
    percentile,
    text,
    timed,
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
from battle.analysis.reports.interval_text import interval_cell, interval_note, share_text
from battle.analysis.reports.intervals import LatencyIntervals
from battle.analysis.reports.load_facts import only_subscriptions
from battle.analysis.reports.schema import (
    Latency,
    Report,
    RequestFacts,
    RequestKind,
)
from battle.analysis.reports.section import ReportSection
from battle.analysis.verdict.slo_comparison import SloResult
from battle.analysis.verdict.slo_text import measured_text, target_text
from battle.formatting import percent_text, plural

_STATUS: dict[str, tuple[str, Tone]] = {
    "met": ("met", "good"),
    "missed": ("missed", "bad"),
    "not_measured": ("not measured", "unsure"),
}
NOT_TRUSTED = Cell("not trusted", "unsure")
"""Measured, but the test bench may be why it was missed."""

_CLOCKS = {"due": "from scheduled time", "sent": "from send time"}


def slo_section(report: Report) -> Section:
    """Each SLO with its target and actual value: of the run, of parts of it, and of single workloads."""
    if not report.slos and not report.workload_slos:
        nothing = "The scenario has no SLO, so there is nothing to pass."
        return Section("SLO compliance", (Paragraph(nothing), *_omitted(report)))
    results: list[tuple[str | None, SloResult]] = [(None, result) for result in report.slos]
    results += [(one.workload, result) for one in report.workload_slos for result in one.slos]
    met = sum(result.status == "met" for _, result in results)
    titles = columns(":of", ":SLO", "target", "actual", ":result", ":note")
    rows = tuple((Cell(workload or "the run"), *_slo_row(result)) for workload, result in results)
    noted = any(result.note is not None for _, result in results)
    if not noted:
        titles, rows = titles[:-1], tuple(row[:-1] for row in rows)
    if not report.workload_slos:
        titles, rows = titles[1:], tuple(row[1:] for row in rows)
    return Section(
        timed("SLO compliance", report.run.world),
        (
            Paragraph(f"{met} of {plural(len(results), 'SLO')} met."),
            Table(titles, rows, stacks=noted),
            *_omitted(report),
        ),
    )


def _omitted(report: Report) -> Iterator[Paragraph]:
    """The SLOs that the run was not held to, and what else it changed of its scenario."""
    if report.omitted_slos:
        yield Paragraph(f"Left out: {'; '.join(report.omitted_slos)}.")
    if report.changes:
        yield Paragraph(f"Changed for this run: {'; '.join(report.changes)}.")


def _slo_row(result: SloResult) -> tuple[Cell, ...]:
    return row(
        result.title,
        target_text(result),
        text(measured_text(result)),
        NOT_TRUSTED if result.untrusted else Cell(*_STATUS[result.status]),
        text(result.note) if result.note else "",
    )


def performance_section(report: Report) -> Section | None:
    """How many requests succeeded, how long they took, what went wrong, and who did the work.

    None where the load was nothing but subscriptions: their section says how they fared.
    """
    requests = report.requests
    if only_subscriptions(report):
        return None
    if not requests.total:
        return Section("Performance summary", (Paragraph("No request ended."),))
    blocks: list[Block] = [
        Paragraph(_outcome_text(report)),
        Paragraph(_answer_text(requests)),
        Table(
            columns(":latency" if report.run.world == "live" else ":simulated latency", ":of", *_PERCENTILES),
            tuple(_latency_row(latency) for latency in _shown(report)),
        ),
        Paragraph(_LATENCY_NOTE, quiet=True),
        Table(
            columns(":confidence interval", ":of", "of p50", "of p95", "of p99"),
            tuple(_interval_row(latency, _intervals_of(report, latency)) for latency in _shown(report)),
        ),
        Paragraph(interval_note(report.intervals), quiet=True),
    ]
    if requests.ok < requests.total:
        blocks += [_failures(requests), explain_command(report, "--errors", "5")]
    if report.provider_shares:
        blocks.append(_shares(report))
    return Section(timed("Performance summary", report.run.world), tuple(blocks))


_PERCENTILES = ("p50", "p90", "p95", "p99", "p99.9", "max", "mean")
_LATENCY_NOTE = (
    "Percentiles are exact and cover all requests: an unsuccessful request counts as longer than any other, so a "
    "percentile is not reached where too many failed. Maximum and mean are of successful requests."
)


def _outcome_text(report: Report) -> str:
    requests = report.requests
    rate = "" if requests.sent_per_s is None else f", sent at {requests.sent_per_s:,.1f}/s"
    # One that never left is the load generator's failure, or that of whoever held its connections: nobody was asked.
    unsent = sum(kind.requests for kind in requests.kinds if _never_left(kind))
    failed = f"; {requests.error - unsent:,} failed" if requests.error > unsent else ""
    failed += f"; {unsent:,} were not sent by the load generator" if unsent else ""
    lost = f"; {requests.unknown:,} with unknown outcome (may or may not have taken effect)"
    unknown = lost if requests.unknown else ""
    ratio = percent_text(requests.ok / requests.total)
    for interval in report.intervals.successes:
        if interval.workload is None:
            ratio += f", {share_text(interval, report.intervals.level)}"
    return (
        f"{requests.ok:,} of {plural(requests.total, 'request')} succeeded ({ratio}){rate}{failed}{unknown}."
    )


def _never_left(kind: RequestKind) -> bool:
    return kind.outcome == "error" and kind.failure in ("unsent", "interrupted")


def _answer_text(requests: RequestFacts) -> str:
    answers = requests.answers
    checked = answers["right"] + answers["wrong"] + answers["stale"]
    if not checked:
        return "No answer was checked against the chain model."
    return (
        f"Of {plural(checked, 'checked answer')} {answers['right']:,} were right, {answers['wrong']:,} wrong "
        f"and {answers['stale']:,} stale."
    )


def _shown(report: Report) -> list[Latency]:
    timed = [latency for latency in report.latencies if latency.clock in _CLOCKS]
    workloads = {latency.workload for latency in timed}
    # With one workload, all together are the same as it alone.
    return [latency for latency in timed if latency.workload is not None or len(workloads) > 2]


def _intervals_of(report: Report, latency: Latency) -> LatencyIntervals:
    place = (latency.workload, latency.clock)
    return next(one for one in report.intervals.latencies if (one.workload, one.clock) == place)


def _latency_row(latency: Latency) -> tuple[Cell, ...]:
    ranks = {
        50: latency.p50_ns,
        90: latency.p90_ns,
        95: latency.p95_ns,
        99: latency.p99_ns,
        99.9: latency.p999_ns,
    }
    return row(
        _CLOCKS[latency.clock],
        latency.workload or "all",
        *(percentile(rank, percent) for percent, rank in ranks.items()),
        duration(latency.max_ns),
        duration(latency.mean_ns),
    )


def _interval_row(latency: Latency, intervals: LatencyIntervals) -> tuple[Cell, ...]:
    return row(
        _CLOCKS[latency.clock],
        latency.workload or "all",
        *(interval_cell(estimate) for estimate in (intervals.p50, intervals.p95, intervals.p99)),
    )


def _failures(requests: RequestFacts) -> Table:
    rows = tuple(
        row(
            text(kind.failure),
            kind.outcome,
            text(kind.http_status),
            text(kind.rpc_code),
            count(kind.requests),
        )
        for kind in requests.kinds
        if kind.outcome != "ok"
    )
    return Table(columns(":failure", ":outcome", "HTTP status", "JSON-RPC code", "requests"), rows)


def _shares(report: Report) -> Table:
    rows = tuple(
        row(
            share.provider,
            count(share.attempts),
            f"{share.share_ratio:.1%}".replace("%", " %"),
            count(share.failed),
            duration(share.mean_ns),
        )
        for share in report.provider_shares
    )
    return Table(columns(":provider", "attempts", "share", "failed", "mean (successful)"), rows)


SLO_COMPLIANCE = ReportSection(
    place=10,
    title="SLO compliance",
    make=slo_section,
    queries=("request_measures", "notification_measures", "head_measures", "failover_measures"),
    of_parts=True,
)
PERFORMANCE = ReportSection(
    place=30,
    title="Performance summary",
    make=performance_section,
    queries=(
        "request_kinds",
        "request_measures",
        "latencies_from_sending",
        "latency_cells",
        "provider_shares",
    ),
    charts=(
        "latency_over_time",
        "throughput_over_time",
        "success_over_time",
        "errors_over_time",
        "latency_histogram",
        "percentile_curve",
        "providers_over_time",
    ),
)
