"""The chain of all providers comes to a halt, or gets slow."""

from collections.abc import Iterator
from typing import ClassVar

from battle.actors.spec.faults.base import Effect
from battle.actors.spec.faults.chain import ChainFault

SLOWEST_TIMES = 1000
"""A chain that is slower than this has halted."""


class ChainHalt(ChainFault, frozen=True, tag="chain_halt"):
    """No provider has a new block while it lasts; all of them live and answer.

    Afterwards the chain goes on with the next height at the next block time. Answers of the last block are right
    meanwhile: nobody has anything newer.
    """

    effect: ClassVar = Effect("acted")

    @property
    def block_times(self) -> int:
        return 0


class SlowChain(ChainFault, frozen=True, tag="slow_chain"):
    """Blocks come about `times` times slower for all providers: once in so many block times."""

    effect: ClassVar = Effect("acted")

    times: int = 4
    """How much slower; at least 2."""

    @property
    def block_times(self) -> int:
        return self.times

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 2 <= self.times <= SLOWEST_TIMES:
            yield f"slow_chain: times must be from 2 to {SLOWEST_TIMES}, not {self.times}"
