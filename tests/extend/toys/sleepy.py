"""A fault, as a contributor adds one: this file in actors/spec/faults/kinds/."""

from collections.abc import Iterator
from typing import ClassVar

from battle.actors.spec.faults.base import Effect, unobservable_problems
from battle.actors.spec.faults.behaviour import AnswerFault, Draft
from battle.actors.units import Duration, ms


class Sleepy(AnswerFault, frozen=True, tag="sleepy"):
    """The provider takes a nap before every other answer."""

    effect: ClassVar = Effect("tagged_attempts")

    nap: Duration = ms(50)
    """How long it sleeps."""

    def on_request(self, draft: Draft) -> Draft:
        return draft.slowed(self.nap) if draft.falls(0.5) else draft

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from unobservable_problems("sleepy", nap=self.nap)
