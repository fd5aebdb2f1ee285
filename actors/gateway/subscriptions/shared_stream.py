"""One shared stream: clients in front, the continuity core in the middle, one upstream subscription behind.

    clients ---join, leave---> SharedStream ---events---> core (`continuity`, pure)
            <--granted, refused,    |       <--actions---
               deliver              |
                                    +---attach, give_up, detach, works---> upstream subscription
                                    <---stands, published, head_known, lost---

Towards its clients a stream takes two steps:

    asked for ----- the first upstream stands -----> granted
        |                                               |
        |  no provider within `grant_timeout`           |  its last client leaves
        |  its last client leaves                       |
        |  its provider failed, `failover` off          |  its provider failed, `failover` off
        v                                               v
      over <--------------------------------------------+

    Clients that join before it is granted wait for that, and are refused when it does not come about.

Behind, it has one upstream at most, and follows the core's `Resubscribe`:

    none ---a provider is chosen: attach---> attached ---stands---> standing
      ^                                         |                      |
      +---- lost; or the core gives it up ------+----------------------+

    With no provider to choose the core hears of a loss (`NO_PROVIDER`) and says by `WakeAt` when to try again. The
    more often a provider was lost or given up since something was delivered, the later it is chosen.

The core sees one event after the other. What is done about one may bring the next before `_step` has returned (a
provider that refuses at once, a client that leaves while it is granted), so events queue (`_take_event`), and an
action that comes after the end is dropped. Its timers are one: each `WakeAt` takes the place of the one before. At
most one backfill is on its way, and it is given up with the upstream.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from battle.actors.gateway.calls.upstream import Provider
from battle.actors.gateway.subscriptions.backfill import BackfillRequest
from battle.actors.gateway.subscriptions.codec import UpstreamItem
from battle.actors.gateway.subscriptions.connection import UpstreamConnection
from battle.actors.gateway.subscriptions.continuity import (
    Backfill,
    BackfillFailed,
    Deliver,
    Elapsed,
    GapLeft,
    HeadKnown,
    Heads,
    Logs,
    Notified,
    PendingTransactions,
    Resubscribe,
    Started,
    StreamAction,
    StreamEvent,
    Subscribed,
    UpstreamLost,
    WakeAt,
)
from battle.actors.gateway.subscriptions.gap_tracker import GapTracker
from battle.actors.gateway.subscriptions.key import HEADS, SubscriptionKey
from battle.actors.gateway.subscriptions.upstream import WsUpstream
from battle.actors.spec.chain import SubscriptionKind
from battle.actors.spec.continuity import Continuity
from battle.actors.units import Duration
from battle.actors.world.interfaces import Timer, World

NO_PROVIDER = ""
"""The name that the core gets as the lost provider when none was available."""

Core: TypeAlias = Heads | Logs | PendingTransactions
_CORES: dict[SubscriptionKind, type[Core]] = {
    "newHeads": Heads,
    "logs": Logs,
    "newPendingTransactions": PendingTransactions,
}


class Subscriber(Protocol):
    """A client's subscription."""

    def granted(self) -> None:
        """It stands from now on."""

    def refused(self, why: str) -> None:
        """It did not come about; it has left the stream."""

    def deliver(self, payloads: list[str]) -> None:
        """Send these results, in their order."""


class Providers(Protocol):
    """Where a stream finds its upstreams."""

    def choose(self, tries: dict[str, int], *, start: bool) -> WsUpstream | None:
        """The provider to subscribe at, those tried often last."""

    def choose_for_backfill(self, fill: Backfill, tries: dict[str, int]) -> Provider | None:
        """The provider to ask over HTTP."""


class SharedStream:
    """A subscription that any number of clients share. `ended` is called when no more can join it.

    It ends with its last client; when no provider has granted it within `grant_timeout`; and, with `failover`
    off, with its upstream: then those who have joined hear nothing any more.

    Logs `GapFilled`.
    """

    def __init__(
        self,
        world: World,
        key: SubscriptionKey,
        settings: Continuity,
        block_time: Duration,
        *,
        providers: Providers,
        failover: bool,
        attempt_timeout: Duration,
        grant_timeout: Duration,
        ended: Callable[[], object],
    ) -> None:
        self._world = world
        self._key = key
        self._core: Core = _CORES[key.kind](settings, block_time)
        self._gaps = GapTracker(key.kind)
        self._providers = providers
        self._failover = failover
        self._attempt_timeout = attempt_timeout
        self._on_ended = ended
        self._subscribers: dict[Subscriber, None] = {}
        self._waiting: dict[Subscriber, None] = {}
        self._events: deque[StreamEvent[Any]] = deque()
        self._stepping = False
        self._over = False
        self._granted = False
        self._highest = -1
        self._upstream: WsUpstream | None = None
        self._connection: UpstreamConnection | None = None
        self._tries: dict[str, int] = {}
        self._fill_tries: dict[str, int] = {}
        self._backfill: BackfillRequest | None = None
        self._timer: Timer | None = None
        self._grant_timer = world.call_at(world.now_ns() + grant_timeout, self._refuse, "no provider in time")

    def start(self) -> None:
        """Look for the first upstream; once, after the first client has joined."""
        self._take_event(Started(self._world.now_ns()))

    # Clients.

    def join(self, subscriber: Subscriber) -> None:
        """It is granted as soon as the upstream has been, and gets what comes from then on."""
        if self._granted:
            self._subscribers[subscriber] = None
            subscriber.granted()
        else:
            self._waiting[subscriber] = None

    def leave(self, subscriber: Subscriber) -> None:
        """After its last client the stream ends, at once: its upstream has nobody to speak to."""
        self._subscribers.pop(subscriber, None)
        self._waiting.pop(subscriber, None)
        if not self._subscribers and not self._waiting:
            self.close()

    def close(self) -> None:
        """End, without a word to the clients."""
        if self._over:
            return
        self._over = True
        self._events.clear()
        self._grant_timer.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._void_fill()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.detach(self._key)
        self._on_ended()

    def _grant(self) -> None:
        self._granted = True
        self._grant_timer.cancel()
        waiting, self._waiting = self._waiting, {}
        self._subscribers.update(waiting)
        for subscriber in waiting:
            subscriber.granted()

    def _refuse(self, why: str) -> None:
        waiting, self._waiting = self._waiting, {}
        self.close()
        for subscriber in waiting:
            subscriber.refused(why)

    # What the upstream says: see `SubscribedStream`.

    def stands(self) -> None:
        assert self._upstream is not None
        self._take_event(Subscribed(self._upstream.name, self._world.now_ns()))
        if not self._granted:
            self._grant()

    def published(self, item: UpstreamItem) -> None:
        assert self._upstream is not None
        self._take_event(Notified(self._upstream.name, item, self._world.now_ns()))

    def head_known(self, number: int, *, published: bool) -> None:
        assert self._upstream is not None
        self._take_event(HeadKnown(self._upstream.name, number, self._world.now_ns()))
        if published and number > self._highest and self._core.provider is not None:
            assert self._connection is not None
            self._highest = number
            self._connection.works(self._key)

    def lost(self) -> None:
        assert self._upstream is not None
        self._connection = None
        self._lost(self._upstream.name)

    def _lost(self, provider: str) -> None:
        self._tries[provider] = self._tries.get(provider, 0) + 1
        self._take_event(UpstreamLost(provider, self._world.now_ns()))

    # The core at work.

    def _take_event(self, event: StreamEvent[Any]) -> None:
        """One event after another: what is done about one may bring the next before this has returned."""
        self._events.append(event)
        if self._stepping:
            return
        self._stepping = True
        while self._events and not self._over:
            self._step(self._events.popleft())
        self._stepping = False

    def _step(self, event: StreamEvent[Any]) -> None:
        before = self._core.provider
        actions = self._core.step(event)
        filled = self._gaps.observe(event, actions, before, self._core.provider)
        if filled is not None:
            self._world.log.append(filled)
        for action in actions:
            if not self._over:
                self._do(action, event)

    def _do(self, action: StreamAction[Any], event: StreamEvent[Any]) -> None:
        match action:
            case Deliver(items=items):
                self._deliver([item.payload for item in items], event)
            case Backfill():
                self._ask_for(action)
            case Resubscribe():
                self._resubscribe(action)
            case WakeAt(at_ns=at_ns):
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = self._world.call_at(at_ns, self._wake)
            case GapLeft():
                pass  # the gap tracker has seen it; clients get no message

    def _deliver(self, payloads: list[str], event: StreamEvent[Any]) -> None:
        for subscriber in self._subscribers:
            subscriber.deliver(payloads)
        self._tries.clear()
        if self._key == HEADS and isinstance(event, Notified) and self._connection is not None:
            self._connection.works(self._key)

    def _wake(self) -> None:
        self._take_event(Elapsed(self._world.now_ns()))

    # Upstreams.

    def _resubscribe(self, wanted: Resubscribe) -> None:
        self._void_fill()
        connection, self._connection = self._connection, None
        if connection is not None:
            assert self._upstream is not None
            self._tries[self._upstream.name] = self._tries.get(self._upstream.name, 0) + 1
            connection.give_up(self._key, wanted.reason)
        if wanted.reason != "start" and not self._failover:
            self._refuse("its provider failed, and failover is off")
            return
        self._upstream = self._providers.choose(self._tries, start=wanted.reason == "start")
        if self._upstream is None:
            self._take_event(UpstreamLost(NO_PROVIDER, self._world.now_ns()))
        else:
            self._connection = self._upstream.attach(self._key, self)

    # Fills.

    def _ask_for(self, fill: Backfill) -> None:
        if fill.attempt == 1:
            self._fill_tries.clear()
        provider = self._providers.choose_for_backfill(fill, self._fill_tries)
        if provider is None:
            self._take_event(BackfillFailed(fill.fill, self._world.now_ns()))
            return
        self._fill_tries[provider.name] = self._fill_tries.get(provider.name, 0) + 1
        self._backfill = BackfillRequest(
            self._world, provider, self._key, fill, self._attempt_timeout, self._filled
        )

    def _filled(self, result: Any) -> None:
        self._backfill = None
        self._take_event(result)

    def _void_fill(self) -> None:
        if self._backfill is not None:
            self._backfill.cancel()
            self._backfill = None
