"""Faults of a provider's WebSocket side."""

from collections.abc import Iterator
from typing import ClassVar, TypeAlias

from battle.actors.close_codes import is_servers_close_code
from battle.actors.spec.faults.base import Effect, LastingFault, ShareFault, above_zero_problems


class _HeadShare(ShareFault, frozen=True):
    """A share of the heads: not all of them, if nothing else is said."""

    ratio: float = 0.5
    """That share, drawn for each head separately."""


class DropConnections(LastingFault, frozen=True, tag="drop_connections"):
    """All WebSocket connections end at its start, with `close_code`, or reset when there is none.

    Those opened while it lasts are dropped at their first subscription.
    """

    effect: ClassVar = Effect("acted", "tagged_subscriptions")

    close_code: int | None = None

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.close_code is not None and not is_servers_close_code(self.close_code):
            yield f"drop_connections: {self.close_code} is not a close code that a server may send"


class SilentStall(LastingFault, frozen=True, tag="silent_stall"):
    """Connections stay open and answer pings and calls, but no notification comes any more."""

    effect: ClassVar = Effect("acted", "tagged_heads")


class MissHeads(_HeadShare, frozen=True, tag="miss_heads"):
    """A share of the heads is never published."""

    effect: ClassVar = Effect("acted", "tagged_heads")


class DuplicateHeads(_HeadShare, frozen=True, tag="duplicate_heads"):
    """A share of the heads is published twice."""

    effect: ClassVar = Effect("acted", "tagged_heads")


class ReorderHeads(_HeadShare, frozen=True, tag="reorder_heads"):
    """A share of the heads is published after the one that follows it."""

    effect: ClassVar = Effect("acted", "tagged_heads")


class RefuseSubscriptions(LastingFault, frozen=True, tag="refuse_subscriptions"):
    """`eth_subscribe` is answered with an error."""

    effect: ClassVar = Effect("acted", "tagged_subscriptions")

    rpc_code: int = -32601
    """The code of that error; below 0, as JSON-RPC's are."""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("refuse_subscriptions", the_negative_of_rpc_code=-self.rpc_code)


class IgnorePings(LastingFault, frozen=True, tag="ignore_pings"):
    """Pings are not answered."""

    effect: ClassVar = Effect("acted")


WebSocketFault: TypeAlias = (
    DropConnections
    | SilentStall
    | MissHeads
    | DuplicateHeads
    | ReorderHeads
    | RefuseSubscriptions
    | IgnorePings
)
