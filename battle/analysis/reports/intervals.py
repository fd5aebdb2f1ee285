"""How sure the numbers of a report are: intervals for the percentiles and for the success rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from battle.analysis.log import Log
from battle.analysis.statistics.estimate import Estimate
from battle.analysis.verdict.requests import latency_rows

if TYPE_CHECKING:  # numpy is imported when the first interval is asked for
    from battle.analysis.statistics.summary import LatencySummary

LEVEL = 0.95

ONE_SEED = (
    "Times are simulated, and the intervals describe this one seed; run ten or more seeds to compare them."
)
ONE_RUN = "The intervals describe this run on this machine; planned faults count as random events."


class LatencyIntervals(msgspec.Struct, frozen=True, kw_only=True):
    """The percentiles of one workload (None: of all) from one clock, in nanoseconds, with their intervals."""

    workload: str | None
    clock: Literal["due", "sent"]
    p50: Estimate
    p95: Estimate
    p99: Estimate


class SuccessInterval(msgspec.Struct, frozen=True, kw_only=True):
    """The share of requests of one workload (None: of all) that succeeded, 0 to 1.

    `success` takes into account that failures come in clusters, `independent` is Wilson's interval, which does not.
    """

    workload: str | None
    success: Estimate
    independent: Estimate


class Intervals(msgspec.Struct, frozen=True, kw_only=True):
    """Intervals that hold the true value with probability `level`. `note` says what they are about."""

    level: float
    note: str
    latencies: tuple[LatencyIntervals, ...]
    successes: tuple[SuccessInterval, ...]


def intervals(log: Log, world: str) -> Intervals:
    """The intervals to the percentiles of the latencies, from query `latency_cells`."""
    latencies, successes = [], []
    for row in latency_rows(log):
        if row.clock == "late" or not row.requests:
            continue
        summary = _summary(log, row.clock, row.workload)
        latencies.append(_latency_intervals(row, summary))
        if row.clock == "due":
            successes.append(_success_interval(row.workload, summary))
    return Intervals(
        level=LEVEL,
        note=ONE_SEED if world == "simulated" else ONE_RUN,
        latencies=tuple(latencies),
        successes=tuple(successes),
    )


def _summary(log: Log, clock: Literal["due", "sent"], workload: str | None) -> LatencySummary:
    from battle.analysis.statistics.summary import CELLS, LatencySummary

    rows = log.rows("latency_cells", cells=CELLS, by_method=False)
    return LatencySummary.from_rows(rows, clock=clock, workload=workload)


def _latency_intervals(row: Any, summary: LatencySummary) -> LatencyIntervals:
    from battle.analysis.statistics.quantiles import quantile_interval

    p50, p95, p99 = (
        _about(quantile_interval(summary, percent / 100, LEVEL), getattr(row, f"p{percent}_ns"))
        for percent in (50, 95, 99)
    )
    return LatencyIntervals(workload=row.workload, clock=row.clock, p50=p50, p95=p95, p99=p99)


def _success_interval(workload: str | None, summary: LatencySummary) -> SuccessInterval:
    from battle.analysis.statistics.proportion import success_interval, wilson

    return SuccessInterval(
        workload=workload,
        success=success_interval(summary, LEVEL),
        independent=wilson(summary.answered, summary.total, LEVEL),
    )


def _about(estimate: Estimate, exact_ns: int | None) -> Estimate:
    """The estimate with the exact percentile as its value, which lies in the same bin of 1 %."""
    return msgspec.structs.replace(estimate, value=None if exact_ns is None else float(exact_ns))
