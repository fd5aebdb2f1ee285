"""All shared streams of the gateway, and the providers they are subscribed at."""

from functools import partial
from itertools import count

import trio

from battle.actors.gateway.calls.dispatcher import Dispatcher
from battle.actors.gateway.calls.upstream import Provider
from battle.actors.gateway.policy import selection
from battle.actors.gateway.subscriptions.codec import SUBSCRIBE
from battle.actors.gateway.subscriptions.continuity import Backfill
from battle.actors.gateway.subscriptions.key import SubscriptionKey
from battle.actors.gateway.subscriptions.shared_stream import SharedStream, Subscriber
from battle.actors.gateway.subscriptions.upstream import WsUpstream
from battle.actors.roles import GatewayRole
from battle.actors.wire.jsonrpc import LIMIT_EXCEEDED, RpcError
from battle.actors.world.interfaces import World
from battle.store.events import BreakerRejected

MAX_STREAMS = 1024
"""Different things that are subscribed to. Clients choose the filters, and each costs memory here and there."""


class SubscriptionManager:
    """One stream for each topic that a client wants, one connection for each provider that a stream is at.

    Logs `BreakerRejected` with transport "ws", and through what it holds `BreakerChanged`,
    `SubscriptionChanged` and `GapFilled`.
    """

    def __init__(
        self, world: World, nursery: trio.Nursery, role: GatewayRole, dispatcher: Dispatcher
    ) -> None:
        self._world = world
        self._spec = role.spec
        self._block_time = role.block_time
        self._dispatcher = dispatcher
        draws, numbers = world.draws("gateway"), count(1)
        self._upstreams = {
            upstream.name: WsUpstream(world, nursery, upstream, role.spec, draws, numbers)
            for upstream in role.upstreams
        }
        self._streams: dict[SubscriptionKey, SharedStream] = {}
        self._turns = 0

    def statistics(self) -> dict[str, int]:
        """How many shared streams there are."""
        return {"streams": len(self._streams)}

    def subscribe(self, key: SubscriptionKey, subscriber: Subscriber) -> SharedStream:
        """Have `subscriber` join the stream of this topic; it is granted or refused later, or inside this call.

        Raises:
            RpcError: there are too many streams.
        """
        stream = self._streams.get(key)
        if stream is not None:
            stream.join(subscriber)
            return stream
        if len(self._streams) >= MAX_STREAMS:
            raise RpcError(LIMIT_EXCEEDED, f"the gateway has {MAX_STREAMS} different subscriptions already")
        retry = self._spec.retry
        stream = SharedStream(
            self._world,
            key,
            self._spec.continuity,
            self._block_time,
            providers=self,
            failover=self._spec.failover,
            attempt_timeout=retry.attempt_timeout,
            grant_timeout=retry.deadline,
            ended=partial(self._streams.pop, key),
        )
        self._streams[key] = stream
        stream.join(subscriber)
        stream.start()
        return stream

    def choose(self, tries: dict[str, int], *, start: bool) -> WsUpstream | None:
        """The provider to subscribe at, if there is one. A new stream may find out whether a provider is back;
        one that goes on after a failure is not gambled with."""
        turn, self._turns = self._turns, self._turns + 1
        ranked = self._dispatcher.rank(SUBSCRIBE, f"subscribe {turn}", turn, 1)
        if not self._spec.failover:
            return self._upstreams[ranked[0]] if ranked else None
        standings = [self._upstreams[name].standing(tries.get(name, 0)) for name in ranked]
        choice = selection.choose(standings, probing=start)
        for name in choice.rejected:
            self._world.log.append(BreakerRejected(at_ns=self._world.now_ns(), provider=name, transport="ws"))
        return None if choice.provider is None else self._upstreams[choice.provider]

    def choose_for_backfill(self, fill: Backfill, tries: dict[str, int]) -> Provider | None:
        """The provider to ask over HTTP: where the stream is subscribed first, then others."""
        subscribed_at = self._dispatcher.providers[fill.provider]
        if not self._spec.failover:
            return subscribed_at
        if fill.attempt == 1:
            return subscribed_at if subscribed_at.breaker.admits else None
        now_ns = self._world.now_ns()
        turn, self._turns = self._turns, self._turns + 1
        ranked = self._dispatcher.rank("eth_getLogs", f"fill {turn}", turn, fill.attempt)
        asked = {fill.provider: 1, **tries}
        standings = [self._dispatcher.providers[name].standing(now_ns, asked.get(name, 0)) for name in ranked]
        choice = selection.choose(standings, probing=False)
        return None if choice.provider is None else self._dispatcher.providers[choice.provider]

    def close(self) -> None:
        """End all streams and connections without waiting. The owner of a client's connection notifies it."""
        for upstream in self._upstreams.values():
            upstream.close()
        for stream in list(self._streams.values()):
            stream.close()
