"""Keeps a program that is none of ours, and whatever it starts, from outliving its coordinator.

Used as `python -m battle.actors.world.live.reaper FD -- PROGRAM ...`. The program gets a process group of its own.
Its number is the only word on the control socket FD: by it the coordinator pauses, asks and kills it (`program`).
When the coordinator closes that socket, or dies, or the program ends, everything below the reaper is ended: asked
with SIGTERM, then killed. The reaper is a subreaper, so that includes what has forked twice or left the group
and session. The reaper's exit status is the program's.

Whoever is killed ends nobody, so there are two, and each ends what is below when the other is killed, also together
with the coordinator:

    coordinator
      keeper        waits for the reaper; ends what it left when it was killed
        reaper      starts the program, and waits for its end or the coordinator's, who sees the keeper's
          program   the kernel kills it when the reaper dies; what it has started is then below the keeper
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial

from battle.actors.world.live.descendants import become_subreaper, descendants, end_descendants

GRACE_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1

MORE = "BATTLE_PROGRAM"
"""The environment variable with what else is to be known of the program, as JSON: variables of its own, and where it
starts. They may be secrets, which a process list would show among the words."""

LISTED_MAX = 10
"""Of the processes that a program left behind, so many are named."""


def main() -> int:
    """Start the program, wait for its end or the coordinator's, and leave nothing behind."""
    signal.signal(signal.SIGTERM, _leave)
    become_subreaper()
    reaper = os.fork()
    return _keep(reaper) if reaper else _reap()


def _keep(reaper: int) -> int:
    """Wait for the reaper; what it has left, which is something only when it was killed, is ended."""
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(reaper, number))
    _, status = os.waitpid(reaper, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_descendants(os.getpid(), GRACE_SECONDS)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _reap() -> int:
    become_subreaper()  # which no fork inherits
    control = socket.socket(fileno=int(sys.argv[1]))
    # Should the reaper itself be killed, the kernel takes the program along. A process without threads may do this.
    more = json.loads(os.environ.pop(MORE, "{}"))
    program = subprocess.Popen(
        sys.argv[3:],
        stdin=subprocess.DEVNULL,
        env=os.environ | more.get("environment", {}),
        cwd=more.get("directory"),
        process_group=0,
        preexec_fn=partial(_die_with_the_reaper, os.getpid()),  # noqa: PLW1509
    )
    pidfd = os.pidfd_open(program.pid)
    try:
        with suppress(BrokenPipeError):  # the coordinator has gone: the next line notices
            control.send(str(program.pid).encode(), socket.MSG_NOSIGNAL)
        select.select([control.fileno(), pidfd], [], [])
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is being done
        if program.poll() is not None:
            _say_who_is_left()
        end_descendants(os.getpid(), GRACE_SECONDS, unreaped={program.pid})
        program.wait()
    return program.returncode if program.returncode >= 0 else 128 - program.returncode


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def _die_with_the_reaper(reaper: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != reaper:
        os._exit(1)  # it died before the kernel could be asked, so nothing would come any more


def _say_who_is_left() -> None:
    """A program that goes into the background is no longer the one that was started, and cannot be watched."""
    left = [found.pid for found in descendants(os.getpid()) if not found.has_ended]
    if left:
        listed = ", ".join(map(str, left[:LISTED_MAX]))
        print(
            f"battle: the program ended, and processes that it started went on (pid {listed}). They were ended too: "
            "a gateway must stay in the foreground; most have an option for that.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.exit(main())
