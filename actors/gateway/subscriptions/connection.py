"""One WebSocket connection to a provider: opened, subscribed over, and given up at its first failure.

It always carries a subscription to heads: those are its pulse, without which a subscription to rare logs could
not be distinguished from a dead one. A connection that fails in any way is closed, with all it carries: what is wrong
with one subscription of a provider is not likely to be right with the next.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol, TypeAlias

import msgspec
import trio

from battle.actors.gateway.policy.breaker import CircuitBreaker, Result
from battle.actors.gateway.subscriptions import codec
from battle.actors.gateway.subscriptions.codec import Answered, UpstreamItem
from battle.actors.gateway.subscriptions.continuity import PendingTransaction
from battle.actors.gateway.subscriptions.key import HEADS, SubscriptionKey
from battle.actors.roles import Upstream
from battle.actors.units import Duration, seconds
from battle.actors.wire.http.messages import ProtocolError
from battle.actors.wire.untrusted_json import Unreadable
from battle.actors.wire.websocket.endpoints import (
    Ended,
    KeepAlive,
    WebSocket,
    WebSocketRefused,
    connect_websocket,
)
from battle.actors.world.interfaces import Timer, World
from battle.store.events import SubscriptionChanged

KEEP_ALIVE = KeepAlive(ping_interval=seconds(5), pong_timeout=seconds(5))
"""A half-open connection is found out within ten seconds, also on a chain so slow that silence proves nothing."""

NORMAL, GOING_AWAY = 1000, 1001

DETAIL_CHARACTERS = 200
"""What the log keeps of a provider's words, which may be as long as a message."""

ConnectionChange: TypeAlias = Literal[
    "connected", "refused", "subscribed", "rejected", "unsubscribed", "closed", "stale"
]


Done: TypeAlias = Callable[[Answered | None], object]
"""Takes the answer; None when there was none in time."""


class _PendingCall(msgspec.Struct):
    done: Done
    timer: Timer


class PendingCalls:
    """Numbers calls and brings each its answer, within `timeout`."""

    def __init__(self, world: World, timeout: Duration, send: Callable[[str], object]) -> None:
        self._world = world
        self._timeout = timeout
        self._send = send
        self._open: dict[int, _PendingCall] = {}
        self._last = 0
        self._closed = False

    def number(self) -> int:
        """The id for a call whose answer nobody waits for."""
        self._last += 1
        return self._last

    def ask(self, call: Callable[[int], str], done: Done) -> None:
        """Send the call that `call` makes for an id; `done` hears of it later, unless this is closed before."""
        if self._closed:
            return
        number = self.number()
        timer = self._world.call_at(self._world.now_ns() + self._timeout, self._overdue, number)
        self._open[number] = _PendingCall(done, timer)
        self._send(call(number))

    def answered(self, answer: Answered) -> None:
        """The provider answered something, perhaps too late, or something that nobody asked."""
        pending = self._open.pop(answer.call_id, None)
        if pending is not None:
            pending.timer.cancel()
            pending.done(answer)

    def close(self) -> None:
        """Nobody waits for answers any more."""
        self._closed = True
        for pending in self._open.values():
            pending.timer.cancel()
        self._open.clear()

    def _overdue(self, number: int) -> None:
        self._open.pop(number).done(None)


class SubscribedStream(Protocol):
    """A stream that is subscribed over a connection. Nothing is called any more after `lost`, or once it left."""

    def stands(self) -> None:
        """The provider has accepted the subscription."""

    def published(self, item: UpstreamItem) -> None:
        """The provider published something to it."""

    def head_known(self, number: int, *, published: bool) -> None:
        """The provider has the blocks up to `number`: it published that one, or was asked."""

    def lost(self) -> None:
        """The subscription is over, or did not come about."""


class UpstreamSubscription(msgspec.Struct, eq=False):
    """A subscription at the provider. That to heads may carry no stream: then it is the pulse alone."""

    key: SubscriptionKey
    shared_stream: SubscribedStream | None = None
    ticket: int | None = None
    """What the breaker gave the stream; None once it is known that the subscription works."""
    id: str | None = None
    """What the provider calls it, once it has accepted it."""
    announced: bool = False


class Owner(Protocol):
    """Whoever made a connection."""

    def over(self, connection: "UpstreamConnection") -> None:
        """No more can be attached to it."""

    def gone(self, connection: "UpstreamConnection") -> None:
        """Nothing more will come from it."""


class UpstreamConnection:
    """Opened at once in `nursery`; `owner` is notified of its end.

    Logs `SubscriptionChanged` with side "gateway". `timeout` bounds the opening, and each answer.
    """

    def __init__(
        self,
        world: World,
        nursery: trio.Nursery,
        upstream: Upstream,
        breaker: CircuitBreaker,
        timeout: Duration,
        number: int,
        owner: "Owner",
    ) -> None:
        self._world = world
        self._upstream = upstream
        self._breaker = breaker
        self._timeout = timeout
        self._label = str(number)
        self._owner = owner
        self._subscriptions: dict[SubscriptionKey, UpstreamSubscription] = {}
        self._by_id: dict[str, UpstreamSubscription] = {}
        self._pending_calls = PendingCalls(world, timeout, self._send)
        self._websocket: WebSocket | None = None
        self._over = False
        self._silent = False
        self._opening = trio.CancelScope()
        nursery.start_soon(self._open)

    # What streams want.

    def attach(self, key: SubscriptionKey, shared_stream: SubscribedStream, ticket: int) -> None:
        """Carry a stream; `ticket` is what the breaker gave for it."""
        assert not self._over
        subscription = self._subscriptions.get(key) or self._add(key)
        assert subscription.shared_stream is None
        subscription.shared_stream, subscription.ticket, subscription.announced = shared_stream, ticket, False
        if HEADS not in self._subscriptions:
            self._add(HEADS)
        self._announce()

    def detach(self, key: SubscriptionKey) -> None:
        """A stream is not wanted any more. A connection that carries none is closed."""
        if self._over:
            return
        subscription = self._subscriptions[key]
        self._end_ticket(subscription, "abandoned")
        subscription.shared_stream, subscription.announced = None, False
        if key != HEADS:
            self._drop(subscription)
        if not any(subscription.shared_stream for subscription in self._subscriptions.values()):
            self._end("no subscriptions any more")

    def works(self, key: SubscriptionKey) -> None:
        """The stream got something new, so the provider is well. Also proof for a breaker that is half open."""
        subscription, breaker = self._subscriptions[key], self._breaker
        if subscription.ticket is not None:
            self._end_ticket(subscription, "success")
        elif breaker.status.state == "half_open" and breaker.admits:
            breaker.end(breaker.begin(), "success")

    def give_up(self, key: SubscriptionKey, reason: str) -> None:
        """The stream got nothing of use: the connection has failed. This stream is not notified."""
        subscription = self._subscriptions[key]
        self._log("stale", subscription, detail=reason)
        subscription.shared_stream = None
        self._fail(reason)

    def close(self) -> None:
        """The gateway stops: send a close frame, and notify nobody any more."""
        self._silent = True
        if not self._over:
            self._end("the gateway stops", GOING_AWAY)
        elif self._websocket is not None:
            self._websocket.abort()  # it has been taking leave of a peer that does not answer

    # Opening.

    async def _open(self) -> None:
        why = "timeout"
        with self._opening, trio.move_on_after(self._timeout / 10**9):
            try:
                self._websocket = await connect_websocket(
                    self._world,
                    self._upstream.address,
                    on_message=self._on_message,
                    on_ended=self._on_ended,
                    keep_alive=KEEP_ALIVE,
                )
            except WebSocketRefused as refusal:
                why = f"HTTP status {refusal.status}"
            except ProtocolError as error:
                why = str(error)
            except trio.BrokenResourceError:
                why = "reset"
            except OSError:
                why = "refused"
        if self._websocket is None:
            if not self._over:
                self._log("refused", detail=why)
                self._fail(why)
        elif self._over:
            self._websocket.abort()  # it was opened in the very moment it was no longer wanted
        else:
            self._log("connected")
            for subscription in list(self._subscriptions.values()):
                self._subscribe(subscription)

    # Subscribing.

    def _add(self, key: SubscriptionKey) -> UpstreamSubscription:
        subscription = self._subscriptions[key] = UpstreamSubscription(key)
        if self._websocket is not None:
            self._subscribe(subscription)
        return subscription

    def _drop(self, subscription: UpstreamSubscription) -> None:
        del self._subscriptions[subscription.key]
        if subscription.id is not None:
            del self._by_id[subscription.id]
            self._unsubscribe(subscription)

    def _send(self, text: str) -> None:
        assert self._websocket is not None
        self._websocket.send(text)

    def _unsubscribe(self, subscription: UpstreamSubscription) -> None:
        assert self._websocket is not None
        assert subscription.id is not None
        self._websocket.send(codec.unsubscribe_call(self._pending_calls.number(), subscription.id))
        self._log("unsubscribed", subscription)

    def _subscribe(self, subscription: UpstreamSubscription) -> None:
        self._pending_calls.ask(
            lambda number: codec.subscribe_call(number, subscription.key),
            partial(self._subscribed, subscription),
        )

    def _subscribed(self, subscription: UpstreamSubscription, answer: Answered | None) -> None:
        wanted = self._subscriptions.get(subscription.key) is subscription
        if answer is None or answer.error is not None:
            why = "no answer in time" if answer is None or answer.error is None else answer.error.message
            if wanted:
                self._rejected(subscription, why, alone=answer is not None)
            return
        subscription.id = codec.read_subscription(answer.result)
        if not wanted:
            self._unsubscribe(subscription)
            return
        if subscription.id in self._by_id:
            raise Unreadable("the same id for two subscriptions")
        self._by_id[subscription.id] = subscription
        self._log("subscribed", subscription)
        self._announce()

    def _rejected(self, subscription: UpstreamSubscription, why: str, *, alone: bool) -> None:
        """Only a provider that answers, and whose pulse is not concerned, keeps its other subscriptions."""
        self._log("rejected", subscription, detail=why)
        if not alone or subscription.key == HEADS:
            self._fail(why)
            return
        shared_stream, subscription.shared_stream = subscription.shared_stream, None
        self._end_ticket(subscription, "failure")
        self.detach(subscription.key)
        if shared_stream is not None:
            shared_stream.lost()

    def _announce(self) -> None:
        """Notify the streams whose subscription stands now. Without its pulse none stands."""
        pulse = self._subscriptions.get(HEADS)
        if pulse is None or pulse.id is None:
            return
        for subscription in list(self._subscriptions.values()):
            shared_stream = subscription.shared_stream
            if shared_stream is not None and subscription.id is not None and not subscription.announced:
                subscription.announced = True
                shared_stream.stands()
                self._pending_calls.ask(
                    codec.block_number_call, partial(self._head_known, subscription, shared_stream)
                )

    def _head_known(
        self, subscription: UpstreamSubscription, shared_stream: SubscribedStream, answer: Answered | None
    ) -> None:
        if answer is None or answer.error is not None or subscription.shared_stream is not shared_stream:
            return
        shared_stream.head_known(codec.read_quantity(codec.read_text(answer.result)), published=False)

    # What the provider says.

    def _on_message(self, text: bytes, arrived_ns: int) -> None:
        if self._over:
            return
        try:
            message = codec.read_message(text)
            if isinstance(message, Answered):
                self._pending_calls.answered(message)
            elif message is not None and (subscription := self._by_id.get(message.subscription)):
                self._published(subscription, codec.read_item(subscription.key.kind, message.text))
        except Unreadable as error:
            self._fail(str(error))

    def _published(self, subscription: UpstreamSubscription, item: UpstreamItem) -> None:
        if subscription.shared_stream is not None and subscription.announced:
            subscription.shared_stream.published(item)
        if subscription.key != HEADS:
            return
        assert not isinstance(item, PendingTransaction)
        for other in list(self._subscriptions.values()):
            if other is not subscription and other.shared_stream is not None and other.announced:
                other.shared_stream.head_known(item.number, published=True)

    def _on_ended(self, ended: Ended) -> None:
        if not self._silent:
            self._log("closed", detail=ended.reason, close_code=ended.code)
            self._fail(ended.reason)
            self._owner.gone(self)

    # The end.

    def _fail(self, why: str) -> None:
        """However many streams it carries: for the breaker this is one failure."""
        if self._over:
            return
        self._count_failure()
        streams = [one.shared_stream for one in self._subscriptions.values() if one.shared_stream is not None]
        self._end(why)
        for stream in streams:
            stream.lost()

    def _count_failure(self) -> None:
        held = next((one for one in self._subscriptions.values() if one.ticket is not None), None)
        if held is not None:
            self._end_ticket(held, "failure")
        else:
            self._breaker.end(self._breaker.begin(), "failure")

    def _end_ticket(self, subscription: UpstreamSubscription, result: Result) -> None:
        if subscription.ticket is not None:
            ticket, subscription.ticket = subscription.ticket, None
            self._breaker.end(ticket, result)

    def _end(self, why: str, code: int = NORMAL) -> None:
        self._over = True
        for subscription in self._subscriptions.values():
            subscription.shared_stream = None
            self._end_ticket(subscription, "abandoned")
        self._pending_calls.close()
        self._subscriptions.clear()
        self._by_id.clear()
        if self._websocket is None:
            self._opening.cancel()
        else:
            self._websocket.close(code, why)
        self._owner.over(self)
        if self._websocket is None:
            self._owner.gone(self)

    def _log(
        self,
        change: ConnectionChange,
        subscription: UpstreamSubscription | None = None,
        *,
        detail: str | None = None,
        close_code: int | None = None,
    ) -> None:
        self._world.log.append(
            SubscriptionChanged(
                at_ns=self._world.now_ns(),
                side="gateway",
                name=self._upstream.name,
                connection=self._label,
                change=change,
                subscription=None if subscription is None else subscription.id,
                kind=None if subscription is None else subscription.key.kind,
                close_code=close_code,
                detail=None if detail is None else detail[:DETAIL_CHARACTERS],
            )
        )
