"""A fault of subscriptions, as a contributor adds one: this file in actors/spec/faults/kinds/."""

from collections.abc import Iterator
from typing import ClassVar

from battle.actors.spec.faults.base import Effect
from battle.actors.spec.faults.websocket import Head, HeadChange, SessionFault


class SkippedHeads(SessionFault, frozen=True, tag="skipped_heads"):
    """One head in so many is never published."""

    effect: ClassVar = Effect("tagged_heads", "acted")

    one_in: int = 3

    def on_head(self, head: Head) -> HeadChange | None:
        return None if head.number % self.one_in else "missed"

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.one_in < 2:
            yield f"skipped_heads: one_in must be at least 2, not {self.one_in}"
