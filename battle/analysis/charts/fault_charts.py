"""The charts about faults and survival: what was broken, who served meanwhile, what breakers did, how heads came."""

from typing import Any

from battle.analysis.charts.chart import Chart
from battle.analysis.charts.time_span import (
    Span,
    faults_text,
    label,
    number,
)
from battle.analysis.log import Log
from battle.analysis.visibility import gateway_reports, unseen_text

PROVIDERS_NAMED = 7
"""As many colours as can be distinguished; the other providers are one."""

LANES_DRAWN = 24
"""As many as one reads; what the chart is about says how many there are."""


def providers(log: Log, span: Span) -> Chart | str:
    parameters = span.parameters(limit=PROVIDERS_NAMED)
    rows = log.rows("providers_over_time", **parameters)
    if not rows:
        return "Providers over time: no attempt succeeded."
    return span.chart(
        kind="providers_over_time",
        title="Answers by provider",
        about=f"Good answers per second by provider, stacked. {span.cell_text()}",
        unit="answers per second",
        query="providers_over_time",
        parameters=parameters,
        rows=(
            {
                "t": span.at(row.at_ns),
                "end": span.at(row.end_ns),
                "provider": label(row.provider),
                "answers": row.answers,
                "rate": number(row.answers_per_s),
            }
            for row in rows
        ),
    )


def breakers(log: Log, span: Span) -> Chart | str:
    parameters = span.parameters(limit=LANES_DRAWN)
    rows = log.rows("breaker_lanes", **parameters)
    if not rows:
        reports = gateway_reports(log)
        why = "none changed" if reports.breakers else unseen_text(reports.kind, "breakers")
        return f"Circuit breakers: {why}."
    return span.chart(
        kind="breaker_lanes",
        title="Circuit breakers",
        about=_lanes_text(rows, "The state of each circuit breaker."),
        unit="",
        query="breaker_lanes",
        parameters=parameters,
        rows=(
            {
                "lane": f"{label(row.provider)} ({row.transport})",
                "state": row.state.replace("_", " "),
                "t": span.at(row.started_ns),
                "end": span.at(row.ended_ns),
                "spans": row.spans,
            }
            for row in rows
        ),
    )


def fault_lanes(log: Log, span: Span) -> Chart | str:
    parameters = span.parameters(by="kind", limit=LANES_DRAWN)
    rows = log.rows("fault_lanes", **parameters)
    if not rows:
        return "Faults: none was active."
    return span.chart(
        kind="fault_lanes",
        title="Fault timeline",
        about=_lanes_text(rows, "A lane for each target and kind of fault."),
        unit="",
        query="fault_lanes",
        parameters=parameters,
        shaded=False,
        rows=(
            {
                "lane": label(row.lane),
                "t": span.at(row.started_ns),
                "end": span.at(row.ended_ns),
                "faults": row.faults,
                "named": faults_text(row),
            }
            for row in rows
        ),
    )


def _lanes_text(rows: list[Any], text: str) -> str:
    lanes = rows[0].lanes
    return text if lanes <= LANES_DRAWN else f"{text} {LANES_DRAWN} of {lanes} lanes are shown."


def head_delays(log: Log, span: Span) -> Chart | str:
    rows = log.rows("head_delays_over_time", **span.parameters())
    if not rows:
        return "Head delay: no client received a head over WebSocket."
    return span.chart(
        kind="head_delay_over_time",
        title="Head delay",
        about=(
            "From the moment the chain produced a block to the arrival of its head at each client. "
            + span.cell_text()
        ),
        unit="ms",
        query="head_delays_over_time",
        rows=(
            {
                "t": span.at(row.at_ns),
                "end": span.at(min(row.at_ns + span.cell_ns, span.to_ns)),
                "heads": row.heads,
                "p50": number(row.p50_ms),
                "p99": number(row.p99_ms),
                "max": number(row.max_ms),
            }
            for row in rows
        ),
    )
