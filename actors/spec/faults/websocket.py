"""Faults of a provider's WebSocket side."""

from collections.abc import Iterator
from typing import ClassVar, Literal, Protocol, TypeAlias

from battle.actors.close_codes import is_servers_close_code
from battle.actors.spec.faults.base import Effect, LastingFault, ShareFault, above_zero_problems

HeadChange: TypeAlias = Literal["missed", "duplicated", "reordered"]
"""What can become of a head: not published, published twice, or after the one that follows it."""


class Head(Protocol):
    """A head that is about to be published, under a fault."""

    @property
    def number(self) -> int:
        """Its height."""

    def draw(self) -> float:
        """A number from 0 to 1, keyed by the fault and the height."""


class Session(Protocol):
    """A client's WebSocket connection under a fault, which can end it."""

    def drop(self, close_code: int | None) -> None:
        """Close it with this code, or reset it when there is none."""


class SessionFault(LastingFault, frozen=True):
    """A fault of a provider's WebSocket connections and subscriptions. The base of those in `kinds/`."""

    needs_subscriptions: ClassVar[bool] = True
    """Whether only who subscribes can feel it; else a WebSocket connection is enough."""
    stalls: ClassVar[bool] = False
    """Whether no notification is sent."""
    ignores_pings: ClassVar[bool] = False
    """Whether pings are not answered."""

    def on_connection(self, session: Session) -> None:
        """What becomes of a connection that is there when it begins."""

    def on_subscription(self, session: Session) -> None:
        """What becomes of a connection when a subscription on it has been granted."""

    def on_head(self, head: Head) -> HeadChange | None:
        """What becomes of a head; None leaves it as it is. Of several changes a miss counts, else the first."""
        return None

    def refusal(self) -> int | None:
        """The code of the error with which `eth_subscribe` is answered; None if it is not refused."""
        return None


class _HeadShare(ShareFault, SessionFault, frozen=True):
    """A share of the heads: not all of them, if nothing else is said."""

    change: ClassVar[HeadChange]

    ratio: float = 0.5
    """That share, drawn for each head separately."""

    def on_head(self, head: Head) -> HeadChange | None:
        return self.change if head.draw() < self.ratio else None


class DropConnections(SessionFault, frozen=True, tag="drop_connections"):
    """All WebSocket connections end at its start, with `close_code`, or reset when there is none.

    Those opened while it lasts are dropped at their first subscription.
    """

    effect: ClassVar = Effect("acted", "tagged_subscriptions")

    needs_subscriptions: ClassVar = False

    close_code: int | None = None

    def on_connection(self, session: Session) -> None:
        session.drop(self.close_code)

    def on_subscription(self, session: Session) -> None:
        session.drop(self.close_code)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.close_code is not None and not is_servers_close_code(self.close_code):
            yield f"drop_connections: {self.close_code} is not a close code that a server may send"


class SilentStall(SessionFault, frozen=True, tag="silent_stall"):
    """Connections stay open and answer pings and calls, but no notification comes any more."""

    effect: ClassVar = Effect("acted", "tagged_heads")
    stalls: ClassVar = True


class MissHeads(_HeadShare, frozen=True, tag="miss_heads"):
    """A share of the heads is never published."""

    effect: ClassVar = Effect("acted", "tagged_heads")
    change: ClassVar = "missed"


class DuplicateHeads(_HeadShare, frozen=True, tag="duplicate_heads"):
    """A share of the heads is published twice."""

    effect: ClassVar = Effect("acted", "tagged_heads")
    change: ClassVar = "duplicated"


class ReorderHeads(_HeadShare, frozen=True, tag="reorder_heads"):
    """A share of the heads is published after the one that follows it."""

    effect: ClassVar = Effect("acted", "tagged_heads")
    change: ClassVar = "reordered"


class RefuseSubscriptions(SessionFault, frozen=True, tag="refuse_subscriptions"):
    """`eth_subscribe` is answered with an error."""

    effect: ClassVar = Effect("acted", "tagged_subscriptions")

    rpc_code: int = -32601
    """The code of that error; below 0, as JSON-RPC's are."""

    def refusal(self) -> int:
        return self.rpc_code

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("refuse_subscriptions", the_negative_of_rpc_code=-self.rpc_code)


class IgnorePings(SessionFault, frozen=True, tag="ignore_pings"):
    """Pings are not answered."""

    effect: ClassVar = Effect("acted")
    needs_subscriptions: ClassVar = False
    ignores_pings: ClassVar = True


WebSocketFault: TypeAlias = (
    DropConnections
    | SilentStall
    | MissHeads
    | DuplicateHeads
    | ReorderHeads
    | RefuseSubscriptions
    | IgnorePings
)
