"""Faults of processes: what happens to a provider's whole node."""

from collections.abc import Iterator
from typing import Self

from actors.faults.base import FaultSpec, LastingFault, Span, above_zero_problems, replaced, span_problems
from actors.units import Duration, seconds


class Kill(FaultSpec, frozen=True, tag="kill"):
    """SIGKILL to the provider at `at`; it is started again `down` later."""

    at: Duration
    down: Duration = seconds(5)

    def spans(self, load: Duration) -> Iterator[Span]:
        yield self.at, self.at + self.down

    def moved(self, to: Duration) -> Self:
        return replaced(self, at=to)

    def problems(self) -> Iterator[str]:
        yield from span_problems("kill", self.at, self.down)


class Flap(FaultSpec, frozen=True, tag="flap"):
    """The provider is killed, stays `down`, comes back for `up`, and so on until the load ends.

    It first goes down at `at`; without it, after one `up`.
    """

    down: Duration
    up: Duration
    at: Duration | None = None

    @property
    def first_down(self) -> Duration:
        """When it is killed for the first time."""
        return self.up if self.at is None else self.at

    def spans(self, load: Duration) -> Iterator[Span]:
        start = self.first_down
        while start < load:
            yield start, start + self.down
            start += self.down + self.up

    def moved(self, to: Duration) -> Self:
        return replaced(self, at=to)

    def problems(self) -> Iterator[str]:
        yield from span_problems("flap", self.first_down, self.down)
        yield from above_zero_problems("flap", up=self.up)


class Restart(FaultSpec, frozen=True, tag="restart"):
    """The provider is asked to stop, as at a deployment (SIGTERM's way), and started again `down` later."""

    at: Duration
    down: Duration = seconds(1)

    def spans(self, load: Duration) -> Iterator[Span]:
        yield self.at, self.at + self.down

    def moved(self, to: Duration) -> Self:
        return replaced(self, at=to)

    def problems(self) -> Iterator[str]:
        yield from span_problems("restart", self.at, self.down)


class Pause(LastingFault, frozen=True, tag="pause"):
    """SIGSTOP to the provider, and SIGCONT after `duration`: it accepts connections and does nothing."""
