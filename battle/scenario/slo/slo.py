"""Service level objectives: the targets of a scenario, and the rule of each."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple, Self

import msgspec

from battle.actors.spec.base import Checking
from battle.actors.spec.collection import Collected
from battle.actors.units import Duration, not_a_share
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.scope import WHOLE_RUN, Scope
from battle.scenario.slo.sql import Bound, SqlSlo
from battle.scenario.slo.staleness import Staleness

MIN_REQUESTS = 20
"""Of fewer requests in what an SLO judges each is more than 5 % of the result: nobody can tell a gateway that fails
one in twenty from one that never does. A scenario's `min_requests` says otherwise."""


class Slo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, metaclass=Checking):
    """The targets a run must meet to pass. None sets no target, and a scenario without any target cannot pass.

    `success_rate` is the share of requests that succeed, 0 to 1. Latencies count from the moment a request was
    due, and a request that does not succeed counts as longer than any. `max_failover_latency_ms` limits what
    failing over adds: from the start of the first attempt to the start of the one that answers.
    `max_memory_mb` limits the gateway's resident memory, in units of 1,000,000 bytes. Wrong and stale answers are
    those to requests and the notifications of subscriptions together; a stale one does not count while no provider
    had anything newer, because the faults of the plan held all of them.

    `max_attempts_per_request` limits what retries may make of the load: attempts at providers for each request, in
    the worst second that had at least 10 requests. Heads are judged per client subscription and added up:
    `max_missed_heads`, `max_duplicate_heads`; `max_head_delay_ms` limits the 99th percentile of the time from the
    moment at which a block comes about on the chain to the arrival of its head, with all that providers and the
    gateway add; `max_silence_ms` the longest time without a head that any client had to wait, a block time
    included, while there was one to get. When no head was due, these are met.

    `max_disconnects` limits how many WebSocket connections clients lose before their workload's time is over. Each
    cut counts: those that the gateway closed or reset, and those that the client gave up, because its ping was not
    answered, say. What a fault between the two, or on the gateway itself, cut is not counted.

    The targets apply to the whole run, or to a part of it: `when` is "run", "before", "during" or "after" faults, or
    the name of one of the scenario's `phases`; `fault` picks faults by words that name their id, kind or target
    ("kill a"); `grace`, a duration, is how much longer than to its end "during" a fault lasts. "before" is the time
    until the first of these faults is applied, "after" all the time after one ended in which none holds. A request
    belongs to the span it was due in. `workload` and `method` take only that workload's or method's requests.

    `max_height_regression_blocks` limits by how many blocks answers about the newest block went back for a client
    that asks, a client being one user of a closed loop or one node of any other workload; faults that make providers
    lag explain nothing then.

    `queries` are SLOs on SQL; `Slo.sql` makes one. Each metric in `metrics/` is a field as well.
    """

    success_rate: float | None = None
    p50_latency_ms: float | None = None
    p95_latency_ms: float | None = None
    p99_latency_ms: float | None = None
    max_failover_latency_ms: float | None = None
    min_failovers: int | None = None
    min_breaker_changes: int | None = None
    max_memory_mb: float | None = None
    max_wrong_answers: int | None = None
    max_stale_answers: int | None = None
    max_attempts_per_request: float | None = None
    max_missed_heads: int | None = None
    max_duplicate_heads: int | None = None
    max_head_delay_ms: float | None = None
    max_silence_ms: float | None = None
    max_disconnects: int | None = None
    max_height_regression_blocks: int | None = None
    __annotations__ |= {metric.name: float | None for metric in METRICS}
    vars().update(dict.fromkeys((metric.name for metric in METRICS), None))
    queries: tuple[SqlSlo, ...] = ()
    when: str = "run"
    fault: str | None = None
    grace: Duration = 0
    workload: str | None = None
    method: str | None = None

    @classmethod
    def sql(cls, name: str, query: str, limit: str) -> Self:
        """An SLO on one value of the log: `Slo.sql("orphans", "SELECT count(*) FROM attempts WHERE ...", "<= 0")`.

        `query` is one SELECT with one number as its answer, `limit` an operator and a number. NULL, no row and an
        error are not measured; the statement is tried before the run starts.
        """
        return cls(queries=(SqlSlo(name, query, limit),))

    @property
    def scope(self) -> Scope:
        """Which part of the run it is about."""
        return Scope(
            when=self.when,
            fault=self.fault,
            grace_ns=self.grace,
            workload=self.workload,
            method=self.method,
        )

    def problems(self) -> Iterator[str]:
        """Each thing wrong with these values, as a sentence that says what to write instead."""
        for name, limit in self.targets().items():
            if name == "success_rate":
                if not 0 < limit <= 1:
                    yield f"slo: success_rate {not_a_share(limit, 'above 0 and at most 1')}"
            elif name in COUNTS:
                if limit < 0:
                    yield f"slo: {name} must be 0 or more, not {limit}"
            elif not limit > 0:
                yield f"slo: {name} must be above 0, not {limit}"
        for query in self.queries:
            yield from query.problems()
        yield from (f"slo: {problem}" for problem in self.scope.problems())
        yield from self._not_of_this_scope()

    def _not_of_this_scope(self) -> Iterator[str]:
        """Each target that cannot be set on such a part of a run."""
        scope = self.scope
        for name in self.targets():
            if scope.timed and name not in PER_WINDOW:
                yield f"slo: {name} applies to the whole run only, not {scope.text}: leave `when` out"
            if scope.method is not None and name not in PER_METHOD:
                yield f"slo: {name} cannot be measured for one method; these can: {', '.join(PER_METHOD)}"
            elif scope.workload is not None and name not in PER_WORKLOAD:
                yield f"slo: {name} applies to the whole run only, not to one workload"
        if self.queries and scope != WHOLE_RUN:
            yield "slo: an SLO on SQL takes no scope; restrict it in its WHERE"

    def not_collected(self, collect: Set[str]) -> Iterator[str]:
        """Each target on something that is not collected, as a sentence that says what to write instead."""
        for name in self.targets():
            needed = RULES[name].collect
            if needed is not None and needed not in collect:
                yield f'slo: {name} cannot be measured: add "{needed}" to collect'

    def not_of_one_workload(self) -> Iterator[str]:
        """Each target that only a whole run can meet, as a sentence."""
        for name in self.targets():
            if name not in PER_WORKLOAD:
                yield f"slo: {name} applies to the whole run only, not to one workload"
        if self.queries:
            yield "slo: an SLO on SQL takes no scope; restrict it in its WHERE"

    def targets(self) -> dict[str, float]:
        """The targets there are: name to limit."""
        values = ((name, getattr(self, name)) for name in RULES)
        return {name: value for name, value in values if value is not None}


class SloSet(msgspec.Struct, frozen=True, kw_only=True):
    """All SLOs of a scenario: of the run, of single workloads by their names, and of other parts of the run.

    `min_requests`: fewer than so many prove nothing. `staleness`: what stale answers are tolerated.
    """

    run: Slo = Slo()
    workloads: dict[str, Slo] = {}
    parts: tuple[Slo, ...] = ()
    min_requests: int = 0
    staleness: Staleness = Staleness()

    @property
    def any(self) -> bool:
        """Whether there is any SLO."""
        return any(slo.targets() or slo.queries for slo in (self.run, *self.workloads.values(), *self.parts))

    def decide(self, name: str, workload: str) -> bool:
        """Whether a limit was set for this, so that no checker has to judge it."""
        own = self.workloads.get(workload, Slo())
        return name in self.run.targets() or name in own.targets()


class Rule(NamedTuple):
    """How an SLO is measured: which measure, times `scale` in `unit`, and whether it is a lower bound.

    `collect` names what a scenario must collect for it; None is always there.
    """

    metric: str
    collect: Collected | None
    unit: str
    scale: float = 1
    at_least: bool = False

    @property
    def bound(self) -> Bound:
        """How the measured value must compare with the limit."""
        return ">=" if self.at_least else "<="


_NS_TO_MS = 1e-6
_BYTES_TO_MB = 1e-6
COUNTS = (
    "min_failovers",
    "min_breaker_changes",
    "max_wrong_answers",
    "max_stale_answers",
    "max_missed_heads",
    "max_duplicate_heads",
    "max_disconnects",
    "max_height_regression_blocks",
    *(metric.name for metric in METRICS if metric.count),
)

RULES: dict[str, Rule] = {
    "success_rate": Rule("success_ratio", "requests", "ratio", at_least=True),
    "p50_latency_ms": Rule("p50_latency_ns", "requests", "ms", _NS_TO_MS),
    "p95_latency_ms": Rule("p95_latency_ns", "requests", "ms", _NS_TO_MS),
    "p99_latency_ms": Rule("p99_latency_ns", "requests", "ms", _NS_TO_MS),
    "max_failover_latency_ms": Rule("max_failover_latency_ns", "requests", "ms", _NS_TO_MS),
    "min_failovers": Rule("failovers", "requests", "", at_least=True),
    "min_breaker_changes": Rule("breaker_changes", "circuit_breaker", "", at_least=True),
    "max_memory_mb": Rule("gateway_rss_max_bytes", "system", "MB", _BYTES_TO_MB),
    "max_wrong_answers": Rule("wrong_answers", "requests", ""),
    "max_stale_answers": Rule("stale_answers", "requests", ""),
    "max_attempts_per_request": Rule("attempts_per_request", "requests", ""),
    "max_missed_heads": Rule("missed_heads", None, ""),
    "max_duplicate_heads": Rule("duplicate_heads", None, ""),
    "max_head_delay_ms": Rule("head_delay_p99_ns", None, "ms", _NS_TO_MS),
    "max_silence_ms": Rule("longest_silence_ns", None, "ms", _NS_TO_MS),
    "max_disconnects": Rule("disconnects", None, ""),
    "max_height_regression_blocks": Rule("height_regression_max_blocks", "requests", ""),
    **{one.name: Rule(one.name, one.collect, one.unit, at_least=one.at_least) for one in METRICS},
}
"""Each SLO's rule."""

OF_REQUESTS = ("success_rate", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms")
"""SLOs on how the requests of a load fare, which a load of another rate may meet or miss."""

ANSWERS = ("max_wrong_answers", "max_stale_answers")
"""SLOs on what answers were worth."""

HEADS = ("max_missed_heads", "max_duplicate_heads", "max_head_delay_ms")
"""SLOs on the heads that were due."""

PER_WORKLOAD = frozenset(
    {
        *OF_REQUESTS,
        "max_wrong_answers",
        "max_stale_answers",
        "max_missed_heads",
        "max_duplicate_heads",
        "max_head_delay_ms",
        "max_silence_ms",
        "max_disconnects",
        "max_height_regression_blocks",
        *(metric.name for metric in METRICS if metric.can_be_of("workload")),
    }
)
"""SLOs that can be set on a single workload."""

PER_METHOD = (
    *OF_REQUESTS,
    "max_wrong_answers",
    "max_stale_answers",
    *(metric.name for metric in METRICS if metric.can_be_of("method")),
)
"""SLOs that can be set on the requests of a single method."""

PER_WINDOW = frozenset(RULES) - {
    "max_silence_ms",
    "max_height_regression_blocks",
    *(metric.name for metric in METRICS if not metric.can_be_of("window")),
}
"""SLOs that can be set on a part of a run's time. A silence that a window cuts has no length of its own, and what
a client was told of before a window counts in it."""


def slo_set(slos: Slo | Sequence[Slo] | None, workload_slos: Mapping[str, Slo] | None = None) -> SloSet:
    """The SLOs, sorted by what they are about. What is stated twice of the same part is judged twice."""
    listed = [] if slos is None else [slos] if isinstance(slos, Slo) else list(slos)
    listed += [msgspec.structs.replace(slo, workload=name) for name, slo in (workload_slos or {}).items()]
    run = Slo()
    workloads: dict[str, Slo] = {}
    parts: list[Slo] = []
    for slo in listed:
        if slo.scope == WHOLE_RUN and not slo.targets().keys() & run.targets().keys():
            run = _merged(run, slo)
        elif slo.scope == Scope(workload=slo.workload) and slo.workload is not None:
            own = workloads.get(slo.workload, Slo())
            if slo.targets().keys() & own.targets().keys():
                parts.append(slo)
            else:
                workloads[slo.workload] = _merged(own, slo)
        else:
            parts.append(slo)
    return SloSet(run=run, workloads=workloads, parts=tuple(parts))


def _merged(one: Slo, other: Slo) -> Slo:
    """Both of them; which part of the run they are about is known elsewhere."""
    values: dict[str, Any] = {**one.targets(), **other.targets()}
    return Slo(**values, queries=one.queries + other.queries)
