"""What retries made of the load."""

from battle.scenario.slo.metric import Metric

MAX_ATTEMPTS_PER_REQUEST = Metric(
    place=110,
    name="max_attempts_per_request",
    log_name="attempts_per_request",
    parts=("window",),
    rests_on_bench=True,
)
