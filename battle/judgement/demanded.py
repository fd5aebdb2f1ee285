"""Each demand beside what was measured: of the run, and of the workloads that have demands of their own."""

from collections.abc import Sequence

import msgspec

from battle.judgement.doubt import doubted
from battle.judgement.findings import Finding, Log
from battle.judgement.knee import Knee, knee_measures
from battle.judgement.measures import measures, workload_measures
from battle.judgement.slo import Demands, Slo, SloResult, compare


class WorkloadSlos(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the demands on one workload."""

    workload: str
    slos: tuple[SloResult, ...]


def run_results(log: Log, slo: Slo, findings: Sequence[Finding]) -> tuple[SloResult, ...]:
    """The demands on the run."""
    return doubted(compare(slo, measures(log, slo.max_attempts_per_request)), findings, log, slo)


def workload_results(
    log: Log, demands: Demands, knees: Sequence[Knee], findings: Sequence[Finding]
) -> tuple[WorkloadSlos, ...]:
    """The demands on single workloads.

    For a workload that goes up in steps, those on its requests say what its knee is: the highest step that meets them
    is what counts, and they are missed when no step does.
    """
    return tuple(
        WorkloadSlos(workload=name, slos=_of_workload(log, name, slo, knees, findings))
        for name, slo in demands.workloads.items()
    )


def _of_workload(
    log: Log, name: str, slo: Slo, knees: Sequence[Knee], findings: Sequence[Finding]
) -> tuple[SloResult, ...]:
    measured = workload_measures(log, name)
    for knee in knees:
        if knee.workload == name:
            # Its steps are doubted one by one: nothing of the whole load's lateness is left to excuse.
            return compare(slo, {**measured, **knee_measures(knee)})
    return doubted(compare(slo, measured), findings, log, slo, name)
