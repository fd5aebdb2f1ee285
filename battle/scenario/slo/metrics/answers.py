"""What answers, and the notifications of subscriptions, were worth."""

from battle.scenario.slo.metric import Metric

MAX_WRONG_ANSWERS = Metric(
    place=90,
    name="max_wrong_answers",
    count=True,
    log_name="wrong_answers",
    parts=("window", "workload", "method"),
    samples="answers",
)

MAX_STALE_ANSWERS = Metric(
    place=100,
    name="max_stale_answers",
    count=True,
    log_name="stale_answers",
    parts=("window", "workload", "method"),
    samples="answers",
    rests_on_bench=True,
)
