"""A subscription at a provider, and the stream that lives on it."""

from typing import Protocol

import msgspec

from battle.actors.gateway.subscriptions.codec import Item
from battle.actors.gateway.subscriptions.key import Topic


class Carried(Protocol):
    """A stream that is subscribed over a connection. Nothing is called any more after `lost`, or once it left."""

    def stands(self) -> None:
        """The provider has accepted the subscription."""

    def published(self, item: Item) -> None:
        """The provider published something to it."""

    def head_known(self, number: int, *, published: bool) -> None:
        """The provider has the blocks up to `number`: it published that one, or was asked."""

    def lost(self) -> None:
        """The subscription is over, or did not come about."""


class Feed(msgspec.Struct, eq=False):
    """A subscription at the provider. That to heads may carry no stream: then it is the pulse alone."""

    topic: Topic
    carried: Carried | None = None
    ticket: int | None = None
    """What the breaker gave the stream; None once it is known that the subscription works."""
    subscription: str | None = None
    announced: bool = False
