"""How metrics are read from the log that have more to them than a question: the files are named as the metrics' own.

The metrics themselves are in `battle/scenario/slo/metrics/`.
"""

from battle.analysis.verdict.metric_reading import MetricReading
from battle.store.definitions import defined_in, refuse_twins

_FOUND = defined_in(__name__, MetricReading)
refuse_twins("reading of a metric", (one.metric.name for one in _FOUND))

READINGS: dict[str, MetricReading] = {one.metric.name: one for one in _FOUND}
"""All of them, by the names of their metrics."""
