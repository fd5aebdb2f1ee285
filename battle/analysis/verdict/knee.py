"""Where is the knee of an `HttpStep` workload: the highest rate that still met its SLOs?"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.load_generator import SENT_RATIO_MIN, lateness_bound_ns
from battle.analysis.verdict.checkers.planned_workloads import STEPS, planned
from battle.analysis.verdict.parts import StepsBeyondKnee, part_of_workload
from battle.analysis.verdict.requests import QUERY, request_measures, unanswered_text
from battle.analysis.verdict.slo_comparison import Measure, SloResult, compare
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.slo import Slo, SloSet

_KEYS = tuple(one.key for one in METRICS.values() if one.of_requests)

StepStatus: TypeAlias = Literal["met", "missed", "generator_late", "no_slo"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the load: what was asked of the gateway, and how the requests of that step fared.

    `status`: whether they met the SLOs; `generator_late`: too few were sent, or too late, to say.
    """

    rate_per_s: float
    requests: int
    success_ratio: float
    p50_latency_ns: int | None
    p90_latency_ns: int | None
    p95_latency_ns: int | None
    p99_latency_ns: int | None
    p999_latency_ns: int | None
    status: StepStatus


class Knee(msgspec.Struct, frozen=True, kw_only=True):
    """The knee of one workload. `rate_per_s` None: no step met the SLOs, or there is none.

    `held_to` says whose SLOs on success and latency the steps are held to: the workload's own, if it has any,
    or the run's.
    """

    workload: str
    held_to: Literal["workload", "run"] | None
    rate_per_s: float | None
    steps: tuple[Step, ...]

    @property
    def at(self) -> Step | None:
        """The step of the knee."""
        return next((step for step in self.steps if step.rate_per_s == self.rate_per_s), None)


def knees(log: Log, slos: SloSet) -> tuple[Knee, ...]:
    """The knee of each workload that goes up in steps; none in a run without."""
    return tuple(_knee(log, name, slos) for name in planned(log, STEPS))


def knee_measures(knee: Knee) -> dict[str, Measure]:
    """The measures of the step of the knee; without a knee of the first step, which is the easiest."""
    step = knee.at or next(iter(knee.steps), None)
    if step is None:
        return dict.fromkeys(_KEYS, Measure(QUERY, False, note="no step was run"))
    if step.status == "generator_late":
        late = Measure(QUERY, False, note="the generator fell behind in the first step")
        return dict.fromkeys(_KEYS, late)
    where = "at the knee" if knee.at else "no step met all targets; in the first one"
    return {
        metric: msgspec.structs.replace(
            measure,
            note=f"{_never(metric, measure)}{where}, {step.rate_per_s:,g} requests a second",
        )
        for metric, measure in _measures(step).items()
    }


def steps_beyond(log: Log, knees: Sequence[Knee]) -> StepsBeyondKnee:
    """The steps beyond the knees, of all workloads that go up in steps."""
    rows = [
        row
        for knee in knees
        for row in log.rows("planned_steps")
        if row.workload == knee.workload and knee.rate_per_s is not None and row.rate_per_s > knee.rate_per_s
    ]
    return StepsBeyondKnee(
        tuple(row.workload for row in rows),
        tuple(row.started_ns for row in rows),
        tuple(row.ended_ns for row in rows),
    )


def _never(metric: str, measure: Measure) -> str:
    return "" if measure.value is not None else f"{unanswered_text(metric, 'of the requests')}: "


def _knee(log: Log, workload: str, slos: SloSet) -> Knee:
    own, run = _of_requests(slos.workloads.get(workload, Slo())), _of_requests(slos.run)
    slo = own if own.targets() else run
    rows = [row for row in log.rows("planned_steps") if row.workload == workload]
    steps = tuple(step for row in rows if (step := _step(log, row, slo)) is not None)
    met = [step.rate_per_s for step in steps if step.status == "met"]
    return Knee(
        workload=workload,
        held_to="workload" if own.targets() else "run" if run.targets() else None,
        rate_per_s=max(met, default=None),
        steps=steps,
    )


def _of_requests(slo: Slo) -> Slo:
    return Slo(**{name: limit for name, limit in slo.targets().items() if METRICS[name].of_requests})  # type: ignore[arg-type]  # names are fields


def _step(log: Log, planned: Any, slo: Slo) -> Step | None:
    """One step, which is a window of its workload; None when no request was due in it."""
    row = request_measures(log, part_of_workload(planned.workload, ((planned.started_ns, planned.ended_ns),)))
    if not row.requests:
        return None
    step = Step(
        rate_per_s=planned.rate_per_s,
        requests=row.requests,
        success_ratio=row.success_ratio,
        p50_latency_ns=row.p50_latency_ns,
        p90_latency_ns=row.p90_latency_ns,
        p95_latency_ns=row.p95_latency_ns,
        p99_latency_ns=row.p99_latency_ns,
        p999_latency_ns=row.p999_latency_ns,
        status="no_slo",
    )
    if not slo.targets():
        return step
    late = row.sent_ratio < SENT_RATIO_MIN or (row.p99_late_ns or 0) > lateness_bound_ns(slo)
    return msgspec.structs.replace(
        step, status="generator_late" if late else _status(compare(slo, _measures(step)))
    )


def _status(results: tuple[SloResult, ...]) -> StepStatus:
    return "met" if all(result.status == "met" for result in results) else "missed"


def _measures(step: Step) -> Mapping[str, Measure]:
    return {key: Measure(QUERY, True, getattr(step, key)) for key in _KEYS}
