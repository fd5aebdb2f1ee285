"""The faults of the chain: what they make of its pace, known to all nodes before it is so."""

from collections.abc import Iterable

from battle.actors.chain.clock import ChainClock, paces_of
from battle.actors.roles import ChainPaces
from battle.actors.spec.chain import Chain, Pace
from battle.actors.spec.faults.chain import ChainFault
from battle.actors.spec.faults.timeline import PlannedFault
from battle.actors.units import ms
from battle.actors.world.interfaces import EventLog
from battle.run.nodes import NodeActor
from battle.store.events import ChainPaced

LEAD_NS = ms(100)
"""Until all nodes have got a message."""


def planned_paces(timeline: Iterable[PlannedFault], begin_ns: int) -> tuple[Pace, ...]:
    """The paces of the chain under these faults, whose times count from `begin_ns`."""
    spans = (_span(planned, begin_ns) for planned in timeline)
    return paces_of(span for span in spans if span is not None)


def _span(planned: PlannedFault, begin_ns: int) -> tuple[int, int, int] | None:
    fault = planned.fault
    if not isinstance(fault, ChainFault):
        return None
    return begin_ns + planned.start, begin_ns + planned.end, fault.block_times


class TypedPaces:
    """The pace of the chain where faults begin and end as somebody types, or asks for the plan.

    What changes does so `LEAD_NS` later: until then every provider knows it.
    """

    def __init__(self, nodes: Iterable[NodeActor]) -> None:
        self._nodes = list(nodes)
        self._spans: dict[str, tuple[int, int, int]] = {}

    def begin(self, planned: PlannedFault, now_ns: int) -> None:
        """A fault begins, or is going to; of one that is not of the chain nothing is changed."""
        span = _span(planned, now_ns + LEAD_NS)
        if span is not None:
            self._spans[planned.fault_id] = span
            self._stand()

    def end(self, fault_id: str, now_ns: int) -> None:
        """A fault ends now, whatever its end was to be."""
        if fault_id in self._spans:
            begin_ns, end_ns, block_times = self._spans[fault_id]
            self._spans[fault_id] = (begin_ns, min(end_ns, now_ns + LEAD_NS), block_times)
            self._stand()

    def _stand(self) -> None:
        stand_paces(self._nodes, paces_of(self._spans.values()))


def stand_paces(nodes: Iterable[NodeActor], paces: tuple[Pace, ...]) -> None:
    """Have these providers follow the paces, and whatever is started in their place."""
    for node in nodes:
        node.stand("paces", ChainPaces(paces))


def log_paces(log: EventLog, at_ns: int, chain: Chain, paces: tuple[Pace, ...]) -> None:
    """Put the paces into the log, by which the time of each block is known."""
    clock = ChainClock(chain)
    clock.follow(paces)
    for from_ns, height, every_ns in clock.spans():
        log.append(ChainPaced(at_ns=at_ns, from_ns=from_ns, height=height, every_ns=every_ns))
