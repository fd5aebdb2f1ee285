"""Virtual time: a trio clock that owns a heap of events and jumps from one to the next.

trio asks its clock how long it may sleep exactly when no task can run. That is the moment to fire the next
event, or to jump to the next trio deadline; so nothing ever waits, and time never moves while there is
something to do. `trio.testing.MockClock` does the same for deadlines only, at five times the cost.
"""

import gc
import heapq
import math
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

import trio
from trio._core._run import GLOBAL_RUN_CONTEXT

from battle.actors.world.held import Held
from battle.actors.world.simulated.suspension import TaskSuspension

_SECOND_NS = 10**9

COLLECT_EVERY_NS = 60 * _SECOND_NS
"""Virtual time between two collections of garbage. What a connection, a node or a crash leaves behind hangs together
in cycles, and the collector is off while simulating: it would come at moments of its own. One takes 20 ms."""

EVENTS_PER_TURN = 10_000
"""Fired before trio may look for signals again: else nobody could stop a simulation in which no task ever wakes."""


class Host(Protocol):
    """The node an event happens on: it may be paused or dead when the moment comes."""

    @property
    def alive(self) -> bool:
        """Whether the node still lives; a paused one does."""

    @property
    def held(self) -> Held:
        """What it holds for its peers."""

    @property
    def running(self) -> bool:
        """Whether it is alive and not paused, so that what is delivered happens now."""

    def deliver(self, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` now, later if the node is paused, never if it is dead."""

    def crash(self, error: Exception) -> bool:
        """A callback on the node raised this. Whether the node can end by it; else it is the simulation's failure."""


class EventTimer:
    """A callback in the heap; cancelled ones stay there, empty, until their time comes."""

    __slots__ = ("_args", "_fn", "host")

    def __init__(self, host: Host | None, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.host = host
        self._fn: Callable[..., object] | None = fn
        self._args = args

    def cancel(self) -> None:
        """Make sure the callback does not run any more."""
        self._fn = None
        self._args = ()

    def fire(self) -> None:
        """The moment has come."""
        fn, host = self._fn, self.host
        if fn is None:
            return
        if host is None or host.running:  # nearly always: one call less in each event of a simulation
            fn(*self._args)
        else:
            host.deliver(self._run)

    def _run(self) -> None:
        if self._fn is not None:  # a timer can be cancelled while its paused node holds it back
            self._fn(*self._args)


class EventClock(trio.abc.Clock):
    """The clock of one simulation. Time starts at 0 and is counted in whole nanoseconds.

    What a callback raises is the crash of the node it happened on. `on_failure` is called once with the exception
    when there is no such node (the coordinator's own callbacks), or with None when nothing is left that could ever
    happen (a deadlock). It must make the run end: to raise inside a clock would be an internal error of trio.
    """

    def __init__(self, on_failure: Callable[[BaseException | None], object]) -> None:
        self._on_failure = on_failure
        self._now_ns = 0
        self._heap: list[tuple[int, int, EventTimer]] = []
        self._order = count()
        self._failed = False
        self._over = False
        self._collect_ns = COLLECT_EVERY_NS
        self.tasks = TaskSuspension()
        """Which tasks may not run now, because their node is paused."""

    def now_ns(self) -> int:
        """Virtual nanoseconds since the simulation began."""
        return self._now_ns

    def call_at(
        self, at_ns: int, fn: Callable[..., object], *args: Any, host: Host | None = None
    ) -> EventTimer:
        """Call `fn(*args)` on `host` at `at_ns`; callbacks of one moment run in the order asked for."""
        return self.add(at_ns, EventTimer(host, fn, args))

    def add(self, at_ns: int, timer: EventTimer) -> EventTimer:
        """Fire the timer at `at_ns`, as `call_at` does with the one that it makes."""
        now_ns = self._now_ns
        heapq.heappush(self._heap, (at_ns if at_ns > now_ns else now_ns, next(self._order), timer))
        return timer

    def end(self) -> None:
        """The simulation is over: whatever is still due does not happen, while trio itself comes to its end."""
        self._over = True

    # trio.abc.Clock

    def start_clock(self) -> None:
        """Nothing to start."""

    def current_time(self) -> float:
        return self._now_ns / _SECOND_NS

    def deadline_to_sleep_time(self, deadline: float) -> float:
        runner = GLOBAL_RUN_CONTEXT.runner
        if self._over:
            return 0
        if runner.waiting_for_idle:
            return math.inf  # wait_all_tasks_blocked comes first: it sees the moment before time moves
        heap = self._heap
        limit_ns = _ceil_ns(deadline)
        for _ in range(EVENTS_PER_TURN):
            if not heap or runner.runq or heap[0][0] > limit_ns:
                break
            self._now_ns, _, timer = heapq.heappop(heap)
            self._fire(timer)
        else:
            return 0
        if self._now_ns >= self._collect_ns:
            self._collect_ns = self._now_ns + COLLECT_EVERY_NS
            gc.collect()
        if runner.runq:
            return 0
        if limit_ns != math.inf:
            self._now_ns = max(self._now_ns, int(limit_ns))
        elif not heap:
            self._fail(None)
        return 0

    def _fire(self, timer: EventTimer) -> None:
        try:
            timer.fire()
        except Exception as error:
            if timer.host is None or not timer.host.crash(error):
                self._fail(error)
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException | None) -> None:
        if not self._failed:
            self._failed = True
            self._on_failure(error)


def _ceil_ns(deadline: float) -> float:
    """The first whole nanosecond at which `current_time()` has reached the deadline."""
    if deadline == math.inf:
        return math.inf
    at_ns = max(0, math.ceil(deadline * _SECOND_NS))
    while at_ns / _SECOND_NS < deadline:
        at_ns += 1
    return at_ns
