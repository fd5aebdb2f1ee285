"""By how many blocks the newest block went back for a client, whatever tolerance the scenario has."""

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.heights import height_rows
from battle.analysis.verdict.metric_reading import MetricReading
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.slo_comparison import Measure
from battle.scenario.slo.metrics.heights import MAX_HEIGHT_REGRESSION_BLOCKS
from battle.scenario.slo.staleness import Staleness

_QUERY = "heights_of_clients"


def _measured(log: Log, part: Part) -> Measure:
    rows = [row for row in height_rows(log, Staleness()) if part.scope.workload in (None, row.workload)]
    deepest = max((row.blocks_max for row in rows), default=None)
    if deepest is None:
        return Measure(_QUERY, False, note="no answer names its block")
    return Measure(_QUERY, True, deepest)


REGRESSION = MetricReading(metric=MAX_HEIGHT_REGRESSION_BLOCKS, measure=_measured)
