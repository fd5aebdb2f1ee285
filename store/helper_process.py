"""Short-lived processes of our own, of which nothing stays behind, wherever Ctrl-C comes.

`subprocess.run` only asks the kernel to end its process when Ctrl-C interrupts the wait, and does not wait for that.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from battle.store.interruptions import interruptions_wait

GRACE_SECONDS = 5.0
"""For a program that was asked to end and tidies up; a Battle that seals its log takes a second or two."""


class Ended(NamedTuple):
    """How a program ended (a negative status is the signal that ended it), and what it said."""

    status: int
    out: bytes
    err: bytes


def outcome_of(
    command: Sequence[str],
    *,
    directory: Path,
    environ: Mapping[str, str],
    seconds: float,
    grace: float = GRACE_SECONDS,
) -> Ended:
    """How a program ends that is run in `directory` with these environment variables.

    However the wait ends, the program has ended before it. When it takes longer than `seconds`, or Ctrl-C comes, it
    is asked to end (SIGTERM), and killed with all of its process group after `grace` seconds or at the next Ctrl-C.

    Raises:
        TimeoutError: it took longer than `seconds`.
        OSError: it cannot be started.
    """
    process = None
    try:
        with interruptions_wait():
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        out, err = process.communicate(timeout=seconds)
        return Ended(process.returncode, out, err)
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    finally:
        if process is not None:
            try:
                _ask_to_end(process, grace)
            finally:
                _end(process)


def _ask_to_end(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    with suppress(subprocess.TimeoutExpired):  # it is killed next
        process.communicate(timeout=seconds)  # reading on: what it says last must not block it


def answer_of(
    command: Sequence[str], given: bytes = b"", *, seconds: float | None = None, check: bool = False
) -> bytes:
    """What the process says on standard output when `given` is its input.

    However the wait ends, the process has ended before it. It has a session of its own: a Ctrl-C at the terminal is
    for whoever waits.

    Raises:
        subprocess.TimeoutExpired: it took longer than `seconds`.
        subprocess.CalledProcessError: it failed, and `check` was asked for.
    """
    process = None
    try:
        with interruptions_wait():
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        answer, _ = process.communicate(given, timeout=seconds)
    finally:
        if process is not None:
            _end(process)
    if check and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return answer


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.returncode is None:  # it is not reaped yet, so its number is still its own
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a session of its own is a group of its own
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
