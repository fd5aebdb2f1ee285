"""How many answers and notifications were wrong or stale."""

from typing import NamedTuple

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.answers import stale_causes, wrong_causes
from battle.analysis.verdict.checkers.continuity import no_heads_expected
from battle.analysis.verdict.metric_reading import MetricReading
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.requests import QUERY, request_measures
from battle.analysis.verdict.slo_comparison import Measure, noted
from battle.formatting import plural
from battle.scenario.slo.metrics.answers import MAX_STALE_ANSWERS, MAX_WRONG_ANSWERS


class Answers(NamedTuple):
    """How many answers and notifications were checked, and of them wrong and stale."""

    checked: int
    wrong: int
    stale: int


def answers(log: Log, part: Part) -> Answers:
    """Those of a part of the run, also of steps beyond a knee: what is wrong there is wrong."""
    counts = [request_measures(log, part.with_all_steps)]
    if part.scope.method is None:  # a notification is the answer to no method
        counts += log.rows("notification_measures", **part.times, workload=part.scope.workload)
    return Answers(*(sum(getattr(row, kind) for row in counts) for kind in ("checked", "wrong", "stale")))


def _wrong(log: Log, part: Part) -> Measure:
    found = answers(log, part)
    return Measure(QUERY, True, found.wrong, _of(part, found)) if found.checked else _unchecked(log, part)


def _stale(log: Log, part: Part) -> Measure:
    found = answers(log, part)
    if not found.checked:
        return _unchecked(log, part)
    unavoidable = _unavoidable_stale(log, part) if found.stale else 0
    more = f"{unavoidable:,} more while no provider had anything newer" if unavoidable else None
    return Measure(QUERY, True, found.stale - unavoidable, noted(_of(part, found), more))


def _of(part: Part, found: Answers) -> str | None:
    return None if part.is_whole else f"of {plural(found.checked, 'checked answer')}"


def _unchecked(log: Log, part: Part) -> Measure:
    if not part.is_whole:
        return Measure(QUERY, False, note=f"no answer {part.scope.text} was checked")
    if no_heads_expected(log, part.scope.workload):
        return Measure(QUERY, True, 0, "nothing was due")
    return Measure(QUERY, False, note="no answer was checked")


def _unavoidable_stale(log: Log, part: Part) -> int:
    """How many answers were stale while no provider had anything newer to give."""
    chosen = {"workload": part.scope.workload, "method": part.scope.method}
    (row,) = log.rows("unavoidable_stale_answers", **part.times, **chosen)
    return int(row.answers)


WRONG = MetricReading(
    metric=MAX_WRONG_ANSWERS, measure=_wrong, causes=lambda log, result, workload: wrong_causes(log)
)
STALE = MetricReading(
    metric=MAX_STALE_ANSWERS, measure=_stale, causes=lambda log, result, workload: stale_causes(log)
)
