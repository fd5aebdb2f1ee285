"""What a scenario says about the faults: small frozen structs. Times count from the begin of the load."""

from collections.abc import Iterator
from typing import TypeAlias

from actors.behaviour import FailureKind, Latency
from actors.spec import Spec
from actors.units import Duration, seconds


class Kill(Spec, frozen=True, tag="kill"):
    """SIGKILL to the provider at `at`; it is started again `down` later."""

    target: str
    at: Duration
    down: Duration = seconds(5)

    def problems(self) -> Iterator[str]:
        yield from _span_problems("kill", self.at, self.down)


class Flap(Spec, frozen=True, tag="flap"):
    """The provider is killed, stays `down`, comes back for `up`, and so on until the load ends.

    It first goes down at `at`; without it, after one `up`.
    """

    target: str
    down: Duration
    up: Duration
    at: Duration | None = None

    def problems(self) -> Iterator[str]:
        yield from _span_problems("flap", self.first_down, self.down)
        if self.up <= 0:
            yield f"flap: up must be above 0, not {self.up}"

    @property
    def first_down(self) -> Duration:
        """When it is killed for the first time."""
        return self.up if self.at is None else self.at


class Degrade(Spec, frozen=True, tag="degrade"):
    """The provider gets worse without dying: `added_latency` on each answer, and a share of errors."""

    target: str
    at: Duration
    duration: Duration
    added_latency: Latency = 0
    error_ratio: float = 0.0
    error_kinds: tuple[FailureKind, ...] = ("http_503",)

    def problems(self) -> Iterator[str]:
        yield from _span_problems("degrade", self.at, self.duration)
        if not 0 <= self.error_ratio <= 1:
            yield f"degrade: error_ratio is a share from 0 to 1, not {self.error_ratio}"
        if not self.error_kinds:
            yield "degrade: error_kinds needs at least one kind"
        if self.added_latency == 0 and self.error_ratio == 0:
            yield "degrade: give it an added_latency or an error_ratio, or it does nothing"
        if isinstance(self.added_latency, int):
            if self.added_latency < 0:
                yield f"degrade: added_latency cannot be negative ({self.added_latency} ns)"
        else:
            yield from self.added_latency.problems()


Fault: TypeAlias = Kill | Flap | Degrade


def _span_problems(kind: str, at: Duration, length: Duration) -> Iterator[str]:
    if at < 0:
        yield f"{kind}: at must be 0 or later, not {at}"
    if length <= 0:
        yield f"{kind}: it must last longer than 0, not {length}"
