"""What wakes a live node: one private epoll for all its connections and its one timer, watched by one trio task.

Sockets are registered once, edge-triggered, so a request costs no epoll_ctl and a batch of events costs one
wake of the event loop. While only callbacks have work to do, the reactor waits in its own epoll for a moment
before it goes back to trio: a turn of trio's loop costs more than most callbacks do.

    waiting, in trio --------the epoll has something-------> a turn (`_serve`)
       ^                                                       |
       |        +-----------------------<----------------------+
       |        v                                              ^
       |      look: stamp what is ready, in the order seen     |
       |      serve the first 16 of it                         |  something was ready or due,
       |      run all timers that are due                      |  or came within 1 ms
       |      arm the timerfd for the next one                 |
       |        |                                              |
       |        +----------------------------------------------+
       |        |
       +--------+ a task was woken; or the turn has lasted 1 ms; or nothing came for 1 ms

What is ready and not served when a turn ends stays in `_ready`; then the reactor does not wait but only lets trio's
other tasks have a step. An event is stamped when it is seen, and may be served later: when hundreds of answers come
at once, the last one is not slow because the first ones had to be understood. So the reactor looks for new events
after every few served.

Who wakes whom: sockets wake their handlers, the heap wakes timers, and either wakes tasks only by `wake`, which ends
the turn. Outside a turn (in a task of the node) `call_at` arms the timerfd itself; inside, the turn does so once for
all. An edge does not come again: a handler reads or writes until the kernel has no more, or comes back by a
timer of its own, or remembers that there is more.

A descriptor is forgotten before it is closed, also what was seen of it: its number may be another's at once.
"""

import heapq
import select
import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Any

import trio

from battle.actors.world.held import Held
from battle.actors.world.interfaces import Lingering
from battle.actors.world.live.timerfd import TimerFd

EVENTS_SEEN_MAX = 512
"""More ready sockets than this are left for the next look."""

EVENTS_PER_LOOK = 16
"""Served before the reactor looks again and timers get their turn: some 0.5 ms, which a stamp may be late by."""

TURN_NS = 1_000_000
"""How long the reactor stays with its callbacks before the node's tasks get a turn they have not asked it for."""

_LINGER_SECONDS = TURN_NS / 1e9


class LiveTimer:
    """A callback in the heap; cancelled ones stay there, empty, until their time comes."""

    __slots__ = ("args", "fn")

    def __init__(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.fn: Callable[..., object] | None = fn
        self.args = args

    def cancel(self) -> None:
        self.fn = None
        self.args = ()


class Reactor:
    """Timers and socket events of one process. `epoch_ns` is the run's epoch on the monotonic clock."""

    def __init__(self, epoch_ns: int) -> None:
        self._epoch_ns = epoch_ns
        self.held = Held()
        self.lingering: set[Lingering] = set()
        """As `World.lingering`."""
        self._epoll = select.epoll()
        self._timerfd = TimerFd()
        self._handlers: dict[int, Callable[[int], object]] = {}
        self._heap: list[tuple[int, int, LiveTimer]] = []
        self._order = count()
        self._armed_ns: int | None = None
        self._ready: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._looked_ns = 0
        self.seen_ns = 0
        """When the event that is being served was seen: for a timer, now."""
        self._serving = False
        self._woke_task = False
        self._epoll.register(self._timerfd.fileno(), select.EPOLLIN | select.EPOLLET)
        self._handlers[self._timerfd.fileno()] = self._on_timer

    def now_ns(self) -> int:
        """Nanoseconds since the run's epoch."""
        return time.perf_counter_ns() - self._epoch_ns

    def call_at(self, at_ns: int, fn: Callable[..., object], *args: Any) -> LiveTimer:
        """Call `fn(*args)` at `at_ns`, from the reactor's task."""
        timer = LiveTimer(fn, args)
        heapq.heappush(self._heap, (at_ns, next(self._order), timer))
        if not self._serving and (self._armed_ns is None or at_ns < self._armed_ns):
            self._arm(at_ns)
        return timer

    def register(self, fd: int, events: int, handler: Callable[[int], object]) -> None:
        """Call `handler(events)` whenever epoll reports an edge for `fd`."""
        self._epoll.register(fd, events | select.EPOLLET)
        self._handlers[fd] = handler

    def modify(self, fd: int, events: int) -> None:
        """Watch `fd` for other events."""
        self._epoll.modify(fd, events | select.EPOLLET)

    def forget(self, fd: int) -> None:
        """The descriptor is about to be closed, which takes it out of epoll. Its number may soon be another's."""
        del self._handlers[fd]
        self._ready.pop(fd, None)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve events until cancelled. What a callback raises, this raises."""
        task_status.started()
        while True:
            if self._ready:
                await trio.lowlevel.checkpoint()
            else:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
            self._serve()

    def wake(self, task: trio.lowlevel.Task) -> None:
        """Reschedule a task that waits for something of this reactor's; it runs as soon as trio gets its turn."""
        self._woke_task = True
        trio.lowlevel.reschedule(task)

    def _serve(self) -> None:
        """Serve what is ready or due until a task was woken, nothing came for a while, or the turn is over."""
        self._woke_task = False
        until_ns = self.now_ns() + TURN_NS
        wait_seconds = 0.0
        while True:
            served = self._serve_once(wait_seconds)
            if self._woke_task or self._looked_ns > until_ns:
                return
            if not served:
                if wait_seconds:
                    return
                wait_seconds = _LINGER_SECONDS

    def _serve_once(self, wait_seconds: float) -> bool:
        """One round: whether anything was ready or due."""
        self._look(0 if self._ready else wait_seconds)
        self._serving = True
        served = min(len(self._ready), EVENTS_PER_LOOK)
        for _ in range(served):
            if not self._ready:  # a handler has closed the others
                break
            fd, (events, self.seen_ns) = self._ready.popitem(last=False)
            self._handlers[fd](events)
        ran = self._run_due()
        self._serving = False
        self._arm_for_next()
        return ran or served > 0

    def _look(self, wait_seconds: float) -> None:
        """Stamp what is ready. More for a descriptor that still waits to be served takes the later stamp."""
        ready = self._epoll.poll(wait_seconds, EVENTS_SEEN_MAX)
        self._looked_ns = now_ns = self.now_ns()
        for fd, events in ready:
            waiting = self._ready.get(fd)
            self._ready[fd] = (events | waiting[0] if waiting else events, now_ns)

    def close(self) -> None:
        """Release the descriptors, those of lingering connections too; nothing is called any more."""
        while self.lingering:  # one may leave another behind: a WebSocket its stream
            self.lingering.pop().end_now()
        self._epoll.close()
        self._timerfd.close()

    def _arm(self, at_ns: int) -> None:
        self._armed_ns = at_ns
        self._timerfd.arm(at_ns + self._epoch_ns)

    def _on_timer(self, _events: int) -> None:
        self._armed_ns = None  # edge-triggered, so there is nothing to acknowledge

    def _run_due(self) -> bool:
        """Whether any timer was due."""
        heap = self._heap
        self.seen_ns = now_ns = self.now_ns()
        ran = False
        while heap and (heap[0][0] <= now_ns or heap[0][2].fn is None):
            timer = heapq.heappop(heap)[2]
            ran = True
            if timer.fn is not None:
                timer.fn(*timer.args)
        return ran

    def _arm_for_next(self) -> None:
        """What is armed too early only wakes for nothing, once."""
        if self._heap and (self._armed_ns is None or self._heap[0][0] < self._armed_ns):
            self._arm(self._heap[0][0])
