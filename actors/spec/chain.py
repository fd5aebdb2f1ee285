"""What a scenario says about the chain its providers serve."""

from collections.abc import Iterator
from typing import Literal, TypeAlias, get_args

from battle.actors.spec.base import Spec
from battle.actors.units import Duration, format_duration, seconds

SubscriptionKind: TypeAlias = Literal["newHeads", "logs", "newPendingTransactions"]
"""What a chain publishes to those who subscribe."""

SUBSCRIPTION_KINDS: tuple[SubscriptionKind, ...] = get_args(SubscriptionKind)


_LEAST_BLOCKS = 128
"""How much there must be before a run: generated requests ask about the last hundred blocks."""


class Pace(Spec, frozen=True):
    """How fast blocks come about from a moment on: one in `block_times` block times, none when that is 0."""

    at_ns: int
    block_times: int


class Chain(Spec, frozen=True):
    """A chain without a past to store: all of it follows from `seed`.

    The head is at `start_height` at the run's epoch and advances by one every `block_time`.
    """

    seed: int = 1
    chain_id: int = 1
    block_time: Duration = seconds(2)
    start_height: int = 19_000_000
    history: int = 256
    """How many blocks there are before `start_height`. For an older one a provider answers error 4444 "pruned history
    unavailable", as nodes do that keep no old blocks."""

    def problems(self) -> Iterator[str]:
        if self.block_time <= 0:
            yield f"chain: block_time must be above 0, not {format_duration(self.block_time)}"
        if self.chain_id <= 0 or self.start_height < _LEAST_BLOCKS:
            yield f"chain: chain_id must be above 0 and start_height at least {_LEAST_BLOCKS}"
        if self.history < _LEAST_BLOCKS:
            yield f"chain: history must be at least {_LEAST_BLOCKS} blocks, not {self.history}"

    @property
    def oldest_height(self) -> int:
        """The height of the oldest block that nodes have."""
        return max(self.start_height - self.history, 0)
