"""Nodes as supervised children: run and restarted, held down by faults, their behaviour changed."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import trio

from actors.chaos.conductor import TargetGone
from actors.faults.imposing import Impose, Revert
from actors.spec import Spec
from actors.system import ActorContext, ChildSpec, Induced, RestartType
from actors.world.cluster import Exit, Node
from actors.world.seam import Usage


class NodeCrashed(Exception):
    """A node ended when it should not have; the message says how."""


class RunNode(Protocol):
    """Runs one incarnation of a node and tells how it ended: `Cluster.run_node`, the rest filled in."""

    def __call__(self, incarnation: int, *, task_status: trio.TaskStatus[Node]) -> Awaitable[Exit]: ...


class _OnReady:
    """A task status that calls back in the very moment the node is ready."""

    def __init__(self, callback: Callable[[Node], None]) -> None:
        self._callback = callback

    def started(self, value: Any = None) -> None:
        self._callback(value)


class NodeActor:
    """One node over all its incarnations, as a child of a supervisor.

    While some fault holds it down, the supervisor's restart waits at the door. Changes of behaviour are
    told to the running incarnation and to each one after it, until they are reverted.
    """

    def __init__(self, name: str, run_node: RunNode, restart: RestartType) -> None:
        self.name = name
        self._run_node = run_node
        self._restart: RestartType = restart
        self._node: Node | None = None
        self._held_by: dict[str, None] = {}
        self._frozen_by: dict[str, None] = {}
        self._let_up = trio.Event()
        self._standing: dict[str, Spec] = {}

    def as_child(self) -> ChildSpec:
        """This node as a child; a stop goes down the world's own ladder, so there is no grace before it."""
        return ChildSpec(self.name, self._live, restart=self._restart, shutdown=0)

    async def _live(self, context: ActorContext) -> None:
        while self._held_by:
            await self._let_up.wait()

        def ready(node: Node) -> None:
            self._node = node
            for message in self._standing.values():
                node.tell(message)
            context.started(node.pid)

        try:
            exit = await self._run_node(context.incarnation, task_status=_OnReady(ready))
        finally:
            self._node = None
        if exit.induced:
            raise Induced(exit.reason)
        if exit.how != "finished":
            raise NodeCrashed(exit.reason)

    def stand(self, key: str, message: Spec) -> None:
        """Tell the node, and tell each later incarnation again until `forget`."""
        self._standing[key] = message
        if self._node is not None:
            self._node.tell(message)

    def forget(self, key: str, message: Spec | None = None) -> None:
        """Stop repeating what was said under `key`, and say `message` instead, once."""
        self._standing.pop(key, None)
        if message is not None and self._node is not None:
            self._node.tell(message)

    def hold_down(self, fault_id: str, *, asked: bool = False) -> None:
        """End the node, and let no incarnation start until `release`: killed, or asked to stop. Raises TargetGone."""
        if self._node is None and not self._held_by:
            raise TargetGone(f"{self.name} does not run")
        if self._node is not None and not self._held_by:
            end = self._node.stop if asked else self._node.kill
            end(f"fault {fault_id}")
        self._held_by[fault_id] = None

    def release(self, fault_id: str) -> None:
        """The fault no longer holds it down; the last one to let go opens the door."""
        self._held_by.pop(fault_id, None)
        if not self._held_by:
            self._let_up.set()
            self._let_up = trio.Event()

    def freeze(self, fault_id: str) -> None:
        """Pause the running incarnation until `thaw`. Raises TargetGone."""
        if self._node is None:
            raise TargetGone(f"{self.name} does not run")
        if not self._frozen_by:
            self._node.pause()
        self._frozen_by[fault_id] = None

    def thaw(self, fault_id: str) -> None:
        """The fault no longer holds it; the last one to let go resumes it, if it still runs."""
        self._frozen_by.pop(fault_id, None)
        if not self._frozen_by and self._node is not None:
            self._node.resume()

    @property
    def runs(self) -> bool:
        """Whether an incarnation is up."""
        return self._node is not None

    def usage(self) -> Usage | None:
        """What the running incarnation uses; None while there is none."""
        return None if self._node is None else self._node.usage()


class ProviderTargets:
    """The providers of a run as the chaos plan sees them."""

    def __init__(self, providers: dict[str, NodeActor]) -> None:
        self._providers = providers

    def take_down(self, target: str, fault_id: str, *, asked: bool = False) -> None:
        self._providers[target].hold_down(fault_id, asked=asked)

    def let_up(self, target: str, fault_id: str) -> None:
        self._providers[target].release(fault_id)

    def pause(self, target: str, fault_id: str) -> None:
        self._providers[target].freeze(fault_id)

    def resume(self, target: str, fault_id: str) -> None:
        self._providers[target].thaw(fault_id)

    def impose(self, target: str, impose: Impose) -> None:
        provider = self._providers[target]
        if not provider.runs:
            raise TargetGone(f"{target} does not run")
        provider.stand(impose.fault_id, impose)

    def relieve(self, target: str, revert: Revert) -> None:
        self._providers[target].forget(revert.fault_id, revert)
