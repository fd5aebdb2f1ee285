"""Metrics with a question of their own to the log. A file that is added here is a field of `Slo`, in words too."""

from battle.scenario.slo.metric import Metric
from battle.store.definitions import defined_in

METRICS = defined_in(__name__, Metric)
"""All of them."""
