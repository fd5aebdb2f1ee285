"""Faults of the network between a provider and whoever calls it, applied to the byte stream.

`direction` is as the provider sees it: "in" is what it receives, "out" what it sends. A fault falls upon the
connections there are at its start and upon new ones, and only upon what passes from then on. At its end what it still
delays or holds back goes on at once, but for `Timeout`. Several at once add up; bytes never overtake one another.
"""

from collections.abc import Iterator
from typing import Literal, Self, TypeAlias

from actors.faults.base import LastingFault, above_zero_problems, replaced
from actors.units import Duration, ms

Direction: TypeAlias = Literal["in", "out", "both"]


class Latency(LastingFault, frozen=True, tag="latency"):
    """All bytes arrive `delay` later, and so does the end of a connection."""

    delay: Duration = ms(100)
    direction: Direction = "out"

    def scaled(self, share: float) -> Self | None:
        return replaced(self, delay=round(self.delay * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("latency", delay=self.delay)


class Jitter(LastingFault, frozen=True, tag="jitter"):
    """Each chunk, as it was sent or as it came in, arrives between 0 and `spread` later, in order still."""

    spread: Duration = ms(100)
    direction: Direction = "out"

    def scaled(self, share: float) -> Self | None:
        return replaced(self, spread=round(self.spread * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("jitter", spread=self.spread)


class Bandwidth(LastingFault, frozen=True, tag="bandwidth"):
    """No connection carries more than `bytes_per_s`, in each direction by itself; in pieces of 10 ms each."""

    bytes_per_s: int = 10_000
    direction: Direction = "out"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("bandwidth", bytes_per_s=self.bytes_per_s)


class SlowClose(LastingFault, frozen=True, tag="slow_close"):
    """A connection that the provider closes stays open, to its client, for `delay` longer.

    One that the client has closed first is left alone: there is nobody to notice.
    """

    delay: Duration = ms(1000)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("slow_close", delay=self.delay)


class Timeout(LastingFault, frozen=True, tag="timeout"):
    """Data stops: connections stay open and carry nothing.

    At its end those on which something was held back are reset, and it is lost; the others live on.
    """

    direction: Direction = "both"


class ResetPeer(LastingFault, frozen=True, tag="reset_peer"):
    """Connections are reset (RST): those there are at its start, and each new one `after` its first bytes.

    With an `after` of 0 those first bytes do not arrive.
    """

    after: Duration = 0

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.after < 0:
            yield f"reset_peer: after must be 0 or more, not {self.after}"


class Slicer(LastingFault, frozen=True, tag="slicer"):
    """Bytes arrive in pieces of at most `piece_bytes`, each at least `delay` after the one before."""

    piece_bytes: int = 16
    delay: Duration = ms(1)
    direction: Direction = "out"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("slicer", piece_bytes=self.piece_bytes, delay=self.delay)


class LimitData(LastingFault, frozen=True, tag="limit_data"):
    """Each connection is closed once it has carried `limit_bytes` under this fault, in either direction by itself.

    What is over the limit does not arrive.
    """

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


class Partition(LastingFault, frozen=True, tag="partition"):
    """Nothing passes between the provider and `peer`, in one direction or both, not even the end of a connection.

    What was sent meanwhile arrives when the partition heals, as TCP's retransmission would have it, unless its
    connection was given up. A new connection meets silence both ways, as without an answer to its SYN; but it is
    silent only once it is open, for the provider's kernel takes it. Nobody but the gateway talks to a provider, so
    `peer` can only be "gateway".
    """

    peer: str = "gateway"
    direction: Direction = "both"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.peer != "gateway":
            yield (
                f"partition: only the gateway talks to a provider, so a partition from {self.peer!r} would part "
                "nobody; its peer is 'gateway'"
            )


TransportFault: TypeAlias = (
    Latency | Jitter | Bandwidth | SlowClose | Timeout | ResetPeer | Slicer | LimitData | Refuse | Partition
)
