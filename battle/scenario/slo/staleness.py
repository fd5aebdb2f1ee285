"""How old an answer may be before it harms a client: what the scenario says, and what holds without that."""

from collections.abc import Iterator

from battle.actors.spec.base import Spec
from battle.actors.units import Duration, format_duration, minutes, seconds

BLOCKS_KNOWN = 256
"""Older than so many blocks an answer counts as wrong: the chain model looks no further back."""

SETTLE_MAX = minutes(60)


class Staleness(Spec, frozen=True, kw_only=True):
    """What stale answers are no failure, where no `max_stale_answers` decides.

    `blocks`: an answer may be so many blocks behind at any time. By default 1: what a gateway caches of the head for
    a block time, and the block between two providers that learn of it one after the other.

    `settle`: so long after a fault that made a provider's head lag its answers may still be passed on, until the
    gateway has asked all providers again. After any fault a subscription may so long catch up with old heads.
    """

    blocks: int = 1
    settle: Duration = seconds(5)

    def problems(self) -> Iterator[str]:
        if not 0 <= self.blocks < BLOCKS_KNOWN:
            yield (
                f"staleness: blocks must be from 0 to {BLOCKS_KNOWN - 1}, not {self.blocks}: "
                f"an answer that is older is a wrong one"
            )
        if not 0 <= self.settle <= SETTLE_MAX:
            yield (
                f"staleness: settle must be from 0 to {format_duration(SETTLE_MAX)}, "
                f"not {format_duration(self.settle)}"
            )

    def never_over(self, load: Duration) -> Iterator[str]:
        """What is wrong with it for a load that lasts `load`, when the scenario chose it."""
        if self.settle >= load > 0 and self.settle != Staleness().settle:
            yield (
                f"staleness: settle, {format_duration(self.settle)}, is as long as the load "
                f"({format_duration(load)}): no answer after a fault would be judged"
            )
