"""Short-lived processes of our own, of which nothing stays behind, wherever Ctrl-C comes.

`subprocess.run` only asks the kernel to end its process when Ctrl-C interrupts the wait, and does not wait for that.
"""

import subprocess
from collections.abc import Sequence

from battle.store.interruptions import interruptions_wait


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
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
