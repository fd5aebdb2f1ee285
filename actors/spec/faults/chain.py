"""Faults of the chain itself: no provider is at fault, and all of them see the same."""

from collections.abc import Iterator

from battle.actors.spec.faults.base import LastingFault

EVERYBODY = "*"


class ChainFault(LastingFault, frozen=True):
    """A fault of the chain that all providers serve. The base of those in `kinds/`."""

    target: str = EVERYBODY
    """Always "*": the chain is that of all providers, and each has a fault of its own in the log."""

    @property
    def block_times(self) -> int:
        """A block comes about once in so many block times while it holds; 0: none does."""
        raise NotImplementedError

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.target != EVERYBODY:
            yield f'{self.kind()}: the chain is that of all providers, so its target is "*", not {self.target!r}'
