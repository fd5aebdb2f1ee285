"""How noisy the runs of a baseline are, and so which change could be seen at all. Pure."""

import math
from statistics import stdev

import msgspec

from battle.analysis.baselines.best_evidence import against_another
from battle.analysis.baselines.compare import can_fail, compared, together
from battle.analysis.baselines.decide import DEFAULT, Settings
from battle.analysis.baselines.evidence import Evidence, relative
from battle.analysis.baselines.metrics import key
from battle.analysis.baselines.runs import typical
from battle.analysis.baselines.snapshot import Snapshot
from battle.analysis.reports.comparison import Unit


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of a baseline: what a run measures, and by how much runs differ (standard deviation of its share).

    `visible` is the smallest change of another run that can be seen; None: that is unknown. Of a share both are
    differences, else relative. `spread` None: one run only.
    """

    name: str
    unit: Unit
    runs: int
    value: float | None
    spread: float | None
    visible: float | None
    decides: bool


def noise_of(snapshot: Snapshot, settings: Settings = DEFAULT) -> tuple[Noise, ...]:
    """The noise of each metric that the snapshot has."""
    found = [
        (metric, workload, against_another(metric, workload, snapshot))
        for metric, workload in compared(snapshot)
    ]
    level = together(settings.level, sum(can_fail(metric, known) for metric, _, known in found))
    rows = []
    for metric, workload, known in found:
        values = snapshot.values(key(metric.name, workload))
        if not values:
            continue
        visible = None
        if isinstance(known, Evidence):
            reach = known.visible(level)
            visible = reach if metric.unit == "share" else max(settings.threshold, relative(reach))
        rows.append(
            Noise(
                name=metric.text if workload is None else f"{metric.text} of {workload}",
                unit=metric.unit,
                runs=len(values),
                value=typical(values),
                spread=_spread(values, metric.unit),
                visible=visible,
                decides=metric.decides,
            )
        )
    return tuple(rows)


def _spread(values: list[float], unit: Unit) -> float | None:
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    if unit == "share":
        return stdev(values)
    return stdev(values) / mean if mean else 0.0
