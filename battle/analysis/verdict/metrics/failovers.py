"""What failing over added, and which request had to wait longest for it."""

from collections.abc import Iterator

from battle.analysis.log import Log
from battle.analysis.verdict.metric_reading import MetricReading
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.slo_comparison import Measure, SloResult
from battle.analysis.visibility import gateway_reports, unseen_text
from battle.formatting import LISTED_MAX, duration_text
from battle.scenario.slo.metrics.failovers import MAX_FAILOVER_LATENCY_MS

SLOWEST_LISTED = 10
"""How many of the slowest failovers are listed; the view `failovers` has them all."""

_QUERY = "failover_measures"


def _measured(log: Log, part: Part) -> Measure:
    (row,) = log.rows(_QUERY, **part.times)
    if row.failovers is None:
        return Measure(_QUERY, False, note=unseen_text(gateway_reports(log).kind, "attempts"))
    if row.failovers == 0:
        return Measure(_QUERY, False, note=f"there was no failover {part.scope.text}".rstrip())
    if row.answered == 0:
        return Measure(_QUERY, True, note="no failover was answered")
    return Measure(_QUERY, True, row.cost_max_ns)


def _causes(log: Log, result: SloResult, workload: str | None) -> Iterator[str]:
    (summary,) = log.rows("failovers_summary", limit=SLOWEST_LISTED)
    for one in summary.slowest[:1]:
        took = duration_text(one["cost_ns"])
        asked = ", then ".join(one["providers"][:LISTED_MAX])
        yield f"the slowest was {one['request_id']}: {asked}, which took {took} more"


LATENCY = MetricReading(metric=MAX_FAILOVER_LATENCY_MS, measure=_measured, causes=_causes)
