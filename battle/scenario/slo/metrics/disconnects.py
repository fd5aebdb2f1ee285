"""How many WebSocket connections clients lost."""

from battle.scenario.slo.metric import Metric

MAX_DISCONNECTS = Metric(
    place=160,
    name="max_disconnects",
    count=True,
    log_name="disconnects",
    parts=("window", "workload"),
    collect=None,
    needs="websockets",
)
