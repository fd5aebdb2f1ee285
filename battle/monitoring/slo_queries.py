"""The SLOs of a scenario as PromQL over the metrics that a run exports. Pure.

While a run goes on, its counters say how it has fared so far. That is what an SLO on the whole run measures, so such
an SLO has a query, if counters hold all that it depends on; each other one has the reason why not. After the run
`battle_slo_met` has the result of every SLO.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator

import msgspec

from battle.actors.spec.workloads import HttpStep
from battle.monitoring import catalog
from battle.monitoring.distribution import BOUNDS_S
from battle.scenario.scenario import Scenario
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.scope import Scope
from battle.scenario.slo.slo import Slo, slo_set
from battle.scenario.slo.sql import Bound, parse_target

_REQUESTS = catalog.REQUESTS.prometheus
_NOTIFICATIONS = catalog.NOTIFICATIONS.prometheus
_DURATION = catalog.REQUEST_DURATION.prometheus
GATEWAY_NODE = "gateway"
"""The node of which an SLO limits the memory."""

NEGATED: dict[Bound, str] = {"<=": ">", "<": ">=", ">=": "<", ">": "<=", "==": "!=", "!=": "=="}
"""What a value is compared by that misses its target."""


class Live(msgspec.Struct, frozen=True):
    """How an SLO fares so far. `value`: PromQL for the actual value, in the unit that the SLO's name says.

    `good` and `total`: PromQL for two counters that have to be in the proportion `share`, where that says the same.
    `requests`: PromQL for how many requests it rests on. `note`: how exact it is; "" when it is exact.
    """

    value: str
    requests: str | None = None
    good: str | None = None
    total: str | None = None
    share: float | None = None
    note: str = ""


class StatedSlo(msgspec.Struct, frozen=True):
    """One SLO of a scenario. `title` and `workload` are the labels that its result has in the exported metrics.

    `live` is how it fares while the run goes on, or a sentence that says why that cannot be seen.
    """

    scenario: str
    title: str
    workload: str
    bound: Bound
    limit: float
    unit: str
    live: Live | str

    @property
    def selector(self) -> str:
        """The labels of its result."""
        return _selector(scenario=self.scenario, slo=self.title, workload=self.workload)

    @property
    def result(self) -> str:
        """PromQL for its result after the run: 1 when it was met, 0 when it was missed."""
        return f"{catalog.SLO_MET.prometheus}{self.selector}"

    @property
    def target_text(self) -> str:
        """The target, such as "p95_latency_ms <= 200 of workload reads"."""
        name, _, scope = self.title.partition(" ")
        of = f" of workload {self.workload}" if self.workload else ""
        return f"{name} {self.bound} {self.limit:g} {scope}".rstrip() + of


def stated_slos(scenario: Scenario) -> list[StatedSlo]:
    """All SLOs of a scenario, in the order in which its report has them. Raises SloTextError."""
    slos = slo_set(scenario.slos, scenario.workload_slos)
    steps = {one.name for one in scenario.named_workloads if isinstance(one, HttpStep)}
    found = [*_stated(scenario.name, slos.run, Scope(), "", steps)]
    for part in slos.parts:
        found += _stated(scenario.name, part, part.scope, "", steps)
    for workload, slo in slos.workloads.items():
        found += _stated(scenario.name, slo, Scope(workload=workload), workload, steps)
    return found


def _stated(scenario: str, slo: Slo, scope: Scope, workload: str, steps: set[str]) -> Iterator[StatedSlo]:
    shown = "" if workload else scope.text
    for name, limit in slo.targets().items():
        metric = METRICS[name]
        yield StatedSlo(
            scenario=scenario,
            title=f"{name} {shown}".rstrip(),
            workload=workload,
            bound=metric.bound,
            limit=limit,
            unit=metric.unit,
            live=_live(scenario, name, limit, scope, steps),
        )
    for query in slo.queries:
        if (target := parse_target(query.limit)) is not None:
            text = "it is SQL over the log, which no exported metric holds"
            yield StatedSlo(scenario, query.name, workload, target.bound, target.value, "", text)


def _live(scenario: str, name: str, limit: float, scope: Scope, steps: set[str]) -> Live | str:
    """How an SLO on a metric fares so far, or why that cannot be seen."""
    if scope.timed:
        return f"exported counters are of the whole run, not of the time {scope.text}"
    of_steps = steps if scope.workload is None else steps & {scope.workload}
    if METRICS[name].of_requests and of_steps:
        return (
            f"of workload {sorted(of_steps)[0]} only the requests up to its knee count, known after the run"
        )
    if name not in _LIVE:
        return _NOT_LIVE.get(name, "no exported metric has it")
    return _LIVE[name](scenario, scope, limit)


def _success(scenario: str, scope: Scope, limit: float) -> Live:
    good, total = _count(_REQUESTS, scenario, scope, outcome="ok"), _count(_REQUESTS, scenario, scope)
    good = f"({good} or 0 * {total})"
    if limit >= 1:
        return Live(f"{good} / {total}", total)
    return Live(f"{good} / {total}", total, good, total, limit)


def _latency(share: float) -> Callable[[str, Scope, float], Live | str]:
    def live(scenario: str, scope: Scope, limit: float) -> Live | str:
        if scope.method is not None:
            return f"{_DURATION} has no label for the method"
        limit_s = limit / 1e3
        if limit_s > BOUNDS_S[-1]:
            return f"the last bound of the exported histogram is {BOUNDS_S[-1]:g} s"
        every = _buckets(scenario, scope)
        good = _buckets(scenario, scope, outcome="ok")
        total = _count(f"{_DURATION}_count", scenario, scope)
        # What failed counts as longer than any: it is in the last bucket only.
        buckets = f'{good} or 0 * {every} or label_replace({total}, "le", "+Inf", "", "")'
        value = f"1000 * histogram_quantile({share:g}, {buckets})"
        at = bisect_left(BOUNDS_S, limit_s)
        if BOUNDS_S[at] == limit_s:
            within = _count(f"{_DURATION}_bucket", scenario, scope, le=str(BOUNDS_S[at]), outcome="ok")
            return Live(
                value, total, f"({within} or 0 * {total})", total, share,
                "Whether it is met is exact; the value is estimated within a bucket.",
            )  # fmt: skip
        below = BOUNDS_S[at - 1] if at else 0.0
        return Live(
            value, total,
            note=f"Estimated: the target is in the bucket from {below * 1e3:g} to {BOUNDS_S[at] * 1e3:g} ms.",
        )  # fmt: skip

    return live


def _wrong_answers(scenario: str, scope: Scope, _limit: float) -> Live:
    by = catalog.SCENARIO
    wrong, every = (
        _selected(_REQUESTS, scenario, scope, **labels)
        + ("" if scope.method else f" or {_selected(_NOTIFICATIONS, scenario, scope, **labels)}")
        for labels in ({"answer": "wrong"}, {})
    )
    return Live(f"sum by ({by}) ({wrong}) or 0 * sum by ({by}) ({every})")


def _breaker_changes(scenario: str, scope: Scope, _limit: float) -> Live:
    changes = _count(catalog.BREAKER_CHANGES.prometheus, scenario, scope)
    return Live(
        f"{changes} or 0 * {_count(catalog.LOAD_RUNNING.prometheus, scenario, scope)}", note=_AFTER_THE_LOAD
    )


def _memory(scenario: str, scope: Scope, _limit: float) -> Live:
    memory = _selected(catalog.NODE_MEMORY.prometheus, scenario, scope, node=GATEWAY_NODE)
    return Live(
        f"max by ({catalog.SCENARIO}) ({memory}) / 1e6",
        note="The value of the moment: a peak between two scrapes is not seen.",
    )


_AFTER_THE_LOAD = "It is missed until it happened often enough: the alert waits for the end of the load."

_LIVE: dict[str, Callable[[str, Scope, float], Live | str]] = {
    "success_rate": _success,
    "p50_latency_ms": _latency(0.5),
    "p90_latency_ms": _latency(0.9),
    "p95_latency_ms": _latency(0.95),
    "p99_latency_ms": _latency(0.99),
    "p999_latency_ms": _latency(0.999),
    "max_wrong_answers": _wrong_answers,
    "min_breaker_changes": _breaker_changes,
    "max_memory_mb": _memory,
}

_NOT_LIVE = {
    "session_success_rate": "no exported metric has sessions",
    "p95_session_ms": "no exported metric has sessions",
    "max_failover_latency_ms": "no exported metric has the time that failovers took",
    "min_failovers": "exported are attempts, not which requests needed another provider",
    "max_stale_answers": "counters have all stale answers, also those that planned faults made unavoidable",
    "max_attempts_per_request": "it is of the worst second, which is shorter than the time between two scrapes",
    "max_dropped_in_flight": "which requests were in flight when the gateway went is known from the log alone",
    "max_missed_heads": "which heads were due is known from the chain in the log, not from counters",
    "max_duplicate_heads": "counters have notifications, not which head each was of",
    "max_head_delay_ms": "no exported metric has the time from a block to its head",
    "max_silence_ms": "when a head was due is known from the chain in the log",
    "max_disconnects": "counters have all disconnects, also those that planned faults made",
    "max_height_regression_blocks": "no exported metric has the heights of answers",
}


def _buckets(scenario: str, scope: Scope, **labels: str) -> str:
    """The buckets of latencies, but for the last, which has all."""
    finite = _selected(f"{_DURATION}_bucket", scenario, scope, **labels).removesuffix("}") + ',le!="+Inf"}'
    return f"sum by ({catalog.SCENARIO}, le) ({finite})"


def _count(metric: str, scenario: str, scope: Scope, **labels: str) -> str:
    return f"sum by ({catalog.SCENARIO}) ({_selected(metric, scenario, scope, **labels)})"


def _selected(metric: str, scenario: str, scope: Scope, **labels: str) -> str:
    """The series of a metric that an SLO is about."""
    chosen = {"workload": scope.workload, "method": scope.method}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    return metric + _selector(scenario=scenario, **chosen, **labels)  # type: ignore[arg-type]


def _selector(**labels: str) -> str:
    return "{" + ",".join(f"{name}={quoted(value)}" for name, value in labels.items()) + "}"


def quoted(text: str) -> str:
    """A text as a string of PromQL."""
    return json.dumps(text, ensure_ascii=False)
