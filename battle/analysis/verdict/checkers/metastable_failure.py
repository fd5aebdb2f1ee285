"""Does the run come back by itself once the faults are over? A system that does not is in a metastable failure.

What keeps it there is not the cause any more but the reaction to it: retries, hedges, queues of requests that nobody
waits for. So nothing but the load is left, and the load is the one that was borne before.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.leaks import LOAD_GROWTH_MAX
from battle.analysis.verdict.checkers.load_generator import (
    LATENESS_FLOOR_NS,
    LATENESS_SHARE_OF_SLO,
    SENT_RATIO_MIN,
)
from battle.analysis.verdict.checkers.planned_workloads import SUBSCRIBES
from battle.analysis.verdict.parts import part_of_workload
from battle.analysis.verdict.requests import request_measures
from battle.formatting import (
    duration_text,
    percent_text,
    plural,
    sentence,
)
from battle.scenario.slo.slo import SloSet

LASTING_S = 3
"""Bad seconds in a row at the end of the load, or in all of the judged time: a machine's noise is over sooner."""

WORST_LISTED = 3
"""Requests of each workload that are named as evidence."""


class HealingTimes(NamedTuple):
    """The span that is the steady state, and the one that is held against it, in nanoseconds."""

    began: int
    first_fault: int
    healing: int
    judged: int
    ended: int
    last_fault: str


class Case(NamedTuple):
    """One workload, before the first fault and after the healing."""

    workload: str
    before: Any
    after: Any
    p95_limit_ns: float
    success_min: float

    @property
    def ill(self) -> bool:
        """Whether it did not come back."""
        slow = self.after.p95_latency_ns is None or self.after.p95_latency_ns > self.p95_limit_ns
        return bool(slow or self.after.success_ratio < self.success_min)


def metastable_failure(log: Log, slos: SloSet) -> Finding | None:
    """FAIL when a workload stays slow or erring after all faults are over, for longer than the scenario grants.

    It stays so when it never was well since the last fault, when it is ill in the last `LASTING_S` seconds of the
    load, or in half of the seconds that are judged and no less than these. What comes later and is over before is a
    warning, for the run did come back.
    Its success rate and p95 latency after the healing time are held against those before the first fault, with the
    tolerances of the scenario's `Healing`. INCONCLUSIVE when there is too little to compare, when a fault was never
    reverted, and when the load or the load generator may be why. Does not apply to a scenario without `healing`.
    """
    plan = next(iter(log.rows("planned_healing")), None)
    if plan is None:
        return None
    times = _times(log, plan)
    if isinstance(times, str):
        return _finding("INCONCLUSIVE", times)
    cases, unclear = _cases(log, plan, times)
    ill = [case for case in cases if case.ill]
    blamed, passing = [], []
    for case in ill:
        cause = _bench_cause(log, case, times)
        if cause is None and _lasts(_degraded_periods(log, case, times), times):
            blamed.append(case)
        elif cause is None:
            passing.append(case)
        else:
            unclear.append(f"workload {case.workload} did not recover, but {cause}")
    if blamed:
        return _failure(log, blamed, times)
    if unclear or not cases:
        return _finding("INCONCLUSIVE", sentence(unclear or ["no workload sent requests"]), times)
    if passing:
        return _passing(log, passing, times)
    return _finding("PASS", sentence([_well(case, times) for case in cases]), times)


METASTABLE_FAILURE = PlacedChecker(place=210, checker=metastable_failure, rests_on_bench=True)


def _lasts(stretches: list[Any], times: HealingTimes) -> bool:
    """Whether bad seconds go on from the last fault, last to the end, or take half of the judged time."""
    first_s, judged_s = (times.judged - times.began) / 1e9, (times.ended - times.judged) / 1e9
    lengths = [
        (stretch.to_second + 1 - max(stretch.from_second, first_s), stretch.to_the_end)
        for stretch in stretches
    ]
    healing_s = (times.healing - times.began) / 1e9
    if any(stretch.from_second <= healing_s for stretch in stretches):
        return True
    at_end = any(to_the_end and seconds >= LASTING_S for seconds, to_the_end in lengths)
    return at_end or sum(seconds for seconds, _ in lengths) >= max(LASTING_S, judged_s / 2)


def _times(log: Log, plan: Any) -> HealingTimes | str:
    """When what is compared was, or why there is nothing to compare."""
    phases = {row.phase: row.at_ns for row in log.rows("run_phases")}
    spans = log.rows("fault_spans")
    lasting = [span.fault_id for span in spans if span.ended_ns is None]
    if "load_began" not in phases or "load_ended" not in phases:
        return "the load has no end in the log, so the healing is unknown"
    if not spans:
        return "no fault was applied, so there was nothing to heal from"
    if lasting:
        return (
            f"{', '.join(lasting[:EVIDENCE_IDS_MAX])} was never reverted, so there was nothing to heal from"
        )
    last = max(spans, key=lambda span: span.ended_ns)
    judged = last.ended_ns + plan.within_ns
    if judged >= phases["load_ended"]:
        over = at_text(phases["load_ended"], phases["load_began"])
        return f"the load ended {over}, before the healing time was over"
    return HealingTimes(
        began=phases["load_began"],
        first_fault=min(span.started_ns for span in spans),
        healing=last.ended_ns,
        judged=judged,
        ended=phases["load_ended"],
        last_fault=last.fault_id,
    )


def _cases(log: Log, plan: Any, times: HealingTimes) -> tuple[list[Case], list[str]]:
    """What can be compared, and why the rest cannot."""
    # What the generator itself sent late must not pass for the steady state: a slow healing would look like it.
    cases, unclear = [], []
    for name in _workloads(log, plan):
        steady = _measured(log, name, times.began, times.first_fault, LATENESS_FLOOR_NS)
        healed = _measured(log, name, times.judged, times.ended)
        few = [
            f"{plural(row.requests, 'request')} {when}"
            for row, when in (
                (steady, "sent on time before the first fault"),
                (healed, "after the healing time"),
            )
            if row.requests < plan.min_requests or not row.requests
        ]
        if few:
            unclear.append(f"workload {name}: only {' and '.join(few)}, {plan.min_requests:,} are needed")
        elif steady.p95_latency_ns is None:
            unclear.append(f"workload {name} was not healthy before the first fault: 5 % did not succeed")
        else:
            limit_ns = max(
                steady.p95_latency_ns * plan.max_p95_ratio, steady.p95_latency_ns + plan.p95_slack_ns
            )
            least = steady.success_ratio - plan.max_success_loss
            cases.append(Case(name, steady, healed, limit_ns, least))
    return cases, unclear


def _measured(log: Log, workload: str, start_ns: int, end_ns: int, late_ns: int | None = None) -> Any:
    return request_measures(log, part_of_workload(workload, ((start_ns, end_ns),)), late_ns=late_ns)


def _workloads(log: Log, plan: Any) -> list[str]:
    if plan.workload is not None:
        return [plan.workload]
    return [row.workload for row in log.rows("planned_workloads") if row.type != SUBSCRIBES and row.workload]


def _bench_cause(log: Log, case: Case, times: HealingTimes) -> str | None:
    """Why something else than the gateway may have kept it from coming back; None: nothing did."""
    bound_ns = max(LATENESS_FLOOR_NS, round(case.p95_limit_ns * LATENESS_SHARE_OF_SLO))
    if case.after.sent_ratio < SENT_RATIO_MIN or (case.after.p99_late_ns or 0) > bound_ns:
        punctual = _measured(log, case.workload, times.judged, times.ended, bound_ns)
        if not punctual.requests or not case._replace(after=punctual).ill:
            return "the generator fell behind, and the requests it sent on time recovered"
    before_s, after_s = (times.first_fault - times.began) / 1e9, (times.ended - times.judged) / 1e9
    asked = _measured(log, case.workload, times.began, times.first_fault).requests
    growth = (case.after.requests / after_s) / (asked / before_s)
    if growth > LOAD_GROWTH_MAX:
        return f"the load was {growth:.2f} times as high as before the first fault"
    return None


def _failure(log: Log, cases: list[Case], times: HealingTimes) -> Finding:
    problems = [text for case in cases for text in _degraded_texts(log, case, times)]
    summary = (
        f"the run did not heal within {duration_text(times.judged - times.healing)} after the last fault "
        f"({times.last_fault}, over {at_text(times.healing, times.began)}): {sentence(problems)}"
    )
    worst = [request for case in cases for request in _worst(log, case, times)]
    return _finding("FAIL", summary + _retries(log, times), times, worst)


def _worst(log: Log, case: Case, times: HealingTimes) -> list[str]:
    of = part_of_workload(case.workload, ((times.judged, times.ended),))
    rows = log.rows("worst_requests", **of.times, workload=case.workload, limit=WORST_LISTED)
    return [row.request_id for row in rows]


def _degraded_texts(log: Log, case: Case, times: HealingTimes) -> Iterator[str]:
    before, after = case.before, case.after
    how = []
    if after.p95_latency_ns is None:
        p95 = duration_text(before.p95_latency_ns)
        how.append(f"more than 5 % of its requests did not succeed (its p95 was {p95} before)")
    elif after.p95_latency_ns > case.p95_limit_ns:
        how.append(
            f"its p95 was {duration_text(after.p95_latency_ns)} instead of {duration_text(before.p95_latency_ns)} "
            f"(tolerated: {duration_text(case.p95_limit_ns)})"
        )
    if after.success_ratio < case.success_min:
        ok, usual = percent_text(after.success_ratio), percent_text(before.success_ratio)
        how.append(f"its success rate was {ok} instead of {usual}")
    yield f"workload {case.workload}: {', and '.join(how)}{_since(log, case, times)}"


def _passing(log: Log, cases: list[Case], times: HealingTimes) -> Finding:
    problems = [text for case in cases for text in _degraded_texts(log, case, times)]
    summary = f"slow or failing again after the last fault ended ({times.last_fault}), but not to the end"
    found = _finding("PASS", f"{summary}: {sentence(problems)}", times)
    return msgspec.structs.replace(found, severity="warning")


def _degraded_periods(log: Log, case: Case, times: HealingTimes) -> list[Any]:
    return log.rows(
        "degraded_periods",
        workload=case.workload,
        p95_limit_ns=round(case.p95_limit_ns),
        success_min_ratio=case.success_min,
        start_ns=times.judged,
        began_ns=times.began,
    )


def _since(log: Log, case: Case, times: HealingTimes) -> str:
    stretches = _degraded_periods(log, case, times)
    if not stretches:
        return ""
    first = stretches[0]
    if first.to_the_end:
        return f", continuously since {first.from_second:,} s"
    return f", from {first.from_second:,} s to {first.to_second + 1:,} s continuously"


def _retries(log: Log, times: HealingTimes) -> str:
    """What retries make of the load meanwhile: the usual reason."""
    (row,) = log.rows("attempt_measures", starts_ns=(times.judged,), ends_ns=(times.ended,))
    if not row.sent or row.attempts <= row.sent * LOAD_GROWTH_MAX:
        return ""
    return f"; there were {row.attempts / row.sent:.2f} attempts for each request meanwhile"


def _well(case: Case, times: HealingTimes) -> str:
    before, after = case.before, case.after
    later = duration_text(times.judged - times.healing)
    usual = f"{percent_text(before.success_ratio)} and {duration_text(before.p95_latency_ns)} before the first one"
    return (
        f"{later} after the last fault workload {case.workload} was back: {percent_text(after.success_ratio)} ok and "
        f"a p95 of {duration_text(after.p95_latency_ns)}, {usual}"
    )


def _finding(
    verdict: Any, summary: str, times: HealingTimes | None = None, ids: list[str] | None = None
) -> Finding:
    since = "" if times is None else f" WHERE second >= {times.healing // 10**9}"
    faults = [] if times is None else [times.last_fault]
    return Finding(
        checker="metastable_failure",
        verdict=verdict,
        summary=summary,
        query=f"SELECT * FROM latency_by_second{since} ORDER BY second",
        ids=tuple([*faults, *(ids or [])][:EVIDENCE_IDS_MAX]),
    )
