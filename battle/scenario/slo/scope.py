"""Which part of a run an SLO is about: a span of time, a workload, a method."""

from collections.abc import Iterator

import msgspec

from battle.actors.units import duration_problem, format_duration
from battle.formatting import duration_text

RUN, BEFORE, DURING, AFTER = "run", "before", "during", "after"

RELATIVE = (BEFORE, DURING, AFTER)
"""The spans that faults make of a run. Each moment of a load is in exactly one of them, once a fault was applied."""

RESERVED = frozenset(
    {RUN, *RELATIVE, "in", "phase", "fault", "faults", "for", "of", "workload", "method", "grace", "and"}
)
"""Words of the text form, which name no phase."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What an SLO is about; the defaults are all of the run.

    `when` is "run", "before", "during" or "after" faults, or the name of a phase. `fault` selects faults by words
    that name their id, kind or target; None: all. A fault lasts until it was reverted, and `grace_ns` more.
    """

    when: str = RUN
    fault: str | None = None
    grace_ns: int = 0
    workload: str | None = None
    method: str | None = None

    @property
    def timed(self) -> bool:
        """Whether it is about a part of the run's time."""
        return self.when != RUN

    @property
    def text(self) -> str:
        """The scope in words, such as "during faults of workload reads"; empty for all of the run."""
        return " ".join(_words(self))

    def problems(self) -> Iterator[str]:
        """Each thing wrong with it by itself."""
        if self.when not in RELATIVE and self.fault is not None:
            yield 'fault selects faults for when="before", "during" or "after"'
        if self.fault is not None and not self.fault.strip():
            yield 'fault is empty; write words such as "kill a", or leave it out for all faults'
        if self.grace_ns < 0:
            yield f"grace must be 0 or more, not {format_duration(self.grace_ns)}"
        elif problem := duration_problem(self.grace_ns):
            yield f"grace = {format_duration(self.grace_ns)}: {problem}"
        if self.grace_ns and self.when not in (DURING, AFTER):
            yield 'grace says how long after a fault "during" ends and "after" begins: give one of them as when'


WHOLE_RUN = Scope()


def _words(scope: Scope) -> Iterator[str]:
    if scope.when in RELATIVE:
        yield f"{scope.when} faults" if scope.fault is None else f"{scope.when} fault {scope.fault}"
        if scope.grace_ns:
            yield f"with {duration_text(scope.grace_ns)} of grace"
    elif scope.timed:
        yield f"in phase {scope.when}"
    parts = [
        f"{kind} {name}"
        for kind, name in (("workload", scope.workload), ("method", scope.method))
        if name is not None
    ]
    if parts:
        yield "of " + " and ".join(parts)
