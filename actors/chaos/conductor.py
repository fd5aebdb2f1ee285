"""The actor that carries out the timeline, and says in the log what it did and when."""

from typing import Literal, Protocol, TypeAlias

from actors.behaviour import ProviderChange, RevertChange
from actors.chaos.spec import Degrade
from actors.chaos.timeline import PlannedFault
from actors.world.seam import World
from store.events import FaultChanged

Phase: TypeAlias = Literal["planned", "applied", "reverted", "failed"]


class TargetGone(Exception):
    """The target of a fault does not run, so there is nothing to do it to."""


class Targets(Protocol):
    """What can be done to the nodes a fault may be aimed at."""

    def take_down(self, target: str, fault_id: str) -> None:
        """Kill the node at once and keep it from being restarted. Raises TargetGone."""

    def let_up(self, target: str, fault_id: str) -> None:
        """Let it be restarted, unless another fault still keeps it down."""

    def impose(self, target: str, change: ProviderChange) -> None:
        """Change its behaviour, also for incarnations to come. Raises TargetGone."""

    def relieve(self, target: str, revert: RevertChange) -> None:
        """Take such a change back."""


async def conduct(
    world: World, timeline: tuple[PlannedFault, ...], begin_ns: int, targets: Targets, in_force: set[str]
) -> None:
    """Apply and revert each fault in its time; returns when all are reverted.

    `in_force` holds the ids of the faults applied and not yet reverted; it outlives a conductor that crashes, so
    that the next one reverts them. What should have begun meanwhile is left out: such a fault stays planned and
    not applied in the log, and the verdict takes it for what it is.
    """
    woken_ns = world.now_ns()
    for at_ns, begins, fault in _steps(timeline, begin_ns):
        if begins and at_ns < woken_ns:
            continue
        await world.sleep_until(at_ns)
        if begins:
            if _apply(world, fault, targets):
                in_force.add(fault.fault_id)
        elif fault.fault_id in in_force:
            _revert(world, fault, targets)
            in_force.remove(fault.fault_id)


def log_plan(world: World, timeline: tuple[PlannedFault, ...], begin_ns: int) -> None:
    """Put the whole timeline into the log, before any of it happens."""
    for fault in timeline:
        _log(world, fault, "planned", planned_ns=begin_ns + fault.start)


def _steps(timeline: tuple[PlannedFault, ...], begin_ns: int) -> list[tuple[int, bool, PlannedFault]]:
    """All moments to act at, in order. At one moment a fault begins before another ends, so that two outages
    back to back are one to their target."""
    begins = [(begin_ns + fault.start, True, fault) for fault in timeline]
    ends = [(begin_ns + fault.end, False, fault) for fault in timeline]
    return sorted(begins + ends, key=lambda step: (step[0], not step[1]))


def _apply(world: World, planned: PlannedFault, targets: Targets) -> bool:
    """Whether it could be applied."""
    try:
        if isinstance(planned.fault, Degrade):
            targets.impose(planned.target, _change(planned.fault_id, planned.fault))
        else:
            targets.take_down(planned.target, planned.fault_id)
    except TargetGone as error:
        _log(world, planned, "failed", detail=str(error))
        return False
    _log(world, planned, "applied")
    return True


def _revert(world: World, planned: PlannedFault, targets: Targets) -> None:
    if isinstance(planned.fault, Degrade):
        targets.relieve(planned.target, RevertChange(planned.fault_id))
    else:
        targets.let_up(planned.target, planned.fault_id)
    _log(world, planned, "reverted")


def _change(fault_id: str, fault: Degrade) -> ProviderChange:
    return ProviderChange(fault_id, fault.added_latency, fault.error_ratio, fault.error_kinds)


def _log(
    world: World,
    planned: PlannedFault,
    phase: Phase,
    *,
    planned_ns: int | None = None,
    detail: str | None = None,
) -> None:
    world.log.append(
        FaultChanged(
            at_ns=world.now_ns(),
            fault_id=planned.fault_id,
            kind=planned.kind,
            target=planned.target,
            phase=phase,
            parameters=planned.parameters(),
            planned_ns=planned_ns,
            detail=detail,
        )
    )
