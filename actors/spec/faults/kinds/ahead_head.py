"""A provider that is ahead of all others."""

from collections.abc import Iterator
from typing import ClassVar, Self

from battle.actors.spec.faults.base import Effect, above_zero_problems, replaced
from battle.actors.spec.faults.behaviour import Draft, HeadFault


class AheadHead(HeadFault, frozen=True, tag="ahead_head"):
    """The provider's head is `blocks` ahead of the chain that all others see, also in its subscriptions.

    Its blocks are those that the others have later, so what it says is right. Who has seen them and asks another
    provider for the newest block is given an older one, or asks for a block that is not there yet.
    """

    effect: ClassVar = Effect(
        "tagged_attempts", "tagged_heads", "acted", makes_stale=True, changes_answers=True
    )
    does: ClassVar = "hurried"

    blocks: int = 5

    def head_seen(self, head: int) -> int:
        return head + self.blocks

    def scaled(self, share: float) -> Self | None:
        return replaced(self, blocks=round(self.blocks * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("ahead_head", blocks=self.blocks)
        if self.blocks > AHEAD_BLOCKS_MAX:
            yield f"ahead_head: blocks must be at most {AHEAD_BLOCKS_MAX}, not {self.blocks}"

    def on_request(self, draft: Draft) -> Draft:
        return draft.from_another_chain()


AHEAD_BLOCKS_MAX = 256
"""An answer that is older than so many blocks counts as wrong: no provider may be further ahead."""
