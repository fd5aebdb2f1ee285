"""When the next request is sent: at its due time in an open loop, after the last answer in a closed one.

Both are chains of timer callbacks: on the path of a request no task has to wake up to send it.
"""

from collections import deque
from collections.abc import Callable, Iterator

import trio

from battle.actors.units import Duration, ms
from battle.actors.workload.requests.author_generator import GeneratorError
from battle.actors.workload.requests.outcome import Ending
from battle.actors.workload.requests.request import Request
from battle.actors.world.interfaces import Timer, World

_BURST_REQUESTS = 64
"""Sent without a pause when many are due: then the answers get their turn."""

_TURN = ms(10)
"""And no more are made once it took so long, as with a slow generator of the author's: a node that does nothing else
for seconds misses its heartbeats."""

_BROKEN_PAUSE = ms(10)
"""How long a caller whose connection broke waits, so that a dead server does not make a closed loop spin."""
_BROKEN = frozenset(
    {"refused", "no_websocket", "reset", "closed", "protocol", "not_json_rpc", "unsent", "unread"}
)

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
        self._failure: GeneratorError | None = None

    async def run(self) -> None:
        """Wait until the last request was submitted.

        Raises:
            GeneratorError: the author's generator broke; what it made before was submitted.
        """
        try:
            self._await_next()
            await self._over.wait()
        finally:
            if self._timer is not None:
                self._timer.cancel()
        if self._failure is not None:
            raise self._failure

    def _next(self) -> Request | None:
        try:
            return next(self._requests, None)
        except GeneratorError as error:  # callbacks must not raise
            self._failure = error
            return None

    def _await_next(self) -> None:
        request = self._next()
        if request is None:
            self._over.set()
        else:
            self._call_at(request.scheduled_ns, request)

    def _call_at(self, at_ns: int, request: Request) -> None:
        self._timer = self._world.call_at(at_ns, self._submit_due, request)

    def _submit_due(self, request: Request | None) -> None:
        """Submit this request and those after it that are due by now."""
        now_ns = self._now_ns()
        until_ns = now_ns + _TURN
        for _ in range(_BURST_REQUESTS):
            if request is None:
                self._over.set()
                return
            if request.scheduled_ns > now_ns:
                self._call_at(request.scheduled_ns, request)
                return
            self._submit(request, now_ns)
            request = self._next()
            now_ns = self._now_ns()
            if now_ns > until_ns:
                break
        self._timer = self._world.call_at(now_ns, self._submit_due, request)


class Users:
    """Closed loop: `users` callers, each of whom asks again `think_time` after the last request ended.

    Nobody asks at or after `end_ns`.
    """

    def __init__(
        self,
        world: World,
        numbers: Iterator[int],
        build: Build,
        submit: Callable[[Request], None],
        *,
        users: int,
        end_ns: int,
        think_time: Duration = 0,
    ) -> None:
        self._world = world
        self._numbers = numbers
        self._build = build
        self._submit = submit
        self._users = users
        self._end_ns = end_ns
        self._think_time = think_time
        self._broken_pause = max(think_time, _BROKEN_PAUSE)
        self._scope = trio.CancelScope()
        self._failure: GeneratorError | None = None
        self._resting = False
        self._kept_waiting: deque[int] = deque()
        """The callers who would have asked while making a request for one of them took too long."""

    async def run(self) -> None:
        """Wait until the last request was submitted; `ask_again` must hear of each that ends meanwhile.

        Raises:
            GeneratorError: the author's generator broke; what it made before was submitted.
        """
        for user in range(self._users):
            self._ask(user)
        try:
            with self._scope:
                await self._world.sleep_until(self._end_ns)
        finally:
            self._end_ns = 0  # a pause that ends later, when the load was stopped, asks no more
        if self._failure is not None:
            raise self._failure

    def ask_again(self, request: Request, ending: Ending) -> None:
        """A caller's request has ended."""
        assert request.client is not None
        pause = self._broken_pause if ending.failure in _BROKEN else self._think_time
        if pause:
            self._world.call_at(self._world.now_ns() + pause, self._ask, request.client)
        else:
            self._ask(request.client)

    def _ask(self, user: int) -> None:
        if self._resting:
            self._kept_waiting.append(user)
            return
        now_ns = self._world.now_ns()
        if now_ns >= self._end_ns:
            return
        try:
            request = self._build(next(self._numbers), now_ns)
        except GeneratorError as error:  # callbacks must not raise
            self._failure = error
            self._scope.cancel()
        else:
            request.client = user
            self._submit(request)
            if (done_ns := self._world.now_ns()) > now_ns + _TURN:
                self._resting = True
                self._world.call_at(done_ns, self._go_on)

    def _go_on(self) -> None:
        """The answers had their turn."""
        self._resting = False
        while self._kept_waiting and not self._resting:
            self._ask(self._kept_waiting.popleft())
