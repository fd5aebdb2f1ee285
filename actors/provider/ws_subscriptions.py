"""The subscriptions of one WebSocket session: made, notified, ended."""

from collections.abc import Callable, Iterator
from typing import Any

from battle.actors.chain.logs import LogPattern, read_pattern
from battle.actors.chain.parameters import Params, invalid, positional
from battle.actors.spec.chain import SUBSCRIPTION_KINDS, SubscriptionKind
from battle.actors.wire.jsonrpc import LIMIT_EXCEEDED, RpcError

MAX_SUBSCRIPTIONS = 128
"""Of one session: hosted providers allow about as many."""

_NOTIFICATION = b'{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"%b","result":%b}}'


class Subscription:
    """One subscription; `send` takes a whole message."""

    def __init__(
        self,
        session: "SessionSubscriptions",
        name: str,
        kind: SubscriptionKind,
        pattern: LogPattern | None,
        send: Callable[[bytes], Any],
    ) -> None:
        self.session = session
        self.name = name
        self.kind = kind
        self.pattern = pattern
        self._head = name.encode()
        self._send = send

    def notify(self, result: bytes) -> None:
        """Send one notification; `result` is JSON text."""
        self._send(_NOTIFICATION % (self._head, result))


class SessionSubscriptions:
    """The subscriptions of one connection. `name` numbers the connection on its provider."""

    def __init__(self, name: str, send: Callable[[bytes], Any]) -> None:
        self.name = name
        self._send = send
        self._made = 0
        self._subscriptions: dict[str, Subscription] = {}

    def __len__(self) -> int:
        return len(self._subscriptions)

    def make(self, params: Params) -> Subscription:
        """What `eth_subscribe` with these parameters asks for; it holds from `keep` on.

        Raises:
            RpcError: -32602 for wrong parameters, -32005 when there are `MAX_SUBSCRIPTIONS` already.
        """
        values = positional(params, 1, 2)
        kind: SubscriptionKind | None = next((kind for kind in SUBSCRIPTION_KINDS if kind == values[0]), None)
        if kind is None:
            raise invalid("0", f"expected one of {', '.join(SUBSCRIPTION_KINDS)}")
        pattern = None
        if kind == "logs":
            pattern = read_pattern(values[1] if len(values) > 1 else {})
        if len(self) >= MAX_SUBSCRIPTIONS:
            raise RpcError(LIMIT_EXCEEDED, f"too many subscriptions: at most {MAX_SUBSCRIPTIONS}")
        self._made += 1
        # Ids differ between connections too, so that nobody can take one's for another's.
        return Subscription(self, f"0x{int(self.name):08x}{self._made:08x}", kind, pattern, self._send)

    def keep(self, subscription: Subscription) -> None:
        """It holds from now on."""
        self._subscriptions[subscription.name] = subscription

    def end(self, params: Params) -> Subscription | None:
        """End what `eth_unsubscribe` with these parameters names; None when there is no such subscription.

        Raises:
            RpcError: -32602 for wrong parameters.
        """
        (name,) = positional(params, 1, 1)
        if not isinstance(name, str):
            raise invalid("0", "expected a subscription id")
        return self._subscriptions.pop(name, None)

    def subscriptions_of(self, kind: str) -> Iterator[Subscription]:
        """Those of a kind, in the order they were made."""
        return (one for one in [*self._subscriptions.values()] if one.kind == kind)
