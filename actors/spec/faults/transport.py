"""Faults of the network between a provider and whoever calls it, applied to the byte stream.

`direction` is as the target sees it: "in" is what it receives, "out" what it sends. A fault falls upon the
connections there are at its start and upon new ones, and only upon what passes from then on. At its end what it still
delays or holds back goes on at once, but for `Timeout`. Several at once add up; bytes never overtake one another.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Protocol, Self, TypeAlias

from battle.actors.spec.faults.base import (
    Effect,
    LastingFault,
    above_zero_problems,
    replaced,
    unobservable_problems,
)
from battle.actors.units import Duration, format_duration, ms

Way: TypeAlias = Literal["in", "out"]
"""A direction as the target sees it: "in" is what it receives, "out" what it sends."""

Direction: TypeAlias = Literal["in", "out", "both"]

GATEWAY = "gateway"
"""The target of a partition between the gateway and its clients; no provider has that name."""

LOAD = "load"
"""The peer of such a partition when it is to part the gateway from all workloads."""

_OPPOSITE: dict[Direction, Direction] = {"in": "out", "out": "in", "both": "both"}


class Chunk(Protocol):
    """What enters one direction of a connection under a fault: bytes as they were sent or came in, or an end."""

    @property
    def is_noticed_close(self) -> bool:
        """Whether it is this side's close, and the peer has not closed before."""

    def draw(self) -> float:
        """A number from 0 to 1, keyed by the fault, the direction, and how many it has drawn here."""

    def delay(self, delay: Duration) -> None:
        """It leaves so much later."""


class Piece(Protocol):
    """What leaves next in one direction: what is left of a chunk, or as much of it as the faults let go at once."""

    def at_most(self, size_bytes: int) -> None:
        """It is no larger than this."""

    def apart(self, delay: Duration) -> None:
        """It leaves at least so much later than the one before."""

    def at_rate(self, bytes_per_s: int) -> None:
        """No more leaves in a second. Of several rates the lowest counts."""

    def cut_after(self, size_bytes: int) -> None:
        """Once so much has left here under the fault the connection is closed."""


class Connection(Protocol):
    """A connection under a fault, which can end it."""

    def reset(self, after: Duration = 0) -> None:
        """Reset it (RST); after a while only if the fault still holds then."""

    def close(self, after: Duration = 0) -> None:
        """Close it in good order; after a while only if the fault still holds then."""


class StreamFault(LastingFault, frozen=True):
    """A fault of connections and their bytes. The base of those in `kinds/`.

    In a direction which concerns it, it sees each chunk that enters, then each piece that is to leave. A piece is
    planned again whenever a fault comes or goes.
    """

    holds_back: ClassVar[bool] = False
    """Whether nothing leaves a direction that concerns it."""
    refuses: ClassVar[bool] = False
    """Whether new connections are refused, and idle ones closed."""

    def concerns(self, way: Way, *, begun_under: bool) -> bool:
        """Whether it sees what goes this way: as its field `direction` says, if it has one. `begun_under`: of a
        connection that began while it held."""
        return getattr(self, "direction", None) in (way, "both")

    def on_chunk(self, chunk: Chunk) -> None:
        """What becomes of a chunk or an end that enters."""

    def on_piece(self, piece: Piece) -> None:
        """What becomes of the next piece."""

    def on_connection(self, connection: Connection) -> None:
        """What becomes of a connection that is there when it begins."""

    def on_first_bytes(self, connection: Connection) -> None:
        """What becomes of a connection on which the first bytes pass. If it is ended they do not arrive."""

    def on_release(self, connection: Connection) -> None:
        """What becomes, at its end, of a connection that it did something to."""


class Latency(StreamFault, frozen=True, tag="latency"):
    """All bytes arrive `delay` later, and so does the end of a connection."""

    effect: ClassVar = Effect("acted")

    delay: Duration = ms(100)
    direction: Direction = "out"

    def on_chunk(self, chunk: Chunk) -> None:
        chunk.delay(self.delay)

    def scaled(self, share: float) -> Self | None:
        return replaced(self, delay=round(self.delay * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("latency", delay=self.delay)
        yield from unobservable_problems("latency", delay=self.delay)


class Jitter(StreamFault, frozen=True, tag="jitter"):
    """Each chunk, as it was sent or as it came in, arrives between 0 and `spread` later, in order still."""

    effect: ClassVar = Effect("acted")

    spread: Duration = ms(100)
    direction: Direction = "out"

    def on_chunk(self, chunk: Chunk) -> None:
        chunk.delay(int(chunk.draw() * (self.spread + 1)))

    def scaled(self, share: float) -> Self | None:
        return replaced(self, spread=round(self.spread * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("jitter", spread=self.spread)
        yield from unobservable_problems("jitter", spread=self.spread)


class Bandwidth(StreamFault, frozen=True, tag="bandwidth"):
    """No connection carries more than `bytes_per_s`, in each direction separately; in pieces of 10 ms each."""

    effect: ClassVar = Effect("acted")

    bytes_per_s: int = 10_000
    direction: Direction = "out"

    def on_piece(self, piece: Piece) -> None:
        piece.at_rate(self.bytes_per_s)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("bandwidth", bytes_per_s=self.bytes_per_s)


class SlowClose(StreamFault, frozen=True, tag="slow_close"):
    """A connection that the provider closes stays open, to its client, for `delay` longer.

    One that the client has closed first is left alone: there is nobody to notice.
    """

    effect: ClassVar = Effect("acted")

    delay: Duration = ms(1000)

    def concerns(self, way: Way, *, begun_under: bool) -> bool:
        return way == "out"

    def on_chunk(self, chunk: Chunk) -> None:
        if chunk.is_noticed_close:
            chunk.delay(self.delay)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("slow_close", delay=self.delay)
        yield from unobservable_problems("slow_close", delay=self.delay)


class Timeout(StreamFault, frozen=True, tag="timeout"):
    """Data stops: connections stay open and carry nothing.

    At its end those on which something was held back are reset, and it is lost; the others live on.
    """

    effect: ClassVar = Effect("acted", cuts_off=True, silences=True)
    holds_back: ClassVar = True

    direction: Direction = "both"

    def on_release(self, connection: Connection) -> None:
        connection.reset()  # what was held back is gone, so no stream of bytes can go on


class ResetPeer(StreamFault, frozen=True, tag="reset_peer"):
    """Connections are reset (RST): those there are at its start, and each new one `after` its first bytes.

    With an `after` of 0 those first bytes do not arrive.
    """

    effect: ClassVar = Effect("acted", cuts_off=True)

    after: Duration = 0

    def on_connection(self, connection: Connection) -> None:
        connection.reset()

    def on_first_bytes(self, connection: Connection) -> None:
        connection.reset(self.after)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.after < 0:
            yield f"reset_peer: after must be 0 or more, not {format_duration(self.after)}"


class Slicer(StreamFault, frozen=True, tag="slicer"):
    """Bytes arrive in pieces of at most `piece_bytes`, each at least `delay` after the one before."""

    effect: ClassVar = Effect("acted")

    piece_bytes: int = 16
    delay: Duration = ms(1)
    direction: Direction = "out"

    def on_piece(self, piece: Piece) -> None:
        piece.at_most(self.piece_bytes)
        piece.apart(self.delay)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("slicer", piece_bytes=self.piece_bytes, delay=self.delay)
        yield from unobservable_problems("slicer", delay=self.delay)


class LimitData(StreamFault, frozen=True, tag="limit_data"):
    """Each connection is closed once it has carried `limit_bytes` under this fault, in either direction separately.

    What is over the limit does not arrive.
    """

    effect: ClassVar = Effect("acted", cuts_off=True)

    limit_bytes: int = 1000
    direction: Direction = "out"

    def on_piece(self, piece: Piece) -> None:
        piece.cut_after(self.limit_bytes)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("limit_data", limit_bytes=self.limit_bytes)


class Refuse(StreamFault, frozen=True, tag="refuse"):
    """New connections are refused (ECONNREFUSED), and idle ones closed; requests under way go on.

    A connection is idle when nothing has passed for 100 ms and the provider spoke last, or nobody has spoken yet. One
    that became a WebSocket never is.
    """

    effect: ClassVar = Effect(
        "refused_attempts", "traffic_ceased", "clients_failed", cuts_off=True, silences=True
    )
    refuses: ClassVar = True


class Partition(StreamFault, frozen=True, tag="partition"):
    """Nothing passes between the target and `peer`, in one direction or both, not even the end of a connection.

    Between providers and the gateway, or, with the target "gateway", between the gateway and its clients: then `peer`
    is a workload's name, or "load" for all of them. No two others talk to each other.

    What was sent meanwhile arrives when the partition heals, as TCP's retransmission would have it, unless its
    connection was given up. A new connection meets silence both ways, as without an answer to its SYN; but it is
    silent only once it is open, for the kernel of whoever listens takes it.
    """

    effect: ClassVar = Effect("acted", cuts_off=True, silences=True)
    holds_back: ClassVar = True

    peer: str = GATEWAY
    """Who is on the other side."""
    direction: Direction = "both"

    @property
    def is_before_the_gateway(self) -> bool:
        """Whether it parts the gateway from its clients, and not a provider from the gateway."""
        return self.target == GATEWAY

    def parts_from(self, workload: str) -> bool:
        """Whether it parts the gateway from the workload of this name."""
        return self.is_before_the_gateway and self.peer in (workload, LOAD)

    def concerns(self, way: Way, *, begun_under: bool) -> bool:
        return begun_under or super().concerns(way, begun_under=False)

    def seen_by_peer(self) -> Self:
        """The same partition as its other side sees it: what one receives, the other sends."""
        return replaced(self, direction=_OPPOSITE[self.direction])

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.is_before_the_gateway and self.peer == GATEWAY:
            yield "partition: set `peer` to a workload's name, or to 'load' for all workloads"
        elif not self.is_before_the_gateway and self.peer != GATEWAY:
            yield (
                f"partition: only the gateway connects to a provider, so a partition from {self.peer!r} has no "
                "effect; its peer is 'gateway'"
            )


TransportFault: TypeAlias = (
    Latency | Jitter | Bandwidth | SlowClose | Timeout | ResetPeer | Slicer | LimitData | Refuse | Partition
)
