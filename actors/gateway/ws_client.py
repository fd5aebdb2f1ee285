"""A client's WebSocket: its calls, its subscriptions, and what waits for it when it reads slowly."""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import msgspec

from battle.actors.gateway.calls.dispatcher import Dispatcher
from battle.actors.gateway.calls.proxied_request import ProxiedRequest, proxied_of
from battle.actors.gateway.calls.replies import Reply
from battle.actors.gateway.subscriptions import codec
from battle.actors.gateway.subscriptions import key as topics
from battle.actors.gateway.subscriptions.codec import SUBSCRIBE, UNSUBSCRIBE
from battle.actors.gateway.subscriptions.continuity import Close, admit
from battle.actors.gateway.subscriptions.manager import SubscriptionManager
from battle.actors.gateway.subscriptions.shared_stream import SharedStream
from battle.actors.spec.continuity import Continuity
from battle.actors.units import ms
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.jsonrpc import (
    LIMIT_EXCEEDED,
    SERVER_ERROR,
    Call,
    Invalid,
    Item,
    RpcError,
    encode_error,
    encode_result,
    read_calls,
)
from battle.actors.wire.websocket.endpoints import (
    READS_TOO_SLOWLY,
    Ended,
    KeepAlive,
    UpgradeTo,
    WebSocket,
    accept_websocket,
)
from battle.actors.world import interfaces
from battle.actors.world.held import UNCOUNTED_BYTES
from battle.actors.world.interfaces import Stream, Timer, World
from battle.store.events import SubscriptionChanged

MAX_IN_FLIGHT = 1024
"""Messages of one client with calls that are not answered yet; one more is refused with -32005."""

MAX_SUBSCRIPTIONS = 128
"""Of one client, those not granted yet included; one more is refused with -32005."""

WINDOW_BYTES = 64 * 1024
"""What a client leaves unread before its notifications wait here: here they are counted, and can be dropped."""

DRAIN_EVERY = ms(20)
"""How often a client that is behind is looked at: a stream does not say when it has room again."""

GOING_AWAY = 1001

Say: TypeAlias = Callable[[str], object]
"""Takes the answer to a call, "" when there is none."""


CLIENTS = "(clients)"
"""In the log this stands where a provider's name stands otherwise; no provider can have it."""


class WsClient:
    """One client's connection, from its handshake to its end. Logs it when it is closed for reading too slowly."""

    def __init__(
        self,
        world: World,
        dispatcher: Dispatcher,
        manager: SubscriptionManager,
        settings: Continuity,
        numbers: Iterator[int],
        connection: int,
    ) -> None:
        self._world = world
        self._dispatcher = dispatcher
        self._manager = manager
        self._settings = settings
        self._numbers = numbers
        self._connection = connection
        self._websocket: WebSocket | None = None
        self._in_flight = 0
        self._asked_bytes = 0
        self._made = 0
        self._subscriptions: dict[str, Subscription] = {}
        self._outbox: deque[tuple[str, str]] = deque()
        self._drain_timer: Timer | None = None

    def accept(self, stream: Stream, request: HttpRequest, upgrade: UpgradeTo) -> WebSocket | None:
        """Answer the handshake; None when it was refused, and the stream closed."""
        self._websocket = accept_websocket(
            self._world,
            stream,
            request,
            upgrade,
            on_message=self._on_message,
            on_ended=self._on_ended,
            keep_alive=KeepAlive(),
        )
        return self._websocket

    def leave(self) -> None:
        """Whatever the reason: nothing more is for this client. One that is still there gets a close frame."""
        if self._websocket is not None:
            self._websocket.close(GOING_AWAY, "the gateway stops")
        self._forget()

    def _on_ended(self, ended: Ended) -> None:
        if ended.by == "us" and ended.reason == READS_TOO_SLOWLY:
            self._log_slow(ended.code, ended.reason)
        self._forget()

    def _log_slow(self, code: int, reason: str) -> None:
        self._world.log.append(
            SubscriptionChanged(
                at_ns=self._world.now_ns(),
                side="gateway",
                name=CLIENTS,
                connection=str(self._connection),
                change="closed",
                close_code=code,
                detail=reason,
            )
        )

    def _forget(self) -> None:
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        self._outbox.clear()
        self._world.held.forget(self)
        subscriptions, self._subscriptions = self._subscriptions, {}
        for subscription in subscriptions.values():
            subscription.leave()

    def send(self, text: str) -> None:
        """Send an answer; these do not wait behind notifications. One that is gone by now misses it."""
        if text and self._websocket is not None:
            self._websocket.send(text)

    # Calls.

    def _on_message(self, text: bytes, arrived_ns: int) -> None:
        asked = read_calls(text)
        if isinstance(asked, list):
            if any(_is_ours(item) for item in asked):
                self._take_apart(asked)
            else:
                self._ask(text, asked, self.send)
        elif _is_ours(asked):
            self._serve(asked, self.send)
        else:
            self._ask(text, asked, self.send)

    def _ask(self, body: bytes, asked: Item | list[Item], say: Say) -> None:
        proxied = proxied_of(body, asked, next(self._numbers))
        batch = isinstance(asked, list)
        if isinstance(proxied, Reply):
            say(codec.reply_text(proxied, (), batch=batch))
        elif (error := self._too_much(len(proxied.body))) is not None:
            errors = [encode_error(msgspec.Raw(call_id), error).decode() for call_id in proxied.ids]
            say(f"[{','.join(errors)}]" if batch and errors else "".join(errors))
        else:
            self._in_flight += 1
            self._asked_bytes += len(proxied.body)
            self._dispatcher.ask(proxied, partial(self._answer, proxied, say))

    def _too_much(self, more_bytes: int) -> RpcError | None:
        """Why a message of so many bytes is too much at the moment."""
        if self._in_flight >= MAX_IN_FLIGHT:
            return RpcError(LIMIT_EXCEEDED, f"{MAX_IN_FLIGHT} messages are unanswered already")
        held = self._world.held
        if self._asked_bytes + more_bytes > UNCOUNTED_BYTES and held.is_full(
            self, interfaces.NODE_HELD_BYTES
        ):
            return RpcError(LIMIT_EXCEEDED, "too much waits here for all clients together")
        return None

    @property
    def held_bytes(self) -> int:
        """As `Holder.held_bytes`: calls under way, and what waits until the client reads."""
        return self._asked_bytes + sum(len(text) for _, text in self._outbox)

    def _answer(self, proxied: ProxiedRequest, say: Say, reply: Reply) -> None:
        self._in_flight -= 1
        self._asked_bytes -= len(proxied.body)
        say(codec.reply_text(reply, proxied.ids, batch=proxied.batch))

    def _take_apart(self, asked: list[Item]) -> None:
        """A batch with subscriptions in it: those are answered here, the rest is asked for as a batch of its own."""
        rest: list[Item] = [item for item in asked if isinstance(item, Call) and not _is_ours(item)]
        parts = _Parts(len(asked) - len(rest) + bool(rest), self.send)
        for item in asked:
            if isinstance(item, Invalid):
                parts.add(encode_error(item.id, item.error).decode())
            elif _is_ours(item):
                self._serve(item, parts.add)
        if rest:
            self._ask(msgspec.json.encode(rest), rest, parts.add)

    # Subscriptions.

    def _serve(self, item: Item, say: Say) -> None:
        assert isinstance(item, Call)
        if not isinstance(item.id, msgspec.Raw):
            say("")  # no answer could carry the subscription's id
            return
        try:
            if item.method == SUBSCRIBE:
                self._subscribe(item, item.id, say)
            else:
                self._unsubscribe(item)
                say(encode_result(item.id, True).decode())
        except RpcError as error:
            say(encode_error(item.id, error).decode())

    def _subscribe(self, call: Call, call_id: msgspec.Raw, say: Say) -> None:
        topic = topics.read_key(call.params)
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise RpcError(LIMIT_EXCEEDED, f"a connection can have {MAX_SUBSCRIPTIONS} subscriptions")
        self._made += 1
        name = f"0x{self._connection:x}{self._made:08x}"
        subscription = Subscription(self, name, call_id, say)
        self._subscriptions[name] = subscription
        try:
            subscription.stream = self._manager.subscribe(topic, subscription)
        except RpcError:
            self.dismiss(name)
            raise

    def _unsubscribe(self, call: Call) -> None:
        name = topics.read_subscription_id(call.params)
        subscription = self._subscriptions.pop(name, None)
        if subscription is None:
            raise RpcError(SERVER_ERROR, "subscription not found")
        subscription.leave()
        self._outbox = deque(message for message in self._outbox if message[0] != name)

    def dismiss(self, name: str) -> None:
        """A subscription did not come about."""
        self._subscriptions.pop(name, None)

    # Notifications.

    def deliver(self, name: str, texts: list[str]) -> None:
        """Send the notifications of a subscription, or keep them until the client reads again."""
        websocket = self._websocket
        assert websocket is not None
        if not websocket.is_open:
            return
        sent = 0
        if not self._outbox:
            while sent < len(texts) and websocket.unsent_bytes <= WINDOW_BYTES:
                websocket.send(texts[sent])
                sent += 1
        if sent < len(texts):
            self._keep(websocket, name, texts[sent:])

    def _keep(self, websocket: WebSocket, name: str, texts: list[str]) -> None:
        decision = admit(len(self._outbox), len(texts), self._settings)
        if self._outbox and self._world.held.must_go(self, interfaces.NODE_HELD_BYTES):
            decision = Close()
        if isinstance(decision, Close):
            self._log_slow(decision.code, decision.reason)
            websocket.close(decision.code, decision.reason)
            self._outbox.clear()
            return
        for _ in range(decision.drop):
            self._outbox.popleft()
        self._outbox.extend((name, text) for text in texts[decision.skip :])
        if self._drain_timer is None:
            self._drain_timer = self._world.call_at(self._world.now_ns() + DRAIN_EVERY, self._drain)

    def _drain(self) -> None:
        websocket, outbox = self._websocket, self._outbox
        assert websocket is not None
        self._drain_timer = None
        while outbox and websocket.unsent_bytes <= WINDOW_BYTES and websocket.send(outbox[0][1]):
            outbox.popleft()
        if outbox and websocket.is_open:
            self._drain_timer = self._world.call_at(self._world.now_ns() + DRAIN_EVERY, self._drain)


class Subscription:
    """One subscription of a client; `name` is its id. See `Subscriber`."""

    def __init__(self, client: WsClient, name: str, call_id: msgspec.Raw, say: Say) -> None:
        self.stream: SharedStream | None = None
        self._client = client
        self._name = name
        self._call_id = call_id
        self._say = say
        self._prefix = codec.notification_prefix(name)

    def leave(self) -> None:
        """The client does not want it any more, or is gone."""
        if self.stream is not None:
            self.stream.leave(self)

    def granted(self) -> None:
        self._say(encode_result(self._call_id, self._name).decode())

    def refused(self, why: str) -> None:
        self._client.dismiss(self._name)
        self._say(encode_error(self._call_id, RpcError(SERVER_ERROR, f"no subscription: {why}")).decode())

    def deliver(self, payloads: list[str]) -> None:
        prefix = self._prefix
        texts = [f"{prefix}{payload}{codec.NOTIFICATION_SUFFIX}" for payload in payloads]
        self._client.deliver(self._name, texts)


class _Parts:
    """The answers to the parts of a batch, which are sent together, as one."""

    def __init__(self, expected: int, say: Say) -> None:
        self._expected = expected
        self._say = say
        self._answers: list[str] = []

    def add(self, answer: str) -> None:
        """One more part has its answer: one, a list, or "" for none."""
        self._expected -= 1
        bare = answer.strip()
        if bare.startswith("["):
            bare = bare[1:-1].strip()
        if bare:
            self._answers.append(bare)
        if self._expected == 0 and self._answers:
            self._say(f"[{','.join(self._answers)}]")


def _is_ours(item: Item) -> bool:
    return isinstance(item, Call) and item.method in (SUBSCRIBE, UNSUBSCRIBE)
