"""Each SLO beside what was measured: of the run, of its parts, and of workloads with SLOs of their own."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.attribution import attribute_bench, attribute_run, attribute_windowed
from battle.analysis.verdict.bench import Trouble
from battle.analysis.verdict.knee import Knee, knee_measures, steps_beyond
from battle.analysis.verdict.measures import measures
from battle.analysis.verdict.metrics.answers import answers
from battle.analysis.verdict.metrics.heads import head_measures
from battle.analysis.verdict.parts import WHOLE_PART, Part, part_of, part_of_workload
from battle.analysis.verdict.requests import request_measures
from battle.analysis.verdict.sample_size import SampleSize, with_enough_samples
from battle.analysis.verdict.slo_comparison import SloResult, compare, compared
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.slo import Slo, SloSet
from battle.scenario.slo.sql import SqlSlo, parse_target
from battle.store.errors import QueryError


class WorkloadSlos(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the SLOs on one workload."""

    workload: str
    slos: tuple[SloResult, ...]


def run_results(
    log: Log,
    slos: SloSet,
    findings: Sequence[Finding],
    broken: Sequence[Trouble],
    knees: Sequence[Knee] = (),
) -> tuple[SloResult, ...]:
    """The SLOs on the run, then those on parts of it, then those on SQL. `broken` is what the bench broke.

    Steps of a workload beyond its knee are no failure of the run: its SLOs on requests, and those of parts of it,
    are about all the others.
    """
    slo = slos.run
    beyond = steps_beyond(log, knees)
    whole = WHOLE_PART._replace(beyond=beyond)
    of_run = attribute_run(_compared(log, whole, slo), findings, log, slo, broken, whole)
    parts = (
        result
        for one in slos.parts
        for result in _of_part(
            log, part_of(log, one.scope)._replace(beyond=beyond), one, slos, findings, broken
        )
    )
    asked = tuple(_sql_result(log, query) for query in slo.queries)
    return (*of_run, *parts, *attribute_bench(asked, broken))


def _compared(log: Log, part: Part, slo: Slo) -> tuple[SloResult, ...]:
    """What `slo` asks of a part of the run, with what was measured of it there."""
    keys = {METRICS[name].key for name in slo.targets()}
    return compare(slo, measures(log, part, keys))


def _of_part(
    log: Log,
    part: Part,
    slo: Slo,
    slos: SloSet,
    findings: Sequence[Finding],
    broken: Sequence[Trouble],
) -> tuple[SloResult, ...]:
    """The SLOs on a part of the run, not trusted where a miss or too few requests prove nothing."""
    found = _compared(log, part, slo)
    if part.missing is None:
        found = attribute_windowed(found, findings, log, slo, broken, part)
    results = tuple(msgspec.structs.replace(result, scope=part.scope) for result in found)
    if part.missing is not None:
        return results
    return with_enough_samples(results, _tested(log, part, slo), slos.min_requests)


def _tested(log: Log, part: Part, slo: Slo) -> SampleSize:
    """How much of what `slo` is about there was in a part of the run."""
    samples = {METRICS[name].samples for name in slo.targets()}
    heads_due = head_measures(log, part).due if "heads" in samples else 0
    if not samples & {"requests", "answers"}:
        return SampleSize(0, 0, heads_due)
    return SampleSize(request_measures(log, part).requests, answers(log, part).checked, heads_due)


def _sql_result(log: Log, sql_slo: SqlSlo) -> SloResult:
    limit = parse_target(sql_slo.limit)
    assert limit is not None, "a limit that cannot be read is refused before anything is judged"
    try:
        answer = one_number(log.execute(sql_slo.query).rows)
    except QueryError as error:
        answer = f"its SQL failed: {error}"
    measured, note = (None, answer) if isinstance(answer, str) else (answer, None)
    return SloResult(
        name=sql_slo.name,
        limit=limit.value,
        measured=measured,
        unit="",
        status="not_measured" if note is not None else compared(measured, limit.bound, limit.value),
        query=sql_slo.query,
        note=note,
        bound=limit.bound,
    )


def workload_results(
    log: Log,
    slos: SloSet,
    knees: Sequence[Knee],
    findings: Sequence[Finding],
    broken: Sequence[Trouble],
) -> tuple[WorkloadSlos, ...]:
    """The SLOs on single workloads.

    For a workload that goes up in steps, those on its requests say what its knee is: the highest step that meets them
    is what counts, and they are missed when no step does.
    """
    return tuple(
        WorkloadSlos(
            workload=name,
            slos=with_enough_samples(
                _of_workload(log, name, slo, knees, findings, broken),
                _tested(log, part_of_workload(name), slo),
                slos.min_requests,
            ),
        )
        for name, slo in slos.workloads.items()
    )


def _of_workload(
    log: Log,
    name: str,
    slo: Slo,
    knees: Sequence[Knee],
    findings: Sequence[Finding],
    broken: Sequence[Trouble],
) -> tuple[SloResult, ...]:
    part = part_of_workload(name)
    for knee in knees:
        if knee.workload == name:
            others = [METRICS[target] for target in slo.targets() if not METRICS[target].of_requests]
            measured = {**measures(log, part, {one.key for one in others}), **knee_measures(knee)}
            # Its steps are attributed one by one: nothing of the whole load's lateness is left to explain.
            return attribute_bench(compare(slo, measured), broken)
    return attribute_run(_compared(log, part, slo), findings, log, slo, broken, part)


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
