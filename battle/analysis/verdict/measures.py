"""What a part of a run measured of all that an SLO can limit. The whole run is a part like any other.

The view `slo` says the same of the whole run in SQL; a test compares.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from battle.analysis.log import Log
from battle.analysis.verdict.metrics import READINGS
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.slo_comparison import Measure
from battle.analysis.visibility import gateway_reports, unseen_text
from battle.scenario.slo.metric import Metric
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.scope import RELATIVE

MEASURED = frozenset(metric.key for metric in METRICS.values())
"""All that an SLO can limit."""


def measures(log: Log, part: Part, keys: Collection[str] = MEASURED) -> dict[str, Measure]:
    """The measures with these keys in a part of the run."""
    chosen = [metric for metric in METRICS.values() if metric.key in keys]
    if part.missing is not None:
        query = "fault_spans" if part.scope.when in RELATIVE else "planned_phases"
        return {metric.key: Measure(query, False, note=part.missing) for metric in chosen}
    return {metric.key: _measured(log, part, metric) for metric in chosen}


def _measured(log: Log, part: Part, metric: Metric) -> Measure:
    try:
        return _read(log, part, metric)
    except Exception as error:
        error.add_note(metric.name)  # so that the verdict can say whose question it was
        raise


def _read(log: Log, part: Part, metric: Metric) -> Measure:
    if metric.sql or metric.query:
        return _answered(log, part, metric)
    measure = READINGS[metric.name].measure
    assert measure is not None, (
        f"{metric.name} has no question of its own, and its reading does not measure it"
    )
    return measure(log, part)


def _answered(log: Log, part: Part, metric: Metric) -> Measure:
    """What the metric's own question says."""
    given: dict[str, Any] = {**part.times, "workload": part.scope.workload, "method": part.scope.method}
    parameters = metric.parameters(given)
    rows = log.ask(metric.sql, **parameters) if metric.sql else log.rows(metric.query, **parameters)
    if len(rows) != 1:
        raise ValueError(f"its question gave {len(rows)} rows, not one")
    row = rows[0]
    query, value = metric.query or metric.name, getattr(row, metric.column)
    if not isinstance(value, int | float | Decimal | None):
        raise TypeError(f"its question gave {value!r}, which is not a number")
    if value is not None:
        number = float(value) if isinstance(value, Decimal) else value
        return Measure(query, True, number, getattr(row, "note", None))
    if metric.reported is not None:
        return Measure(query, False, note=unseen_text(gateway_reports(log).kind, metric.reported))
    then = " then" if part.scope.timed else ""
    return Measure(query, False, note=f"{metric.nothing}{then}")
