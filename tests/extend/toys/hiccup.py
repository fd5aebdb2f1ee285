"""A fault of processes, as a contributor adds one: this file in actors/spec/faults/kinds/."""

from collections.abc import Iterator
from typing import ClassVar

from battle.actors.spec.faults.base import Effect, LastingFault, TargetNode
from battle.actors.spec.faults.process import ProcessFault
from battle.actors.units import Duration, format_duration, ms


class Hiccup(LastingFault, ProcessFault, frozen=True, tag="hiccup"):
    """The provider's process stands still for a moment, again and again."""

    effect: ClassVar = Effect("paused", must_be_noticed=True)

    period: Duration = ms(500)
    """From one moment to the next."""
    moment: Duration = ms(100)
    """How long each is."""

    def begin(self, node: TargetNode) -> None:
        node.after(self.period, lambda: self.begin(node))
        node.after(self.moment, node.resume)
        node.pause()

    def end(self, node: TargetNode) -> None:
        node.resume()

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 0 < self.moment < self.period:
            yield f"hiccup: moment must be above 0 and below the period, not {format_duration(self.moment)}"
