"""Ctrl-C in the wrong moment: between a thing that is made and a name for it.

An exception that a signal's handler raises inside `Popen(...)` or `TemporaryDirectory(...)` loses what was just made:
the process runs, the directory is there, and nobody knows of it.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptions_wait() -> Iterator[None]:
    """What is made meanwhile is known to whoever makes it: Ctrl-C, SIGTERM and SIGHUP come at the end of this.

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


@contextmanager
def scratch_directory(prefix: str) -> Iterator[Path]:
    """A directory that is gone afterwards, with all that is in it, also when this is interrupted at any moment."""
    made = None
    try:
        with interruptions_wait():
            made = TemporaryDirectory(prefix=prefix)
        yield Path(made.name)
    finally:
        if made is not None:
            with interruptions_wait():
                made.cleanup()
