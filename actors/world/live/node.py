"""A node of a live run as the coordinator holds it: its process, and what is known of it."""

import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import trio

from battle.actors.system.mailbox import Envelope, Inbox
from battle.actors.world.cluster import ENDED_BY_ITSELF, Command, Exit, NodeState, ReadUsage
from battle.actors.world.interfaces import Usage
from battle.actors.world.live.complaints import Complaints
from battle.actors.world.live.hang_report import hangs_in
from battle.actors.world.live.output import end_of_output
from battle.actors.world.live.process import WHERE_SIGNAL, ChildProcess, describe_status
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
    128 + signal.SIGTERM: "stopped",  # how the reaper of a program says the same
    -signal.SIGKILL: "stopped at SIGKILL",
}
"""What an exit status means of a node that was asked to stop."""


class LiveNode:
    """A running node's process, as the coordinator holds it."""

    def __init__(
        self,
        name: str,
        incarnation: int,
        process: ChildProcess,
        world: LiveWorld,
        command: Command | None = None,
    ) -> None:
        self._world = world
        self._command = command
        self._complaints = Complaints()
        self._lacked_files = is_too_low(inherited_files(), self._may_open)
        self.name = name
        self.incarnation = incarnation
        self.pid: int | None = process.pid
        self.killed_by: str | None = None
        self.stopped_by: str | None = None
        self.stop_asked = trio.Event()
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
                    detail=complaint.line,
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
        reason = describe_status(status)
        if status == -signal.SIGKILL and self.killed_by is not None:
            return Exit("killed", f"{reason} ({self.killed_by})", induced=True)
        if status in _STOPPED and self.stopped_by is not None:
            return Exit("stopped", f"{_STOPPED[status]} ({self.stopped_by})", induced=True)
        why = f"{reason}: {self.failure}" if self.failure else reason
        return Exit("failed", why, for_good=self.failed_for_good)
