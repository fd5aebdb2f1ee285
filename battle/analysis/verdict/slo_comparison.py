"""How an SLO fared: its target beside what was measured, and met, missed or not known."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from battle.scenario.slo.metric import Metric
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.scope import WHOLE_RUN, Scope
from battle.scenario.slo.slo import Slo
from battle.scenario.slo.sql import Bound, holds

SloStatus: TypeAlias = Literal["met", "missed", "not_measured"]


class Measure(msgspec.Struct, frozen=True):
    """One measured value, in the unit its name says. Not `known`: the log does not show it, as `note` explains.

    Known without a value: never reached. `query` is the report query it comes from.
    """

    query: str
    known: bool
    value: float | None = None
    note: str | None = None


def noted(*notes: str | None) -> str | None:
    """The notes of a measure as one; None when there is none."""
    return ", ".join(filter(None, notes)) or None


NOT_REACHED_BUT = "not reached, but "
"""Begins the note of an SLO that was missed without a number, where the miss proves nothing."""


class SloResult(msgspec.Struct, frozen=True, kw_only=True):
    """One SLO, compared: `measured` has to be `bound` `limit`, both in `unit`.

    `measured` is None when the log does not show it (`not_measured`), and when it is no number, as
    `note` explains. With a number, `not_measured` says that it is not to be trusted. `query` is the report query the
    measured value comes from, or the SQL of an SLO on SQL. `scope` is the part of the run it is about.
    `causes` are what the log says of why it was missed.
    """

    name: str
    limit: float
    measured: float | None
    unit: str
    status: SloStatus
    query: str
    note: str | None = None
    bound: Bound = "<="
    scope: Scope = WHOLE_RUN
    causes: tuple[str, ...] = ()

    @property
    def metric(self) -> Metric | None:
        """The metric that it limits; None of an SLO on SQL."""
        return METRICS.get(self.name)

    @property
    def never(self) -> bool:
        """Whether what was measured is that the value is never reached."""
        reached = self.status != "not_measured" or (self.note or "").startswith(NOT_REACHED_BUT)
        return self.measured is None and reached

    @property
    def untrusted(self) -> bool:
        """Whether it was measured, and missed, but something else than the gateway may be why."""
        return self.status == "not_measured" and (self.never or self.measured is not None)

    @property
    def title(self) -> str:
        """The SLO with its scope, such as "p95_latency_ms during faults of workload reads"."""
        return f"{self.name} {self.scope.text}".rstrip()


def compare(slo: Slo, measures: Mapping[str, Measure]) -> tuple[SloResult, ...]:
    """Each target of `slo` with what was measured. One that was not measured is never met."""
    return tuple(
        one_result(METRICS[name], limit, measures[METRICS[name].key]) for name, limit in slo.targets().items()
    )


def one_result(metric: Metric, limit: float, measure: Measure) -> SloResult:
    """A target of a metric with what was measured."""
    measured = None if measure.value is None else measure.value * metric.scale
    return SloResult(
        name=metric.name,
        limit=limit,
        measured=measured,
        unit=metric.unit,
        status=compared(measured, metric.bound, limit) if measure.known else "not_measured",
        query=measure.query,
        note=measure.note,
        bound=metric.bound,
    )


def compared(measured: float | None, bound: Bound, limit: float) -> SloStatus:
    """Whether a value that was measured meets the target; None is never reached."""
    return "met" if measured is not None and holds(measured, bound, limit) else "missed"
