"""Reads a run into a row of the history. Every number is the one that its SLOs and its report have."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from battle.analysis.baselines.run_snapshot import REASONS_KEPT, distrusted
from battle.analysis.baselines.snapshot import digest, parts_of
from battle.analysis.log import Log
from battle.analysis.reports.collect import collect_report
from battle.analysis.reports.schema import Report
from battle.analysis.statistics.estimate import Estimate, finite
from battle.analysis.verdict.measures import measures
from battle.analysis.verdict.parts import part_of_workload
from battle.history.row import HistoryMetric, HistoryRow, machine_digest
from battle.scenario.run_header import RunHeader
from battle.scenario.slo.metrics import METRICS
from battle.store.database import open_run

_Intervals: TypeAlias = Mapping[tuple[str, str | None], Estimate]


def read_row(run_dir: Path) -> HistoryRow:
    """The row of a run, from its log: judged again, as `battle report` does.

    Raises:
        LogError: there is no such run, or `run.json` cannot be understood.
    """
    with open_run(run_dir) as run:
        log = Log(run)
        return row_of(log, collect_report(run, log))


def row_of(log: Log, report: Report) -> HistoryRow:
    """The row of a run whose report is at hand."""
    facts, header = report.run, log.header
    return HistoryRow(
        run_id=facts.run_id,
        scenario=facts.scenario,
        world=facts.world,
        gateway=facts.gateway,
        seed=facts.seed,
        started_at=_utc(facts.started_at),
        verdict=report.verdict,
        reasons=report.reasons[:REASONS_KEPT],
        distrusted=distrusted(report)[:REASONS_KEPT],
        partial=facts.partial,
        load_ns=facts.load_ns,
        requests=report.requests.total,
        commit=header.commit,
        branch=header.branch,
        dirty=header.dirty,
        machine=machine_digest(facts.host),
        host=facts.host,
        versions=facts.versions,
        scenario_digest=_scenario_digest(header),
        gateway_digest=digest(header.of_scenario("gateway")),
        source=source_of(header.command),
        metrics=tuple(_metrics(log, report)),
    )


def source_of(command: str | None) -> str | None:
    """The scenario in a command such as `battle run battles/pool.py --world live`, as one types it."""
    try:
        words = shlex.split(command or "")
    except ValueError:  # somebody else wrote it
        return None
    return words[2] if words[:2] == ["battle", "run"] and len(words) > 2 else None


def _utc(text: str | None) -> str:
    """A time as each row has it, so that the order of the texts is that of the times; empty where there is none."""
    try:
        return datetime.fromisoformat(text or "").astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        return ""


def _scenario_digest(header: RunHeader) -> str:
    """Of what shapes the measurement: neither the gateway under test nor the SLOs, which may change in a series."""
    return digest(parts_of(header.scenario))


def _metrics(log: Log, report: Report) -> Iterator[HistoryMetric]:
    """Each metric that an SLO can limit, of the whole run, and where there are several workloads of each of them."""
    names = sorted({row.workload for row in report.latencies if row.workload is not None})
    names = sorted({*names, *(row.workload for row in report.websocket.continuity)})
    known = _intervals(report)
    for workload in (None, *names) if len(names) > 1 else (None,):
        yield from _metrics_of(log, workload, known)


def _metrics_of(log: Log, workload: str | None, known: _Intervals) -> Iterator[HistoryMetric]:
    chosen = [one for one in METRICS.values() if workload is None or one.can_be_of("workload")]
    measured = measures(log, part_of_workload(workload), {one.key for one in chosen})
    for metric in chosen:
        measure = measured[metric.key]
        interval = known.get((metric.name, workload))
        enough = measure.known and interval is not None and interval.enough
        yield HistoryMetric(
            name=metric.name,
            workload=workload,
            value=_scaled(measure.value, metric.scale) if measure.known else None,
            low=_scaled(interval.low, metric.scale) if enough and interval else None,
            high=_scaled(interval.high, metric.scale) if enough and interval else None,
            never=measure.known and measure.value is None,
        )


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else finite(value * scale)


def _intervals(report: Report) -> _Intervals:
    """The intervals of the report, by the names of the metrics and the workloads they are about."""
    known: dict[tuple[str, str | None], Estimate] = {}
    for row in report.intervals.latencies:
        if row.clock == "due":  # SLOs count from the moment at which a request was due
            for name in ("p50", "p95", "p99"):
                known[f"{name}_latency_ms", row.workload] = getattr(row, name)
    for success in report.intervals.successes:
        known["success_rate", success.workload] = success.success
    return known
