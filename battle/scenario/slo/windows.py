"""When faults held, and what spans of a run follow from that: before, during and after them. Pure.

Spans come from what the log says was applied and reverted, never from the plan. A window holds from its first
nanosecond until before its last, so windows that meet share no moment.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from battle.scenario.slo.scope import AFTER, BEFORE, Scope

Window: TypeAlias = tuple[int, int]
"""From when until when, in nanoseconds since the run's epoch."""

BEGIN_NS = 0
END_NS = 2**62
"""Later than any moment of a run, and small enough that a grace added to it still fits the log's integers."""

WHOLE: tuple[Window, ...] = ((BEGIN_NS, END_NS),)


class FaultSpan(Protocol):
    """One fault that was applied; `ended_ns` None: it never was reverted."""

    @property
    def fault_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def started_ns(self) -> int: ...
    @property
    def ended_ns(self) -> int | None: ...


class FaultName(NamedTuple):
    """A fault as words select it."""

    fault_id: str
    kind: str
    target: str


def selects(selector: str | None, fault: FaultSpan | FaultName) -> bool:
    """Whether each word of the selector names the fault's id, kind or target; None selects all."""
    names = (fault.fault_id, fault.kind, fault.target)
    return selector is None or all(word in names for word in selector.split())


def fault_windows(scope: Scope, spans: Iterable[FaultSpan]) -> tuple[Window, ...]:
    """The windows of a scope that is relative to faults, in order; none when none of its faults was applied."""
    held = merged(
        [
            (span.started_ns, END_NS if span.ended_ns is None else span.ended_ns + scope.grace_ns)
            for span in spans
            if selects(scope.fault, span)
        ]
    )
    if not held:
        return ()
    if scope.when == BEFORE:
        return merged([(BEGIN_NS, held[0][0])])
    return _between(held) if scope.when == AFTER else held


def merged(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same moments in the fewest windows, in order; those without a moment are left out."""
    result: list[Window] = []
    for begin, end in sorted(window for window in windows if window[0] < window[1]):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return tuple(result)


def _between(held: Sequence[Window]) -> tuple[Window, ...]:
    """What is left of the run from the end of the first of these windows."""
    begins = [end for _, end in held]
    ends = [*(begin for begin, _ in held[1:]), END_NS]
    return merged(zip(begins, ends, strict=True))
