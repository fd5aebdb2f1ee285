"""What was measured of metrics that have a question of their own, each by that question."""

from collections.abc import Mapping
from typing import Any

from battle.analysis.log import Log
from battle.analysis.verdict.slo_comparison import Measure
from battle.scenario.slo.metric import Metric
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.slo import Slo


def own_measures(
    log: Log, slo: Slo, times: Mapping[str, object], workload: str | None = None, method: str | None = None
) -> dict[str, Measure]:
    """Those of these metrics that `slo` limits, measured in windows of time, of one workload or method or of all."""
    given: dict[str, Any] = {**times, "workload": workload, "method": method}
    limited = slo.demands().keys()
    return {one.name: _measured(log, one, given) for one in METRICS if one.name in limited}


def _measured(log: Log, metric: Metric, given: dict[str, Any]) -> Measure:
    (row,) = log.ask(metric.sql, **metric.parameters(given))
    if row.value is None:
        return Measure(metric.name, False, note=metric.nothing)
    return Measure(metric.name, True, row.value, getattr(row, "note", None))
