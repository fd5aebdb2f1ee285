"""How a report says an interval: `50.9 to 53.8 ms`, or why there is none."""

import math

from battle.judgement.words import duration_text, percent_text
from battle.reports.document import Cell
from battle.reports.intervals import Intervals
from battle.statistics.estimate import TOO_FEW, TOO_SHORT, Estimate

SHORT_RUN = (
    "“Too short”: too short for an interval, because the run has fewer than 20 times the span over which what "
    "happens to requests hangs together."
)


def interval_cell(estimate: Estimate, max_ns: int | None = None) -> Cell:
    """The interval of a percentile: "50.9 to 53.8 ms".

    Its bounds are latencies of this run, told to the bin of 1 % they lie in; where that bin reaches beyond `max_ns`,
    the longest of them, the interval ends there.
    """
    if not estimate.enough:
        return Cell(estimate.note or TOO_SHORT, "quiet")
    low = _latency(estimate.low)
    if estimate.high is None:
        return Cell(f"at least {low}" if estimate.note is not None else f"{low} to never")
    high = _latency(estimate.high if max_ns is None else min(estimate.high, max_ns))
    if low == high:
        return Cell(high)
    if low.rpartition(" ")[2] == high.rpartition(" ")[2] and low.count(" ") == 1:
        low = low.partition(" ")[0]
    return Cell(f"{low} to {high}")


def share_text(estimate: Estimate) -> str:
    """A share's interval: "94.5 % to 99.9 %"."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.note} for an interval" if estimate.note == TOO_SHORT else f"{estimate.note}"
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
    sentences = [f"With a probability of {sure} the true value lies in the interval. {intervals.note}"]
    if TOO_SHORT in missing:
        sentences.append(SHORT_RUN)
    if TOO_FEW in missing:
        sentences.append("“Too few requests”: beyond that percentile there are too few that are independent.")
    return " ".join(sentences)


def _latency(value_ns: float | None) -> str:
    return "never" if value_ns is None else duration_text(value_ns)
