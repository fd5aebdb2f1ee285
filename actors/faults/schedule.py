"""When and how often faults happen: an entry of a chaos plan is a fault, or one of these around it."""

from collections.abc import Iterator
from typing import TypeAlias

from actors.faults.base import FaultSpec, above_zero_problems
from actors.faults.behaviour import BehaviourFault
from actors.faults.process import Flap, Kill, Pause, Restart
from actors.faults.transport import TransportFault
from actors.faults.websocket import WebSocketFault
from actors.spec import Spec
from actors.units import Duration

Fault: TypeAlias = Kill | Flap | Restart | Pause | BehaviourFault | TransportFault | WebSocketFault
"""One fault of the catalogue."""

RAMP_STEPS_MAX = 1000
"""A finer ramp than this is a lot of log and no smoother to whoever measures it."""


class _Schedule(Spec, frozen=True):
    @property
    def faults_inside(self) -> tuple[FaultSpec, ...]:
        """The faults it is about."""
        raise NotImplementedError

    def problems(self) -> Iterator[str]:
        for fault in self.faults_inside:
            yield from fault.problems()


class Every(_Schedule, frozen=True, tag="every"):
    """The fault again and again, the first time at its own `at`, then each `period` later until the load ends.

    `times` bounds how often.
    """

    fault: Fault
    period: Duration
    times: int | None = None

    @property
    def faults_inside(self) -> tuple[FaultSpec, ...]:
        return (self.fault,)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("every", period=self.period)
        if self.times is not None:
            yield from above_zero_problems("every", times=self.times)


class Randomly(_Schedule, frozen=True, tag="randomly"):
    """The fault at random moments: the time from the end of one to the begin of the next is exponential.

    `mtbf` is its mean, the mean time between failures. The first comes after its own `at` at the earliest. The
    moments follow from the run's seed, the fault's kind and its target: removing another fault moves none.
    """

    fault: Fault
    mtbf: Duration

    @property
    def faults_inside(self) -> tuple[FaultSpec, ...]:
        return (self.fault,)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("randomly", mtbf=self.mtbf)


class Ramp(_Schedule, frozen=True, tag="ramp"):
    """The fault grows in `steps` equal steps over `rise`, holds for its own duration, and fades over `fall`.

    Begins at the fault's own `at`. Only for faults that have a strength: a latency, a share, a number of blocks.
    """

    fault: Fault
    rise: Duration
    fall: Duration = 0
    steps: int = 10

    @property
    def faults_inside(self) -> tuple[FaultSpec, ...]:
        return (self.fault,)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("ramp", rise=self.rise)
        if self.fall < 0:
            yield f"ramp: fall must be 0 or more, not {self.fall}"
        if not 1 <= self.steps <= RAMP_STEPS_MAX:
            yield f"ramp: steps must be from 1 to {RAMP_STEPS_MAX}, not {self.steps}"
        if self.fault.scaled(0.5) is None:
            yield f"ramp: {self.fault.kind()} has no strength that could grow"


class Sequence(_Schedule, frozen=True, tag="sequence"):
    """Faults one after the other: each begins `pause` after the end of the one before.

    The first begins at its own `at`; the others' `at` counts from when their turn comes.
    """

    faults: tuple[Fault, ...]
    pause: Duration = 0

    @property
    def faults_inside(self) -> tuple[FaultSpec, ...]:
        return self.faults

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.faults:
            yield "sequence: it needs at least one fault"
        if self.pause < 0:
            yield f"sequence: pause must be 0 or more, not {self.pause}"
        if any(isinstance(fault, Flap) for fault in self.faults[:-1]):
            yield "sequence: a flap goes on until the load ends, so nothing can come after it"


ChaosEntry: TypeAlias = Fault | Every | Randomly | Ramp | Sequence
"""One entry of a chaos plan. Entries overlap freely."""


def faults_of(entry: ChaosEntry) -> tuple[FaultSpec, ...]:
    """The faults that an entry is about."""
    return entry.faults_inside if isinstance(entry, _Schedule) else (entry,)
