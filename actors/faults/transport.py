"""Faults of the network between a provider and whoever calls it, applied to the byte stream.

`direction` is as the provider sees it: "in" is what it receives, "out" what it sends.
"""

from collections.abc import Iterator
from typing import Literal, Self, TypeAlias

from actors.faults.base import LastingFault, above_zero_problems, replaced
from actors.units import Duration, ms

Direction: TypeAlias = Literal["in", "out", "both"]


class Latency(LastingFault, frozen=True, tag="latency"):
    """All bytes arrive `delay` later."""

    delay: Duration = ms(100)
    direction: Direction = "out"

    def scaled(self, share: float) -> Self | None:
        return replaced(self, delay=round(self.delay * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("latency", delay=self.delay)


class Jitter(LastingFault, frozen=True, tag="jitter"):
    """Each chunk arrives between 0 and `spread` later, in order still."""

    spread: Duration = ms(100)
    direction: Direction = "out"

    def scaled(self, share: float) -> Self | None:
        return replaced(self, spread=round(self.spread * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("jitter", spread=self.spread)


class Bandwidth(LastingFault, frozen=True, tag="bandwidth"):
    """No connection carries more than `bytes_per_s`."""

    bytes_per_s: int = 10_000
    direction: Direction = "out"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("bandwidth", bytes_per_s=self.bytes_per_s)


class SlowClose(LastingFault, frozen=True, tag="slow_close"):
    """A connection that is to be closed stays open for `delay` longer."""

    delay: Duration = ms(1000)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("slow_close", delay=self.delay)


class Timeout(LastingFault, frozen=True, tag="timeout"):
    """Data stops: connections stay open and carry nothing. At its end they are lost, with what was held back."""

    direction: Direction = "both"


class ResetPeer(LastingFault, frozen=True, tag="reset_peer"):
    """Connections are reset (RST): those there are at its start, and each new one `after` its first bytes."""

    after: Duration = 0

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.after < 0:
            yield f"reset_peer: after must be 0 or more, not {self.after}"


class Slicer(LastingFault, frozen=True, tag="slicer"):
    """Bytes arrive in pieces of `piece_bytes`, each `delay` after the one before."""

    piece_bytes: int = 16
    delay: Duration = ms(1)
    direction: Direction = "out"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("slicer", piece_bytes=self.piece_bytes, delay=self.delay)


class LimitData(LastingFault, frozen=True, tag="limit_data"):
    """Each connection is closed once it has carried `limit_bytes`."""

    limit_bytes: int = 1000
    direction: Direction = "out"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("limit_data", limit_bytes=self.limit_bytes)


class Refuse(LastingFault, frozen=True, tag="refuse"):
    """New connections are refused (ECONNREFUSED), and idle ones closed; requests under way go on."""


class Partition(LastingFault, frozen=True, tag="partition"):
    """Nothing passes between the provider and `peer`, in one direction or both, not even the end of a connection.

    New connections meet silence as well. What was sent meanwhile arrives when the partition heals, as TCP's
    retransmission would have it, unless its connection was given up.
    """

    peer: str = "gateway"
    direction: Direction = "both"


TransportFault: TypeAlias = (
    Latency | Jitter | Bandwidth | SlowClose | Timeout | ResetPeer | Slicer | LimitData | Refuse | Partition
)
