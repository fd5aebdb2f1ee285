"""The actor that carries out the timeline, and says in the log what it did and when."""

from typing import Literal, Protocol, TypeAlias

from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.process import (
    Flap,
    Kill,
    Pause,
    Restart,
)
from battle.actors.spec.faults.timeline import PlannedFault
from battle.actors.units import ms, seconds
from battle.actors.world.cluster import NodeState
from battle.actors.world.interfaces import World
from battle.store.events import FaultActed, FaultChanged

FaultPhase: TypeAlias = Literal["planned", "applied", "reverted", "failed"]
FaultAction: TypeAlias = Literal["paused", "resumed", "kept_down"]

LOOK_AGAIN_NS = ms(5)
"""A signal shows within a few microseconds on an idle machine, within a slice of the scheduler on a busy one."""

CONFIRM_NS = seconds(2)
"""A target that was on its way up when it was to be paused is up by then, or will not be."""


class TargetGone(Exception):
    """The target of a fault does not run, so there is nothing to do it to."""


class Targets(Protocol):
    """What can be done to the nodes a fault may be aimed at."""

    def take_down(self, target: str, fault_id: str, *, asked: bool = False) -> bool:
        """End the node and keep it from being restarted: by SIGKILL, or `asked` to stop. Raises TargetGone.

        False when another fault has it down already: then this one keeps it down as well.
        """

    def let_up(self, target: str, fault_id: str) -> bool:
        """Let it be restarted, unless another fault still keeps it down.

        False when this fault was over before its target, which was starting, was ready.
        """

    def pause(self, target: str, fault_id: str) -> None:
        """Stop the node as SIGSTOP does. Raises TargetGone."""

    def resume(self, target: str, fault_id: str) -> bool:
        """Let it go on, unless another fault still holds it. False when it does not go on because of this."""

    def state(self, target: str) -> NodeState:
        """What the operating system says of the node now."""

    def apply_fault(self, target: str, command: ApplyFault) -> None:
        """Send it this command, also to its incarnations to come. Raises TargetGone."""

    def revert_fault(self, target: str, command: RevertFault) -> None:
        """Take such a fault back."""


async def inject(
    world: World, timeline: tuple[PlannedFault, ...], begin_ns: int, targets: Targets, in_force: set[str]
) -> None:
    """Apply and revert each fault in its time; returns when all are reverted.

    `in_force` holds the ids of the faults applied and not yet reverted; it outlives an injector that crashes, so
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
    at_ns = world.now_ns()  # before it acts: nothing that it does is earlier than its begin
    try:
        action = _begin(planned, targets)
    except TargetGone as error:
        _log(world, planned, "failed", detail=str(error))
        return False
    _log(world, planned, "applied", at_ns=at_ns)
    if action is not None:
        _log_action(world, planned, action)
    if isinstance(planned.fault, Pause):
        confirm(world, planned, targets, "paused")
    return True


def _revert(world: World, planned: PlannedFault, targets: Targets) -> None:
    target, fault_id = planned.target, planned.fault_id
    detail = None
    match planned.fault:
        case Kill() | Flap() | Restart():
            if not targets.let_up(target, fault_id):
                detail = f"{target} was still starting when it was over"
        case Pause():
            if targets.resume(target, fault_id):
                confirm(world, planned, targets, "resumed")
        case _:
            targets.revert_fault(target, RevertFault(fault_id))
    _log(world, planned, "reverted", detail=detail)


def _begin(planned: PlannedFault, targets: Targets) -> FaultAction | None:
    """What it did, when no other event of the log says it."""
    target, fault_id = planned.target, planned.fault_id
    match planned.fault:
        case Kill() | Flap() | Restart() as fault:
            ended = targets.take_down(target, fault_id, asked=isinstance(fault, Restart))
            return None if ended else "kept_down"
        case Pause():
            targets.pause(target, fault_id)
        case fault:
            targets.apply_fault(target, ApplyFault(fault_id, fault))
    return None


def confirm(
    world: World, planned: PlannedFault, targets: Targets, state: Literal["paused", "resumed"]
) -> None:
    """Log that the target is paused, or runs again, as soon as the operating system says so; that it was
    asked to is no evidence."""
    wanted: NodeState = "paused" if state == "paused" else "running"
    until_ns = world.now_ns() + min(CONFIRM_NS, planned.end - planned.start)

    def look() -> None:
        if targets.state(planned.target) == wanted:
            _log_action(world, planned, state)
        elif (again_ns := world.now_ns() + LOOK_AGAIN_NS) <= until_ns:
            world.call_at(again_ns, look)

    world.call_at(world.now_ns(), look)


def _log_action(world: World, planned: PlannedFault, action: FaultAction) -> None:
    world.log.append(
        FaultActed(at_ns=world.now_ns(), fault_id=planned.fault_id, node=planned.target, action=action)
    )


def _log(
    world: World,
    planned: PlannedFault,
    phase: FaultPhase,
    *,
    at_ns: int | None = None,
    planned_ns: int | None = None,
    detail: str | None = None,
) -> None:
    world.log.append(
        FaultChanged(
            at_ns=world.now_ns() if at_ns is None else at_ns,
            fault_id=planned.fault_id,
            kind=planned.kind,
            target=planned.target,
            phase=phase,
            parameters=planned.parameters(),
            planned_ns=planned_ns,
            detail=detail,
        )
    )
