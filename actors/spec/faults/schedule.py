"""When and how often faults happen: an entry of a chaos plan is a fault, or one of these around it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, Union, get_args

from battle.actors.spec.base import Spec
from battle.actors.spec.faults.base import above_zero_problems
from battle.actors.spec.faults.behaviour import BehaviourFault
from battle.actors.spec.faults.kinds import KINDS
from battle.actors.spec.faults.process import (
    Flap,
    Kill,
    Pause,
    Restart,
)
from battle.actors.spec.faults.transport import TransportFault
from battle.actors.spec.faults.websocket import WebSocketFault
from battle.actors.units import Duration, format_duration, ms
from battle.store.definitions import refuse_twins

Fault: TypeAlias = Kill | Flap | Restart | Pause | BehaviourFault | TransportFault | WebSocketFault
"""One fault of the catalogue."""
if not TYPE_CHECKING:  # which cannot know what is in a folder
    Fault = Union[(Fault, *KINDS)]
    refuse_twins("fault", (kind.kind() for kind in get_args(Fault)))

RAMP_STEPS_MAX = 1000
"""A finer ramp than this is a lot of log and no smoother to whoever measures it."""

RAMP_STEP_MIN = ms(10)
"""A step that meets no request shows no effect, and a fault without effect leaves the run INCONCLUSIVE."""


class Schedule(Spec, frozen=True):
    """What stands around a fault, or several, and says when they happen."""

    @classmethod
    def kind(cls) -> str:
        """What it is called in files and in messages."""
        return str(cls.__struct_config__.tag)

    @property
    def faults_inside(self) -> tuple[Fault, ...]:
        """The faults it is about."""
        raise NotImplementedError

    def problems(self) -> Iterator[str]:
        for fault in self.faults_inside:
            yield from fault.problems()

    def _endless_problems(self) -> Iterator[str]:
        """What repeats its fault cannot take one that repeats itself."""
        for fault in self.faults_inside:
            if fault.repeats_every is not None:
                yield f"{self.kind()}: a {fault.kind()} repeats itself until the load ends; use one that does not"


class Every(Schedule, frozen=True, tag="every"):
    """The fault again and again, the first time at its own `at`, then each `period` later until the load ends."""

    fault: Fault
    """What happens, and how long it holds each time."""
    period: Duration
    """From the start of one to the start of the next; it must be over by then."""
    times: int | None = None
    """How often at most."""

    @property
    def faults_inside(self) -> tuple[Fault, ...]:
        return (self.fault,)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from self._endless_problems()
        start, end = self.fault.first
        if self.period <= end - start:
            lasts, period = format_duration(end - start), format_duration(self.period)
            yield f"every: {self.fault.kind()} lasts {lasts}, so it cannot begin again every {period}"
        if self.times is not None:
            yield from above_zero_problems("every", times=self.times)


class Randomly(Schedule, frozen=True, tag="randomly"):
    """The fault at random moments, each over before the load is.

    The time from the end of one to the start of the next is exponential, and so is the time from its own `at` to
    the first.

    The moments follow from the run's seed and this entry alone: to change or remove another one moves none. A
    group's members are hit at the same moments; give each an entry of its own for moments of its own.
    """

    fault: Fault
    """What happens, and how long it holds each time."""
    mtbf: Duration
    """Mean time between failures: the mean of those times."""

    @property
    def faults_inside(self) -> tuple[Fault, ...]:
        return (self.fault,)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from self._endless_problems()
        yield from above_zero_problems("randomly", mtbf=self.mtbf)


class Ramp(Schedule, frozen=True, tag="ramp"):
    """The fault grows in `steps` equal steps over `rise`, holds for its own duration, and fades over `fall`.

    Begins at the fault's own `at`. Only for faults that have a strength: a latency, a share, a number of blocks.
    Steps that are too weak to do anything are left out, neighbours that rounding makes the same are one fault.
    """

    fault: Fault
    """What grows, at its full strength."""
    rise: Duration
    fall: Duration = 0
    steps: int = 10

    @property
    def faults_inside(self) -> tuple[Fault, ...]:
        return (self.fault,)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("ramp", rise=self.rise)
        if self.fall < 0:
            yield f"ramp: fall must be 0 or more, not {format_duration(self.fall)}"
        if not 1 <= self.steps <= RAMP_STEPS_MAX:
            yield f"ramp: steps must be from 1 to {RAMP_STEPS_MAX}, not {self.steps}"
        else:
            yield from self._step_problems()
        if self.fault.scaled(0.5) is None:
            yield f"ramp: {self.fault.kind()} has no strength that could grow"

    def _step_problems(self) -> Iterator[str]:
        for name, length in (("rise", self.rise), ("fall", self.fall)):
            if 0 < length < self.steps * RAMP_STEP_MIN:
                shortest = format_duration(RAMP_STEP_MIN)
                yield f"ramp: {self.steps} steps in a {name} of {format_duration(length)} are shorter than {shortest}"


class Sequence(Schedule, frozen=True, tag="sequence"):
    """Faults one after the other: each begins `pause` after the end of the one before.

    The first begins at its own `at`; the others' `at` counts from when their turn comes. A flap can only come last.
    """

    faults: tuple[Fault, ...]
    """What happens, in this order."""
    pause: Duration = 0

    @property
    def faults_inside(self) -> tuple[Fault, ...]:
        return self.faults

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.faults:
            yield "sequence: it needs at least one fault"
        if self.pause < 0:
            yield f"sequence: pause must be 0 or more, not {format_duration(self.pause)}"
        for fault in self.faults[:-1]:
            if fault.repeats_every is not None:
                yield f"sequence: a {fault.kind()} goes on until the load ends, so nothing can come after it"


ChaosEntry: TypeAlias = Fault | Every | Randomly | Ramp | Sequence
"""One entry of a chaos plan. Entries overlap freely."""


def faults_of(entry: ChaosEntry) -> tuple[Fault, ...]:
    """The faults that an entry is about."""
    return entry.faults_inside if isinstance(entry, Schedule) else (entry,)
