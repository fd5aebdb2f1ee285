"""How often the gateway asked another provider, and what that added: the query `failover_measures`."""

from battle.scenario.slo.metric import Metric

MAX_FAILOVER_LATENCY_MS = Metric(
    place=50,
    name="max_failover_latency_ms",
    unit="ms",
    log_name="max_failover_latency_ns",
    scale=1e-6,
    parts=("window",),
    reported="attempts",
    rests_on_bench=True,
)

MIN_FAILOVERS = Metric(
    place=60,
    name="min_failovers",
    at_least=True,
    count=True,
    query="failover_measures",
    column="failovers",
    log_name="failovers",
    parts=("window",),
    reported="attempts",
    reaction=True,
)
