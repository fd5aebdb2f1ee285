"""Keeps a program that is none of ours from outliving its coordinator.

Used as `python -m actors.world.live.guard FD -- PROGRAM ...`. The program gets a process group of its own. When
the coordinator closes the control socket FD, or dies, the whole group is ended: asked with SIGTERM, then
killed. The guard's exit status is the program's.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial

GRACE_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Start the program, wait for its end or the coordinator's, and leave nothing behind."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGTERM, _leave)
    # Should the guard itself be killed, the kernel takes the program along. A process without threads may do this.
    program = subprocess.Popen(
        sys.argv[3:],
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=partial(_die_with_the_guard, os.getpid()),  # noqa: PLW1509
    )
    pidfd = os.pidfd_open(program.pid)
    try:
        select.select([control.fileno(), pidfd], [], [])
    finally:
        _end_group(program, pidfd)
    return program.returncode if program.returncode >= 0 else 128 - program.returncode


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)


def _die_with_the_guard(guard: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(1)  # it died before the kernel could be asked, so nothing would come any more


def _end_group(program: "subprocess.Popen[bytes]", pidfd: int) -> None:
    """Children that stay when the program itself has gone belong to the group, and go as well."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(program.pid, number)
        select.select([pidfd], [], [], GRACE_SECONDS)
    program.wait()


if __name__ == "__main__":
    sys.exit(main())
