"""The nodes of a live run: processes on this machine, each with a control channel to the coordinator."""

import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import trio

from battle.actors.addresses import Address
from battle.actors.redaction import without
from battle.actors.spec.base import Spec
from battle.actors.system.mailbox import Inbox
from battle.actors.world.cluster import (
    READY_SECONDS,
    Command,
    Exit,
    not_ready,
    output_path,
)
from battle.actors.world.interfaces import Usage
from battle.actors.world.live.channel import (
    Beat,
    Channel,
    Deliver,
    Done,
    Failed,
    FromNode,
    Ready,
    Start,
)
from battle.actors.world.live.descendants import become_subreaper, end_descendants, has_mark
from battle.actors.world.live.node import LiveNode
from battle.actors.world.live.output import last_output
from battle.actors.world.live.port_usage import PortUsage
from battle.actors.world.live.process import ChildProcess
from battle.actors.world.live.program import Program
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.reaper import MORE
from battle.actors.world.live.shared_file import SharedFile, shared_lines_path
from battle.actors.world.live.world import LiveWorld
from battle.store import typed
from battle.store.events import BenchLimitReached
from battle.store.segment import FLUSH_INTERVAL_NS, SegmentWriter, open_segment, run_mark

COORDINATOR = "coordinator"
LOOPBACK = "127.0.0.1"
HANG_SECONDS = 10.0
"""Without a beat for this long a node hangs: twenty beats, so that a busy machine is not taken for one."""

STANDSTILL_SECONDS = 1.0
"""A coordinator that wakes later than this was not busy but did not run: stopped (Ctrl-Z), or the machine was."""

_LOOK_SECONDS = 0.25
"""Between two looks at whether the coordinator itself runs on time."""

_CONNECT_RETRY_SECONDS = 0.05

_decode = typed.decoder(FromNode).decode


class LiveCluster:
    """All nodes of one live run. `module` is what `python -m` runs as a node: it calls `node_main.run_node`."""

    def __init__(self, run_dir: Path, seed: int, module: str) -> None:
        self._run_dir = run_dir
        self._seed = seed
        self._module = module
        self._epoch_ns = time.perf_counter_ns()
        self._mark = secrets.token_hex(16)
        self._reserved: dict[Address, socket.socket] = {}
        self._servers: dict[Address, PortUsage] = {}
        self._reactor = Reactor(self._epoch_ns)
        sink = open_segment(run_dir, COORDINATOR, 1, run_mark(seed, self._epoch_ns))
        self._writer = SegmentWriter(sink, self._arm_flush)
        self._shared_lines = SharedFile(shared_lines_path(run_dir))
        self.world = LiveWorld(self._reactor, COORDINATOR, seed, self._writer, self._shared_lines)
        self._hurried = trio.Event()
        self._was_subreaper = become_subreaper()  # whoever loses its reaper is still below us

    def _arm_flush(self) -> None:
        self._reactor.call_at(self._reactor.now_ns() + FLUSH_INTERVAL_NS, self._writer.flush)

    async def run_reactor(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the coordinator's own timers until cancelled."""
        await self._reactor.run(task_status)

    async def watch_itself(self) -> None:
        """Log each time that the coordinator did not run for a while, until cancelled."""
        while True:
            due = trio.current_time() + _LOOK_SECONDS
            await trio.sleep_until(due)
            late = trio.current_time() - due
            if late >= STANDSTILL_SECONDS:
                self.world.log.append(
                    BenchLimitReached(
                        at_ns=self.world.now_ns(),
                        node=COORDINATOR,
                        limit="standstill",
                        times=1,
                        duration_ns=round(late * 1e9),
                    )
                )

    def close(self) -> None:
        """End the coordinator's log, give up the reserved ports, end what nodes have left. All nodes have ended."""
        self._end_marked("")
        become_subreaper(self._was_subreaper)
        self._writer.close()
        self._shared_lines.close()
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
            raise OSError(
                error.errno, f"port {port} for {node} is not available: {error.strerror}"
            ) from error
        address = f"{LOOPBACK}:{sock.getsockname()[1]}"
        self._reserved[address] = sock
        return address

    def usage_at(self, address: Address) -> Usage | None:
        if address not in self._servers:
            self._servers[address] = PortUsage(address)
        return self._servers[address].read()

    async def run_node(
        self,
        node: str,
        incarnation: int,
        role: Spec,
        inbox: Inbox,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        words = [sys.executable, "-m", self._module]
        try:
            process, mine = self._spawn(node, incarnation, words)
        except OSError as error:
            return self._not_spawned(error)
        live = LiveNode(node, incarnation, process, self.world)
        channel = Channel(mine)
        start = self._start(node, incarnation, role)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_send, channel, start, inbox)
                nursery.start_soon(_listen, channel, live, task_status)
                nursery.start_soon(live.stop_when_asked)
                nursery.start_soon(process.keep_output_small)
                status = await process.wait()
                nursery.cancel_scope.cancel()
            await _read_last_words(channel, live, task_status)
            return self._with_output(live.exit(status), live)
        finally:
            with trio.CancelScope(shield=True):
                await channel.aclose()  # which asks the node to stop
                await process.stop()
            process.close()

    def hurry(self) -> None:
        self._hurried.set()

    async def run_command(
        self,
        node: str,
        incarnation: int,
        command: Command,
        inbox: Inbox,
        task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        words = [sys.executable, "-m", "battle.actors.world.live.reaper"]
        try:
            process, mine = self._spawn(
                node, incarnation, words, "--", *command.words, environment=_program(command)
            )
        except OSError as error:
            return self._not_spawned(error)
        program = Program(process.pid, mine)
        live = LiveNode(node, incarnation, process, self.world, command, program)
        process.output.hear = live.hear
        try:
            async with trio.open_nursery() as nursery:
                await program.wait_started()
                nursery.start_soon(self._wait_until_it_listens, command, live, task_status)
                nursery.start_soon(live.answer, inbox)
                nursery.start_soon(live.stop_when_asked)
                nursery.start_soon(process.keep_output_small)
                status = await process.wait()
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await live.stop_program(self._hurried)
                mine.close()
                await process.stop()
            process.close()
            self._end_marked(f"{node}.{incarnation}.", process.pid)
        exit = self._with_output(live.exit(status), live, command.log)
        return msgspec.structs.replace(exit, reason=without(exit.reason, command.secrets))

    def _spawn(
        self,
        node: str,
        incarnation: int,
        words: list[str],
        *more: str,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[ChildProcess, socket.socket]:
        """Start a process with its end of a control socket as its first argument. Raises OSError."""
        mine, theirs = socket.socketpair()
        with theirs:
            try:
                process = ChildProcess(
                    [*words, str(theirs.fileno()), *more],
                    output=output_path(self._run_dir, node, incarnation),
                    mark=f"{self._mark}.{node}.{incarnation}.",
                    pass_fds=(theirs.fileno(),),
                    environment=environment,
                )
            except OSError:
                mine.close()
                raise
        return process, mine

    def _not_spawned(self, error: OSError) -> Exit:
        """A limit of this machine is the bench's, and no crash of what was to be started."""
        at_limit = self.world.note_limit(error, "starting a process")
        return Exit("bench" if at_limit else "failed", f"its process could not be started: {error.strerror}")

    def _with_output(self, exit: Exit, live: LiveNode, log: Path | None = None) -> Exit:
        """Of a program, and of a node that never was ready, what its process printed is often the only hint."""
        if (
            exit.how not in ("failed", "hung")
            or live.failure is not None
            or (live.is_ready and not live.is_program)
        ):
            return exit
        last = last_output(output_path(self._run_dir, live.name, live.incarnation))
        said = f"last output: {last}" if last else "no output"
        if log is not None and (logged := last_output(log)):
            said += f"; the end of its log: {logged}"
        return Exit(exit.how, f"{exit.reason}; {said}")

    def _end_marked(self, mark: str, session: int | None = None) -> None:
        """Whatever a node has left running, and no longer belongs to its reaper or parent, is still below us."""
        end_descendants(os.getpid(), 0, has_mark(f"{self._mark}.{mark}", session))

    async def _wait_until_it_listens(
        self, command: Command, live: LiveNode, task_status: trio.TaskStatus[Any]
    ) -> None:
        deadline = trio.current_time() + command.ready_timeout / 1e9
        why = [f"it did not listen on {command.address} in time"]
        while True:
            with trio.move_on_at(deadline):
                await self._until_ready(command, why)
                live.said_ready(task_status)
                return
            standstill = _standstill(deadline)
            if not standstill:
                break
            deadline = trio.current_time() + standstill
        live.declare_hung(why[-1])

    async def _until_ready(self, command: Command, why: list[str]) -> None:
        """Try until somebody takes a connection, and the probe finds nothing wrong. `why` gets what it found."""
        await self._connect_once(command.address)
        while command.probe is not None and (problem := await command.probe(self.world)) is not None:
            why.append(f"it was not ready in time: {without(problem, command.secrets)}")
            await trio.sleep(_CONNECT_RETRY_SECONDS)

    async def _connect_once(self, address: Address) -> None:
        while True:
            try:
                stream = await self.world.connect(address)
            except OSError:
                await trio.sleep(_CONNECT_RETRY_SECONDS)
            else:
                stream.close()
                return

    def _start(self, node: str, incarnation: int, role: Spec) -> Start:
        encoded = msgspec.Raw(msgspec.json.encode(role))
        return Start(str(self._run_dir.resolve()), node, incarnation, self._seed, self._epoch_ns, encoded)


def _program(command: Command) -> dict[str, str]:
    """What the reaper is to know of the program besides its words."""
    more = {
        "environment": command.environment,
        "directory": str(command.directory) if command.directory else None,
    }
    return {MORE: msgspec.json.encode(more).decode()}


async def _send(channel: Channel, start: Start, inbox: Inbox) -> None:
    """Send the node its role, then all its messages."""
    with suppress(trio.BrokenResourceError):  # the node is dead or dying: its exit says the rest
        await channel.send(start)
        async for message in inbox:
            await channel.send(Deliver(msgspec.Raw(msgspec.json.encode(message))))


async def _listen(channel: Channel, live: LiveNode, task_status: trio.TaskStatus[Any]) -> None:
    """Take in what the node says, and notice when it says nothing for too long."""
    live.last_beat = trio.current_time()
    while True:
        silent_at = _silent_at(live)
        with trio.move_on_at(silent_at):
            frame = await channel.receive()
            if frame is None:
                break
            _take(frame, live, task_status)
            continue
        if live.paused or _standstill(silent_at):
            live.last_beat = (
                trio.current_time()
            )  # or it was the coordinator that did not hear: it listens again
        elif trio.current_time() >= _silent_at(live):
            why = f"no heartbeat for {HANG_SECONDS:g} s" if live.is_ready else not_ready()
            live.declare_hung(why + await live.where())
            return
    await trio.sleep(HANG_SECONDS)  # its end cancels this
    live.declare_hung("it closed its control channel and did not end")


def _silent_at(live: LiveNode) -> float:
    """When a node that says nothing more counts as hung."""
    return live.last_beat + (HANG_SECONDS if live.is_ready else READY_SECONDS)


def _standstill(due: float) -> float:
    """For how long the coordinator itself did not run, when it wakes now and should have at `due`."""
    late = trio.current_time() - due
    return late if late >= STANDSTILL_SECONDS else 0.0


def _take(frame: bytes, live: LiveNode, task_status: trio.TaskStatus[Any]) -> None:
    live.last_beat = trio.current_time()
    match _decode(frame):
        case Ready():
            live.said_ready(task_status)
        case Failed(reason, for_good):
            live.failure = reason
            live.failed_for_good = for_good
        case Done():
            live.done = True
        case Beat():
            pass


async def _read_last_words(channel: Channel, live: LiveNode, task_status: trio.TaskStatus[Any]) -> None:
    """What the node still said before its process ended; its end of the channel is closed by now."""
    while (frame := await channel.receive()) is not None:
        _take(frame, live, task_status)
