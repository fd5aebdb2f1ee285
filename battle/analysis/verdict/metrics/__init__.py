"""How metrics are read from the log that have more to them than a question: the files are named as the metrics' own.

The metrics themselves are in `battle/scenario/slo/metrics/`.
"""

from battle.analysis.verdict.metric_reading import MetricReading
from battle.store.definitions import defined_in

READINGS: dict[str, MetricReading] = {one.metric.name: one for one in defined_in(__name__, MetricReading)}
"""All of them, by the names of their metrics."""
