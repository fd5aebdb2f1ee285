"""How a metric is read from the log where one question cannot give its value, and why its target was missed."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from battle.analysis.log import Log
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.slo_comparison import Measure, SloResult
from battle.scenario.slo.metric import Metric

Causes: TypeAlias = Callable[[Log, SloResult, str | None], Iterator[str]]
"""From the log, a missed SLO, and the workload it is about (None: all of them), to sentences."""


class MetricReading(msgspec.Struct, frozen=True, kw_only=True):
    """What a `Metric` needs of the log beyond one question. Each is defined in `metrics/`, below what it names.

    `measure` gives its value in a part of the run; None: its own question does. `causes` says why its target was
    missed; None: the number says it all. Metrics may ask the same query: the log answers it once.
    """

    metric: Metric
    measure: Callable[[Log, Part], Measure] | None = None
    causes: Causes | None = None
