"""Counts what the events of a log say. Pure."""

from collections.abc import Callable
from typing import Any

from battle.monitoring import catalog
from battle.monitoring.recorder import Recorder
from battle.store.events import (
    ActorChanged,
    AttemptServed,
    BenchLimitReached,
    BreakerChanged,
    BreakerRejected,
    Event,
    FaultChanged,
    GapFilled,
    GatewayAttemptEnded,
    GeneratorSampled,
    NotificationReceived,
    RequestEnded,
    RunChanged,
    SubscriptionChanged,
    SystemSampled,
)

_BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}


def _request(recorder: Recorder, event: RequestEnded, _segment: str) -> None:
    at, failure = event.ended_ns, event.failure or ""
    labels = event.workload, event.method, event.outcome, event.answer, failure
    recorder.count(catalog.REQUESTS, labels, at)
    took_s = (event.ended_ns - event.scheduled_ns) / 1e9
    recorder.observe(catalog.REQUEST_DURATION, (event.workload, event.outcome), at, took_s)


def _attempt(recorder: Recorder, event: AttemptServed, _segment: str) -> None:
    at = moment_of(event)
    recorder.count(catalog.ATTEMPTS, (event.provider, event.transport, event.outcome), at)
    if event.replied_ns is not None:
        took_s = (event.replied_ns - event.received_ns) / 1e9
        recorder.observe(catalog.ATTEMPT_DURATION, (event.provider, event.outcome), at, took_s)


def _gateway_attempt(recorder: Recorder, event: GatewayAttemptEnded, _segment: str) -> None:
    labels = event.provider, event.transport, event.outcome, event.reason, event.failure or ""
    recorder.count(catalog.GATEWAY_ATTEMPTS, labels, event.ended_ns)
    took_s = (event.ended_ns - event.started_ns) / 1e9
    recorder.observe(
        catalog.GATEWAY_ATTEMPT_DURATION, (event.provider, event.outcome), event.ended_ns, took_s
    )


def _breaker(recorder: Recorder, event: BreakerChanged, _segment: str) -> None:
    of = event.provider, event.transport
    recorder.gauge(catalog.BREAKER_STATE, of, event.at_ns, _BREAKER_STATES[event.to_state])
    recorder.count(catalog.BREAKER_CHANGES, (*of, event.to_state), event.at_ns)


def _rejection(recorder: Recorder, event: BreakerRejected, _segment: str) -> None:
    recorder.count(catalog.BREAKER_REJECTIONS, (event.provider, event.transport), event.at_ns)


def _fault(recorder: Recorder, event: FaultChanged, _segment: str) -> None:
    labels = event.fault_id, event.kind, event.target
    recorder.gauge(catalog.FAULTS_ACTIVE, labels, event.at_ns, float(event.phase == "applied"))


def _notification(recorder: Recorder, event: NotificationReceived, _segment: str) -> None:
    recorder.count(catalog.NOTIFICATIONS, (event.workload, event.kind, event.answer), event.at_ns)


def _subscription(recorder: Recorder, event: SubscriptionChanged, _segment: str) -> None:
    recorder.count(catalog.SUBSCRIPTION_CHANGES, (event.side, event.change), event.at_ns)


def _gap(recorder: Recorder, event: GapFilled, _segment: str) -> None:
    recorder.count(catalog.GAP_FILLS, (event.kind, event.reason, event.outcome), event.ended_ns)


def _generator(recorder: Recorder, event: GeneratorSampled, segment: str) -> None:
    of = event.workload, node_of(segment)
    lateness = {"0.5": event.lateness_p50_ns, "0.99": event.lateness_p99_ns, "1": event.lateness_max_ns}
    for quantile, late_ns in lateness.items():
        if late_ns is not None:
            recorder.gauge(catalog.GENERATOR_LATENESS, (*of, quantile), event.at_ns, late_ns / 1e9)
    recorder.gauge(catalog.IN_FLIGHT, of, event.at_ns, event.in_flight)
    recorder.gauge(catalog.BACKLOG, of, event.at_ns, event.backlog)
    recorder.count(catalog.GENERATOR_DUE, of, event.at_ns, event.due)
    recorder.count(catalog.GENERATOR_DROPPED, of, event.at_ns, event.dropped)


def _bench(recorder: Recorder, event: BenchLimitReached, _segment: str) -> None:
    recorder.count(catalog.BENCH_LIMITS, (event.node, event.limit), event.at_ns, event.times)


def _actor(recorder: Recorder, event: ActorChanged, _segment: str) -> None:
    if event.change == "crashed" and event.actor == event.node:
        recorder.count(catalog.CRASHES, (event.node,), event.at_ns)


def _system(recorder: Recorder, event: SystemSampled, _segment: str) -> None:
    if event.rss_bytes is not None:
        recorder.gauge(catalog.NODE_MEMORY, (event.node,), event.at_ns, event.rss_bytes)
    if event.cpu_percent is not None:
        recorder.gauge(catalog.NODE_CPU, (event.node,), event.at_ns, event.cpu_percent)


def _phase(recorder: Recorder, event: RunChanged, _segment: str) -> None:
    recorder.gauge(catalog.LOAD_RUNNING, (), event.at_ns, float(event.phase == "load_began"))


_COUNTED: dict[type[Event], Callable[[Recorder, Any, str], None]] = {
    RunChanged: _phase,
    RequestEnded: _request,
    AttemptServed: _attempt,
    GatewayAttemptEnded: _gateway_attempt,
    BreakerChanged: _breaker,
    BreakerRejected: _rejection,
    FaultChanged: _fault,
    NotificationReceived: _notification,
    SubscriptionChanged: _subscription,
    GapFilled: _gap,
    GeneratorSampled: _generator,
    BenchLimitReached: _bench,
    ActorChanged: _actor,
    SystemSampled: _system,
}

EVENTS: tuple[type[Event], ...] = tuple(_COUNTED)
"""The events that something is exported of; the others need not be read."""


def take(recorder: Recorder, event: Event, segment: str) -> None:
    """Count one event of a segment."""
    _COUNTED[type(event)](recorder, event, segment)


def moment_of(event: Any) -> int:
    """When an event was logged, in the run's time: at its end, where it has a beginning and an end."""
    match event:
        case AttemptServed():
            return event.received_ns if event.replied_ns is None else event.replied_ns
        case RequestEnded() | GatewayAttemptEnded() | GapFilled():
            return event.ended_ns
    at_ns: int = event.at_ns
    return at_ns


def node_of(segment: str) -> str:
    """The node that a segment is of: its name without the incarnation."""
    return segment.rpartition(".")[0] or segment
