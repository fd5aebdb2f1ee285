"""The actor that carries out the timeline, and says in the log what it did and when.

What a fault does to its target is said by its class (`begin`, `end`), in terms of `TargetNode`.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Literal, Protocol, TypeAlias

from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.process import ProcessFault
from battle.actors.spec.faults.timeline import PlannedFault
from battle.actors.units import Duration, ms, seconds
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
    faults = {planned.fault_id: AimedFault(world, planned, targets) for planned in timeline}
    try:
        for at_ns, begins, planned in _steps(timeline, begin_ns):
            if begins and at_ns < woken_ns:
                continue
            await world.sleep_until(at_ns)
            if begins:
                if faults[planned.fault_id].apply():
                    in_force.add(planned.fault_id)
            elif planned.fault_id in in_force:
                faults[planned.fault_id].revert()
                in_force.remove(planned.fault_id)
    finally:
        for fault in faults.values():
            fault.holds = False


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


class AimedFault:
    """A planned fault and its target, as the fault acts on it: a `TargetNode`. `holds`: it was applied, and not yet
    reverted. Whoever gives up without reverting it sets that back, so that nothing more comes of it."""

    def __init__(self, world: World, planned: PlannedFault, targets: Targets) -> None:
        self.holds = False
        self._world = world
        self._planned = planned
        self._target = planned.target
        self._fault_id = planned.fault_id
        self._targets = targets
        self._detail: str | None = None
        self._signals = 0

    def apply(self) -> bool:
        """Whether it could be applied."""
        at_ns = self._world.now_ns()  # before it acts: nothing that it does is earlier than its begin
        try:
            self._planned.fault.begin(self)
        except TargetGone as error:
            _log(self._world, self._planned, "failed", detail=str(error))
            return False
        self.holds = True
        _log(self._world, self._planned, "applied", at_ns=at_ns)
        return True

    def revert(self) -> None:
        self.holds = False
        self._planned.fault.end(self)
        _log(self._world, self._planned, "reverted", detail=self._detail)

    # What the fault does.

    def take_down(self, *, asked: bool = False) -> None:
        self._detail = None
        if not self._targets.take_down(self._target, self._fault_id, asked=asked):
            self._log_action("kept_down")

    def let_up(self) -> None:
        if not self._targets.let_up(self._target, self._fault_id):
            self._detail = f"{self._target} was still starting when it was over"

    def pause(self) -> None:
        self._targets.pause(self._target, self._fault_id)
        self._confirm("paused", "paused")

    def resume(self) -> None:
        self._signals += 1
        if self._targets.resume(self._target, self._fault_id):
            self._confirm("running", "resumed")

    def send(self) -> None:
        fault = self._planned.fault
        assert not isinstance(fault, ProcessFault), "a node cannot do that to itself"
        self._targets.apply_fault(self._target, ApplyFault(self._fault_id, fault))

    def take_back(self) -> None:
        self._targets.revert_fault(self._target, RevertFault(self._fault_id))

    def after(self, delay: Duration, act: Callable[[], object]) -> None:
        self._world.call_at(self._world.now_ns() + delay, self._act_if_it_holds, act)

    def _act_if_it_holds(self, act: Callable[[], object]) -> None:
        if self.holds:
            with suppress(TargetGone):  # another fault has ended it; this one has been applied all the same
                act()

    # What is logged of it.

    def _confirm(self, wanted: NodeState, action: FaultAction) -> None:
        """Log this as soon as the operating system says so, unless it is asked for something else before; that it
        was asked to is no evidence."""
        self._signals += 1
        signal = self._signals
        until_ns = self._world.now_ns() + min(CONFIRM_NS, self._planned.end - self._planned.start)

        def look() -> None:
            if signal != self._signals:
                return
            if self._targets.state(self._target) == wanted:
                self._log_action(action)
            elif (again_ns := self._world.now_ns() + LOOK_AGAIN_NS) <= until_ns:
                self._world.call_at(again_ns, look)

        self._world.call_at(self._world.now_ns(), look)

    def _log_action(self, action: FaultAction) -> None:
        acted = FaultActed(
            at_ns=self._world.now_ns(), fault_id=self._fault_id, node=self._target, action=action
        )
        self._world.log.append(acted)


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
