"""Commands that watch a run from beside it: what they do, and whether they fail, changes nothing about the run.

Each is a process in a session of its own, with a lower priority than any node, and a pipe as its standard input. The
pipe's end says that the run is over and its reports are written; it also comes when this process is killed, so a
command that heeds it is never left behind. One that does not heed it in time is ended, by its id: SIGTERM, then
SIGKILL.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from battle.errors import plain
from battle.store.interruptions import interruptions_wait

ENDING_SECONDS = 120.0
"""For an observer after the run: a minute to be scraped once more, 20 s to deliver what is left, 40 s to spare."""

BRIEF_SECONDS = 5.0
"""The same when the run did not come to its end: there is nothing to wait for."""

TERM_SECONDS = 2.0
"""Between SIGTERM and SIGKILL."""

NICENESS = 10
"""Added to the priority that a node has: a busy machine runs the nodes first."""


class Observer(msgspec.Struct, frozen=True):
    """A command, to which the run's directory is added as the last word, and variables for its environment."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = {}


class Observation:
    """The observers of one run; a context around the run and the writing of its reports.

    `on_failure` is called with a sentence for each observer that cannot be started, or fails.
    """

    def __init__(self, observers: Sequence[Observer], on_failure: Callable[[str], object]) -> None:
        self._observers = observers
        self._on_failure = on_failure
        self._seconds = ENDING_SECONDS
        self._running: list[tuple[Observer, subprocess.Popen[bytes]]] = []

    def start(self, run_dir: Path) -> None:
        """Start them: the run's directory is there."""
        for observer in self._observers:
            try:
                with interruptions_wait():
                    process = subprocess.Popen(
                        [*observer.command, str(run_dir)],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL,
                        stderr=_stderr(),
                        env={**os.environ, **observer.environment},
                        start_new_session=True,
                    )
                    self._running.append((observer, process))
            except OSError as error:
                self._on_failure(f"{observer.name} cannot be started: {plain(error)}")
                continue
            with suppress(OSError):  # it has ended already
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)

    def hurry(self) -> None:
        """The run was interrupted: whoever did it does not want to wait."""
        self._seconds = BRIEF_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = self._seconds if kind is None else BRIEF_SECONDS
        for _, process in self._running:
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()
        for observer, process in self._running:
            if seconds == 0:
                _end(process)
                continue
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                self._on_failure(
                    f"{observer.name} did not end within {seconds:g} s after the run, and was ended"
                )
            except KeyboardInterrupt:  # whoever gave the command will not wait: the run's result stays
                seconds = 0.0
                _end(process)
            else:
                if process.returncode != 0:
                    self._on_failure(f"{observer.name} failed: {_ended_by(process.returncode)}")


def _stderr() -> int | None:
    """Ours, where it is a file of the system's."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return subprocess.DEVNULL


def _end(process: "subprocess.Popen[bytes]") -> None:
    with interruptions_wait():
        process.terminate()
        try:
            process.wait(TERM_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ended_by(status: int) -> str:
    return f"exit status {status}" if status > 0 else f"ended by signal {-status}"
