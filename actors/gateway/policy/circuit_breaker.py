"""A circuit breaker at work: keeps the fold's status, brings it timers and chance, and logs transitions."""

from battle.actors.gateway.policy import breaker
from battle.actors.gateway.policy.breaker import BreakerEvent, Status
from battle.actors.rng import Draws
from battle.actors.spec.gateways import Breaker
from battle.actors.world.interfaces import Timer, World
from battle.store.events import BreakerChanged, Transport


class Guard:
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
        return breaker.admits(self.status, self._settings)

    def begin(self) -> int:
        """An attempt begins; returns the ticket to end it with. One that is not admitted is not counted."""
        ticket = breaker.ticket(self.status, self._settings)
        if ticket != breaker.UNCOUNTED:
            self._step(breaker.Began())
        return ticket

    def end(self, ticket: int, result: breaker.Result) -> None:
        """The attempt with this ticket has ended."""
        draw = 0.0
        if result == "failure":
            draw = self._draws.uniform("jitter", self._provider, self._transport, self.status.epoch)
        self._step(breaker.Ended(result, ticket), draw)

    def close(self) -> None:
        """Stop the timer: nothing is logged any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _step(self, event: BreakerEvent, draw: float = 0.0) -> None:
        now_ns = self._world.now_ns()
        self.status, change = breaker.step(self.status, event, now_ns, self._settings, draw)
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
            self._timer = self._world.call_at(self.status.half_open_ns, self._step, breaker.Elapsed())
