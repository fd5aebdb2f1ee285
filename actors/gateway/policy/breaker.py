"""A circuit breaker: a pure fold, `step(status, event, now_ns, settings, draw)`, and `CircuitBreaker`, one at work.

    closed --failure_threshold failures in a row--> open --open_for plus jitter--> half_open
    half_open --success_threshold successes--> closed,  half_open --any failure--> open

The way to half_open is the event `Elapsed`, which a timer brings at `Status.half_open_ns`: so an outage
without traffic ends in the log at its true time. Each transition begins an epoch. An attempt is reported
with the epoch it began in, and one that began in an earlier epoch says nothing about this one: it is ignored.
"""

from typing import Literal, TypeAlias

import msgspec

from battle.actors.rng import Draws
from battle.actors.spec.gateways import Breaker
from battle.actors.units import Duration
from battle.actors.world.interfaces import Timer, World
from battle.store.events import BreakerChanged, BreakerState, Transport

UNCOUNTED = -1
"""The epoch of an attempt that went past its breaker: no breaker is ever in it."""

Result: TypeAlias = Literal["success", "failure", "abandoned"]
"""`abandoned`: it was called off, or says nothing about the provider's health; it gives its slot back."""

Reason: TypeAlias = Literal["failure_threshold", "open_timeout", "success_threshold", "probe_failed"]


class Status(msgspec.Struct, frozen=True):
    """All a breaker remembers."""

    state: BreakerState = "closed"
    epoch: int = 0
    failures: int = 0
    """In a row, while closed."""
    successes: int = 0
    """While half open."""
    probes: int = 0
    """In flight, while half open."""
    half_open_ns: int = 0
    """When an open breaker is due to become half open."""


class Began(msgspec.Struct, frozen=True):
    """An attempt that the breaker admits has begun."""


class Ended(msgspec.Struct, frozen=True):
    """An attempt has ended; `epoch` is what `ticket` gave when it began."""

    result: Result
    epoch: int


class Elapsed(msgspec.Struct, frozen=True):
    """The time an open breaker had to wait may be over."""


BreakerEvent: TypeAlias = Began | Ended | Elapsed


class Transition(msgspec.Struct, frozen=True):
    """The breaker went from one state to another."""

    at_ns: int
    from_state: BreakerState
    to_state: BreakerState
    reason: Reason


StepResult: TypeAlias = tuple[Status, Transition | None]


def admits(status: Status, settings: Breaker) -> bool:
    """Whether an attempt may begin now."""
    if status.state == "half_open":
        return status.probes < settings.probe_limit
    return status.state == "closed"


def ticket(status: Status, settings: Breaker) -> int:
    """The epoch an attempt that begins now belongs to; `UNCOUNTED` when the breaker does not admit it."""
    return status.epoch if admits(status, settings) else UNCOUNTED


def step(status: Status, event: BreakerEvent, now_ns: int, settings: Breaker, draw: float) -> StepResult:
    """What the breaker is after `event`. `draw`, from 0 to 1, is the share of the jitter used if it opens."""
    if isinstance(event, Ended):
        if event.epoch != status.epoch:
            return status, None
        if status.state == "closed":
            return _ended_closed(status, event.result, now_ns, settings, draw)
        return _ended_probe(status, event.result, now_ns, settings, draw)
    if isinstance(event, Began):
        return _began(status, settings), None
    if status.state == "open" and now_ns >= status.half_open_ns:
        return _become(status, "half_open", now_ns, "open_timeout")
    return status, None


def open_for(settings: Breaker, draw: float) -> Duration:
    """How long a breaker that opens stays open."""
    return settings.open_for + round(settings.open_for * settings.jitter_ratio * draw)


def _began(status: Status, settings: Breaker) -> Status:
    if status.state != "half_open":
        return status
    assert admits(status, settings), "a probe began without a free slot"
    return msgspec.structs.replace(status, probes=status.probes + 1)


def _ended_closed(status: Status, result: Result, now_ns: int, settings: Breaker, draw: float) -> StepResult:
    if result == "failure":
        failures = status.failures + 1
        if failures >= settings.failure_threshold:
            return _become(status, "open", now_ns, "failure_threshold", now_ns + open_for(settings, draw))
        return msgspec.structs.replace(status, failures=failures), None
    if result == "success" and status.failures:
        return msgspec.structs.replace(status, failures=0), None
    return status, None


def _ended_probe(status: Status, result: Result, now_ns: int, settings: Breaker, draw: float) -> StepResult:
    assert status.probes > 0, "a probe ended that never began"
    if result == "failure":
        return _become(status, "open", now_ns, "probe_failed", now_ns + open_for(settings, draw))
    successes = status.successes + (result == "success")
    if successes >= settings.success_threshold:
        return _become(status, "closed", now_ns, "success_threshold")
    return msgspec.structs.replace(status, successes=successes, probes=status.probes - 1), None


def _become(
    status: Status, state: BreakerState, now_ns: int, reason: Reason, half_open_ns: int = 0
) -> StepResult:
    after = Status(state, epoch=status.epoch + 1, half_open_ns=half_open_ns)
    return after, Transition(now_ns, status.state, state, reason)


class CircuitBreaker:
    """The breaker of one provider and transport. Logs `BreakerChanged`."""

    def __init__(
        self, world: World, provider: str, transport: Transport, settings: Breaker, draws: Draws
    ) -> None:
        self.status = Status()
        self._world = world
        self._provider = provider
        self._transport: Transport = transport
        self._settings = settings
        self._draws = draws
        self._timer: Timer | None = None

    @property
    def admits(self) -> bool:
        """Whether an attempt may begin now."""
        return admits(self.status, self._settings)

    def begin(self) -> int:
        """An attempt begins; returns the ticket to end it with. One that is not admitted is not counted."""
        given = ticket(self.status, self._settings)
        if given != UNCOUNTED:
            self._step(Began())
        return given

    def end(self, ticket: int, result: Result) -> None:
        """The attempt with this ticket has ended."""
        draw = 0.0
        if result == "failure":
            draw = self._draws.uniform("jitter", self._provider, self._transport, self.status.epoch)
        self._step(Ended(result, ticket), draw)

    def close(self) -> None:
        """Stop the timer: nothing is logged any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _step(self, event: BreakerEvent, draw: float = 0.0) -> None:
        now_ns = self._world.now_ns()
        self.status, change = step(self.status, event, now_ns, self._settings, draw)
        if change is None:
            return
        self._world.log.append(
            BreakerChanged(
                at_ns=change.at_ns,
                provider=self._provider,
                transport=self._transport,
                from_state=change.from_state,
                to_state=change.to_state,
                reason=change.reason,
            )
        )
        if change.to_state == "open":
            self._timer = self._world.call_at(self.status.half_open_ns, self._step, Elapsed())
