"""When the next request is sent: at its due time in an open loop, after the last answer in a closed one.

Both are chains of timer callbacks: on the path of a request no task has to wake up to send it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import trio

from battle.actors.author_errors import AuthorsError
from battle.actors.rng import Draws
from battle.actors.spec.latency import LatencyModel, draw_latency
from battle.actors.spec.workloads import UserStage
from battle.actors.units import Duration, ms
from battle.actors.workload.requests.outcome import Ending
from battle.actors.workload.requests.request import Request
from battle.actors.world.interfaces import Timer, World

_BURST_REQUESTS = 64
"""Sent without a pause when many are due: then the answers get their turn."""

TURN = ms(10)
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
        self._failure: AuthorsError | None = None

    async def run(self) -> None:
        """Wait until the last request was submitted.

        Raises:
            AuthorsError: the author's own code broke; what it made before was submitted.
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
        except AuthorsError as error:  # callbacks must not raise
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
        until_ns = now_ns + TURN
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
    """Closed loop: callers, each of whom asks again a think time after the last request ended.

    `users` are there from the beginning, and from each moment in `changes` on as many as it says; of a workload in
    several `shards` this one plays every `shards`-th of them from `shard` on. Nobody asks at or after `end_ns`. A
    `think_time` that is a distribution is drawn for each request, from `draws`.
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
        think_time: LatencyModel = 0,
        draws: Draws | None = None,
        changes: Iterable[tuple[int, int]] = (),
        shard: int = 0,
        shards: int = 1,
    ) -> None:
        self._world = world
        self._numbers = numbers
        self._build = build
        self._submit = submit
        self._changes = iter(changes)
        self._end_ns = end_ns
        self._draws = draws
        self._think_time = think_time
        self._shard = shard
        self._shards = shards
        self._present = users
        self._busy: set[int] = set()
        """Those who wait for an answer, or think: one who left and is back by then goes on as if nothing had been."""
        self._coming: Timer | None = None
        self._scope = trio.CancelScope()
        self._failure: AuthorsError | None = None
        self._resting = False
        self._kept_waiting: deque[int] = deque()
        """The callers who would have asked while making a request for one of them took too long."""

    async def run(self) -> None:
        """Wait until the last request was submitted; `ask_again` must hear of each that ends meanwhile.

        Raises:
            AuthorsError: the author's own code broke; what it made before was submitted.
        """
        self._come_and_go(next(self._changes, None), stayed=0)
        try:
            with self._scope:
                await self._world.sleep_until(self._end_ns)
        finally:
            self._end_ns = 0  # a pause that ends later, when the load was stopped, asks no more
            if self._coming is not None:
                self._coming.cancel()
        if self._failure is not None:
            raise self._failure

    def ask_again(self, request: Request, ending: Ending) -> None:
        """A caller's request has ended."""
        assert request.client is not None
        pause = self._think_time
        if not isinstance(pause, int):
            assert self._draws is not None
            pause = draw_latency(pause, self._draws, "think", request.id)
        if ending.failure in _BROKEN:
            pause = max(pause, _BROKEN_PAUSE)
        if pause:
            self._world.call_at(self._world.now_ns() + pause, self._ask, request.client)
        else:
            self._ask(request.client)

    def _come_and_go(self, change: tuple[int, int] | None, stayed: int | None = None) -> None:
        """As many are there now as the last change says that is due, of this one and those that follow.

        The first of them are there already: `stayed`, or all.
        """
        now_ns = self._world.now_ns()
        stayed = self._present if stayed is None else stayed
        while change is not None and change[0] <= now_ns:
            self._present = change[1]
            stayed = min(stayed, self._present)
            change = next(self._changes, None)
        if change is not None:
            self._coming = self._world.call_at(change[0], self._come_and_go, change)
        for user in range(stayed, self._present):
            if user % self._shards == self._shard and user not in self._busy:
                self._busy.add(user)
                self._ask(user)

    def _ask(self, user: int) -> None:
        if self._resting:
            self._kept_waiting.append(user)
            return
        now_ns = self._world.now_ns()
        if now_ns >= self._end_ns or user >= self._present:
            self._busy.discard(user)
            return
        try:
            request = self._build(next(self._numbers), now_ns)
        except AuthorsError as error:  # callbacks must not raise
            self._failure = error
            self._scope.cancel()
        else:
            request.client = user
            self._submit(request)
            if (done_ns := self._world.now_ns()) > now_ns + TURN:
                self._resting = True
                self._world.call_at(done_ns, self._go_on)

    def _go_on(self) -> None:
        """The answers had their turn."""
        self._resting = False
        while self._kept_waiting and not self._resting:
            self._ask(self._kept_waiting.popleft())


def user_changes(users: int, stages: Iterable[UserStage]) -> Iterator[tuple[Duration, int]]:
    """From when on how many users are there, when `users` are in the beginning: one more or less at a time. Pure.

    Each comes or leaves in the middle of the time in which the even rise or fall passes from one number to the
    next, so that on average there are as many as that says.
    """
    start_ns = 0
    for stage in stages:
        change, up = abs(stage.users - users), 1 if stage.users > users else -1
        for number in range(1, change + 1):
            yield start_ns + stage.duration * (2 * number - 1) // (2 * change), users + up * number
        start_ns, users = start_ns + stage.duration, stage.users
