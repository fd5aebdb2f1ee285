"""The nodes of a simulated run: cancel scopes whose streams can be severed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from battle.actors.addresses import Address
from battle.actors.author_errors import is_authors
from battle.actors.shared_lines import LinesInMemory
from battle.actors.spec.base import Spec
from battle.actors.system.mailbox import Inbox
from battle.actors.world.cluster import READY_SECONDS, Command, Exit, NodeState, not_ready
from battle.actors.world.common import describe_failure
from battle.actors.world.interfaces import Control, Usage, World
from battle.actors.world.simulated.clock import EventClock
from battle.actors.world.simulated.network import Network
from battle.actors.world.simulated.node import SimulatedNode
from battle.store.segment import FLUSH_INTERVAL_NS, SegmentWriter, open_segment, run_mark
from battle.store.sink import ChunkSink
from battle.store.virtual_segment import VirtualSegmentWriter

COORDINATOR = "coordinator"
START_NS = 150_000_000
"""From the start of a node to its first action: what a process of Python and trio needs."""

READY_NS = round(READY_SECONDS * 1e9)

Boot = Callable[[World, Any, Control], Awaitable[None]]
"""Runs the actors of a node: what a live node's process does, as a coroutine."""


class _Control:
    """Both ends of the control channel are in one process here, so they share one mailbox: what the coordinator
    sends the node is what the role reads."""

    def __init__(
        self, inbox: Inbox, task_status: "trio.TaskStatus[SimulatedNodeHandle]", handle: "SimulatedNodeHandle"
    ) -> None:
        self.inbox = inbox
        self._task_status = task_status
        self._handle = handle

    def ready(self) -> None:
        self._handle.is_ready = True
        self._task_status.started(self._handle)


class SimulatedNodeHandle:
    """A running simulated node, as the coordinator holds it."""

    pid = None

    def __init__(self, world: SimulatedNode, incarnation: int, writer: SegmentWriter) -> None:
        self.name = world.node
        self.incarnation = incarnation
        self._world = world
        self._writer = writer
        self.scope = trio.CancelScope(shield=True)  # as a process, it ends only when it is stopped
        self.is_ready = False
        self.hung: str | None = None
        self.over = trio.Event()
        self.killed_by: str | None = None
        self.stopped_by: str | None = None
        self.asked_ns: int | None = None
        self.forced = False
        self.failure: str | None = None
        self.failed_for_good = False
        world.on_crash = self.fail

    def fail(self, error: Exception) -> None:
        """What runs on the node has raised this: the node ends by it."""
        self.failed_for_good = self.failed_for_good or is_authors(error)
        self.failure = self.failure or describe_failure(error)
        self.scope.cancel()

    def kill(self, reason: str) -> None:
        """As hard as SIGKILL: the unflushed log is gone, and no `finally` on the node has an effect."""
        if self.killed_by is None and self._world.alive:
            self.killed_by = reason
            self._writer.discard()
            self._world.die()
            self.scope.cancel()

    def declare_hung(self, why: str) -> None:
        """End it as hard as `kill` does, but by nobody's plan."""
        self.hung = why
        self.kill(why)

    def stop(self, reason: str) -> None:
        """In good order: what is in a `finally` runs, streams are closed, the log is flushed."""
        self.stopped_by = reason
        self.asked_ns = self._world.now_ns()
        self.leave()

    def leave(self) -> None:
        """Cancel it; harmless when it has ended."""
        self._world.resume()
        self.scope.cancel()

    def state(self) -> NodeState:
        return self._world.state

    def pause(self) -> None:
        self._world.pause()

    def resume(self) -> None:
        self._world.resume()

    def close(self) -> None:
        """The node has ended; the streams of one that was killed are severed when its death shows."""
        self._writer.close()
        if self.killed_by is None:
            self._world.sever()

    def exit(self) -> Exit:
        """How it ended."""
        if self.hung is not None:
            return Exit("hung", self.hung)
        if self.killed_by is not None:
            return Exit("killed", f"killed by SIGKILL ({self.killed_by})", induced=True)
        if self.failure is not None:
            return Exit("failed", self.failure, for_good=self.failed_for_good)
        if self.stopped_by is not None:
            return Exit("stopped", f"stopped ({self.stopped_by})", induced=True)
        return Exit("finished")


class SimulatedCluster:
    """All nodes of one simulation, the coordinator's among them."""

    def __init__(
        self, clock: EventClock, run_dir: Path, seed: int, boot: Boot, root_task: trio.lowlevel.Task
    ) -> None:
        self._network = Network(clock)
        self._run_dir = run_dir
        self._seed = seed
        self._boot = boot
        self._shared_lines = LinesInMemory()
        coordinator, self._coordinator_writer = self._make_coordinator()
        coordinator.root_task = root_task
        self.world: World = coordinator

    def close(self) -> None:
        """End the coordinator's own log."""
        self._coordinator_writer.close()

    def reserve(self, node: str, port: int = 0) -> Address:
        return self._network.reserve(node, port)

    async def run_node(
        self,
        node: str,
        incarnation: int,
        role: Spec,
        inbox: Inbox,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        await self.world.sleep_until(self.world.now_ns() + START_NS)
        world, writer = self._make_node(node, incarnation)
        handle = SimulatedNodeHandle(world, incarnation, writer)
        async with trio.open_nursery() as nursery:
            control = _Control(inbox, task_status, handle)
            nursery.start_soon(self._live, handle, world, role, control)
            timer = self.world.call_at(self.world.now_ns() + READY_NS, self._look, handle)
            try:
                await handle.over.wait()
            finally:
                timer.cancel()
                handle.leave()
        return handle.exit()

    def _look(self, handle: SimulatedNodeHandle) -> None:
        """Whether it is ready, when it should be by now. One that is paused takes its time."""
        if handle.is_ready:
            return
        if handle.state() == "paused":
            self.world.call_at(self.world.now_ns() + READY_NS, self._look, handle)
        else:
            handle.declare_hung(not_ready())

    async def _live(
        self, handle: SimulatedNodeHandle, world: SimulatedNode, role: Spec, control: Control
    ) -> None:
        """The inside of the node: all of its tasks are below this one."""
        world.root_task = trio.lowlevel.current_task()
        try:
            with handle.scope:
                await self._boot(world, role, control)
        except Exception as error:
            # Not swallowed: it is how the node ended, and whoever runs it gets the error.
            handle.fail(error)
        finally:
            handle.close()
            handle.over.set()

    def usage_at(self, address: Address) -> Usage | None:
        return None

    def hurry(self) -> None:
        """No program runs here."""

    async def run_command(
        self,
        node: str,
        incarnation: int,
        command: Command,
        inbox: Inbox,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        raise NotImplementedError("programs run in the live world only")

    def _make_coordinator(self) -> tuple[SimulatedNode, SegmentWriter]:
        """Few events, and whoever watches the run wants to see them at once: each flush goes to the file."""

        def arm() -> None:
            world.call_at(world.now_ns() + FLUSH_INTERVAL_NS, writer.flush)

        writer = SegmentWriter(open_segment(self._run_dir, COORDINATOR, 1, run_mark(self._seed)), arm)
        world = SimulatedNode(self._network, COORDINATOR, self._seed, writer, self._shared_lines)
        return world, writer

    def _make_node(self, name: str, incarnation: int) -> tuple[SimulatedNode, SegmentWriter]:
        """A node, and the writer of its log. A paused node would flush nothing, so its log's time stands still."""
        sink = ChunkSink(open_segment(self._run_dir, name, incarnation, run_mark(self._seed)))
        writer = VirtualSegmentWriter(sink, lambda: world.ran_until_ns)
        world = SimulatedNode(self._network, name, self._seed, writer, self._shared_lines)
        return world, writer
