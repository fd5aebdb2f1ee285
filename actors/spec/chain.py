"""What a scenario says about the chain its providers serve."""

from collections.abc import Iterator
from typing import Literal, TypeAlias, get_args

from battle.actors.spec.base import Spec
from battle.actors.units import Duration, format_duration, seconds

SubscriptionKind: TypeAlias = Literal["newHeads", "logs", "newPendingTransactions"]
"""What a chain publishes to those who subscribe."""

SUBSCRIPTION_KINDS: tuple[SubscriptionKind, ...] = get_args(SubscriptionKind)


class Chain(Spec, frozen=True):
    """A chain without a past to store: all of it follows from `seed`.

    The head is at `start_height` at the run's epoch and advances by one every `block_time`.
    """

    seed: int = 1
    chain_id: int = 1
    block_time: Duration = seconds(2)
    start_height: int = 19_000_000

    def problems(self) -> Iterator[str]:
        if self.block_time <= 0:
            yield f"chain: block_time must be above 0, not {format_duration(self.block_time)}"
        if self.chain_id <= 0 or self.start_height < 128:
            yield "chain: chain_id must be above 0 and start_height at least 128"
