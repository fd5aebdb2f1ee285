"""The faults of the chain: what they make of its pace, known to all nodes before it is so."""

from collections.abc import Iterable

from battle.actors.chain.clock import ChainClock, paces_of
from battle.actors.roles import ChainPaces
from battle.actors.spec.chain import Chain, Pace
from battle.actors.spec.faults.chain import ChainFault
from battle.actors.spec.faults.timeline import PlannedFault
from battle.actors.units import ms
from battle.actors.world.interfaces import EventLog, World
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

    What changes does so `LEAD_NS` later: until then every provider knows it. Each change puts all paces of the chain
    into the log, those that are over as well.
    """

    def __init__(self, nodes: Iterable[NodeActor], world: World, chain: Chain) -> None:
        self._nodes = list(nodes)
        self._world = world
        self._chain = chain
        self._spans: dict[str, tuple[int, int, int]] = {}

    def begin(self, timeline: Iterable[PlannedFault], now_ns: int) -> None:
        """Faults begin, or are going to; of those that are not of the chain nothing is changed."""
        spans = {planned.fault_id: _span(planned, now_ns + LEAD_NS) for planned in timeline}
        found = {fault_id: span for fault_id, span in spans.items() if span is not None}
        if found:
            self._spans.update(found)
            self._stand()

    def end(self, fault_id: str) -> None:
        """A fault ends now, whatever its end was to be."""
        if fault_id in self._spans:
            begin_ns, end_ns, block_times = self._spans[fault_id]
            self._spans[fault_id] = (begin_ns, min(end_ns, self._world.now_ns() + LEAD_NS), block_times)
            self._stand()

    def _stand(self) -> None:
        paces = paces_of(self._spans.values())
        log_paces(self._world.log, self._world.now_ns(), self._chain, paces)
        stand_paces(self._nodes, paces)


def stand_paces(nodes: Iterable[NodeActor], paces: tuple[Pace, ...]) -> None:
    """Have these providers follow the paces, and whatever is started in their place."""
    for node in nodes:
        node.stand("paces", ChainPaces(paces))


def log_paces(log: EventLog, at_ns: int, chain: Chain, paces: tuple[Pace, ...]) -> None:
    """Put the paces into the log, by which the time of each block is known; of two from one block time on the last
    one counts."""
    clock = ChainClock(chain)
    clock.follow(paces)
    counted = {from_ns: (height, every_ns) for from_ns, height, every_ns in clock.spans()}
    for from_ns, (height, every_ns) in counted.items():
        log.append(ChainPaced(at_ns=at_ns, from_ns=from_ns, height=height, every_ns=every_ns))
