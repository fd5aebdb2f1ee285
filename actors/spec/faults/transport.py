"""Faults of the network between a provider and whoever calls it, applied to the byte stream.

`direction` is as the target sees it: "in" is what it receives, "out" what it sends. A fault falls upon the
connections there are at its start and upon new ones, and only upon what passes from then on. At its end what it still
delays or holds back goes on at once, but for `Timeout`. Several at once add up; bytes never overtake one another.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self, TypeAlias

from battle.actors.spec.faults.base import (
    Effect,
    LastingFault,
    above_zero_problems,
    replaced,
    unobservable_problems,
)
from battle.actors.units import Duration, format_duration, ms

Direction: TypeAlias = Literal["in", "out", "both"]

GATEWAY = "gateway"
"""The target of a partition between the gateway and its clients; no provider has that name."""

LOAD = "load"
"""The peer of such a partition when it is to part the gateway from all workloads."""

_OPPOSITE: dict[Direction, Direction] = {"in": "out", "out": "in", "both": "both"}


class Latency(LastingFault, frozen=True, tag="latency"):
    """All bytes arrive `delay` later, and so does the end of a connection."""

    effect: ClassVar = Effect("acted")

    delay: Duration = ms(100)
    direction: Direction = "out"

    def scaled(self, share: float) -> Self | None:
        return replaced(self, delay=round(self.delay * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("latency", delay=self.delay)
        yield from unobservable_problems("latency", delay=self.delay)


class Jitter(LastingFault, frozen=True, tag="jitter"):
    """Each chunk, as it was sent or as it came in, arrives between 0 and `spread` later, in order still."""

    effect: ClassVar = Effect("acted")

    spread: Duration = ms(100)
    direction: Direction = "out"

    def scaled(self, share: float) -> Self | None:
        return replaced(self, spread=round(self.spread * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("jitter", spread=self.spread)
        yield from unobservable_problems("jitter", spread=self.spread)


class Bandwidth(LastingFault, frozen=True, tag="bandwidth"):
    """No connection carries more than `bytes_per_s`, in each direction separately; in pieces of 10 ms each."""

    effect: ClassVar = Effect("acted")

    bytes_per_s: int = 10_000
    direction: Direction = "out"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("bandwidth", bytes_per_s=self.bytes_per_s)


class SlowClose(LastingFault, frozen=True, tag="slow_close"):
    """A connection that the provider closes stays open, to its client, for `delay` longer.

    One that the client has closed first is left alone: there is nobody to notice.
    """

    effect: ClassVar = Effect("acted")

    delay: Duration = ms(1000)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("slow_close", delay=self.delay)
        yield from unobservable_problems("slow_close", delay=self.delay)


class Timeout(LastingFault, frozen=True, tag="timeout"):
    """Data stops: connections stay open and carry nothing.

    At its end those on which something was held back are reset, and it is lost; the others live on.
    """

    effect: ClassVar = Effect("acted", cuts_off=True, silences=True)

    direction: Direction = "both"


class ResetPeer(LastingFault, frozen=True, tag="reset_peer"):
    """Connections are reset (RST): those there are at its start, and each new one `after` its first bytes.

    With an `after` of 0 those first bytes do not arrive.
    """

    effect: ClassVar = Effect("acted", cuts_off=True)

    after: Duration = 0

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.after < 0:
            yield f"reset_peer: after must be 0 or more, not {format_duration(self.after)}"


class Slicer(LastingFault, frozen=True, tag="slicer"):
    """Bytes arrive in pieces of at most `piece_bytes`, each at least `delay` after the one before."""

    effect: ClassVar = Effect("acted")

    piece_bytes: int = 16
    delay: Duration = ms(1)
    direction: Direction = "out"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("slicer", piece_bytes=self.piece_bytes, delay=self.delay)
        yield from unobservable_problems("slicer", delay=self.delay)


class LimitData(LastingFault, frozen=True, tag="limit_data"):
    """Each connection is closed once it has carried `limit_bytes` under this fault, in either direction separately.

    What is over the limit does not arrive.
    """

    effect: ClassVar = Effect("acted", cuts_off=True)

    limit_bytes: int = 1000
    direction: Direction = "out"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("limit_data", limit_bytes=self.limit_bytes)


class Refuse(LastingFault, frozen=True, tag="refuse"):
    """New connections are refused (ECONNREFUSED), and idle ones closed; requests under way go on.

    A connection is idle when nothing has passed for 100 ms and the provider spoke last, or nobody has spoken yet. One
    that became a WebSocket never is.
    """

    effect: ClassVar = Effect(
        "refused_attempts", "traffic_ceased", "clients_failed", cuts_off=True, silences=True
    )


class Partition(LastingFault, frozen=True, tag="partition"):
    """Nothing passes between the target and `peer`, in one direction or both, not even the end of a connection.

    Between providers and the gateway, or, with the target "gateway", between the gateway and its clients: then `peer`
    is a workload's name, or "load" for all of them. No two others talk to each other.

    What was sent meanwhile arrives when the partition heals, as TCP's retransmission would have it, unless its
    connection was given up. A new connection meets silence both ways, as without an answer to its SYN; but it is
    silent only once it is open, for the kernel of whoever listens takes it.
    """

    effect: ClassVar = Effect("acted", cuts_off=True, silences=True)

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
