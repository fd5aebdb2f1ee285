"""Spans of a load that a scenario names: phases for its SLOs, and the healing at its end."""

import re
from collections.abc import Iterator

from battle.actors.spec.base import Spec
from battle.actors.units import Duration, format_duration, ms, not_a_share, seconds
from battle.scenario.slo.scope import RESERVED

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Phase(Spec, frozen=True):
    """A named window of the load, for SLOs with `when="<name>"`: from `at`, counted from the load's start."""

    name: str
    at: Duration
    duration: Duration

    def problems(self) -> Iterator[str]:
        if not _NAME.fullmatch(self.name):
            yield f"phase {self.name!r}: a name is a lower-case letter, then up to 31 of a-z 0-9 _ -"
        if self.name in RESERVED:
            yield f"phase {self.name!r}: that word is reserved in SLOs; choose another name"
        if self.at < 0:
            yield f"phase {self.name}: at must be 0 or later, not {format_duration(self.at)}"
        if self.duration <= 0:
            yield f"phase {self.name}: duration must be above 0, not {format_duration(self.duration)}"

    def outside(self, load: Duration) -> Iterator[str]:
        """What is wrong with it for a load that lasts `load`."""
        if self.at + self.duration > load > 0:
            end = format_duration(self.at + self.duration)
            yield f"phase {self.name}: it would end at {end}, and the load is over after {format_duration(load)}"


class Healing(Spec, frozen=True, kw_only=True):
    """The end of the load is without faults, and the run must return to its steady state: safety, then liveness.

    For the last `duration` of the load no fault is active: a fault planned past its start is refused, and those that
    repeat stop before it. `within` after the last fault was reverted, and until the load ends, each workload's
    success rate may be at most `max_success_loss` (a share: 0.01 is one percentage point) below that before the
    first fault, and its p95 latency at most `max_p95_ratio` times as long, or `p95_slack` longer, whichever is more.
    Otherwise the run fails with the finding `metastable_failure`.

    `workload` looks at one workload only. Fewer than `min_requests` before the first fault, or after `within`, show
    nothing.
    """

    duration: Duration
    within: Duration = seconds(5)
    max_success_loss: float = 0.01
    max_p95_ratio: float = 1.5
    p95_slack: Duration = ms(20)
    min_requests: int = 100
    workload: str | None = None

    def problems(self) -> Iterator[str]:
        if self.duration <= 0:
            yield f"healing: duration must be above 0, not {format_duration(self.duration)}"
        elif self.within < 0:
            yield f"healing: within must be 0 or more, not {format_duration(self.within)}"
        elif self.within >= self.duration:
            yield (
                f"healing: within, {format_duration(self.within)}, must be shorter than duration, "
                f"{format_duration(self.duration)}: what comes between is what is judged"
            )
        if not 0 <= self.max_success_loss < 1:
            yield f"healing: max_success_loss {not_a_share(self.max_success_loss, 'from 0 to below 1')}"
        if not self.max_p95_ratio >= 1 or self.p95_slack < 0:
            yield "healing: max_p95_ratio must be 1 or more, and p95_slack 0 or more"
        if self.min_requests < 1:
            yield f"healing: min_requests must be 1 or more, not {self.min_requests}"
