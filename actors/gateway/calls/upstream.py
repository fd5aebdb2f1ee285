"""A provider as the gateway sees it: its connections, its breaker, how long it wants to be left alone."""

import trio

from battle.actors.gateway.calls.pool import Pool
from battle.actors.gateway.policy.breaker import CircuitBreaker
from battle.actors.gateway.policy.classify import AttemptVerdict
from battle.actors.gateway.policy.selection import Standing
from battle.actors.rng import Draws
from battle.actors.roles import Upstream
from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.units import seconds
from battle.actors.wire.http.messages import request_head
from battle.actors.world.interfaces import World

LIMITED_FOR = seconds(1)
"""How long a provider that said "too many requests", but not until when, comes last."""


class Provider:
    """One provider over HTTP. WebSocket has circuit breakers of its own: they are per transport."""

    def __init__(
        self,
        world: World,
        nursery: trio.Nursery,
        upstream: Upstream,
        settings: EmbeddedGateway,
        draws: Draws,
    ) -> None:
        self.name = upstream.name
        self.breaker = CircuitBreaker(world, upstream.name, "http", settings.breaker, draws)
        self.pool = Pool(world, nursery, upstream.address, settings.connections_per_provider)
        self.limited_until_ns = 0
        self._barred_until_ns = 0
        self._world = world
        self.head_bytes = request_head(upstream.address)

    def standing(self, now_ns: int, tries: int) -> Standing:
        """What `selection.choose` needs to know."""
        return Standing(
            self.name,
            self.breaker.status.state,
            self.breaker.admits,
            limited=now_ns < self.limited_until_ns,
            barred=now_ns < self._barred_until_ns,
            tries=tries,
        )

    def is_being_probed(self, now_ns: int) -> bool:
        """Whether an attempt is under way that will soon show whether this provider is back."""
        half_open = self.breaker.status.state == "half_open" and not self.breaker.admits
        return half_open and now_ns >= self._barred_until_ns

    def end(self, ticket: int, verdict: AttemptVerdict) -> None:
        """An attempt has ended; `ticket` is what the circuit breaker gave it."""
        self.breaker.end(ticket, verdict.breaker_result)
        if verdict.kind != "rate_limited":
            return
        now_ns = self._world.now_ns()
        if verdict.retry_after is None:
            self.limited_until_ns = max(self.limited_until_ns, now_ns + LIMITED_FOR)
        else:
            self._barred_until_ns = max(self._barred_until_ns, now_ns + verdict.retry_after)
            self.limited_until_ns = max(self.limited_until_ns, self._barred_until_ns)

    def close(self) -> None:
        """Let go of timers and idle connections."""
        self.breaker.close()
        self.pool.close()
