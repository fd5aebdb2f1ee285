"""A child process as the coordinator holds it: started, watched, and always reaped."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import trio

from battle.actors.world.cluster import NodeState
from battle.actors.world.live.descendants import MARK
from battle.actors.world.live.output import Output

ASK_SECONDS = 2.0
TERM_SECONDS = 1.0

WHERE_SIGNAL = signal.SIGUSR1
"""Makes a node of ours print where it is."""

LOOK_AT_OUTPUT_SECONDS = 0.2
"""A program that prints a gigabyte a second fills a fifth of that before it is cut."""

_STATES: dict[str, NodeState] = {"T": "paused", "Z": "gone", "X": "gone"}


class ChildProcess:
    """A process in a session of its own. It must be started from the main thread.

    The kernel ties PR_SET_PDEATHSIG to the thread that forked, so a worker thread that retires would take
    its children along.
    """

    def __init__(
        self,
        command: list[str],
        *,
        output: Path,
        mark: str,
        pass_fds: tuple[int, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.output = Output(output)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.unlink(missing_ok=True)
        with output.open("ab") as sink:  # appending, so that the file can be cut while it is written
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                pass_fds=pass_fds,
                start_new_session=True,
                env={**os.environ, **(environment or {}), MARK: mark},
            )
        self.pid = self._popen.pid
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except OSError:
            self._popen.kill()
            self._popen.wait()
            raise

    async def wait(self) -> int:
        """Wait for the end: its exit status, or minus the number of the signal that ended it."""
        if self._popen.returncode is None:
            await trio.lowlevel.wait_readable(self._pidfd)
        return self._popen.wait()

    @property
    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    def send_signal(self, number: int) -> None:
        """Signal the process; harmless when it has ended."""
        if self._popen.poll() is None:
            signal.pidfd_send_signal(self._pidfd, number)

    def state(self) -> NodeState:
        """What /proc says of it."""
        if self._popen.poll() is not None:
            return "gone"
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return "gone"
        letter = stat.rpartition(")")[2].split()[0]  # the program's name before it may hold anything
        return _STATES.get(letter, "running")

    async def press(self) -> None:
        """Ask it with SIGTERM to end, and force it when it does not; whoever waits for its end cancels this."""
        self.send_signal(signal.SIGTERM)
        self.send_signal(signal.SIGCONT)  # a paused process would not notice
        await trio.sleep(ASK_SECONDS + TERM_SECONDS)
        self.send_signal(signal.SIGKILL)

    async def stop(self) -> str:
        """The ladder after it was asked: wait, SIGTERM, wait, SIGKILL, reap. Says how far it went."""
        self.send_signal(signal.SIGCONT)  # a paused process would not notice that it was asked
        for seconds, number in ((ASK_SECONDS, signal.SIGTERM), (TERM_SECONDS, signal.SIGKILL)):
            with trio.move_on_after(seconds):
                await self.wait()
                return "stopped" if number == signal.SIGTERM else "stopped at SIGTERM"
            self.send_signal(signal.SIGCONT)  # somebody else may have paused it
            self.send_signal(number)
        await self.wait()
        return "stopped at SIGKILL"

    async def keep_output_small(self) -> None:
        """Hear what it prints, and cut that to its head and its newest tail, again and again, until cancelled."""
        while True:
            await trio.sleep(LOOK_AT_OUTPUT_SECONDS)
            self.output.look()

    def close(self) -> None:
        """Release the descriptor, and the output file if nothing was written to it. The process has ended."""
        os.close(self._pidfd)
        self.output.look()
        with suppress(FileNotFoundError):  # somebody has tidied up
            if self.output.path.stat().st_size == 0:
                self.output.path.unlink()


def describe_status(status: int) -> str:
    """An exit status for people: "exit status 1", "killed by SIGKILL"."""
    if status >= 0:
        return f"exit status {status}"
    return f"killed by {signal.Signals(-status).name}"
