"""From a chaos plan to a flat timeline. Pure: the same plan, load, providers and seed give the same timeline."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import msgspec

from battle.actors.rng import stream
from battle.actors.spec.base import Spec
from battle.actors.spec.faults.process import ProcessFault
from battle.actors.spec.faults.schedule import (
    ChaosEntry,
    Every,
    Fault,
    Ramp,
    Randomly,
    Sequence,
)
from battle.actors.spec.faults.transport import GATEWAY, Partition
from battle.actors.units import Duration

ALL = "*"
GROUP = "group:"
OLD_GROUP = "tag:"
"""How a group was named by earlier versions; it means the same."""

FAULTS_MAX = 10_000
"""Of one timeline: one each second for almost three hours. More is a mistake in the plan."""


class PlannedFault(Spec, frozen=True):
    """One fault at one target over one span, counted from the start of the load.

    `fault_id` is `<kind>-<target>.<n>`, with n counting from 1 along the timeline. `ramp_share` is the share of its
    strength at which a step of a ramp holds, 1 for any other fault. `aimed_at` is the group that the plan aims at,
    "*" or "group:cheap"; "" when it names its target.
    """

    fault_id: str
    fault: Fault
    start: Duration
    end: Duration
    ramp_share: float = 1.0
    aimed_at: str = ""

    @property
    def kind(self) -> str:
        """The fault's name in the log."""
        return self.fault.kind()

    @property
    def target(self) -> str:
        """The provider it is aimed at, or "gateway"."""
        return self.fault.target

    def parameters(self) -> dict[str, Any]:
        """The fault as plain data, for the log; its times are those of this one span."""
        data = msgspec.to_builtins(self.fault)
        assert isinstance(data, dict)
        own = {name: value for name, value in data.items() if name not in ("type", "target")}
        if self.ramp_share != 1:
            own["ramp_share"] = self.ramp_share
        if self.aimed_at:
            own["aimed_at"] = self.aimed_at
        return own


Groups = Mapping[str, tuple[str, ...]]
"""The groups of each provider, by its name, in the scenario's order."""

_Exponential = Callable[[float], float]
"""Draws an exponential number with this rate."""

_Placed = tuple[Duration, Duration, Fault, float]
"""From when to when which fault holds, at which share of its strength."""


def targets_of(target: str, groups: Groups) -> tuple[str, ...]:
    """The providers that a fault's `target` means; none when there is no such name or group."""
    if target == ALL:
        return tuple(groups)
    if target.startswith((GROUP, OLD_GROUP)):
        wanted = target.partition(":")[2]
        return tuple(name for name, own in groups.items() if wanted in own)
    return (target,) if target in groups else ()


def targets_of_fault(fault: Fault, groups: Groups) -> tuple[str, ...]:
    """Whom a fault means: providers, or the gateway, whose process it ends or pauses, or which it parts from its
    clients; none when there is none."""
    if fault.target == GATEWAY and isinstance(fault, Partition | ProcessFault):
        return (fault.target,)
    return targets_of(fault.target, groups)


def expand(
    plan: Iterable[ChaosEntry], load: Duration, groups: Groups, seed: int = 0
) -> tuple[PlannedFault, ...]:
    """The timeline of a run whose load lasts `load`: spans in order of start, then of writing.

    Repeated spans that would start after the load are left out, and random ones that would outlast it: nobody would
    be there to notice. A fault with a start of its own is kept wherever it lies, so that one aimed past the end is
    not lost silently.
    A fault at a group becomes one fault for each of its providers, at the same moment. Faults may overlap, also
    those of one kind at one target: then each holds for its own span. The plan has no problems
    (`battle.scenario.fault_validation`).
    """
    everything = (
        (start, end, msgspec.structs.replace(fault.placed(start, end), target=target), share, fault.target)
        for entry, draw in _with_draws(plan, seed)
        for start, end, fault, share in _placed(entry, load, draw)
        for target in targets_of_fault(fault, groups)
    )
    placed = list(islice(everything, FAULTS_MAX + 1))
    assert len(placed) <= FAULTS_MAX, "such a plan is refused before anything starts"
    counts: Counter[tuple[str, str]] = Counter()
    timeline = []
    for start, end, fault, share, aim in sorted(placed, key=itemgetter(0)):
        counts[fault.kind(), fault.target] += 1
        fault_id = f"{fault.kind()}-{fault.target}.{counts[fault.kind(), fault.target]}"
        aimed_at = "" if aim == fault.target else aim
        timeline.append(PlannedFault(fault_id, fault, start, end, share, aimed_at))
    return tuple(timeline)


def _with_draws(plan: Iterable[ChaosEntry], seed: int) -> Iterator[tuple[ChaosEntry, _Exponential]]:
    """Each entry with random numbers of its own, which follow from what it says: so no other entry can move its
    moments, and two entries coincide only by chance. Entries that say the same are distinguished by their number."""
    seen: Counter[bytes] = Counter()
    for entry in plan:
        words = msgspec.json.encode(entry)
        yield entry, stream(seed, f"chaos:{words.decode()}:{seen[words]}").expovariate
        seen[words] += 1


def _placed(entry: ChaosEntry, load: Duration, draw: _Exponential) -> Iterator[_Placed]:
    match entry:
        case Every():
            yield from _repeated(entry, load)
        case Randomly():
            yield from _at_random(entry, load, draw)
        case Ramp():
            yield from _ramped(entry)
        case Sequence():
            yield from _in_sequence(entry, load)
        case _:
            yield from _spans(entry, load)


def _spans(fault: Fault, load: Duration) -> Iterator[_Placed]:
    for start, end in fault.spans(load):
        yield start, end, fault, 1.0


def _repeated(every: Every, load: Duration) -> Iterator[_Placed]:
    start, end = every.fault.first
    number = 0
    while (shift := number * every.period) + start < load and number != every.times:
        yield start + shift, end + shift, every.fault, 1.0
        number += 1


def _at_random(randomly: Randomly, load: Duration, draw: _Exponential) -> Iterator[_Placed]:
    """Renewal process: up for an exponential time, then broken for as long as the fault says.

    What would outlast the load is left out: a fault that happens to begin with the last request has no effect to see.
    """
    fault = randomly.fault
    earliest, end = fault.first
    length = end - earliest
    start = earliest + _gap(randomly.mtbf, draw)
    while start + length <= load:
        yield start, start + length, fault, 1.0
        start += length + _gap(randomly.mtbf, draw)


def _gap(mean: Duration, draw: _Exponential) -> Duration:
    """Never 0, or one fault would begin before the one before it has ended."""
    return max(1, round(draw(1 / mean)))


def _ramped(ramp: Ramp) -> Iterator[_Placed]:
    """Each step is a fault of its own, one after the other, so the log shows which strength held when.

    Steps too weak to do anything are left out; neighbours that rounding makes the same are one.
    """
    for fault, same in groupby(_steps(ramp), key=itemgetter(2)):
        steps = list(same)
        if not any(fault.problems()):
            yield steps[0][0], steps[-1][1], fault, max(step[3] for step in steps)


def _steps(ramp: Ramp) -> Iterator[_Placed]:
    begin, end = ramp.fault.first
    top, bottom = begin + ramp.rise, begin + ramp.rise + end - begin
    for step in range(ramp.steps):
        yield _step(ramp, begin, ramp.rise, step, (step + 1) / (ramp.steps + 1))
    yield top, bottom, ramp.fault, 1.0
    for step in range(ramp.steps if ramp.fall else 0):
        yield _step(ramp, bottom, ramp.fall, step, (ramp.steps - step) / (ramp.steps + 1))


def _step(ramp: Ramp, begin: Duration, length: Duration, step: int, share: float) -> _Placed:
    scaled = ramp.fault.scaled(share)
    assert scaled is not None, "problems() lets nobody ramp what has no strength"
    start, end = (begin + length * number // ramp.steps for number in (step, step + 1))
    return start, end, scaled, share


def _in_sequence(sequence: Sequence, load: Duration) -> Iterator[_Placed]:
    turn = 0
    for fault in sequence.faults:
        end = turn
        for start, until in fault.spans(max(0, load - turn)):
            yield turn + start, turn + until, fault, 1.0
            end = turn + until
        turn = end + sequence.pause
