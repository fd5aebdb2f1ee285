"""From faults to a flat timeline. Pure: the same faults and load give the same timeline."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from actors.chaos.spec import Degrade, Fault, Flap, Kill
from actors.spec import Spec
from actors.units import Duration


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
        return str(self.fault.__struct_config__.tag)

    @property
    def target(self) -> str:
        """The provider it is aimed at."""
        return self.fault.target

    def parameters(self) -> dict[str, Any]:
        """The fault as plain data, for the log."""
        data = msgspec.to_builtins(self.fault)
        assert isinstance(data, dict)
        return {name: value for name, value in data.items() if name not in ("type", "target")}


def expand(faults: Iterable[Fault], load: Duration) -> tuple[PlannedFault, ...]:
    """The timeline of a run whose load lasts `load`: spans in order of start, then of writing.

    A flap's spans that would start after the load are left out: nobody would be there to notice. A fault
    with a start of its own is kept wherever it lies, so that one aimed past the end is not lost silently.
    """
    spans = [(start, end, fault) for fault in faults for start, end in _spans(fault, load)]
    counts: Counter[tuple[str, str]] = Counter()
    timeline = []
    for start, end, fault in sorted(spans, key=lambda span: span[0]):
        kind = str(fault.__struct_config__.tag)
        counts[kind, fault.target] += 1
        fault_id = f"{kind}-{fault.target}.{counts[kind, fault.target]}"
        timeline.append(PlannedFault(fault_id, fault, start, end))
    return tuple(timeline)


def _spans(fault: Fault, load: Duration) -> Iterator[tuple[Duration, Duration]]:
    match fault:
        case Kill(at=at, down=down):
            yield at, at + down
        case Degrade(at=at, duration=duration):
            yield at, at + duration
        case Flap(down=down, up=up):
            start = fault.first_down
            while start < load:
                yield start, start + down
                start += down + up
