"""Where the event loop of a run goes when its caller has one already, and whose signals end it.

A run is a `trio.run` of its own. In the middle of somebody else's event loop (an async test, a notebook's cell) that
would collide: trio does not nest, and two loops in one thread share its wake-up for signals. So the run then has a
thread of its own, and the caller waits for it as for any call that blocks.

    caller                            the run's loop         Ctrl-C, SIGTERM and SIGHUP
    main thread, no loop              the caller's thread    are received by the run's loop
    main thread, a loop is running    a new thread           are passed on to it by the caller, which waits
    another thread                    as above               are not seen: they belong to the main thread
"""

import signal
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

import outcome
import sniffio
import trio

from battle.run.signals import ending_signals

Ended = TypeVar("Ended")

SIGNALS_WAITING_MAX = 16
"""The second one asked for ends a run at once; what comes after that has nothing left to say."""


WAKING_SECONDS = 0.2
"""A signal that comes while another one is on its way to the main thread may go to any thread. Python runs its
handler in the main thread, but does not wake that for it."""


class Signals(Protocol):
    """The signals that are to end a run."""

    def receive(self) -> AbstractContextManager[AsyncIterator[int]]:
        """Their numbers, as they come, while this is open; in the run's own loop."""


def in_event_loop(run: Callable[[Signals], Ended]) -> Ended:
    """Call `run`, which starts an event loop of its own, where that is possible, and return what it returns.

    Raises:
        Exception: whatever `run` raised.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not _loop_is_running():
        return run(_Received() if in_main_thread else _None())
    if not in_main_thread:
        return _in_a_thread(lambda: run(_None()), lambda: None)
    passed = _Passed()
    with passed.on():
        return _in_a_thread(lambda: run(passed), passed.interrupt)


def until_signalled(work: Callable[[], Awaitable[Ended]]) -> Ended:
    """Do `work` in an event loop of its own, and return what it returns; a signal cancels it.

    Raises:
        KeyboardInterrupt: a signal came first. It is raised outside the loop: inside, any task could get it, and its
            nursery would make a group of it.
        Exception: whatever `work` raised.
    """
    result = in_event_loop(lambda signals: trio.run(_work_or_signal, work, signals))
    if result is None:
        raise KeyboardInterrupt
    return result.unwrap()


async def _work_or_signal(
    work: Callable[[], Awaitable[Ended]], signals: Signals
) -> outcome.Outcome[Ended] | None:
    """What came of the work; None when a signal came first."""
    result: outcome.Outcome[Ended] | None = None

    async def end_at_signal(numbers: AsyncIterator[int]) -> None:
        async for _ in numbers:
            nursery.cancel_scope.cancel()

    with signals.receive() as numbers:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end_at_signal, numbers)
            try:
                result = outcome.Value(await work())
            except Exception as error:  # not through the nursery, which would put it into a group
                result = outcome.Error(error)
            nursery.cancel_scope.cancel()
    return result


def _loop_is_running() -> bool:
    try:
        sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return False
    return True


def _in_a_thread(run: Callable[[], Ended], interrupt: Callable[[], object]) -> Ended:
    """Wait for `run` in a thread that lives as long as it: processes that it starts die with their thread.

    `interrupt` ends it early, when something else ends the waiting: an alarm's handler that raises, say.
    """
    results: SimpleQueue[outcome.Outcome[Ended]] = SimpleQueue()
    thread = threading.Thread(target=lambda: results.put(outcome.capture(run)), name="battle run")
    try:
        thread.start()
        result = _gotten(results)  # `join` takes a thread for ended when a handler raises (CPython 3.11)
    except BaseException:
        if thread.ident is not None:  # it was started
            interrupt()
            results.get()
            thread.join()
        raise
    thread.join()
    return result.unwrap()


def _gotten(results: "SimpleQueue[outcome.Outcome[Ended]]") -> "outcome.Outcome[Ended]":
    """What the thread puts there. Handlers of signals run in between, whichever thread the kernel interrupted."""
    while True:
        with suppress(Empty):
            return results.get(timeout=WAKING_SECONDS)


class _Received:
    def receive(self) -> AbstractContextManager[AsyncIterator[int]]:
        return trio.open_signal_receiver(*ending_signals())


class _None:
    @contextmanager
    def receive(self) -> Iterator[AsyncIterator[int]]:
        send, received = trio.open_memory_channel[int](0)
        with send, received:
            yield received


class _Passed:
    """The main thread's handlers put what they get where the run's loop takes it from.

    Nothing is lost between the threads: a handler puts the number down before it looks for the loop, and the loop
    shows itself before it takes what was put down.
    """

    def __init__(self) -> None:
        self._put: deque[int] = deque(maxlen=SIGNALS_WAITING_MAX)
        self._token: trio.lowlevel.TrioToken | None = None
        self._send: trio.MemorySendChannel[int]

    @contextmanager
    def on(self) -> Iterator[None]:
        """Take the signals meanwhile; whoever had them before has them again afterwards."""
        before = {number: signal.signal(number, self._take) for number in ending_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def receive(self) -> Iterator[AsyncIterator[int]]:
        self._send, received = trio.open_memory_channel[int](SIGNALS_WAITING_MAX)
        with self._send, received:
            self._token = trio.lowlevel.current_trio_token()
            self._pass_on()
            yield received
        self._token = None

    def interrupt(self) -> None:
        """End the run as Ctrl-C does."""
        self._take(signal.SIGINT, None)

    def _take(self, number: int, frame: object) -> None:
        self._put.append(number)
        if self._token is None:
            return
        with suppress(trio.RunFinishedError):  # it has ended already
            self._token.run_sync_soon(self._pass_on)

    def _pass_on(self) -> None:
        while self._put:
            number = self._put.popleft()
            with suppress(trio.WouldBlock, trio.ClosedResourceError):  # it was asked often enough, or is over
                self._send.send_nowait(number)
