"""How a report says an interval: `52.1 ms (50.9 to 53.8)`, or why there is none."""

import math

from battle.judgement.words import duration_text, percent_text
from battle.reports.document import Cell, Tone
from battle.reports.intervals import Intervals
from battle.statistics.estimate import TOO_FEW, TOO_SHORT, Estimate

SHORT_RUN = (
    "“Too short”: too short for an interval, because the run has fewer than 20 times the span over which what "
    "happens to requests hangs together."
)


def latency_cell(estimate: Estimate) -> Cell:
    """A percentile with its interval."""
    value = _latency(estimate.value)
    tone: Tone = "doubtful" if estimate.value is None else "plain"
    if not estimate.enough:
        return Cell(f"{value} ({estimate.note})", tone)
    if estimate.high is None and estimate.note is not None:
        return Cell(f"{value} (at least {_latency(estimate.low)})", tone)
    low, high = _latency(estimate.low), _latency(estimate.high)
    if low == high == value:
        return Cell(value, tone)
    unit = f" {value.rpartition(' ')[2]}"
    if all(text.endswith(unit) and text.count(" ") == 1 for text in (low, high, value)):
        low, high = low.removesuffix(unit), high.removesuffix(unit)
    return Cell(f"{value} ({low} to {high})", tone)


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
    sentences = [f"In brackets {percent_text(intervals.level)} intervals. {intervals.note}"]
    if TOO_SHORT in missing:
        sentences.append(SHORT_RUN)
    if TOO_FEW in missing:
        sentences.append("“Too few requests”: beyond that percentile there are too few that are independent.")
    return " ".join(sentences)


def _latency(value_ns: float | None) -> str:
    return "never" if value_ns is None else duration_text(value_ns)
