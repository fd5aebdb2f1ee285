"""How the values of metrics are said, in the units that SLOs have. Pure."""

from battle.formatting import duration_text, percent_text
from battle.history.row import HistoryMetric
from battle.scenario.slo.metrics import METRICS

NONE = "–"
NEVER = "never"


def value_text(name: str, value: float | None, nothing: str = NONE) -> str:
    """A value of a metric, with its unit; `nothing` where there is none."""
    if value is None:
        return nothing
    match METRICS[name].unit if name in METRICS else "":
        case "ms":
            return duration_text(value * 1e6)
        case "ratio":
            return percent_text(value)
        case "MB":
            return f"{value:,.1f} MB"
        case _:
            return f"{value:,.4g}"


def metric_text(metric: HistoryMetric | None) -> str:
    """What a run measured of a metric."""
    if metric is None:
        return NONE
    return NEVER if metric.never else value_text(metric.name, metric.value)


def interval_text(name: str, low: float | None, high: float | None) -> str:
    """From where to where the true value may be; empty without an interval."""
    if low is None and high is None:
        return ""
    bounds = ("no bound" if value is None else value_text(name, value) for value in (low, high))
    return " to ".join(bounds)
