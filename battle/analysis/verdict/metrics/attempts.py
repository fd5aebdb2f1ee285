"""How many attempts there were for each request, and when there were most."""

from collections.abc import Iterator

from battle.analysis.log import Log
from battle.analysis.time_text import load_began_ns
from battle.analysis.verdict.checkers.retries import storm_text
from battle.analysis.verdict.metric_reading import MetricReading
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.slo_comparison import Measure, SloResult
from battle.scenario.slo.metrics.attempts import MAX_ATTEMPTS_PER_REQUEST

_QUERY = "attempt_measures"


def _measured(log: Log, part: Part) -> Measure:
    (row,) = log.rows(_QUERY, **part.times)
    if row.attempts and row.attempts_per_request is not None:
        return Measure(_QUERY, True, row.attempts_per_request)
    then = "" if part.is_whole else " then"
    return Measure(_QUERY, False, note=f"no attempt was logged{then}, or no request was sent")


def _causes(log: Log, result: SloResult, workload: str | None) -> Iterator[str]:
    if text := storm_text(log, result.limit, load_began_ns(log)):
        yield text


PER_REQUEST = MetricReading(metric=MAX_ATTEMPTS_PER_REQUEST, measure=_measured, causes=_causes)
