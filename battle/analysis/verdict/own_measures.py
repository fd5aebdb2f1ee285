"""What was measured of metrics that have a question of their own, each by that question."""

from collections.abc import Collection
from typing import Any

from battle.analysis.log import Log
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.slo_comparison import Measure
from battle.scenario.slo.metric import Metric
from battle.scenario.slo.metrics import METRICS


def own_measures(log: Log, part: Part, metrics: Collection[str]) -> dict[str, Measure]:
    """Those of these metrics that have a question of their own, in a part of the run."""
    given: dict[str, Any] = {**part.times, "workload": part.scope.workload, "method": part.scope.method}
    return {one.name: _measured(log, one, given) for one in METRICS if one.name in metrics}


def _measured(log: Log, metric: Metric, given: dict[str, Any]) -> Measure:
    (row,) = log.ask(metric.sql, **metric.parameters(given))
    if row.value is None:
        return Measure(metric.name, False, note=metric.nothing)
    return Measure(metric.name, True, row.value, getattr(row, "note", None))
