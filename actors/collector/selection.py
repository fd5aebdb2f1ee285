"""What a scenario collects: which events reach the log."""

from collections.abc import Callable

from battle.actors.spec.collection import COLLECTED, Collected
from battle.actors.world.interfaces import EventLog
from battle.store.events import (
    AttemptServed,
    BreakerChanged,
    BreakerRejected,
    Event,
    GatewayAttemptEnded,
    LatencyBenchmarked,
    RequestEnded,
    SystemSampled,
)

_EVENTS: dict[Collected, tuple[type[Event], ...]] = {
    "requests": (RequestEnded, AttemptServed, GatewayAttemptEnded),
    "circuit_breaker": (BreakerChanged, BreakerRejected, LatencyBenchmarked),
    "system": (SystemSampled,),
}


class SelectiveLog:
    """A log that keeps only what is collected; what the verdict itself needs is always kept."""

    def __init__(self, log: EventLog, collect: tuple[Collected, ...]) -> None:
        self._append: Callable[[Event], None] = log.append
        self._left_out = tuple(event for name in COLLECTED if name not in collect for event in _EVENTS[name])

    def append(self, event: Event) -> None:
        if not isinstance(event, self._left_out):
            self._append(event)


def selected(log: EventLog, collect: tuple[Collected, ...]) -> EventLog:
    """The log to give to actors: `log` itself when all is collected, so that nothing is paid for it."""
    return log if set(collect) == set(COLLECTED) else SelectiveLog(log, collect)
