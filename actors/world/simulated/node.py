"""A simulated node: what actors on it get from the world, and how it is paused and killed."""

from collections.abc import Callable
from typing import Any

import trio

from battle.actors.addresses import Address
from battle.actors.shared_lines import SharedLines
from battle.actors.spec.endpoints import Tls
from battle.actors.world.cluster import NodeState
from battle.actors.world.common import CommonWorld, serve_one
from battle.actors.world.interfaces import ConnectionHandler, EventLog, Stream, Timer, Usage, WorldName
from battle.actors.world.simulated.clock import EventTimer
from battle.actors.world.simulated.network import LATENCY_NS, Network
from battle.actors.world.simulated.stream import SimulatedStream

DEATH_NS = 2_000_000
"""From a kill to the moment the peers notice: 1.5 to 4.4 ms were measured for SIGKILL."""


class SimulatedNode(CommonWorld):
    """One node of a simulation; it is the `World` of the actors on it."""

    name: WorldName = "simulated"

    def __init__(
        self,
        network: Network,
        node: str,
        seed: int,
        log: EventLog,
        shared_lines: SharedLines | None = None,
    ) -> None:
        super().__init__(node, seed, log, shared_lines)
        self.alive = True
        self.running = True
        self.on_crash: Callable[[Exception], object] | None = None
        """Takes what a callback on this node raised, and ends the node."""
        self._crashed = False
        self._streams: dict[SimulatedStream, None] = {}
        self.root_task: trio.lowlevel.Task | None = None
        self._network = network
        self._clock = network.clock
        self._paused_ns = 0
        self._going_on: Timer | None = None
        self._held: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._servers: dict[Address, tuple[trio.Nursery, ConnectionHandler]] = {}

    # The life of the node: for the cluster, and for streams that end here.

    def deliver(self, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` now, when the node is resumed, or never if it is dead."""
        if self.running:
            fn(*args)
        elif self.alive:
            self._held.append((fn, args))

    def crash(self, error: Exception) -> bool:
        """The world under the node's tasks is broken, as a live node's when its reactor fails: nothing reaches them
        any more but their end."""
        if self.on_crash is None:
            return False
        self._crashed = True
        self.running = False
        self._held.clear()
        self.on_crash(error)
        return True

    @property
    def state(self) -> NodeState:
        """What the simulated kernel says of it."""
        if not self.alive:
            return "gone"
        return "running" if self.running or self._crashed else "paused"

    @property
    def ran_until_ns(self) -> int:
        """Now, or the moment at which it was paused."""
        return self._paused_ns if self.state == "paused" else self._clock.now_ns()

    def pause(self) -> None:
        """Nothing reaches the node and none of its tasks runs until it is resumed; its kernel still accepts
        connections. Harmless for a node that is dead."""
        if not self.alive or self._crashed:
            return
        self._stay()
        self.running = False
        self._paused_ns = self._clock.now_ns()
        if self.root_task is not None:
            self._clock.tasks.hold(self.root_task)

    def resume(self) -> None:
        """All that was held back happens now, in order, once whoever asked has nothing more to do."""
        if self.state == "paused" and self._going_on is None:
            self._going_on = self._clock.call_at(self._clock.now_ns(), self._go_on)

    def _stay(self) -> None:
        if self._going_on is not None:
            self._going_on.cancel()
            self._going_on = None

    def _go_on(self) -> None:
        self._going_on = None
        self.running = True
        held, self._held = self._held, []
        try:
            for fn, args in held:
                self.deliver(fn, *args)
        except Exception as error:
            if not self.crash(error):
                raise
        self._release_tasks()

    def _release_tasks(self) -> None:
        if self.root_task is not None:
            self._clock.tasks.release(self.root_task)

    def die(self) -> None:
        """Stop at once, as at a SIGKILL: the node does nothing more, and its peers notice a moment later."""
        self.alive = self.running = False
        self._held.clear()
        self._stay()
        self._release_tasks()  # to be cancelled: whatever they do on the way has no effect any more
        self._clock.call_at(self._clock.now_ns() + DEATH_NS, self.sever)

    def sever(self) -> None:
        """The kernel closes what the node had open."""
        self.alive = self.running = False
        self._network.unlisten(self)
        for stream in [*self._streams]:
            stream.sever()

    def accept(self, address: Address, stream: SimulatedStream) -> None:
        """A connection has come in; a node that is paused or dying leaves it in the backlog."""
        self._keep(stream)
        self.deliver(self._handle, address, stream)

    def _handle(self, address: Address, stream: SimulatedStream) -> None:
        nursery, handler = self._servers[address]
        nursery.start_soon(serve_one, handler, stream)

    def _keep(self, stream: SimulatedStream) -> None:
        self._streams[stream] = None
        stream.on_closed = self._streams.pop

    # World

    def now_ns(self) -> int:
        return self._clock.now_ns()

    def call_at(self, at_ns: int, fn: Callable[..., object], *args: Any) -> Timer:
        return self._clock.add(at_ns, EventTimer(self, fn, args))

    def wake(self, task: trio.lowlevel.Task) -> None:
        trio.lowlevel.reschedule(task)

    def usage(self) -> Usage:
        """Tasks and open connections; memory and CPU have no meaning for one node of a simulation."""
        tasks = 0 if self.root_task is None else _count_tasks(self.root_task)
        return Usage(tasks=tasks, open_fds=len(self._streams))

    async def serve(
        self,
        address: Address,
        handler: ConnectionHandler,
        task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        host, _, port = address.rpartition(":")
        taken = self._network.reserve(host, int(port))
        self._network.listen(taken, self)
        try:
            async with trio.open_nursery() as nursery:
                self._servers[taken] = (nursery, handler)
                task_status.started(taken)
                await trio.sleep_forever()
        finally:
            if self.alive:  # a dead node's address is given up by its kernel, a moment later
                self._network.unlisten(self)

    def shut(self, address: Address) -> None:
        if self.alive:
            self._network.shut(address, self)

    def reopen(self, address: Address) -> None:
        if self.alive and address in self._servers and not self._network.listens(address, self):
            self._network.listen(address, self)

    async def connect(
        self, address: Address, tls: Tls | None = None, *, receive_buffer: int | None = None
    ) -> Stream:
        assert tls is None, "nothing is encrypted in the simulated world"
        await self.sleep_until(self.now_ns() + 2 * LATENCY_NS)
        stream = self._network.open(self, address, receive_buffer)
        self._keep(stream)
        return stream


def _count_tasks(task: trio.lowlevel.Task) -> int:
    children = (child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return 1 + sum(map(_count_tasks, children))
