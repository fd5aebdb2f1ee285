"""Service level objectives: the targets of a scenario, and the part of a run that each is about."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, Self

import msgspec

from battle.actors.units import Duration
from battle.scenario.slo.metrics import METRICS, metrics_of
from battle.scenario.slo.scope import WHOLE_RUN, Scope
from battle.scenario.slo.sql import SqlSlo
from battle.scenario.slo.staleness import Staleness
from battle.scenario.slo.targets import Targets

MIN_REQUESTS = 20
"""Of fewer requests in what an SLO judges each is more than 5 % of the result: a gateway that fails one
in twenty looks like one that never does. A scenario's `min_requests` says otherwise."""


class Slo(Targets, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The targets a run must meet to pass. None sets no target, and a scenario without any target cannot pass.

    `success_rate` is the share of requests that succeed, 0 to 1. Latencies count from the moment a request was
    due, and a request that does not succeed counts as longer than any. `max_failover_latency_ms` limits what
    failing over adds: from the start of the first attempt to the start of the one that answers.
    `max_memory_mb` limits the gateway's resident memory, in units of 1,000,000 bytes, and `max_dropped_in_flight` the
    requests that it lost when its process ended before the run did. Wrong and stale answers are
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

    In a file `thresholds` takes those of a k6 script, as `k6_thresholds` does in Python.

    `queries` are SLOs on SQL; `Slo.sql` makes one. Each target is a metric in `battle/scenario/slo/metrics/`.
    """

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
            if problem := METRICS[name].problem(limit):
                yield f"slo: {name} {problem}"
        for query in self.queries:
            yield from query.problems()
        yield from (f"slo: {problem}" for problem in self.scope.problems())
        yield from self._not_of_this_scope()

    def _not_of_this_scope(self) -> Iterator[str]:
        """Each target that cannot be set on such a part of a run."""
        scope = self.scope
        for name in self.targets():
            if scope.timed and not METRICS[name].can_be_of("window"):
                yield f"slo: {name} applies to the whole run only, not {scope.text}: leave `when` out"
            if scope.method is not None and not METRICS[name].can_be_of("method"):
                these = ", ".join(metrics_of("method"))
                yield f"slo: {name} cannot be measured for one method; these can: {these}"
            elif scope.workload is not None and not METRICS[name].can_be_of("workload"):
                yield f"slo: {name} applies to the whole run only, not to one workload"
        if self.queries and scope != WHOLE_RUN:
            yield "slo: an SLO on SQL takes no scope; restrict it in its WHERE"

    def not_collected(self, collect: Set[str]) -> Iterator[str]:
        """Each target on something that is not collected, as a sentence that says what to write instead."""
        for name in self.targets():
            needed = METRICS[name].collect
            if needed is not None and needed not in collect:
                yield f'slo: {name} cannot be measured: add "{needed}" to collect'

    def not_of_one_workload(self) -> Iterator[str]:
        """Each target that only a whole run can meet, as a sentence."""
        for name in self.targets():
            if not METRICS[name].can_be_of("workload"):
                yield f"slo: {name} applies to the whole run only, not to one workload"
        if self.queries:
            yield "slo: an SLO on SQL takes no scope; restrict it in its WHERE"

    def targets(self) -> dict[str, float]:
        """The targets there are: name to limit."""
        values = ((name, getattr(self, name)) for name in METRICS)
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
