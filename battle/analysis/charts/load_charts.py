"""The charts about requests: how many, how long, how they ended."""

from collections.abc import Iterator
from typing import Any

from battle.analysis.charts.cells import rounded
from battle.analysis.charts.chart import Chart, Row
from battle.analysis.charts.time_span import Span, label, number
from battle.analysis.log import Log

FAILURES_NAMED = 6
"""As many as a legend holds; the rarer kinds are one."""


def _cells(log: Log, span: Span) -> Iterator[tuple[Any, float, float]]:
    """The rows of `requests_over_time`, each with its start and end on the axis."""
    rows = log.rows("requests_over_time", **span.parameters())
    ends = [*(row.at_ns for row in rows[1:]), span.to_ns]
    for row, end_ns in zip(rows, ends, strict=True):
        yield row, span.at(row.at_ns), span.at(end_ns)


def histogram(log: Log, span: Span) -> Chart | str:
    rows = log.rows("latency_histogram")
    if not rows:
        return "Latencies: no request succeeded."
    return Chart(
        kind="latency_histogram",
        title="Latency distribution",
        about="Successful requests by their latency from scheduled time.",
        unit="requests",
        query="latency_histogram",
        parameters={},
        virtual=span.virtual,
        rows=tuple(
            {"from": number(row.from_ms), "to": number(row.to_ms), "requests": row.requests} for row in rows
        ),
    )


def percentiles(log: Log, span: Span) -> Chart | str:
    # The axis is logarithmic: what took no time at all has no place on it.
    rows = [row for row in log.rows("percentile_curve") if row.latency_ms is not None and row.latency_ms > 0]
    if not rows:
        return "Percentiles: no request succeeded."
    clocks = {"due": "from scheduled time", "sent": "from send time"}
    return Chart(
        kind="percentile_curve",
        title="Latency percentiles",
        about="Of all requests; an unsuccessful one counts as longer than any other, and the line ends there.",
        unit="ms",
        query="percentile_curve",
        parameters={},
        virtual=span.virtual,
        rows=tuple(
            {
                "clock": clocks[row.clock],
                "percentile": row.percentile,
                "nines": row.nines,
                "ms": number(row.latency_ms),
            }
            for row in rows
        ),
    )


def latency(log: Log, span: Span) -> Chart | str:
    rows: list[Row] = [
        {
            "t": start,
            "end": end,
            "requests": row.requests,
            "p50": number(row.p50_ms),
            "p95": number(row.p95_ms),
            "p99": number(row.p99_ms),
        }
        for row, start, end in _cells(log, span)
    ]
    if all(row["p50"] is None for row in rows):
        return "Latency over time: at no time did half of the requests succeed."
    return span.chart(
        kind="latency_over_time",
        title="Latency over time",
        about="Of all requests due in each cell, from scheduled time; an unsuccessful one counts as longer than any "
        f"other, and a line has a gap where too many were. {span.cell_text()}",
        unit="ms",
        query="requests_over_time",
        rows=rows,
    )


def throughput(log: Log, span: Span) -> Chart | str:
    rows: list[Row] = [
        {"t": start, "end": end, "due": number(row.due_per_s), "answered": number(row.answered_per_s)}
        for row, start, end in _cells(log, span)
    ]
    if not any(row["due"] for row in rows):
        return "Throughput: no request ended."
    return span.chart(
        kind="throughput_over_time",
        title="Requests per second",
        about=f"How many requests were due, and how many of these succeeded. {span.cell_text()}",
        unit="per second",
        query="requests_over_time",
        rows=rows,
    )


def success(log: Log, span: Span) -> Chart | str:
    rows: list[Row] = [
        {
            "t": start,
            "end": end,
            "percent": None if row.success_ratio is None else rounded(100 * row.success_ratio),
            "failed": row.failed,
            "requests": row.requests,
        }
        for row, start, end in _cells(log, span)
    ]
    if not any(row["requests"] for row in rows):
        return "Success rate: no request ended."
    if not any(row["failed"] for row in rows):
        return "Success rate: every request succeeded."
    return span.chart(
        kind="success_over_time",
        title="Success rate over time",
        about=f"The share of the requests due in each cell that succeeded. {span.cell_text()}",
        unit="%",
        query="requests_over_time",
        rows=rows,
    )


def errors(log: Log, span: Span) -> Chart | str:
    parameters = span.parameters(limit=FAILURES_NAMED)
    rows = log.rows("failures_over_time", **parameters)
    if not rows:
        return "Errors over time: no request failed."
    return span.chart(
        kind="errors_over_time",
        title="Errors over time",
        about=f"Requests that did not succeed, at their scheduled time, by kind of failure. {span.cell_text()}",
        unit="requests",
        query="failures_over_time",
        parameters=parameters,
        rows=(
            {
                "t": span.at(row.at_ns),
                "end": span.at(row.end_ns),
                "failure": label(row.failure),
                "requests": row.requests,
            }
            for row in rows
        ),
    )
