"""How a report says an interval: `50.9 to 53.8 ms`, or why there is none."""

import math

from battle.analysis.reports.document import Cell
from battle.analysis.reports.intervals import Intervals, SuccessInterval
from battle.analysis.statistics.estimate import (
    NO_FAILURE,
    NO_SUCCESS,
    TOO_FEW,
    TOO_SHORT,
    Estimate,
)
from battle.formatting import duration_text, percent_text

SHORT_RUN = "“Too short”: the run is shorter than 20 correlation times, so there is no interval."
FEW = "“Too few requests”: too few independent requests are beyond that percentile."


def interval_cell(estimate: Estimate) -> Cell:
    """The interval of a percentile: "50.9 to 53.8 ms"."""
    if not estimate.enough:
        return Cell(estimate.note or TOO_SHORT, "quiet")
    if estimate.low is None:
        return Cell("too many failed", "unsure")
    low = duration_text(estimate.low)
    if estimate.high is None:
        return Cell(f"at least {low}")
    high = duration_text(estimate.high)
    if low.rpartition(" ")[2] == high.rpartition(" ")[2] and low.count(" ") == 1:
        low = low.partition(" ")[0]
    return Cell(f"{low} to {high}")


def share_text(known: SuccessInterval, level: float) -> str:
    """A share's interval: "95 % CI 94.5 % to 99.9 %"."""
    note = known.success.note
    if note in (NO_FAILURE, NO_SUCCESS):
        return f"{percent_text(level)} CI {_shares(known.independent)}, assuming independent failures"
    if note is not None:
        return f"{note} for a confidence interval"
    return f"{percent_text(level)} CI {_shares(known.success)}"


def _shares(estimate: Estimate) -> str:
    assert estimate.low is not None
    assert estimate.high is not None
    width = estimate.high - estimate.low
    digits = 3 if width < 0.001 else 2 if width < 0.01 else 1
    scale = 10.0 ** (digits + 2)
    low = math.floor(round(estimate.low * scale, 6)) / scale
    high = math.ceil(round(estimate.high * scale, 6)) / scale
    return f"{percent_text(low)} to {percent_text(high)}"


def interval_note(intervals: Intervals) -> str:
    """What the intervals of a table mean, and why some are missing."""
    estimates = [estimate for row in intervals.latencies for estimate in (row.p50, row.p95, row.p99)]
    estimates += [row.success for row in intervals.successes]
    missing = {estimate.note for estimate in estimates if not estimate.enough}
    sure = percent_text(intervals.level)
    sentences = [f"These are {sure} confidence intervals. {intervals.note}"]
    if TOO_SHORT in missing:
        sentences.append(SHORT_RUN)
    if TOO_FEW in missing:
        sentences.append(FEW)
    return " ".join(sentences)
