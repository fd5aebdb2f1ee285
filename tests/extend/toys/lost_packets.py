"""A fault of connections, as a contributor adds one: this file in actors/spec/faults/kinds/."""

from collections.abc import Iterator
from typing import ClassVar

from battle.actors.spec.faults.base import Effect, ratio_problems, unobservable_problems
from battle.actors.spec.faults.transport import Chunk, Direction, StreamFault
from battle.actors.units import Duration, ms


class LostPackets(StreamFault, frozen=True, tag="lost_packets"):
    """A share of the chunks comes late, as when a packet was lost and is sent again; so does what follows them."""

    effect: ClassVar = Effect("acted")

    ratio: float = 0.1
    """That share."""
    resent_after: Duration = ms(200)
    direction: Direction = "out"

    def on_chunk(self, chunk: Chunk) -> None:
        if chunk.draw() < self.ratio:
            chunk.delay(self.resent_after)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from ratio_problems("lost_packets", ratio=self.ratio)
        yield from unobservable_problems("lost_packets", resent_after=self.resent_after)
