"""Service level objectives: what a scenario demands, and how a demand compares with what was measured."""

from collections.abc import Iterator, Mapping, Set
from typing import Literal, NamedTuple, TypeAlias

import msgspec

Collected: TypeAlias = Literal["requests", "circuit_breaker", "system"]
SloStatus: TypeAlias = Literal["met", "missed", "not_measured"]


class Slo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run must reach to pass. None is not demanded, and a scenario that demands nothing cannot pass.

    `success_rate` is the share of requests that end ok, 0 to 1. Latencies count from the moment a request was
    due, and a request that does not end ok counts as never answered. `max_failover_latency_ms` limits what
    failing over adds: from the start of the first attempt to the start of the one that answers.
    `max_memory_mb` limits the gateway's resident memory, in units of 1,000,000 bytes. Wrong and stale answers are
    those to requests and the notifications of subscriptions together.

    `max_attempts_per_request` limits what retries may make of the load: attempts at providers for each request, in
    the worst second that had at least 10 requests. Heads are judged per client subscription and added up:
    `max_missed_heads`, `max_duplicate_heads`; `max_head_delay_ms` limits the 99th percentile of the time from the
    first publication of a head by any provider to its arrival, `max_silence_ms` the longest time without a head
    that any client had to wait, a block time included.
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

    def problems(self) -> Iterator[str]:
        """Each thing wrong with these values, as a sentence that says what to write instead."""
        for name, limit in self.demands().items():
            if name == "success_rate":
                if not 0 < limit <= 1:
                    yield f"slo: success_rate is a share above 0 and at most 1, not {limit}"
            elif name in _COUNTS:
                if limit < 0:
                    yield f"slo: {name} must be 0 or more, not {limit}"
            elif not limit > 0:
                yield f"slo: {name} must be above 0, not {limit}"

    def not_collected(self, collect: Set[str]) -> Iterator[str]:
        """Each demand on something that is not collected, as a sentence that says what to write instead."""
        for name in self.demands():
            needed = RULES[name].collect
            if needed is not None and needed not in collect:
                yield f'slo: {name} cannot be measured: add "{needed}" to collect'

    def not_of_one_workload(self) -> Iterator[str]:
        """Each demand that only a whole run can meet, as a sentence."""
        for name in self.demands():
            if name not in PER_WORKLOAD:
                yield f"slo: {name} can be demanded of the whole run only, not of one workload"

    def demands(self) -> dict[str, float]:
        """The demands there are: name to limit."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in values if value is not None}


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """All that a scenario demands: of the run, and of single workloads by their names."""

    run: Slo = Slo()
    workloads: dict[str, Slo] = {}

    @property
    def any(self) -> bool:
        """Whether anything is demanded at all."""
        return any(slo.demands() for slo in (self.run, *self.workloads.values()))

    def decide(self, demand: str, workload: str) -> bool:
        """Whether a limit was set for this, so that no checker has to judge it."""
        own = self.workloads.get(workload, Slo())
        return demand in self.run.demands() or demand in own.demands()


class Measure(msgspec.Struct, frozen=True):
    """One measured value, in the unit its name says. Not `known`: the log cannot tell, as `note` explains.

    Known without a value: never reached. `query` is the report query it comes from.
    """

    query: str
    known: bool
    value: float | None = None
    note: str | None = None


class SloResult(msgspec.Struct, frozen=True, kw_only=True):
    """One demand, compared. `limit` and `measured` are in `unit`.

    `measured` is None when the log cannot tell (`not_measured`), and when what it tells is no number, as
    `note` explains. `query` is the report query the measured value comes from.
    """

    name: str
    limit: float
    measured: float | None
    unit: str
    status: SloStatus
    query: str
    note: str | None = None


class Rule(NamedTuple):
    """How a demand is measured: which measure, times `scale` in `unit`, and whether it is a lower bound.

    `collect` names what a scenario must collect for it; None is always there.
    """

    metric: str
    collect: Collected | None
    unit: str
    scale: float = 1
    at_least: bool = False


_NS_TO_MS = 1e-6
_BYTES_TO_MB = 1e-6
_COUNTS = (
    "min_failovers",
    "min_breaker_changes",
    "max_wrong_answers",
    "max_stale_answers",
    "max_missed_heads",
    "max_duplicate_heads",
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
}
"""Each demand's rule."""

OF_REQUESTS = ("success_rate", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms")
"""Demands on how the requests of a load fare, which a load of another rate may meet or miss."""

PER_WORKLOAD = frozenset(
    {
        *OF_REQUESTS,
        "max_wrong_answers",
        "max_stale_answers",
        "max_missed_heads",
        "max_duplicate_heads",
        "max_head_delay_ms",
        "max_silence_ms",
    }
)
"""Demands that can be made on a single workload."""


def compare(slo: Slo, measures: Mapping[str, Measure]) -> tuple[SloResult, ...]:
    """Each demand of `slo` with what was measured. A demand that was not measured is never met."""
    return tuple(
        _result(name, limit, RULES[name], measures[RULES[name].metric])
        for name, limit in slo.demands().items()
    )


def _result(name: str, limit: float, rule: Rule, measure: Measure) -> SloResult:
    measured = None if measure.value is None else measure.value * rule.scale
    return SloResult(
        name=name,
        limit=limit,
        measured=measured,
        unit=rule.unit,
        status=_status(limit, measured, rule.at_least) if measure.known else "not_measured",
        query=measure.query,
        note=measure.note,
    )


def _status(limit: float, measured: float | None, at_least: bool) -> SloStatus:
    if measured is None:
        return "missed"
    met = measured >= limit if at_least else measured <= limit
    return "met" if met else "missed"
