"""Reads a run into a snapshot. Every number comes from a named query."""

from pathlib import Path
from typing import Any

from battle.analysis.baselines.metrics import AS_FOR_SLOS, values_of
from battle.analysis.baselines.snapshot import (
    SCHEMA_VERSION,
    Identity,
    OneRun,
    Sample,
    Snapshot,
    digest,
    parts_of,
)
from battle.analysis.log import Log
from battle.analysis.reports.collect import collect_report
from battle.analysis.reports.schema import Report
from battle.analysis.statistics.summary import CELLS, LatencySummary
from battle.analysis.verdict.measures import measures
from battle.analysis.verdict.parts import WHOLE_PART
from battle.store.database import Run, open_run

PACKED_BYTES_MAX = 72_000
"""What the samples of a run are made to fit in, as far as `CELLS_MIN` allows: with the rest below 150 kB of JSON."""

REASONS_KEPT = 10
"""Whoever saves a bad run on purpose knows why; the run itself has them all."""

CELLS_MIN = 50
"""Samples are not merged into fewer spans of time than this: intervals need them."""


def take(run_dir: Path) -> Snapshot:
    """The snapshot of a run, from its log.

    Raises:
        LogError: there is no such run, or `run.json` cannot be understood.
    """
    with open_run(run_dir) as run:
        return _taken(run, collect_report(run))


def _taken(run: Run, report: Report) -> Snapshot:
    log = Log(run)
    facts = report.run
    return Snapshot(
        schema_version=SCHEMA_VERSION,
        name=facts.run_id,
        identity=Identity(scenario=facts.scenario, world=facts.world, gateway=facts.gateway),
        verdict=report.verdict,
        partial=facts.partial,
        reasons=report.reasons[:REASONS_KEPT],
        distrusted=distrusted(report),
        load_ns=facts.load_ns,
        host=facts.host,
        versions=facts.versions,
        parts=parts_of(log.header.scenario),
        gateway_digest=digest(_settings(log.header.of_scenario("gateway"))),
        runs=(_one_run(log, report),),
        samples=_samples(log),
        failover_costs=_failover_latencies(log),
    )


def _settings(gateway: Any) -> Any:
    """What of a gateway is not about where its file is on one machine."""
    return (
        {key: value for key, value in gateway.items() if key != "here"}
        if isinstance(gateway, dict)
        else gateway
    )


def metric_values(run_dir: Path) -> tuple[OneRun, Report]:
    """What a run measured, without its samples, and its report. Raises LogError like `take`."""
    with open_run(run_dir) as run:
        report = collect_report(run)
        return _one_run(Log(run), report), report


def _one_run(log: Log, report: Report) -> OneRun:
    measured = measures(log, WHOLE_PART, AS_FOR_SLOS)
    counted = {metric: measure.value if measure.known else None for metric, measure in measured.items()}
    return OneRun(run_id=report.run.run_id, seed=report.run.seed, values=values_of(report, counted))


def distrusted(report: Report) -> tuple[str, ...]:
    """Why the measurement itself cannot be trusted; that it had no SLO is no reason."""
    return tuple(
        finding.summary
        for finding in report.findings
        if finding.verdict == "INCONCLUSIVE" and finding.checker != "slos"
    )


def _samples(log: Log) -> tuple[Sample, ...]:
    rows = log.rows("latency_cells", cells=CELLS, by_method=False)
    workloads = sorted({row.workload for row in rows})
    scopes: list[str | None] = [None, *workloads] if len(workloads) > 1 else [*workloads]
    made = [LatencySummary.from_rows(rows, clock="due", workload=scope) for scope in scopes]
    return tuple(
        Sample(workload=scope, latencies=summary) for scope, summary in zip(scopes, fitted(made), strict=True)
    )


def fitted(summaries: list[LatencySummary]) -> list[LatencySummary]:
    """The summaries, the largest ones with fewer cells, so that all of them together are not too large."""
    fitting = list(summaries)
    while sum(len(one.packed) for one in fitting) > PACKED_BYTES_MAX:
        largest = max(range(len(fitting)), key=lambda index: _can_give(fitting[index]))
        if not _can_give(fitting[largest]):
            break
        fitting[largest] = fitting[largest].merged(2)
    return fitting


def _can_give(summary: LatencySummary) -> int:
    return len(summary.packed) if summary.cells >= 2 * CELLS_MIN else 0


def _failover_latencies(log: Log) -> LatencySummary | None:
    rows = log.rows("failover_cells", cells=CELLS)
    return LatencySummary.from_rows(rows) if rows else None
