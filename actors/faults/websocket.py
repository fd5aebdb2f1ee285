"""Faults of a provider's WebSocket side."""

from collections.abc import Iterator
from typing import Self, TypeAlias

from actors.faults.base import LastingFault, above_zero_problems, ratio_problems, replaced

_SENDABLE_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013)


class _HeadShare(LastingFault, frozen=True):
    """A fault that falls upon a share of the heads, drawn for each head by itself."""

    ratio: float = 0.5
    """That share."""

    def scaled(self, share: float) -> Self | None:
        return replaced(self, ratio=self.ratio * share)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from ratio_problems(self.kind(), ratio=self.ratio)
        if self.ratio == 0:
            yield f"{self.kind()}: a ratio of 0 does nothing"


class DropConnections(LastingFault, frozen=True, tag="drop_connections"):
    """All WebSocket connections end at its start, with `close_code`, or reset when there is none.

    Those opened while it lasts are dropped at their first subscription.
    """

    close_code: int | None = None

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.close_code is not None and not (
            self.close_code in _SENDABLE_CODES or 3000 <= self.close_code <= 4999
        ):
            yield f"drop_connections: {self.close_code} is no code that a server may close with"


class SilentStall(LastingFault, frozen=True, tag="silent_stall"):
    """Connections stay open and answer pings and calls, but no notification comes any more."""


class MissHeads(_HeadShare, frozen=True, tag="miss_heads"):
    """A share of the heads is never published."""


class DuplicateHeads(_HeadShare, frozen=True, tag="duplicate_heads"):
    """A share of the heads is published twice."""


class ReorderHeads(_HeadShare, frozen=True, tag="reorder_heads"):
    """A share of the heads is published after the one that follows it."""


class RefuseSubscriptions(LastingFault, frozen=True, tag="refuse_subscriptions"):
    """`eth_subscribe` is answered with an error."""

    rpc_code: int = -32601
    """The code of that error; below 0, as JSON-RPC's are."""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("refuse_subscriptions", the_negative_of_rpc_code=-self.rpc_code)


class IgnorePings(LastingFault, frozen=True, tag="ignore_pings"):
    """Pings are not answered."""


WebSocketFault: TypeAlias = (
    DropConnections
    | SilentStall
    | MissHeads
    | DuplicateHeads
    | ReorderHeads
    | RefuseSubscriptions
    | IgnorePings
)
