"""How often circuit breakers changed."""

from battle.scenario.slo.metric import Metric

MIN_BREAKER_CHANGES = Metric(
    place=70,
    name="min_breaker_changes",
    at_least=True,
    count=True,
    query="breaker_measures",
    column="changes",
    log_name="breaker_changes",
    parts=("window",),
    collect="circuit_breaker",
    reported="breakers",
    reaction=True,
)
