"""The nodes of a simulated run: cancel scopes whose streams can be severed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from actors.spec import Spec
from actors.world.cluster import Command, Exit
from actors.world.control import Control
from actors.world.seam import Address, Usage, World
from actors.world.simulated.clock import EventClock
from actors.world.simulated.network import Network
from actors.world.simulated.node import SimulatedNode
from store.segment import FLUSH_INTERVAL_NS, SegmentWriter, open_segment
from store.sink import ChunkSink, Sink

COORDINATOR = "coordinator"
INBOX_MESSAGES = 1024
"""Messages a node has not read yet; a coordinator that sends more has a mistake in it."""

START_NS = 150_000_000
"""From the start of a node to its first action: what a process of Python and trio needs."""

Boot = Callable[[World, Any, Control], Awaitable[None]]
"""Runs the actors of a node: what a live node's process does, as a coroutine."""


class _Control:
    def __init__(
        self, task_status: "trio.TaskStatus[SimulatedNodeHandle]", handle: "SimulatedNodeHandle"
    ) -> None:
        self.inbox = handle.receive
        self._task_status = task_status
        self._handle = handle

    def ready(self) -> None:
        self._task_status.started(self._handle)


class SimulatedNodeHandle:
    """A running simulated node, as the coordinator holds it."""

    pid = None

    def __init__(self, world: SimulatedNode, incarnation: int, writer: SegmentWriter) -> None:
        self.name = world.node
        self.incarnation = incarnation
        self._world = world
        self._writer = writer
        self._send: trio.MemorySendChannel[Spec]
        self.receive: trio.MemoryReceiveChannel[Spec]
        self._send, self.receive = trio.open_memory_channel(INBOX_MESSAGES)
        self.scope = trio.CancelScope()
        self.killed_by: str | None = None

    def tell(self, message: Spec) -> None:
        self._world.deliver(self._send.send_nowait, message)

    def kill(self, reason: str) -> None:
        """As hard as SIGKILL: the unflushed log is gone, and no `finally` on the node has an effect."""
        if self.killed_by is None and self._world.alive:
            self.killed_by = reason
            self._writer.discard()
            self._world.die()
            self.scope.cancel()

    def usage(self) -> Usage:
        return self._world.usage()

    def pause(self) -> None:
        self._world.pause()

    def resume(self) -> None:
        self._world.resume()

    def close(self) -> None:
        """The node has ended; the streams of one that was killed are severed when its death shows."""
        self._writer.close()
        if self.killed_by is None:
            self._world.sever()
        self._send.close()
        self.receive.close()


class SimulatedCluster:
    """All nodes of one simulation, the coordinator's among them."""

    def __init__(
        self, clock: EventClock, run_dir: Path, seed: int, boot: Boot, root_task: trio.lowlevel.Task
    ) -> None:
        self._network = Network(clock)
        self._run_dir = run_dir
        self._seed = seed
        self._boot = boot
        # Few events, and whoever watches the run wants to see them at once: no chunks for the coordinator.
        self._coordinator_writer = self._flushed_in_time(open_segment(run_dir, COORDINATOR, 1))
        coordinator = SimulatedNode(self._network, COORDINATOR, seed, self._coordinator_writer)
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
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        await self.world.sleep_until(self.world.now_ns() + START_NS)
        writer = self._open_log(node, incarnation)
        world = SimulatedNode(self._network, node, self._seed, writer)
        handle = SimulatedNodeHandle(world, incarnation, writer)
        try:
            world.root_task = trio.lowlevel.current_task()
            with handle.scope:
                await self._boot(world, role, _Control(task_status, handle))
        except Exception as error:
            if handle.killed_by is None:
                return Exit("failed", f"{type(error).__name__}: {error}")
        finally:
            handle.close()
        if handle.killed_by is not None:
            return Exit("killed", f"killed by SIGKILL ({handle.killed_by})", induced=True)
        return Exit("finished")

    async def run_command(
        self,
        node: str,
        incarnation: int,
        command: Command,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        raise NotImplementedError("programs run in the live world only")

    def _open_log(self, node: str, incarnation: int) -> SegmentWriter:
        return self._flushed_in_time(ChunkSink(open_segment(self._run_dir, node, incarnation)))

    def _flushed_in_time(self, sink: Sink) -> SegmentWriter:
        clock = self._network.clock

        def arm() -> None:
            clock.call_at(clock.now_ns() + FLUSH_INTERVAL_NS, writer.flush)

        writer = SegmentWriter(sink, arm)
        return writer
