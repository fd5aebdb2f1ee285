"""A program that is none of ours, with all that it has started, as the coordinator acts on it.

Between the two is the program's reaper (see there), which says on the control socket which process it has started.
That one alone is asked to stop, as service managers ask: it has to know what it has started. To pause or to kill is
done to all of them, as when a machine or a container stops: a worker that goes on would be half a gateway.
"""

import signal
import socket
from collections.abc import Iterator

import trio

from battle.actors.units import Duration
from battle.actors.world.cluster import NodeState
from battle.actors.world.live.descendants import ROUNDS_MAX, Found, descendants, send_signal

_NUMBER_BYTES = 32
"""Of a process's number as text."""


class Program:
    """What runs below the reaper whose keeper has the number `keeper`; `control` is our end of its control socket."""

    def __init__(self, keeper: int, control: socket.socket) -> None:
        self._keeper = keeper
        self._control = control
        self._main: int | None = None

    async def wait_started(self) -> None:
        """Wait until the program has been started; returns also when it could not be."""
        await trio.lowlevel.wait_readable(self._control)
        number = self._control.recv(_NUMBER_BYTES)
        self._main = int(number) if number else None

    @property
    def has_started(self) -> bool:
        return self._main is not None

    async def press(self, number: signal.Signals, grace: Duration) -> None:
        """Send this signal to the process that was started first, and kill all that are left after `grace`; whoever
        waits for the end cancels this."""
        for found in self._processes():
            if found.pid == self._main:
                send_signal(found, number)
        self.resume()  # a paused program would not notice
        await trio.sleep(grace / 1e9)
        self.kill()

    def kill(self) -> None:
        """End all of them as SIGKILL does: stopped first, so that none starts another in place of one that died."""
        self.pause()
        for found in reversed([*self._processes()]):
            send_signal(found, signal.SIGKILL)

    def pause(self) -> None:
        """Stop all of them as SIGSTOP does. One may have started another meanwhile, so it is looked again."""
        stopped: set[int] = set()
        for _ in range(ROUNDS_MAX):
            running = [found for found in self._processes() if found.pid not in stopped]
            if not running:
                return
            for found in running:
                send_signal(found, signal.SIGSTOP)
            stopped.update(found.pid for found in running)

    def resume(self) -> None:
        """Let all of them go on."""
        for found in self._processes():
            send_signal(found, signal.SIGCONT)

    def state(self) -> NodeState:
        """ "paused" when all of them are."""
        states = [found.is_stopped for found in self._processes()]
        if not states:
            return "gone"
        return "paused" if all(states) else "running"

    def _processes(self) -> Iterator[Found]:
        """Those that live, each before those below it; without the reaper, the only child of its keeper."""
        for found in descendants(self._keeper):
            if found.parent != self._keeper and not found.has_ended:
                yield found
