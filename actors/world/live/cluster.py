"""The nodes of a live run: processes on this machine, each with a control channel to the coordinator."""

import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import trio

from actors.spec import Spec
from actors.world.cluster import Command, Exit, NodeState, output_path
from actors.world.live.channel import Beat, Channel, Deliver, Failed, FromNode, Ready, Start, ToNode
from actors.world.live.process import ChildProcess, describe_status
from actors.world.live.reactor import Reactor
from actors.world.live.usage import UsageMeter
from actors.world.live.world import LiveWorld
from actors.world.seam import Address, Usage, World
from store.segment import FLUSH_INTERVAL_NS, SegmentWriter, open_segment, run_mark

COORDINATOR = "coordinator"
LOOPBACK = "127.0.0.1"
READY_SECONDS = 20.0
"""A node that does nothing useful by then has not started; 0.2 s is usual."""

HANG_SECONDS = 10.0
"""Without a beat for this long a node hangs: twenty beats, so that a busy machine is not taken for one."""

_OUTBOX_MESSAGES = 1024
_CONNECT_RETRY_SECONDS = 0.05

_STOPPED = {
    0: "stopped",
    -signal.SIGTERM: "stopped",  # before it had come as far as to listen for it
    128 + signal.SIGTERM: "stopped",  # how the guard of a program says the same
    -signal.SIGKILL: "stopped at SIGKILL",
}
"""What an exit status means of a node that was asked to stop."""

_decode = msgspec.json.Decoder(FromNode).decode


class LiveNode:
    """A running node's process, as the coordinator holds it."""

    def __init__(self, name: str, incarnation: int, process: ChildProcess) -> None:
        self.name = name
        self.incarnation = incarnation
        self.pid: int | None = process.pid
        self.outbox, self.to_send = trio.open_memory_channel[ToNode](_OUTBOX_MESSAGES)
        self.killed_by: str | None = None
        self.stopped_by: str | None = None
        self.stop_asked = trio.Event()
        self.hung: str | None = None
        self.failure: str | None = None
        self.last_beat = trio.current_time()
        self.paused = False
        self._process = process
        self._meter: UsageMeter | None = None

    def tell(self, message: Spec) -> None:
        self.outbox.send_nowait(Deliver(msgspec.Raw(msgspec.json.encode(message))))

    def kill(self, reason: str) -> None:
        self.killed_by = reason
        self._process.send_signal(signal.SIGKILL)

    def stop(self, reason: str) -> None:
        self.stopped_by = reason
        self.paused = False
        self.last_beat = trio.current_time()
        self.stop_asked.set()

    async def stop_when_asked(self) -> None:
        """Carry out `stop`; whoever waits for the process cancels this."""
        await self.stop_asked.wait()
        await self._process.press()

    def state(self) -> NodeState:
        return self._process.state()

    def pause(self) -> None:
        self.paused = True
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.last_beat = trio.current_time()
        self.paused = False
        self._process.send_signal(signal.SIGCONT)

    def usage(self) -> Usage:
        """What the processes below this node's own use."""
        if self._meter is None:
            self._meter = UsageMeter(self._process.pid)
        return self._meter.read()

    def declare_hung(self, why: str) -> None:
        """End it, so that it can be restarted like after any other crash."""
        self.hung = why
        self._process.send_signal(signal.SIGKILL)

    def exit(self, status: int) -> Exit:
        """What its end means, given its process's exit status."""
        if self.hung:
            return Exit("hung", self.hung)
        if status == 0 and self.stopped_by is None:
            return Exit("finished")
        reason = describe_status(status)
        if status == -signal.SIGKILL and self.killed_by is not None:
            return Exit("killed", f"{reason} ({self.killed_by})", induced=True)
        if status in _STOPPED and self.stopped_by is not None:
            return Exit("stopped", f"{_STOPPED[status]} ({self.stopped_by})", induced=True)
        return Exit("failed", f"{reason}: {self.failure}" if self.failure else reason)


class LiveCluster:
    """All nodes of one live run. `module` is what `python -m` runs as a node: it calls `child.run_node`."""

    def __init__(self, run_dir: Path, seed: int, module: str) -> None:
        self._run_dir = run_dir
        self._seed = seed
        self._module = module
        self._epoch_ns = time.perf_counter_ns()
        self._reserved: dict[Address, socket.socket] = {}
        self._reactor = Reactor(self._epoch_ns)
        sink = open_segment(run_dir, COORDINATOR, 1, run_mark(seed, self._epoch_ns))
        self._writer = SegmentWriter(sink, self._arm_flush)
        self.world: World = LiveWorld(self._reactor, COORDINATOR, seed, self._writer)

    def _arm_flush(self) -> None:
        self._reactor.call_at(self._reactor.now_ns() + FLUSH_INTERVAL_NS, self._writer.flush)

    async def run_reactor(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the coordinator's own timers until cancelled."""
        await self._reactor.run(task_status)

    def close(self) -> None:
        """End the coordinator's log and give up the reserved ports. All nodes have ended."""
        self._writer.close()
        self._reactor.close()
        for sock in self._reserved.values():
            sock.close()

    def reserve(self, node: str, port: int = 0) -> Address:
        """As `Cluster.reserve`. The port stays bound here, without listening, over all incarnations.

        So no outgoing connection can be given it while its node is dead (or connect to itself), and
        connections are refused meanwhile, as they must be. The node binds it too: both set SO_REUSEADDR.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((LOOPBACK, port))
        except OSError as error:
            sock.close()
            raise OSError(error.errno, f"port {port} for {node} cannot be had: {error.strerror}") from error
        address = f"{LOOPBACK}:{sock.getsockname()[1]}"
        self._reserved[address] = sock
        return address

    async def run_node(
        self,
        node: str,
        incarnation: int,
        role: Spec,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        mine, theirs = socket.socketpair()
        with theirs:
            process = ChildProcess(
                [sys.executable, "-m", self._module, str(theirs.fileno())],
                output=output_path(self._run_dir, node, incarnation),
                pass_fds=(theirs.fileno(),),
            )
        live = LiveNode(node, incarnation, process)
        channel = Channel(mine)
        live.outbox.send_nowait(self._start(node, incarnation, role))
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_send, channel, live)
                nursery.start_soon(_listen, channel, live, task_status)
                nursery.start_soon(live.stop_when_asked)
                status = await process.wait()
                nursery.cancel_scope.cancel()
            await _read_last_words(channel, live, task_status)
            return live.exit(status)
        finally:
            with trio.CancelScope(shield=True):
                await channel.aclose()  # which asks the node to stop
                await process.stop()
            process.close()

    async def run_command(
        self,
        node: str,
        incarnation: int,
        command: Command,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        mine, theirs = socket.socketpair()
        with mine, theirs:
            process = ChildProcess(
                [sys.executable, "-m", "actors.world.live.guard", str(theirs.fileno()), "--", *command.words],
                output=output_path(self._run_dir, node, incarnation),
                pass_fds=(theirs.fileno(),),
            )
            theirs.close()
            live = LiveNode(node, incarnation, process)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._wait_until_it_listens, command, live, task_status)
                    nursery.start_soon(live.stop_when_asked)
                    status = await process.wait()
                    nursery.cancel_scope.cancel()
            finally:
                mine.close()  # which asks the guard to end the program
                with trio.CancelScope(shield=True):
                    await process.stop()
                process.close()
        exit = live.exit(status)
        return exit if exit.how != "finished" else Exit("failed", "exit status 0")

    async def _wait_until_it_listens(
        self, command: Command, live: LiveNode, task_status: trio.TaskStatus[Any]
    ) -> None:
        with trio.move_on_after(command.ready_timeout / 1e9):
            while True:
                try:
                    stream = await self.world.connect(command.address)
                except OSError:
                    await trio.sleep(_CONNECT_RETRY_SECONDS)
                else:
                    stream.close()
                    task_status.started(live)
                    return
        live.declare_hung(f"it did not listen on {command.address} in time")

    def _start(self, node: str, incarnation: int, role: Spec) -> Start:
        encoded = msgspec.Raw(msgspec.json.encode(role))
        return Start(str(self._run_dir.resolve()), node, incarnation, self._seed, self._epoch_ns, encoded)


async def _send(channel: Channel, live: LiveNode) -> None:
    async for message in live.to_send:
        try:
            await channel.send(message)
        except trio.BrokenResourceError:
            return  # the node is dead or dying: its exit says the rest


async def _listen(channel: Channel, live: LiveNode, task_status: trio.TaskStatus[Any]) -> None:
    """Take in what the node says, and notice when it says nothing for too long."""
    live.last_beat = trio.current_time() + READY_SECONDS - HANG_SECONDS
    while True:
        silent_at = live.last_beat + HANG_SECONDS
        with trio.move_on_at(silent_at):
            frame = await channel.receive()
            if frame is None:
                break
            _take(frame, live, task_status)
            continue
        if live.paused:
            live.last_beat = trio.current_time()
        elif trio.current_time() >= live.last_beat + HANG_SECONDS:
            live.declare_hung(f"no heartbeat for {HANG_SECONDS:g} s")
            return
    await trio.sleep(HANG_SECONDS)  # its end cancels this
    live.declare_hung("it closed its control channel and did not end")


def _take(frame: bytes, live: LiveNode, task_status: trio.TaskStatus[Any]) -> None:
    live.last_beat = trio.current_time()
    match _decode(frame):
        case Ready():
            task_status.started(live)
        case Failed(reason):
            live.failure = reason
        case Beat():
            pass


async def _read_last_words(channel: Channel, live: LiveNode, task_status: trio.TaskStatus[Any]) -> None:
    """What the node still said before its process ended; its end of the channel is closed by now."""
    while (frame := await channel.receive()) is not None:
        _take(frame, live, task_status)
