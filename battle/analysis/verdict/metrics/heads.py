"""What clients got of the heads that were due to them, and why they did not get all of them in time."""

from collections.abc import Iterator
from typing import Any

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.continuity import break_causes, head_rows
from battle.analysis.verdict.metric_reading import MetricReading
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.slo_comparison import Measure, SloResult
from battle.formatting import plural
from battle.scenario.slo.metrics.heads import (
    MAX_DUPLICATE_HEADS,
    MAX_HEAD_DELAY_MS,
    MAX_MISSED_HEADS,
    MAX_SILENCE_MS,
)

QUERY = "head_measures"


def head_measures(log: Log, part: Part) -> Any:
    """The row of the query `head_measures`: what clients got of the heads of a part of the run."""
    (row,) = log.rows(QUERY, **part.times, workload=part.scope.workload)
    return row


def _none_due(log: Log, part: Part) -> Measure | None:
    """Where no head was due: whether none can have been missed. None: there were some."""
    row = head_measures(log, part)
    if row.due or row.received:
        return None
    if row.subscriptions:  # what the chain had is in the log
        return Measure(QUERY, True, 0, f"no head was due {part.scope.text}".rstrip())
    text = f"no WebSocket subscription, so no head was expected {part.scope.text}".rstrip()
    return Measure(QUERY, False, note=text)


def _missed(log: Log, part: Part) -> Measure:
    row = head_measures(log, part)
    of = None if part.is_whole else f"of {plural(row.due, 'head')} due"
    return _none_due(log, part) or Measure(QUERY, True, row.missed, of)


def _duplicated(log: Log, part: Part) -> Measure:
    return _none_due(log, part) or Measure(QUERY, True, head_measures(log, part).duplicated)


def _delay(log: Log, part: Part) -> Measure:
    if nothing := _none_due(log, part):
        return nothing
    delay_ns = head_measures(log, part).delay_p99_ns
    if delay_ns is not None:
        return Measure(QUERY, True, delay_ns)
    produced = f"a block produced{'' if part.is_whole else ' then,'} after its client subscribed"
    return Measure(QUERY, False, note=f"no head arrived for {produced}")


def _silence(log: Log, part: Part) -> Measure:
    if nothing := _none_due(log, part):
        return nothing
    rows = [row for row in head_rows(log) if part.scope.workload in (None, row.workload)]
    return Measure("websocket_continuity", True, max((row.longest_silence_ns for row in rows), default=0))


def _causes(log: Log, result: SloResult, workload: str | None) -> Iterator[str]:
    return break_causes(log, workload, None)


MISSED = MetricReading(
    metric=MAX_MISSED_HEADS,
    measure=_missed,
    causes=lambda log, result, workload: break_causes(log, workload, "missed"),
)
DUPLICATED = MetricReading(
    metric=MAX_DUPLICATE_HEADS,
    measure=_duplicated,
    causes=lambda log, result, workload: break_causes(log, workload, "duplicated"),
)
DELAY = MetricReading(metric=MAX_HEAD_DELAY_MS, measure=_delay, causes=_causes)
SILENCE = MetricReading(metric=MAX_SILENCE_MS, measure=_silence, causes=_causes)
