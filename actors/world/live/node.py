"""A node of a live run as the coordinator holds it: its process, and what is known of it."""

import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import trio

from battle.actors.redaction import without
from battle.actors.system.mailbox import Envelope, Inbox
from battle.actors.world.cluster import ENDED_BY_ITSELF, Command, Exit, NodeState, ReadUsage
from battle.actors.world.interfaces import Usage
from battle.actors.world.live.complaints import Complaints
from battle.actors.world.live.hang_report import hangs_in
from battle.actors.world.live.output import end_of_output
from battle.actors.world.live.process import WHERE_SIGNAL, ChildProcess, describe_status
from battle.actors.world.live.program import Program
from battle.actors.world.live.usage import UsageMeter, inherited_files, is_too_low
from battle.actors.world.live.world import LiveWorld
from battle.store.events import BenchLimitReached

_PRINTS_SECONDS = 2.0
"""A node that is asked where it hangs has printed it by then, also on a busy machine."""

_LOOK_SECONDS = 0.05
"""Between two looks at what it prints. What has not grown since the last one is all of it."""

_TRACEBACK_BYTES = 64 * 2**10
"""Of at most 100 calls."""

_STOPPED = {
    0: "stopped",
    -signal.SIGTERM: "stopped",  # before it had come as far as to listen for it
    -signal.SIGKILL: "stopped at SIGKILL",
}
"""What an exit status means of a node that was asked to stop."""


_SIGNALS = frozenset(signal.Signals)


class LiveNode:
    """A running node's process, as the coordinator holds it."""

    def __init__(
        self,
        name: str,
        incarnation: int,
        process: ChildProcess,
        world: LiveWorld,
        command: Command | None = None,
        program: Program | None = None,
    ) -> None:
        self._world = world
        self._command = command
        self._program = program
        self._complaints = Complaints()
        self._lacked_files = is_too_low(inherited_files(), self._may_open)
        self.name = name
        self.incarnation = incarnation
        self.pid: int | None = process.pid
        self.killed_by: str | None = None
        self.stopped_by: str | None = None
        self.stop_asked = trio.Event()
        self.asked_ns: int | None = None
        self.forced = False
        self.hung: str | None = None
        self.failure: str | None = None
        self.is_ready = False
        self.done = False
        self.failed_for_good = False
        self.last_beat = trio.current_time()
        self.paused = False
        self._process = process
        self._meter: UsageMeter | None = None

    def kill(self, reason: str) -> None:
        self.killed_by = reason
        if self._program is not None:
            self._program.kill()
        else:
            self._process.send_signal(signal.SIGKILL)

    def stop(self, reason: str) -> None:
        self.stopped_by = reason
        self.paused = False
        self.last_beat = trio.current_time()
        self.stop_asked.set()

    async def stop_when_asked(self) -> None:
        """Carry out `stop`; whoever waits for the process cancels this."""
        await self.stop_asked.wait()
        await self._press()

    async def _press(self) -> None:
        """Ask it to end, and force it when it does not."""
        self.asked_ns = self._world.now_ns()
        if self._program is None or self._command is None:
            await self._process.press()
            self.forced = True
        else:
            await self._program.press(signal.Signals[self._command.stop_signal], self._command.grace)
            self.forced = True
            await self._process.press()  # in case that its reaper hangs

    async def stop_program(self, hurried: trio.Event) -> None:
        """The run is over: end the program if it still runs, as `stop` does; once `hurried`, without the grace."""
        if self._program is not None and self._program.has_started and not self._process.has_ended:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._press)
                nursery.start_soon(self._kill_when, hurried)
                await self._process.wait()
                nursery.cancel_scope.cancel()

    async def _kill_when(self, hurried: trio.Event) -> None:
        await hurried.wait()
        assert self._program is not None
        self.forced = True
        self._program.kill()

    def state(self) -> NodeState:
        return self._process.state() if self._program is None else self._program.state()

    def pause(self) -> None:
        self.paused = True
        if self._program is not None:
            self._program.pause()
        else:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.last_beat = trio.current_time()
        self.paused = False
        if self._program is not None:
            self._program.resume()
        else:
            self._process.send_signal(signal.SIGCONT)

    async def answer(self, inbox: Inbox) -> None:
        """Answer what is asked about this node's program; whoever waits for the process cancels this."""
        async for envelope in inbox:
            assert isinstance(envelope, Envelope)
            assert isinstance(envelope.message, ReadUsage)
            envelope.reply(self._usage() if self.is_ready else None)

    def _usage(self) -> Usage | None:
        """What the processes below this node's own use; None when nobody can say."""
        try:
            return self._metered().read()
        except OSError as error:
            self._world.note_limit(error, "reading /proc")
            return None
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just ended; another user's
            return None

    def hear(self, printed: bytes) -> None:
        """Log what the program says of a limit of open files, if that is one of this machine's."""
        complaint = self._complaints.heard(printed)
        if complaint is not None and (complaint.is_of_machine or self._lacks_files()):
            self._world.log.append(
                BenchLimitReached(
                    at_ns=self._world.now_ns(),
                    node=self.name,
                    limit="open_files",
                    times=complaint.times,
                    detail=without(complaint.line, self._command.secrets if self._command else ()),
                )
            )

    def _lacks_files(self) -> bool:
        """Whether the program has fewer files than it may need; of one that has ended, what was last known."""
        with suppress(OSError, psutil.NoSuchProcess, psutil.AccessDenied):
            lacks = self._metered().lacks_files()
            self._lacked_files = self._lacked_files if lacks is None else lacks
        return self._lacked_files

    def _metered(self) -> UsageMeter:
        if self._meter is None:
            self._meter = UsageMeter(self._process.pid, self._may_open)
        return self._meter

    @property
    def is_program(self) -> bool:
        """Whether it is a program, and not a node of ours."""
        return self._program is not None

    @property
    def _may_open(self) -> int:
        return self._command.open_files if self._command else 0

    def said_ready(self, task_status: trio.TaskStatus[Any]) -> None:
        """It does its work now, or takes connections."""
        self.is_ready = True
        if self._command is not None:
            self._lacks_files()  # while it can be asked
        task_status.started(self)

    async def where(self) -> str:
        """In which call of the author's own code it hangs, for a message; "" when it is not one, or is not known."""
        if not self.is_ready:
            return ""  # it may not know the signal yet, and would end at it
        before = seen = self._printed()
        self._process.send_signal(WHERE_SIGNAL)
        with trio.move_on_after(_PRINTS_SECONDS):
            while True:
                await trio.sleep(_LOOK_SECONDS)
                last, seen = seen, self._printed()
                if seen == last != before:
                    break
        return hangs_in(seen, Path.cwd())

    def _printed(self) -> str:
        return end_of_output(self._process.output.path, _TRACEBACK_BYTES)

    def declare_hung(self, why: str) -> None:
        """End it, so that it can be restarted like after any other crash."""
        self.hung = why
        if self._command is not None:
            self.stop_asked.set()  # a reaper that is killed could end nobody
        else:
            self._process.send_signal(signal.SIGKILL)

    def exit(self, status: int) -> Exit:
        """What its end means, given its process's exit status."""
        if self.hung:
            return Exit("hung", self.hung)
        if status == 0 and self.stopped_by is None:
            return Exit("finished") if self.done else Exit("failed", ENDED_BY_ITSELF)
        reason = describe_status(_by_signal(status) if self._command else status)
        if self.killed_by is not None and _by_signal(status) == -signal.SIGKILL:
            return Exit("killed", f"{reason} ({self.killed_by})", induced=True)
        if self.stopped_by is not None and (self._command or status in _STOPPED):
            return Exit("stopped", f"{self._stopped_text(status)} ({self.stopped_by})", induced=True)
        why = f"{reason}: {self.failure}" if self.failure else reason
        return Exit("failed", why, for_good=self.failed_for_good)

    def _stopped_text(self, status: int) -> str:
        """How a node went that was asked to stop: in what way a program does is its own business."""
        if self.forced:
            return "stopped at SIGKILL"
        if self._command and status not in (0, 128 + signal.Signals[self._command.stop_signal]):
            return f"stopped with {describe_status(_by_signal(status))}"
        return _STOPPED.get(status, "stopped")


def _by_signal(status: int) -> int:
    """A status that a reaper passes on as shells do, as the kernel has it: 137 is minus 9."""
    return 128 - status if status - 128 in _SIGNALS else status
