"""How much memory the gateway held."""

from battle.scenario.slo.metric import Metric

MAX_MEMORY_MB = Metric(
    place=80,
    name="max_memory_mb",
    unit="MB",
    query="memory_measures",
    column="rss_max_bytes",
    nothing="the gateway's memory was not sampled",
    log_name="gateway_rss_max_bytes",
    scale=1e-6,
    parts=("window",),
    collect="system",
    of_process=True,
)
