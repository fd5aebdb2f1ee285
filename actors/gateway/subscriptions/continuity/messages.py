"""What goes into a stream's fold and what comes out. Frozen data; times are `at_ns`."""

from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec


class ChainHead(msgspec.Struct, frozen=True):
    """A block's header. `payload` is what a client gets; the fold does not look at it."""

    number: int
    hash: str
    parent: str
    payload: Any = None


class EthLog(msgspec.Struct, frozen=True):
    """One log, or the notice that it was `removed` by a reorg."""

    number: int
    """Of the block it stands in."""
    block_hash: str
    index: int
    """Its place in the block: logIndex."""
    removed: bool = False
    payload: Any = None


class PendingTransaction(msgspec.Struct, frozen=True):
    """A transaction that waits to be included."""

    hash: str
    payload: Any = None


Item = TypeVar("Item", ChainHead, EthLog, PendingTransaction)


class Started(msgspec.Struct, frozen=True):
    """The stream has its first client. The first event of all."""

    at_ns: int


class Subscribed(msgspec.Struct, frozen=True):
    """The subscription at `provider` stands."""

    provider: str
    at_ns: int


class Notified(msgspec.Struct, Generic[Item], frozen=True):
    """`provider` published `item`."""

    provider: str
    item: Item
    at_ns: int


class HeadKnown(msgspec.Struct, frozen=True):
    """`provider` has the blocks up to `number`; learnt after the subscription there stood."""

    provider: str
    number: int
    at_ns: int


class UpstreamLost(msgspec.Struct, frozen=True):
    """The subscription at `provider` ended, or could not be made."""

    provider: str
    at_ns: int


class BackfillAnswered(msgspec.Struct, Generic[Item], frozen=True):
    """`Backfill` number `fill` was answered with all that there is from its `first` height to `up_to`."""

    fill: int
    items: tuple[Item, ...]
    up_to: int
    """Lower than the fill's `last` when the provider that was asked does not have the rest."""
    at_ns: int


class BackfillFailed(msgspec.Struct, frozen=True):
    """`Backfill` number `fill` failed, or was not answered in time."""

    fill: int
    at_ns: int


class Elapsed(msgspec.Struct, frozen=True):
    """The time that `WakeAt` named has come."""

    at_ns: int


StreamEvent: TypeAlias = (
    Started
    | Subscribed
    | Notified[Item]
    | HeadKnown
    | UpstreamLost
    | BackfillAnswered[Item]
    | BackfillFailed
    | Elapsed
)

LossReason: TypeAlias = Literal["start", "lost", "silent", "lagging", "unlinked"]
"""`silent`: nothing came at all; `lagging`: only what was known already; `unlinked`: its blocks do not
connect to those delivered, however far down one looks."""

GapReason: TypeAlias = Literal[
    "too_long", "unfilled", "unlinked", "unknown_start", "forgotten", "reorged", "pending"
]
"""`too_long`: over `max_gap_blocks`; `unfilled`: over `fill_attempts`; `unlinked`: no provider's blocks
connect; `unknown_start`: the provider was lost before its height was known; `forgotten`: logs of blocks too
deep to know whether they were delivered; `reorged`: logs delivered for this height were replaced during a
failover, and no removal was announced; `pending`: pending transactions cannot be asked for afterwards."""


class Deliver(msgspec.Struct, Generic[Item], frozen=True):
    """Send these to every client of the stream, in this order."""

    items: tuple[Item, ...]


class Backfill(msgspec.Struct, frozen=True):
    """Ask over HTTP for the heights `first` to `last`, both included.

    At `provider`, the one subscribed at, when `attempt` is 1; at another one when it is higher.
    """

    fill: int
    first: int
    last: int
    attempt: int
    provider: str


class Resubscribe(msgspec.Struct, frozen=True):
    """Give up the subscription, if any, and subscribe again, at a provider other than `avoid` if there is one."""

    reason: LossReason
    avoid: str | None


class GapLeft(msgspec.Struct, frozen=True):
    """The clients miss something in the heights `first` to `last`; None where the bound is not known.

    What comes after it is not linked to what came before: whether a reorg replaced blocks below `first`, too,
    is not known.
    """

    first: int | None
    last: int | None
    reason: GapReason


class WakeAt(msgspec.Struct, frozen=True):
    """Send `Elapsed` at this time. It replaces the timer asked for before."""

    at_ns: int


StreamAction: TypeAlias = Deliver[Item] | Backfill | Resubscribe | GapLeft | WakeAt
