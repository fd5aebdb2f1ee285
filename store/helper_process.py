"""Short-lived processes of our own, of which nothing stays behind, wherever Ctrl-C comes.

`subprocess` has two gaps. An exception that a signal's handler raises inside `Popen(...)` loses the process: it was
started, and nobody knows it. And `subprocess.run` only asks the kernel to end it when Ctrl-C interrupts the wait, and
does not see to it that it has.
"""

import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptions_wait() -> Iterator[None]:
    """What is started meanwhile is known to whoever started it: Ctrl-C, SIGTERM and SIGHUP come at the end of this.

    Outside the main thread no handler runs, and nothing has to wait. A signal that has no handler of Python's ends
    the whole program, as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handled = [number for number in _INTERRUPTIONS if callable(signal.getsignal(number))]
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for interruption in dict.fromkeys(came):
            signal.raise_signal(interruption)


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
