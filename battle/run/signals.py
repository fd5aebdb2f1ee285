"""SIGTERM, and the SIGHUP of a terminal that is gone, end what goes on as Ctrl-C does: by a KeyboardInterrupt."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from battle.errors import CommandInterruptedError


def ending_signals() -> tuple[signal.Signals, ...]:
    """Those that end a run. SIGHUP is not one of them where `nohup` has it ignored."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_like_interrupted() -> Iterator[None]:
    """Meanwhile these signals raise KeyboardInterrupt, so that whatever is being written is tidied up.

    A handler of somebody else's stays, and so does everything outside the main thread, where none can be set.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in ending_signals() if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def interrupted_as(words: str) -> Iterator[None]:
    """Who ends a command meanwhile hears these words. Raises CommandInterruptedError."""
    try:
        yield
    except KeyboardInterrupt:
        raise CommandInterruptedError(words) from None
