"""A provider as the gateway's streams see it: at most one WebSocket connection, and a breaker of its own."""

from collections.abc import Iterator

import trio

from battle.actors.gateway.policy.breaker import CircuitBreaker
from battle.actors.gateway.policy.selection import Standing
from battle.actors.gateway.subscriptions.connection import SubscribedStream, UpstreamConnection
from battle.actors.gateway.subscriptions.key import SubscriptionKey
from battle.actors.rng import Draws
from battle.actors.roles import Upstream
from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.world.interfaces import World


class WsUpstream:
    """One provider over WebSocket. Its connection is opened when a stream wants it, and closed after the last."""

    def __init__(
        self,
        world: World,
        nursery: trio.Nursery,
        upstream: Upstream,
        settings: EmbeddedGateway,
        draws: Draws,
        numbers: Iterator[int],
    ) -> None:
        self.name = upstream.name
        self._breaker = CircuitBreaker(world, upstream.name, "ws", settings.breaker, draws)
        self._world = world
        self._nursery = nursery
        self._upstream = upstream
        self._timeout = settings.retry.attempt_timeout
        self._numbers = numbers
        self._connection: UpstreamConnection | None = None
        self._connections: dict[UpstreamConnection, None] = {}

    def standing(self, tries: int) -> Standing:
        """What `selection.choose` needs to know."""
        return Standing(self.name, self._breaker.status.state, self._breaker.admits, tries=tries)

    def attach(self, key: SubscriptionKey, shared_stream: SubscribedStream) -> UpstreamConnection:
        """Subscribe `shared_stream` to `key`; it hears of it, later or from inside this call."""
        if self._connection is None:
            self._connection = UpstreamConnection(
                self._world,
                self._nursery,
                self._upstream,
                self._breaker,
                self._timeout,
                next(self._numbers),
                self,
            )
            self._connections[self._connection] = None
        connection = self._connection
        connection.attach(key, shared_stream, self._breaker.begin())
        return connection

    def close(self) -> None:
        """Close the connection in good order, without waiting, and let go of timers."""
        self._breaker.close()
        for connection in list(self._connections):
            connection.close()

    def over(self, connection: UpstreamConnection) -> None:
        """The next stream gets another one, even while this one takes leave."""
        self._connection = None

    def gone(self, connection: UpstreamConnection) -> None:
        """Nothing more will come from it."""
        self._connections.pop(connection, None)
