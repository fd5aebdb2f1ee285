"""Demands on a part of a run: its windows, what was measured in them, and whether that proves anything."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.analysis.verdict.attribution import ALL_REQUESTS, attribute_windowed
from battle.analysis.verdict.bench import Trouble
from battle.analysis.verdict.knee import StepsBeyondKnee
from battle.analysis.verdict.measures import (
    disconnects,
    nothing_due,
    unanswered_text,
    unavoidable_stale,
    unavoidable_text,
)
from battle.analysis.verdict.own_measures import own_measures
from battle.analysis.verdict.sample_size import SampleSize, with_enough_samples
from battle.analysis.verdict.slo_comparison import Measure, SloResult, compare
from battle.analysis.visibility import gateway_reports, unseen_text
from battle.formatting import plural
from battle.scenario.slo.scope import (
    AFTER,
    BEFORE,
    RELATIVE,
    Scope,
)
from battle.scenario.slo.slo import ANSWERS, HEADS, OF_REQUESTS, RULES, Slo, SloSet
from battle.scenario.slo.windows import (
    WHOLE,
    Window,
    fault_windows,
    merged,
    selects,
)

FAILOVERS = ("min_failovers", "max_failover_latency_ms")


class Part(NamedTuple):
    """A part of a run: its windows, or why it has none, and the parameters that queries take for it."""

    scope: Scope
    windows: tuple[Window, ...]
    missing: str | None = None

    @property
    def times(self) -> dict[str, Any]:
        """The windows as bound parameters."""
        return {
            "starts_ns": tuple(start for start, _ in self.windows),
            "ends_ns": tuple(end for _, end in self.windows),
        }


def windowed_results(
    log: Log,
    demands: SloSet,
    findings: Sequence[Finding],
    broken: Sequence[Trouble],
    beyond: StepsBeyondKnee,
) -> tuple[SloResult, ...]:
    """Each demand on a part of the run, compared, and doubted where a miss or too few requests prove nothing.

    Those on success and latency leave out the steps `beyond` a knee.
    """
    results: list[SloResult] = []
    for slo in demands.parts:
        found = _results(log, slo, findings, broken, beyond)
        part = windowed_scope(log, slo.scope)
        if part.missing is None:
            found = with_enough_samples(found, _tested(log, part, slo, beyond), demands.min_requests)
        results += found
    return tuple(results)


def _tested(log: Log, part: Part, slo: Slo, beyond: StepsBeyondKnee) -> SampleSize:
    """How much of what `slo` is about there was in a part of the run."""
    names = slo.demands().keys()
    heads_due = _heads(log, part).due if names & {*HEADS} else 0
    if not names & {*OF_REQUESTS, *ANSWERS}:
        return SampleSize(0, 0, heads_due)
    checked = sum(one.checked for one in _answered(log, part, _asked(log, part, StepsBeyondKnee())))
    return SampleSize(_asked(log, part, beyond).requests, checked, heads_due)


def _asked(log: Log, part: Part, beyond: StepsBeyondKnee) -> Any:
    """How the requests of a part fared, without those of some steps."""
    chosen = {"workload": part.scope.workload, "method": part.scope.method}
    (row,) = log.rows("scoped_requests", **part.times, **chosen, **{**ALL_REQUESTS, **beyond.parameters})
    return row


def _results(
    log: Log, slo: Slo, findings: Sequence[Finding], broken: Sequence[Trouble], beyond: StepsBeyondKnee
) -> tuple[SloResult, ...]:
    part = windowed_scope(log, slo.scope)
    results = compare(slo, windowed_measures(log, part, slo, beyond))
    if part.missing is None:
        results = attribute_windowed(results, findings, log, slo, broken, part.times, beyond)
    return tuple(msgspec.structs.replace(result, scope=part.scope) for result in results)


def windowed_scope(log: Log, scope: Scope) -> Part:
    """Where in the run's time the scope lies, as the log tells."""
    if not scope.timed:
        return Part(scope, WHOLE)
    if scope.when in RELATIVE:
        return _relative(log, scope)
    phase = next((row for row in log.rows("planned_phases") if row.name == scope.when), None)
    if phase is None:
        return Part(scope, (), f"the scenario has no phase {scope.when!r}")
    if phase.started_ns is None:
        return Part(scope, (), f"phase {scope.when} never started: the load never started")
    if phase.load_ended_ns is not None and phase.load_ended_ns <= phase.started_ns:
        over = at_text(phase.load_ended_ns, load_began_ns(log))
        return Part(scope, (), f"phase {scope.when} never started: the load ended {over}")
    return Part(scope, merged([(phase.started_ns, phase.ended_ns)]))


def _relative(log: Log, scope: Scope) -> Part:
    spans = log.rows("fault_spans")
    windows = fault_windows(scope, spans)
    if windows:
        return Part(scope, windows)
    what = "no fault" if scope.fault is None else f"no fault {scope.fault}"
    if not any(selects(scope.fault, span) for span in spans):
        return Part(scope, (), f"{what} was applied")
    if scope.when == AFTER:
        return Part(scope, (), "a fault was active to the end of the log, so there was no time after it")
    if scope.when == BEFORE:
        return Part(scope, (), "a fault was active from the start, so there was no time before it")
    return Part(scope, (), f"{what} lasted for any time")


def windowed_measures(log: Log, part: Part, slo: Slo, beyond: StepsBeyondKnee) -> dict[str, Measure]:
    """What was measured of all that `slo` demands, in this part of the run."""
    names = slo.demands().keys()
    if part.missing is not None:
        query = "planned_phases" if part.scope.when not in RELATIVE else "fault_spans"
        nothing = Measure(query, False, note=part.missing)
        return {RULES[name].metric: nothing for name in names}
    measured: dict[str, Measure] = {}
    if names & {*OF_REQUESTS, *ANSWERS}:
        measured |= _of_requests(log, part, beyond)
    if names & {*FAILOVERS}:
        measured |= _of_failovers(log, part)
    if names & {*HEADS}:
        measured |= _of_heads(log, part)
    if "max_disconnects" in names:
        measured["disconnects"] = disconnects(log, part.scope.workload, part.times)
    if "max_attempts_per_request" in names:
        measured["attempts_per_request"] = _attempts(log, part)
    if "min_breaker_changes" in names:
        measured["breaker_changes"] = _breaker_changes(log, part)
    if "max_memory_mb" in names:
        measured["gateway_rss_max_bytes"] = _memory(log, part)
    return measured | own_measures(log, slo, part.times, part.scope.workload, part.scope.method)


def _of_requests(log: Log, part: Part, beyond: StepsBeyondKnee) -> dict[str, Measure]:
    every, row = _asked(log, part, StepsBeyondKnee()), _asked(log, part, beyond)
    asked = {RULES[name].metric for name in OF_REQUESTS}
    left_out = f", {beyond.note}" if row.requests < every.requests else ""
    if not row.requests:
        nothing = Measure("scoped_requests", False, note=f"no request {part.scope.text} was due{left_out}")
        measured = dict.fromkeys(asked, nothing)
    else:
        measured = {metric: _of_request(row, metric, left_out) for metric in asked}
    return {**measured, **_of_answers(log, part, every)}


def _of_request(row: Any, metric: str, left_out: str) -> Measure:
    value, of = getattr(row, metric), f"of {plural(row.requests, 'request')}{left_out}"
    never = value is None and metric != "success_ratio"
    note = unanswered_text(int(metric[1:3]), of) if never else of
    return Measure("scoped_requests", True, value, note)


def _answered(log: Log, part: Part, requests: Any) -> list[Any]:
    counts = [requests]
    if part.scope.method is None:  # a notification is the answer to no method
        counts += log.rows("scoped_notifications", **part.times, workload=part.scope.workload)
    return counts


def _of_answers(log: Log, part: Part, requests: Any) -> dict[str, Measure]:
    counts = _answered(log, part, requests)
    checked = sum(row.checked for row in counts)
    if not checked:
        nothing = Measure("scoped_requests", False, note=f"no answer {part.scope.text} was checked")
        return {"wrong_answers": nothing, "stale_answers": nothing}
    note = f"of {plural(checked, 'checked answer')}"
    wrong, stale = (sum(getattr(row, kind) for row in counts) for kind in ("wrong", "stale"))
    of_part = (part.times, part.scope.workload, part.scope.method)
    unavoidable = unavoidable_stale(log, *of_part) if stale else 0
    notes = [note, *filter(None, [unavoidable_text(unavoidable)])]
    return {
        "wrong_answers": Measure("scoped_requests", True, wrong, note),
        "stale_answers": Measure("scoped_requests", True, stale - unavoidable, ", ".join(notes)),
    }


def _of_failovers(log: Log, part: Part) -> dict[str, Measure]:
    query = "scoped_failovers"
    (row,) = log.rows(query, **part.times)
    if row.failovers is None:
        unknown = Measure(query, False, note=unseen_text(gateway_reports(log).kind, "attempts"))
        return {"failovers": unknown, "max_failover_latency_ns": unknown}
    if row.failovers == 0:
        cost = Measure(query, False, note=f"there was no failover {part.scope.text}")
    elif row.answered == 0:
        cost = Measure(query, True, note="no failover was answered")
    else:
        cost = Measure(query, True, row.cost_max_ns)
    return {"failovers": Measure(query, True, row.failovers), "max_failover_latency_ns": cost}


def _of_heads(log: Log, part: Part) -> dict[str, Measure]:
    query, row = "scoped_heads", _heads(log, part)
    if not row.due and not row.received:
        nothing = nothing_due(query, known=row.subscriptions > 0, when=part.scope.text)
        return dict.fromkeys(("missed_heads", "duplicate_heads", "head_delay_p99_ns"), nothing)
    late = "no head arrived for a block produced then, after its client subscribed"
    return {
        "missed_heads": Measure(query, True, row.missed, f"of {plural(row.due, 'head')} due"),
        "duplicate_heads": Measure(query, True, row.duplicated),
        "head_delay_p99_ns": Measure(query, False, note=late)
        if row.delay_p99_ns is None
        else Measure(query, True, row.delay_p99_ns),
    }


def _heads(log: Log, part: Part) -> Any:
    (row,) = log.rows("scoped_heads", **part.times, workload=part.scope.workload)
    return row


def _attempts(log: Log, part: Part) -> Measure:
    (row,) = log.rows("scoped_attempts", **part.times)
    if not row.attempts or row.attempts_per_request is None:
        return Measure("scoped_attempts", False, note="no attempt was logged then, or no request was sent")
    return Measure("scoped_attempts", True, row.attempts_per_request)


def _breaker_changes(log: Log, part: Part) -> Measure:
    query = "scoped_breaker_changes"
    (row,) = log.rows(query, **part.times)
    if row.changes is None:
        return Measure(query, False, note=unseen_text(gateway_reports(log).kind, "breakers"))
    return Measure(query, True, row.changes)


def _memory(log: Log, part: Part) -> Measure:
    (row,) = log.rows("scoped_memory", **part.times)
    if row.rss_max_bytes is None:
        return Measure("scoped_memory", False, note="the gateway's memory was not sampled then")
    return Measure("scoped_memory", True, row.rss_max_bytes)
