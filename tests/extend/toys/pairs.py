"""A kind of workload, as a contributor adds one: this file in actors/spec/workloads/kinds/."""

from collections.abc import Iterator

from battle.actors.rng import Random
from battle.actors.spec.workloads.http import HttpScheduled
from battle.actors.units import Duration, format_duration


class HttpPairs(HttpScheduled, frozen=True, kw_only=True, tag="http_pairs"):
    """Open loop: two requests at once, at a moment of its own in each period."""

    period: Duration
    duration: Duration
    jitter: Duration = 0
    """So much after the period's begin a pair can come."""

    def arrivals(self, rng: Random) -> Iterator[int]:
        for begin_ns in range(0, self.duration, self.period):
            due_ns = begin_ns + rng.randint(0, self.jitter)
            if due_ns < self.duration:
                yield from (due_ns, due_ns)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.period <= 0:
            yield f"period must be above 0, not {format_duration(self.period)}"
        elif not 0 <= self.jitter < self.period:
            yield f"jitter must be from 0 to less than the period, not {format_duration(self.jitter)}"
