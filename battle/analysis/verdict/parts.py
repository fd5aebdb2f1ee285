"""The parts of a run: where in its time each is, as the log says. The whole run is one of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.scenario.slo.scope import AFTER, BEFORE, RELATIVE, WHOLE_RUN, Scope
from battle.scenario.slo.windows import WHOLE, Window, fault_windows, merged, selects


class StepsBeyondKnee(NamedTuple):
    """The steps beyond a knee, which look for the limit: of which workload each is, from when until when.

    Where no step met its SLOs there is no knee, and all of them count.
    """

    workloads: tuple[str, ...] = ()
    starts_ns: tuple[int, ...] = ()
    ends_ns: tuple[int, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """For queries that leave them out."""
        return {
            "beyond_workloads": self.workloads,
            "beyond_starts_ns": self.starts_ns,
            "beyond_ends_ns": self.ends_ns,
        }

    @property
    def note(self) -> str:
        """What was left out, in words."""
        return f"without the steps beyond the knee of {' and '.join(dict.fromkeys(self.workloads))}"


ALL_STEPS = StepsBeyondKnee()
"""No step is left out."""


class Part(NamedTuple):
    """A part of a run: its windows, or why it has none, and the parameters that queries take for it.

    Success and latency of its requests leave out the steps `beyond` a knee.
    """

    scope: Scope
    windows: tuple[Window, ...]
    missing: str | None = None
    beyond: StepsBeyondKnee = ALL_STEPS

    @property
    def times(self) -> dict[str, Any]:
        """The windows as bound parameters."""
        return {
            "starts_ns": tuple(start for start, _ in self.windows),
            "ends_ns": tuple(end for _, end in self.windows),
        }

    @property
    def with_all_steps(self) -> Self:
        """The same part, of which no step is left out."""
        return self._replace(beyond=ALL_STEPS)

    @property
    def is_whole(self) -> bool:
        """Whether it is all that the run, or one workload, did."""
        return not self.scope.timed and self.scope.method is None


WHOLE_PART = Part(WHOLE_RUN, WHOLE)
"""The whole run."""


def part_of_workload(workload: str | None, windows: tuple[Window, ...] = WHOLE) -> Part:
    """What a workload, or with None all of them, did in these windows."""
    return Part(Scope(workload=workload), windows)


def is_windowed(parameters: Mapping[str, object]) -> bool:
    """Whether a query with these parameters asks of some windows of the run, and not of all of it."""
    return any(parameters.get(name, times) != times for name, times in WHOLE_PART.times.items())


def part_of(log: Log, scope: Scope) -> Part:
    """Where in the run's time the scope is, by the log."""
    if not scope.timed:
        return Part(scope, WHOLE)
    if scope.when in RELATIVE:
        return _relative(log, scope)
    phase = next((row for row in log.rows("planned_phases") if row.name == scope.when), None)
    if phase is None:
        return Part(scope, (), f"the scenario has no phase {scope.when!r}")
    if phase.started_ns is None:
        return Part(scope, (), f"phase {scope.when} never started: the load never started")
    if phase.load_ended_ns is not None and phase.load_ended_ns <= phase.started_ns:
        over = at_text(phase.load_ended_ns, load_began_ns(log))
        return Part(scope, (), f"phase {scope.when} never started: the load ended {over}")
    return Part(scope, merged([(phase.started_ns, phase.ended_ns)]))


def _relative(log: Log, scope: Scope) -> Part:
    spans = log.rows("fault_spans")
    windows = fault_windows(scope, spans)
    if windows:
        return Part(scope, windows)
    what = "no fault" if scope.fault is None else f"no fault {scope.fault}"
    if not any(selects(scope.fault, span) for span in spans):
        return Part(scope, (), f"{what} was applied")
    if scope.when == AFTER:
        return Part(scope, (), "a fault was active to the end of the log, so there was no time after it")
    if scope.when == BEFORE:
        return Part(scope, (), "a fault was active from the start, so there was no time before it")
    return Part(scope, (), f"{what} lasted for any time")
