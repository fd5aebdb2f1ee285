"""By how many blocks the newest block went back for a client."""

from battle.scenario.slo.metric import Metric

# What a client got before a window counts in it, so there is none of a window.
MAX_HEIGHT_REGRESSION_BLOCKS = Metric(
    place=170,
    name="max_height_regression_blocks",
    count=True,
    log_name="height_regression_max_blocks",
    parts=("workload",),
)
