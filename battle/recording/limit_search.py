"""Looking for a provider's rate limit, politely: bursts that end with the first refusal, and pauses after them.

1. A pause, so that what was asked before counts no more.
2. A burst: calls at an even rate, until one is refused; none is: there is no limit up to that rate, and that is all.
3. Single calls, further and further apart, until one is answered again; then the next burst, at once. Four times.
4. If the limit fills up evenly, pauses in place of the single calls, long enough for some calls to come in.

Who asks for more time than `WAIT_MAX_S` gets no further call.
"""

from collections.abc import Awaitable, Callable

import trio

from battle.recording.call_limits import LimitCall, Searched, is_bucket, runs, window_bounds_s

REST_S = 5.0
"""Before the search: what limits per second remember is over then."""

BURST_S = 3.0
"""How long calls are sent at the highest rate before there counts as no limit: two whole windows of a second."""

BURST_CALLS_MIN = 10

ROUNDS = 5
"""Bursts. Windows begin under our eyes from the second on; from the fourth on it is known when to look for that, so
that the last window is met exactly."""

WAIT_MAX_S = 70.0
"""A window of a minute passes within that; to look for longer ones takes more patience than anybody has."""

_LONG_WAIT_S = 10.0
"""A provider that asks for so much is not asked before that time has passed."""

_GAP_SHARE = 0.25
"""The next single call comes after such a share of the time since the refusal: a window is met that exactly."""

_STEPS = 8
"""Single calls between the shortest and the longest window that is possible by then."""

_BUCKET_CALLS = 12
"""What comes in during a pause, at most: the rate is then exact within a tenth."""

_BUCKET_REST_S = (0.2, 30.0)

LimitCaller = Callable[[], Awaitable[tuple[bool, float | None]]]
"""One call: whether it was refused, and for how many seconds the refusal asks to wait, if it says so."""


class LimitSearch:
    """One search, by calls that `ask` makes, at most `per_second`."""

    def __init__(self, ask: LimitCaller, per_second: float) -> None:
        self._ask = ask
        self._per_second = per_second
        self._calls: list[LimitCall] = []
        self._gave_up = ""
        self._interval_s = 1 / per_second
        self._burst_calls = max(round(per_second * BURST_S), BURST_CALLS_MIN)
        self._refused = False
        self._wait_s = 0.0
        self._last_refused_s = 0.0

    async def run(self) -> Searched:
        """Search, until there is an answer or none can be had."""
        await trio.sleep(REST_S)
        await self._search()
        return Searched(self._calls, self._per_second, self._gave_up)

    async def _search(self) -> None:
        if not await self._burst(self._burst_calls):
            return
        for _ in range(ROUNDS - 1):
            if not await self._recovered():
                return
            if not await self._burst(max(self._burst_calls, 2 * runs(self._calls)[0].answered)):
                self._gave_up = "calls were refused, and later as many were not"
                return
            if len(found := runs(self._calls)) > 1 and is_bucket(found):
                await self._measure_bucket()
                return

    async def _send(self) -> bool:
        """One call more; whether it was refused."""
        sent_s = trio.current_time()
        refused, wait_s = await self._ask()
        self._calls.append(LimitCall(sent_s, refused))
        if refused:
            self._refused, self._wait_s = True, wait_s or 0.0
            self._last_refused_s = max(self._last_refused_s, sent_s)
        return refused

    async def _burst(self, calls_max: int) -> bool:
        """Calls at the highest rate until one is refused; whether one was."""
        self._refused = False
        began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(calls_max):
                await trio.sleep_until(began_s + number * self._interval_s)
                if self._refused:
                    break
                nursery.start_soon(self._send)
        return self._refused

    async def _recovered(self) -> bool:
        """Wait until a call is answered again; whether one was."""
        first_s = self._last_refused_s
        if self._wait_s > WAIT_MAX_S:
            self._gave_up = f"it asks who is refused to wait for {self._wait_s:g} s, so it was asked no more"
            return False
        pause_s: float | None = None
        if self._wait_s > _LONG_WAIT_S:
            await trio.sleep(self._wait_s)
        elif (bounds := window_bounds_s(found := runs(self._calls))) is not None:
            low_s, high_s = bounds[0] - found[-1].late_s, bounds[1]
            pause_s = max((high_s - low_s) / _STEPS, self._interval_s / 4)
            await trio.sleep_until(found[-1].began_s + low_s - pause_s)
        while trio.current_time() < first_s + WAIT_MAX_S:
            since_s = trio.current_time() - first_s
            await trio.sleep(max(self._interval_s, _GAP_SHARE * since_s) if pause_s is None else pause_s)
            if not await self._send():
                return True
        self._gave_up = f"after a refusal it refused all calls for {WAIT_MAX_S:g} s"
        return False

    async def _measure_bucket(self) -> None:
        """Twice a pause in which some calls come in, and a burst that takes them."""
        found = runs(self._calls)
        came_in = sum(run.answered for run in found[1:])
        per_s = came_in / (found[-1].refused_s - found[0].refused_s)
        low_s, high_s = _BUCKET_REST_S
        wanted = min(_BUCKET_CALLS, found[0].answered / 3)
        for _ in range(2):
            await trio.sleep(min(max(wanted / per_s, low_s), high_s))
            await self._burst(self._burst_calls)
