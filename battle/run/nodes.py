"""Nodes as supervised children: run and restarted, held down by faults, their behaviour changed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import trio

from battle.actors.injector import TargetGone
from battle.actors.roles import ApplyFault, NodeSpec, RevertFault, Role
from battle.actors.spec.base import Spec
from battle.actors.spec.collection import Collected
from battle.actors.spec.faults.transport import GATEWAY, Partition
from battle.actors.system import (
    ActorContext,
    ActorRef,
    ChildSpec,
    Inbox,
    Induced,
    LifecycleChange,
    Limits,
    MailboxSpec,
    RestartType,
    Supervisor,
)
from battle.actors.units import seconds
from battle.actors.world.cluster import ENDED_BY_ITSELF, Cluster, Exit, Node, NodeState
from battle.actors.world.interfaces import INBOX_MESSAGES

NODE_MAILBOX = MailboxSpec(INBOX_MESSAGES, "drop")
"""Nobody waits for a node that does not read: what is too much for it is not done to it, and the log says so."""

NODE_LIMITS = Limits(max_restarts=3, within=seconds(30))
"""Crashes nobody induced: a node that needs more restarts than this is not what is being tested."""

NodePhase: TypeAlias = Literal["away", "at_the_door", "on_its_way", "up"]
"""Of a node: not started, or between two incarnations; held down by a fault; starting; ready."""


class NodeCrashed(Exception):
    """A node ended when it should not have; the message says how."""


class NodeNotStarted(Exception):
    """A node could not even be begun: this machine has no process, memory or descriptor left. Not its own fault."""


class RunNode(Protocol):
    """Runs one incarnation of a node and returns how it ended: `Cluster.run_node`, the rest filled in."""

    def __call__(
        self, incarnation: int, inbox: Inbox, *, task_status: trio.TaskStatus[Node]
    ) -> Awaitable[Exit]: ...


class _OnReady:
    """A task status that calls back in the very moment the node is ready."""

    def __init__(self, callback: Callable[[Node], None]) -> None:
        self._callback = callback

    def started(self, value: Any = None) -> None:
        self._callback(value)


class NodeActor:
    """One node over all its incarnations, as a child of a supervisor.

    While some fault holds it down, the supervisor's restart waits at the door. Changes of behaviour are
    sent to the running incarnation and to each one after it, until they are reverted. A fault that comes while an
    incarnation is on its way up takes effect as soon as it is ready; a pause ends with the incarnation that it held.
    """

    def __init__(self, name: str, run_node: RunNode, restart: RestartType) -> None:
        self.name = name
        self.failed_for_good: str | None = None
        """Why it ended, when that was the scenario's own code or data, which would fail again."""
        self.ended: Node | None = None
        """The incarnation that ended last."""
        self._run_node = run_node
        self._restart: RestartType = restart
        self._node: Node | None = None
        self._ref: ActorRef
        self._phase: NodePhase = "away"
        self._held_by: dict[
            str, bool
        ] = {}  # the faults in their order, and whether they ask before they force
        self._due: dict[str, None] = {}  # of them, those that wait for it to be ready
        self._frozen_by: dict[str, None] = {}
        self._let_up = trio.Event()
        self._standing: dict[str, Spec] = {}

    def as_child(self) -> ChildSpec:
        """This node as a child; a stop goes down the world's own ladder, so there is no grace before it."""
        return ChildSpec(self.name, self._live, restart=self._restart, shutdown=0, mailbox=NODE_MAILBOX)

    async def _live(self, context: ActorContext) -> None:
        self._ref = context.self_ref
        self._phase = "at_the_door"
        while self._held_by:
            await self._let_up.wait()

        def ready(node: Node) -> None:
            self._welcome(node)
            context.started(node.pid)

        self._phase = "on_its_way"
        try:
            exit = await self._run_node(context.incarnation, context.inbox, task_status=_OnReady(ready))
        finally:
            self._phase = "away"
            self.ended, self._node = self._node, None
            self._frozen_by.clear()
            self._due.clear()
        if exit.induced:
            raise Induced(exit.reason)
        if exit.how == "bench":
            raise NodeNotStarted(exit.reason)
        if exit.for_good:
            self.failed_for_good = exit.reason
        if exit.how != "finished":
            raise NodeCrashed(exit.reason)
        if self._restart == "permanent":
            raise NodeCrashed(ENDED_BY_ITSELF)  # it has no work that could be done

    def _welcome(self, node: Node) -> None:
        """Do to the new incarnation all that came while it was on its way."""
        self._phase = "up"
        self._node = node
        self._due.clear()
        for message in self._standing.values():
            self._ref.tell_nowait(message)
        if self._held_by:
            fault_id, asked = min(
                self._held_by.items(), key=lambda hold: hold[1]
            )  # a kill comes before a question
            _end(node, fault_id, asked=asked)
        elif self._frozen_by:
            node.pause()

    def stand(self, key: str, message: Spec) -> bool:
        """Send it to the node, and to each later incarnation, until `forget`.

        False when an incarnation runs and its mailbox did not take the message.
        """
        self._standing[key] = message
        return self._node is None or self._ref.tell_nowait(message)

    def forget(self, key: str, message: Spec | None = None) -> None:
        """Stop repeating what was said under `key`, and say `message` instead, once. Nothing if it was not said."""
        said = self._standing.pop(key, None)
        if said is not None and message is not None and self._node is not None:
            self._ref.tell_nowait(message)

    def hold_down(self, fault_id: str, *, asked: bool = False) -> bool:
        """End the node, and let no incarnation start until `release`: killed, or asked to stop.

        Whether this fault ends it; False when it is down already, for another fault. Raises TargetGone.
        """
        if not self.runs:
            raise TargetGone(f"{self.name} does not run")
        # A node that is being asked to stop is still there to be killed.
        can_end_it = not self._held_by or (not asked and all(self._held_by.values()))
        ends_it = can_end_it and self._phase in ("on_its_way", "up")
        self._held_by[fault_id] = asked
        if self._phase == "on_its_way":
            self._due[fault_id] = None
        if ends_it and self._node is not None:
            _end(self._node, fault_id, asked=asked)
        return ends_it

    def release(self, fault_id: str) -> bool:
        """The fault no longer holds it down; the last one to let go opens the door.

        False when nothing came of the fault: it was over before the incarnation that it was to end was ready.
        """
        overtaken = fault_id in self._due
        self._due.pop(fault_id, None)
        self._held_by.pop(fault_id, None)
        if not self._held_by:
            self._let_up.set()
            self._let_up = trio.Event()
        return not overtaken

    def freeze(self, fault_id: str) -> None:
        """Pause the running incarnation until `thaw`. Raises TargetGone, also for a node that is going down."""
        if self._held_by or self._phase not in ("on_its_way", "up"):
            raise TargetGone(f"{self.name} does not run")
        if self._node is not None and not self._frozen_by:
            self._node.pause()
        self._frozen_by[fault_id] = None

    def thaw(self, fault_id: str) -> bool:
        """The fault no longer holds it; the last one to let go resumes it. Whether this one did.

        Not so when the incarnation that it held has ended meanwhile.
        """
        if fault_id not in self._frozen_by:
            return False
        del self._frozen_by[fault_id]
        if self._frozen_by or self._node is None:
            return False
        self._node.resume()
        return True

    @property
    def runs(self) -> bool:
        """Whether an incarnation is up or on its way, or only a fault keeps it from being."""
        return self._phase != "away" or bool(self._held_by)

    @property
    def state(self) -> NodeState:
        """What the operating system says of the running incarnation; "gone" while there is none."""
        return "gone" if self._node is None else self._node.state()


def _end(node: Node, fault_id: str, *, asked: bool) -> None:
    """The reason stands in the log, and is how the verdict knows which fault it was."""
    end = node.stop if asked else node.kill
    end(f"fault {fault_id}")


def node_on(
    cluster: Cluster, name: str, role: Role, restart: RestartType, collect: Iterable[Collected]
) -> NodeActor:
    """A node of ours on a cluster: what it plays, and what it is to write down."""
    spec = NodeSpec(role, tuple(sorted(collect)))

    async def run(incarnation: int, inbox: Inbox, *, task_status: trio.TaskStatus[Node]) -> Exit:
        return await cluster.run_node(name, incarnation, spec, inbox, task_status)

    return NodeActor(name, run, restart)


def node_group(
    name: str, nodes: Iterable[NodeActor], on_change: Callable[[LifecycleChange], object]
) -> Supervisor:
    """Nodes side by side under one supervisor, each restarted on its own."""
    return Supervisor(name, [node.as_child() for node in nodes], limits=NODE_LIMITS, on_change=on_change)


class FaultTargets:
    """The nodes of a run as the chaos plan sees them: its providers and its gateway, by their names, and its load
    where that is parted from the gateway. `loads` are the nodes of each workload, by its name."""

    def __init__(
        self, nodes: Mapping[str, NodeActor], loads: Mapping[str, Sequence[NodeActor]] | None = None
    ) -> None:
        self._nodes = nodes
        self._loads = loads or {}

    def _node(self, target: str) -> NodeActor:
        """Raises TargetGone: it is nothing that was started here, as a gateway that runs elsewhere."""
        if target not in self._nodes:
            raise TargetGone(f"{target} was not started by this run")
        return self._nodes[target]

    def take_down(self, target: str, fault_id: str, *, asked: bool = False) -> bool:
        return self._node(target).hold_down(fault_id, asked=asked)

    def let_up(self, target: str, fault_id: str) -> bool:
        return self._nodes[target].release(fault_id)

    def pause(self, target: str, fault_id: str) -> None:
        self._node(target).freeze(fault_id)

    def resume(self, target: str, fault_id: str) -> bool:
        return self._nodes[target].thaw(fault_id)

    def state(self, target: str) -> NodeState:
        return self._nodes[target].state

    def apply_fault(self, target: str, command: ApplyFault) -> None:
        fault = command.fault
        if isinstance(fault, Partition) and fault.is_before_the_gateway:
            self._part_from_clients(command.fault_id, fault)
            return
        node = self._node(target)
        if not node.runs:
            raise TargetGone(f"{target} does not run")
        if not node.stand(command.fault_id, command):
            node.forget(command.fault_id)
            raise TargetGone(f"{target} does not read its messages: the mailbox is full")

    def _part_from_clients(self, fault_id: str, partition: Partition) -> None:
        """A gateway need not be ours, so its clients' side of the connections is where bytes are held back."""
        parted = [node for name, nodes in self._loads.items() if partition.parts_from(name) for node in nodes]
        if not any(node.runs for node in parted):
            raise TargetGone(f"{partition.peer} does not run")
        for node in parted:
            node.stand(fault_id, ApplyFault(fault_id, partition.seen_by_peer()))

    def revert_fault(self, target: str, command: RevertFault) -> None:
        loads = [node for nodes in self._loads.values() for node in nodes]
        for node in loads if target == GATEWAY else [self._nodes[target]]:
            node.forget(command.fault_id, command)
