"""The client connections that were lost, but for those that the bench itself cut."""

from battle.analysis.log import Log
from battle.analysis.verdict.metric_reading import MetricReading
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.slo_comparison import Measure
from battle.scenario.slo.metrics.disconnects import MAX_DISCONNECTS

_QUERY = "disconnects"


def _measured(log: Log, part: Part) -> Measure:
    rows = [row for row in log.rows(_QUERY, **part.times) if part.scope.workload in (None, row.workload)]
    if not rows:
        return Measure(_QUERY, False, note="no client opened a WebSocket")
    gateway, client, bench = (
        sum(getattr(row, side) for row in rows) for side in ("gateway", "client", "bench")
    )
    made = [(gateway, "by the gateway"), (client, "by the client"), (bench, "by faults, not counted")]
    note = ", ".join(f"{cuts:,} {side}" for cuts, side in made if cuts)
    return Measure(_QUERY, True, gateway + client, note or None)


DISCONNECTS = MetricReading(metric=MAX_DISCONNECTS, measure=_measured)
