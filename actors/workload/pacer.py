"""When the next request is sent: at its due time in an open loop, after the last answer in a closed one.

Both are chains of timer callbacks: on the path of a request no task has to wake up to send it.
"""

from collections.abc import Callable, Iterator

import trio

from actors.units import ms
from actors.workload.answer import Ending
from actors.workload.request import Request
from actors.world.seam import Timer, World

_BURST_REQUESTS = 64
"""Sent without a pause when many are due: then the answers get their turn."""

_BROKEN_PAUSE = ms(10)
"""How long a caller whose connection broke waits, so that a dead server does not make a closed loop spin."""
_BROKEN = frozenset({"refused", "reset", "closed", "protocol", "unsent"})

Build = Callable[[int, int], Request]


class Pacer:
    """Open loop: submits each request of `arrivals` (number, due time) when it is due, together with the time.

    Each is built before it is due, so that nothing but sending is left to do then.
    """

    def __init__(
        self,
        world: World,
        arrivals: Iterator[tuple[int, int]],
        build: Build,
        submit: Callable[[Request, int], None],
    ) -> None:
        self._world = world
        self._now_ns = world.now_ns
        self._requests = (build(number, due_ns) for number, due_ns in arrivals)
        self._submit = submit
        self._timer: Timer | None = None
        self._over = trio.Event()

    async def run(self) -> None:
        """Wait until the last request was submitted."""
        try:
            self._await_next()
            await self._over.wait()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _await_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._over.set()
        else:
            self._call_at(request.scheduled_ns, request)

    def _call_at(self, at_ns: int, request: Request) -> None:
        self._timer = self._world.call_at(at_ns, self._submit_due, request)

    def _submit_due(self, request: Request | None) -> None:
        """Submit this request and those after it that are due by now."""
        now_ns = self._now_ns()
        for _ in range(_BURST_REQUESTS):
            if request is None:
                self._over.set()
                return
            if request.scheduled_ns > now_ns and request.scheduled_ns > (now_ns := self._now_ns()):
                self._call_at(request.scheduled_ns, request)
                return
            self._submit(request, now_ns)
            request = next(self._requests, None)
        self._timer = self._world.call_at(self._now_ns(), self._submit_due, request)


class Users:
    """Closed loop: `users` callers, each of whom asks again when the last request ended, until `end_ns`."""

    def __init__(
        self,
        world: World,
        numbers: Iterator[int],
        build: Build,
        submit: Callable[[Request], None],
        *,
        users: int,
        end_ns: int,
    ) -> None:
        self._world = world
        self._numbers = numbers
        self._build = build
        self._submit = submit
        self._users = users
        self._end_ns = end_ns

    async def run(self) -> None:
        """Wait until the last request was submitted; `ask_again` must hear of each that ends meanwhile."""
        for _ in range(self._users):
            self._ask()
        await self._world.sleep_until(self._end_ns)

    def ask_again(self, ending: Ending) -> None:
        """A caller's request has ended."""
        if ending.failure in _BROKEN:
            self._world.call_at(self._world.now_ns() + _BROKEN_PAUSE, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        now_ns = self._world.now_ns()
        if now_ns < self._end_ns:
            self._submit(self._build(next(self._numbers), now_ns))
