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
    `max_memory_mb` limits the gateway's resident memory, in units of 1,000,000 bytes.
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
            if needed not in collect:
                yield f'slo: {name} cannot be measured: add "{needed}" to collect'

    def demands(self) -> dict[str, float]:
        """The demands there are: name to limit."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in values if value is not None}


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
    """How a demand is measured: which measure, times `scale` in `unit`, and whether it is a lower bound."""

    metric: str
    collect: Collected
    unit: str
    scale: float = 1
    at_least: bool = False


_NS_TO_MS = 1e-6
_BYTES_TO_MB = 1e-6
_COUNTS = ("min_failovers", "min_breaker_changes", "max_wrong_answers")

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
}
"""Each demand's rule. `collect` names what a scenario must collect for it."""


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
