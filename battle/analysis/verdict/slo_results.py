"""Each demand beside what was measured: of the run, and of the workloads that have demands of their own."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.attribution import attribute_bench, doubted
from battle.analysis.verdict.bench import Trouble
from battle.analysis.verdict.checkers.continuity import head_rows
from battle.analysis.verdict.knee import (
    Knee,
    knee_measures,
    run_measures,
    steps_beyond,
)
from battle.analysis.verdict.measures import WHOLE_TIMES, measures, workload_measures
from battle.analysis.verdict.own_measures import own_measures
from battle.analysis.verdict.sample_size import SampleSize, with_enough_samples
from battle.analysis.verdict.slo_comparison import SloResult, compare, compared
from battle.analysis.verdict.windowed_measures import windowed_results
from battle.scenario.slo.slo import Slo, SloSet
from battle.scenario.slo.sql import SqlSlo, parse_target
from battle.store.errors import QueryError


class WorkloadSlos(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the demands on one workload."""

    workload: str
    slos: tuple[SloResult, ...]


def run_results(
    log: Log,
    demands: SloSet,
    findings: Sequence[Finding],
    broken: Sequence[Trouble],
    knees: Sequence[Knee] = (),
) -> tuple[SloResult, ...]:
    """The demands on the run, then those on parts of it, then those on SQL. `broken` is what the bench broke.

    Steps of a workload beyond its knee are no failure of the run: its demands on requests, and those of parts of it,
    are about all the others.
    """
    slo = demands.run
    beyond = steps_beyond(log, knees)
    measured = {
        **measures(log, slo.max_attempts_per_request),
        **run_measures(log, beyond),
        **own_measures(log, slo, WHOLE_TIMES),
    }
    whole = doubted(compare(slo, measured), findings, log, slo, broken, beyond=beyond)
    parts = windowed_results(log, demands, findings, broken, beyond)
    asked = tuple(_sql_result(log, query) for query in slo.queries)
    return (*whole, *parts, *attribute_bench(asked, broken))


def _sql_result(log: Log, demand: SqlSlo) -> SloResult:
    limit = parse_target(demand.limit)
    assert limit is not None, "a limit that cannot be read is refused before anything is judged"
    try:
        answer = one_number(log.execute(demand.query).rows)
    except QueryError as error:
        answer = f"its SQL failed: {error}"
    measured, note = (None, answer) if isinstance(answer, str) else (answer, None)
    return SloResult(
        name=demand.name,
        limit=limit.value,
        measured=measured,
        unit="",
        status="not_measured" if note is not None else compared(measured, limit.bound, limit.value),
        query=demand.query,
        note=note,
        bound=limit.bound,
    )


def workload_results(
    log: Log,
    demands: SloSet,
    knees: Sequence[Knee],
    findings: Sequence[Finding],
    broken: Sequence[Trouble],
) -> tuple[WorkloadSlos, ...]:
    """The demands on single workloads.

    For a workload that goes up in steps, those on its requests say what its knee is: the highest step that meets them
    is what counts, and they are missed when no step does.
    """
    return tuple(
        WorkloadSlos(
            workload=name,
            slos=with_enough_samples(
                _of_workload(log, name, slo, knees, findings, broken),
                _tested(log, name),
                demands.min_requests,
            ),
        )
        for name, slo in demands.workloads.items()
    )


def _tested(log: Log, workload: str) -> SampleSize:
    rows = [row for row in log.rows("workload_answers") if row.workload == workload]
    return SampleSize(
        requests=sum(row.requests for row in rows),
        checked=sum(row.checked for row in rows),
        heads_due=sum(row.due for row in head_rows(log) if row.workload == workload),
    )


def _of_workload(
    log: Log,
    name: str,
    slo: Slo,
    knees: Sequence[Knee],
    findings: Sequence[Finding],
    broken: Sequence[Trouble],
) -> tuple[SloResult, ...]:
    measured = {**workload_measures(log, name), **own_measures(log, slo, WHOLE_TIMES, name)}
    for knee in knees:
        if knee.workload == name:
            # Its steps are doubted one by one: nothing of the whole load's lateness is left to excuse.
            return attribute_bench(compare(slo, {**measured, **knee_measures(knee)}), broken)
    return doubted(compare(slo, measured), findings, log, slo, broken, name)


def one_number(rows: list[tuple[object, ...]]) -> float | str:
    """The one number of an answer, or why there is none."""
    if not rows:
        return "it gave no row"
    if len(rows) > 1 or len(rows[0]) != 1:
        return f"it gave {len(rows):,} rows of {len(rows[0]):,} columns, and one value is expected"
    value = rows[0][0]
    if value is None:
        return "it gave NULL"
    if isinstance(value, bool | int | float | Decimal):
        number = float(value)
        return number if number == number else "it gave NaN"
    return f"it gave {value!r}, which is not a number"
