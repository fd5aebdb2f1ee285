"""From a chaos plan to a flat timeline. Pure: the same plan, load, providers and seed give the same timeline."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from actors.faults.schedule import ChaosEntry, Every, Fault, Ramp, Randomly, Sequence
from actors.spec import Spec
from actors.units import Duration
from actors.world.chance import stream

ALL = "*"
TAG = "tag:"


class PlannedFault(Spec, frozen=True):
    """One fault at one target over one span, counted from the begin of the load.

    `fault_id` is `<kind>-<target>.<n>`, with n counting from 1 along the timeline.
    """

    fault_id: str
    fault: Fault
    start: Duration
    end: Duration

    @property
    def kind(self) -> str:
        """The fault's name in the log."""
        return self.fault.kind()

    @property
    def target(self) -> str:
        """The provider it is aimed at."""
        return self.fault.target

    def parameters(self) -> dict[str, Any]:
        """The fault as plain data, for the log."""
        data = msgspec.to_builtins(self.fault)
        assert isinstance(data, dict)
        return {name: value for name, value in data.items() if name not in ("type", "target")}


Tags = Mapping[str, tuple[str, ...]]
"""The tags of each provider, by its name, in the scenario's order."""

_Placed = tuple[Duration, Duration, Fault]


def targets_of(target: str, tags: Tags) -> tuple[str, ...]:
    """The providers that a fault's `target` means; none when there is none of that name or tag."""
    if target == ALL:
        return tuple(tags)
    if target.startswith(TAG):
        return tuple(name for name, own in tags.items() if target.removeprefix(TAG) in own)
    return (target,) if target in tags else ()


def expand(plan: Iterable[ChaosEntry], load: Duration, tags: Tags, seed: int = 0) -> tuple[PlannedFault, ...]:
    """The timeline of a run whose load lasts `load`: spans in order of start, then of writing.

    Repeated spans that would start after the load are left out: nobody would be there to notice. A fault
    with a start of its own is kept wherever it lies, so that one aimed past the end is not lost silently.
    A fault at a group becomes one fault for each of its providers, at the same moment.
    """
    placed = [
        (start, end, msgspec.structs.replace(fault, target=target))
        for entry in plan
        for start, end, fault in _placed(entry, load, seed)
        for target in targets_of(fault.target, tags)
    ]
    counts: Counter[tuple[str, str]] = Counter()
    timeline = []
    for start, end, fault in sorted(placed, key=lambda span: span[0]):
        counts[fault.kind(), fault.target] += 1
        fault_id = f"{fault.kind()}-{fault.target}.{counts[fault.kind(), fault.target]}"
        timeline.append(PlannedFault(fault_id, fault, start, end))
    return tuple(timeline)


def _placed(entry: ChaosEntry, load: Duration, seed: int) -> Iterator[_Placed]:
    match entry:
        case Every():
            yield from _repeated(entry, load)
        case Randomly():
            yield from _at_random(entry, load, seed)
        case Ramp():
            yield from _ramped(entry)
        case Sequence():
            yield from _in_sequence(entry, load)
        case _:
            yield from _spans(entry, load)


def _spans(fault: Fault, load: Duration) -> Iterator[_Placed]:
    for start, end in fault.spans(load):
        yield start, end, fault


def _repeated(every: Every, load: Duration) -> Iterator[_Placed]:
    for start, end in every.fault.spans(load):
        number = 0
        while (shift := number * every.period) + start < load and number != every.times:
            yield start + shift, end + shift, every.fault
            number += 1


def _at_random(randomly: Randomly, load: Duration, seed: int) -> Iterator[_Placed]:
    """Renewal process: up for an exponential time, then broken for as long as the fault says."""
    fault = randomly.fault
    gap = stream(seed, f"chaos:{fault.kind()}:{fault.target}").expovariate
    (first, end), *_ = fault.spans(load)
    length = end - first
    start = first + round(gap(1 / randomly.mtbf))
    while start < load:
        yield start, start + length, fault
        start += length + round(gap(1 / randomly.mtbf))


def _ramped(ramp: Ramp) -> Iterator[_Placed]:
    """Each step is a fault of its own, one after the other, so the log tells which strength held when."""
    (begin, end), *_ = ramp.fault.spans(0)
    top = begin + ramp.rise
    for step in range(ramp.steps):
        share = (step + 1) / (ramp.steps + 1)
        yield (*_part(begin, ramp.rise, step, ramp.steps), _scaled(ramp.fault, share))
    bottom = top + end - begin
    yield top, bottom, ramp.fault
    for step in range(ramp.steps if ramp.fall else 0):
        share = (ramp.steps - step) / (ramp.steps + 1)
        yield (*_part(bottom, ramp.fall, step, ramp.steps), _scaled(ramp.fault, share))


def _part(begin: Duration, length: Duration, step: int, steps: int) -> tuple[Duration, Duration]:
    return begin + length * step // steps, begin + length * (step + 1) // steps


def _scaled(fault: Fault, share: float) -> Fault:
    scaled = fault.scaled(share)
    assert scaled is not None, "problems() lets nobody ramp what has no strength"
    return scaled


def _in_sequence(sequence: Sequence, load: Duration) -> Iterator[_Placed]:
    turn = 0
    for fault in sequence.faults:
        end = turn
        for start, until in fault.spans(load):
            yield turn + start, turn + until, fault
            end = max(end, turn + until)
        turn = end + sequence.pause
