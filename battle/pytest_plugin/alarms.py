"""What interrupts a test ends its run in good order first: sealed, judged, and nothing left running."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def alarms_deferred() -> Iterator[None]:
    """While a run goes on, an alarm (pytest-timeout's, say) ends it as Ctrl-C does; then the alarm has its way.

    Its handler raises, as a rule, and an exception out of nowhere in an event loop leaves that in pieces.
    """
    __tracebackhide__ = True
    handler = signal.getsignal(signal.SIGALRM)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    rang = False

    def ring(number: int, frame: object) -> None:
        nonlocal rang
        rang = True
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, handler)
        if rang:
            handler(signal.SIGALRM, None)
