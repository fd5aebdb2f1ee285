"""What an SLO can limit. A metric that is added here, in a file of its own, is a field of `Slo`, in words too."""

from battle.scenario.slo.metric import Metric, Part
from battle.store.definitions import defined_in, refuse_twins

_PLACED = sorted(defined_in(__name__, Metric), key=lambda one: one.place)
refuse_twins("metric", (one.name for one in _PLACED))

METRICS: dict[str, Metric] = {one.name: one for one in _PLACED}
"""All of them by their names, in the order of the fields of `Slo`."""


def metrics_of(part: Part) -> tuple[str, ...]:
    """The names of those that can be measured of such a part of a run."""
    return tuple(one.name for one in METRICS.values() if one.can_be_of(part))
