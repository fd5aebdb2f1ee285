"""Which missed SLOs prove nothing: the test bench, and not the gateway, may be why they were missed.

FAIL beats INCONCLUSIVE, so an SLO must not count as missed when what it asks for could not happen. Where the bench
spoilt a known part of the requests, the others decide: when they did not miss it, it is unknown whether the gateway
would have.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.bench import CRASHES, Trouble, spared
from battle.analysis.verdict.checkers.bench_limits import limiting_text
from battle.analysis.verdict.checkers.continuity import head_rows
from battle.analysis.verdict.checkers.load_generator import (
    GATEWAY_REFUSED_CONNECTIONS,
    SENT_RATIO_MIN,
    held_up,
    lateness_bound_ns,
)
from battle.analysis.verdict.checkers.nodes import lost_with_gateway
from battle.analysis.verdict.checkers.slow_readers import (
    slow_reader_text,
    slow_readers_in,
    without_slow_readers,
)
from battle.analysis.verdict.measures import measures
from battle.analysis.verdict.parts import Part
from battle.analysis.verdict.requests import QUERY, request_measures
from battle.analysis.verdict.slo_comparison import NOT_REACHED_BUT, Measure, SloResult, compare, one_result
from battle.analysis.visibility import gateway_reports
from battle.formatting import plural, sentence
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.slo import Slo

REACTIONS = frozenset(name for name, one in METRICS.items() if one.reaction)
"""SLOs on how the gateway reacts to faults: without effective faults there is nothing to react to."""

OF_LOAD = frozenset(name for name, one in METRICS.items() if one.of_requests)
"""SLOs that a late generator can miss all by itself: latency and time-outs count from the due time."""

LATE = frozenset({"generator_kept_pace", "bench_within_limits"})
"""The findings by which the load generator sent late."""

_NS_PER_MS = 1e6


def attribute_run(
    results: Sequence[SloResult],
    findings: Sequence[Finding],
    log: Log,
    slo: Slo,
    broken: Sequence[Trouble],
    part: Part,
) -> tuple[SloResult, ...]:
    """The results of the run or of one workload, with each miss that proves nothing turned into `not_measured`.

    Requests of steps beyond a knee prove nothing either way.
    """
    missed = {result.name for result in results if result.status == "missed"}
    causes = _reactions(log, findings)
    late = bool(LATE & _unsure(findings))
    if missed & OF_LOAD:
        bound_ns = lateness_bound_ns(slo) if late else None
        others = without_slow_readers(log, part)
        row = request_measures(log, others, late_ns=bound_ns, cut=True, spared=spared(broken))
        causes |= _not_the_gateways(row, slo, _why(log, slo, broken, part, late=late))
    causes |= _of_slow_readers(log, part, results)
    causes |= _bench_limited(log)
    return tuple(_not_measured(result, {**causes, **_of_nodes(result, broken)}) for result in results)


def attribute_windowed(
    results: Sequence[SloResult],
    findings: Sequence[Finding],
    log: Log,
    slo: Slo,
    broken: Sequence[Trouble],
    part: Part,
) -> tuple[SloResult, ...]:
    """Likewise, of a part of the run.

    A generator that kept pace over the whole run may have been late just then, so its lateness in this part counts.
    """
    causes = _reactions(log, findings)
    if OF_LOAD & {result.name for result in results if result.status == "missed"}:
        bound_ns = lateness_bound_ns(slo)
        row = request_measures(log, part)
        late = row.sent_ratio < SENT_RATIO_MIN or (row.p99_late_ns or 0) > bound_ns
        late = late or bool(LATE & _unsure(findings))
        late_ns = bound_ns if late else None
        others = without_slow_readers(log, part)
        row = request_measures(log, others, late_ns=late_ns, cut=True, spared=spared(broken))
        causes |= _not_the_gateways(row, slo, _why(log, slo, broken, part, late=late))
    causes |= _of_slow_readers(log, part, results)
    causes |= _bench_limited(log)
    return tuple(_not_measured(result, {**causes, **_of_nodes(result, broken)}) for result in results)


def attribute_outage(result: SloResult, log: Log, workload: str | None) -> SloResult:
    """The result; `not_measured` where it was met by the requests that were sent, and others fell due while a gateway
    that crashed was down.

    The load starts again with it, so nobody knows how those would have fared. The crash fails the run anyway.
    """
    if result.status != "met" or result.name not in OF_LOAD:
        return result
    lost = sum(count for name, count in lost_with_gateway(log).items() if workload in (None, name))
    if not lost:
        return result
    why = f"{plural(lost, 'request')} were due while the gateway was down, and the load too"
    return msgspec.structs.replace(result, status="not_measured", note=why)


def attribute_bench(results: Sequence[SloResult], broken: Sequence[Trouble]) -> tuple[SloResult, ...]:
    """The results of which nobody knows which requests they rest on: a bench that crashed is behind all of them."""
    causes = [trouble.cause for trouble in broken if trouble.part in CRASHES]
    return tuple(_not_measured(result, {result.name: causes[0]} if causes else {}) for result in results)


def _bench_limited(log: Log) -> dict[str, str]:
    """A bench at a limit of the machine, or one that was stopped, may have left nothing to react to."""
    why = limiting_text(log)
    return {} if why is None else dict.fromkeys(REACTIONS, why)


def _unsure(findings: Sequence[Finding]) -> set[str]:
    return {finding.checker for finding in findings if finding.verdict != "PASS"}


def _reactions(log: Log, findings: Sequence[Finding]) -> dict[str, str]:
    """Why the gateway may not have been able to react, by the SLOs on its reactions."""
    unsure = _unsure(findings)
    causes: dict[str, str] = {}
    if not gateway_reports(log).attempts:
        unseen = [name for name in REACTIONS if METRICS[name].reported == "attempts"]
        causes |= dict.fromkeys(unseen, "a connection that was refused is not visible from outside")
    if "providers_reached" in unsure:
        causes |= dict.fromkeys(METRICS, "no provider received a request")
    if "faults_took_effect" in unsure:
        causes |= dict.fromkeys(REACTIONS, "a fault had no effect, so there was less to react to")
    if "run_is_complete" in unsure:
        causes |= dict.fromkeys(REACTIONS, "the run is partial, so there was less to react to")
    return causes


def _of_slow_readers(log: Log, part: Part, results: Sequence[SloResult]) -> dict[str, str]:
    """SLOs on heads that those clients met who read as fast as they can."""
    slow = slow_readers_in(log, part.scope.workload, of_heads=True)
    missed = [
        one for one in results if one.status == "missed" and one.metric and one.metric.samples == "heads"
    ]
    if not slow or not missed:
        return {}
    why = sentence([*map(slow_reader_text, slow)])
    names = {row.workload for row in slow}
    others = [row.workload for row in head_rows(log) if row.workload not in names]
    parts = [part._replace(scope=msgspec.structs.replace(part.scope, workload=name)) for name in others]
    return {
        result.name: f"{why}, and the others met it" if others else f"{why}, and nobody else subscribed"
        for result in missed
        if all(_meets(log, of_one, result) for of_one in parts)
    }


def _meets(log: Log, part: Part, result: SloResult) -> bool:
    metric = METRICS[result.name]
    measured = measures(log, part, {metric.key})[metric.key]
    return one_result(metric, result.limit, measured).status != "missed"


def _of_nodes(result: SloResult, broken: Sequence[Trouble]) -> dict[str, str]:
    """The cause of a miss of an SLO that is not about single requests, by its name."""
    metric = result.metric
    if metric is None or not metric.rests_on_bench:
        return {}
    for trouble in broken:
        if trouble.part in CRASHES:
            return {result.name: trouble.cause}
        if metric.unit == "ms" and _met_without(result, trouble.lag_ns):
            return {result.name: f"{trouble.cause}; without that it was met"}
    return {}


def _met_without(result: SloResult, lag_ns: int) -> bool:
    return result.measured is not None and result.measured - lag_ns / _NS_PER_MS <= result.limit


def _not_measured(result: SloResult, causes: Mapping[str, str]) -> SloResult:
    if result.status != "missed" or result.name not in causes:
        return result
    why = causes[result.name]
    note = f"{NOT_REACHED_BUT}{why}" if result.never else why
    return msgspec.structs.replace(result, status="not_measured", note=note)


def _why(log: Log, slo: Slo, broken: Sequence[Trouble], part: Part, *, late: bool) -> str:
    """What the requests that do not count suffered from: the first cause explains the rest."""
    if broken:
        more = f" (and {plural(len(broken) - 1, 'more trouble')} of the bench)" if len(broken) > 1 else ""
        return f"{broken[0].cause}{more}, and the other requests met it"
    if late:
        health, bound_ns = log.rows("generator_health"), lateness_bound_ns(slo)
        if health and all(held_up(row, bound_ns) for row in health):
            why = GATEWAY_REFUSED_CONNECTIONS
            return f"requests were sent late because {why}, and the requests sent on time met it"
        return "the generator fell behind, and the requests it sent on time met it"
    if slow := slow_readers_in(log, part.scope.workload):
        return f"{sentence([*map(slow_reader_text, slow)])}, and the requests of the others met it"
    return "the run was interrupted, and the requests that were not interrupted met it"


def _not_the_gateways(row: Any, slo: Slo, why: str) -> dict[str, str]:
    """The SLOs that were met by the requests in `row`: those the gateway is answerable for."""
    nothing = Measure(QUERY, False)
    answerable = {metric.key: nothing for metric in METRICS.values()}
    if row.requests:
        keys = [METRICS[name].key for name in OF_LOAD]
        answerable |= {key: Measure(QUERY, True, getattr(row, key)) for key in keys}
    return {
        result.name: why
        for result in compare(slo, answerable)
        if result.name in OF_LOAD and result.status != "missed"
    }
