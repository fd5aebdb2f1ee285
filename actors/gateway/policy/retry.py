"""Whether a request may be tried once more, and how long an attempt may take. Pure: time is an argument."""

from collections import deque
from typing import Literal, TypeAlias

import msgspec

from battle.actors.spec.gateways import Retry

BUDGET_SECONDS = 10
"""The budget looks at this second and the nine before it."""

NOT_REPEATABLE = frozenset({"eth_sendTransaction", "personal_sendTransaction"})
"""The node itself signs these, with a nonce of its choice: sent twice they pay twice."""

Stop: TypeAlias = Literal["attempts", "deadline", "budget", "not_repeatable"]
"""Why there is no further attempt."""


class Budget:
    """Bounds retries and hedges to a ratio of the requests of the last ten seconds, plus a floor."""

    def __init__(self, ratio: float, floor: int) -> None:
        self._ratio = ratio
        self._floor = floor
        self._seconds: deque[_Second] = deque()
        self._requests = 0
        self._spent = 0

    def count_request(self, now_ns: int) -> None:
        """A client request has begun."""
        self._current(now_ns).requests += 1
        self._requests += 1

    def left(self, now_ns: int) -> bool:
        """Whether one more attempt may be spent."""
        self._current(now_ns)
        return self._spent + 1 <= self._ratio * self._requests + self._floor

    def spend(self, now_ns: int) -> bool:
        """Take one attempt from the budget; False when none is left."""
        if not self.left(now_ns):
            return False
        self._current(now_ns).spent += 1
        self._spent += 1
        return True

    def _current(self, now_ns: int) -> "_Second":
        number = now_ns // 10**9
        seconds = self._seconds
        while seconds and seconds[0].number <= number - BUDGET_SECONDS:
            gone = seconds.popleft()
            self._requests -= gone.requests
            self._spent -= gone.spent
        if not seconds or seconds[-1].number != number:
            seconds.append(_Second(number))
        return seconds[-1]


class _Second(msgspec.Struct):
    number: int
    requests: int = 0
    spent: int = 0


def attempt_deadline_ns(settings: Retry, began_ns: int, now_ns: int) -> int:
    """When an attempt that begins now must be over; `began_ns` is when its request began."""
    return min(now_ns + settings.attempt_timeout, began_ns + settings.deadline)


def stop(
    settings: Retry, *, made: int, began_ns: int, now_ns: int, unknown: bool, repeatable: bool
) -> Stop | None:
    """Why a request after `made` attempts gets no further one; None when it may have one.

    `unknown`: one of them left and nobody knows whether it took effect.
    """
    if unknown and not repeatable:
        return "not_repeatable"
    if now_ns >= began_ns + settings.deadline:
        return "deadline"
    if made >= settings.max_attempts:
        return "attempts"
    return None
