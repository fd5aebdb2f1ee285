"""How many requests the rate limits of a provider allow: its own, and those that are faults. Pure."""

from collections.abc import Iterable

from battle.actors.provider.chain_view import InForce
from battle.actors.spec.faults.behaviour import RateLimit
from battle.actors.spec.limits import CallLimit

_WINDOW_NS = 10**9


class RateLimits:
    """The windows of the rate limits in force: seconds of the world's time, each with a count of its own.

    Every request counts in each of them, whatever else becomes of it, so that no fault changes what another does.
    """

    def __init__(self) -> None:
        self._counted: dict[str, int] = {}
        self._second = -1

    def over(self, faults: Iterable[InForce], now_ns: int) -> tuple[str, ...]:
        """Count a request, and name the limits that it exceeds."""
        second = now_ns // _WINDOW_NS
        if second != self._second:
            self._second = second
            self._counted.clear()  # of faults that were reverted as well
        exceeded = []
        for one in faults:
            if isinstance(one.fault, RateLimit):
                count = self._counted[one.fault_id] = self._counted.get(one.fault_id, 0) + 1
                if count > one.fault.limit_per_s:
                    exceeded.append(one.fault_id)
        return tuple(exceeded)


class CallLimiter:
    """The limit that a provider has of its own.

    Of windows it knows when the last one began, and how many calls it has had. Of a bucket it knows when that would
    be full again (the generic cell rate algorithm): each call puts this off by the time between two calls.
    """

    def __init__(self, limit: CallLimit) -> None:
        self._limit = limit
        self._began_ns: int | None = None
        self._counted = 0
        self._per_call_ns = max(limit.window // limit.calls, 1)
        self._full_ns = 0

    def takes(self, calls: int, now_ns: int) -> bool:
        """Whether a request of so many calls is allowed; if so, it is counted."""
        return self._from_bucket(calls, now_ns) if self._limit.burst else self._in_window(calls, now_ns)

    def _in_window(self, calls: int, now_ns: int) -> bool:
        if self._began_ns is None or now_ns >= self._began_ns + self._limit.window:
            self._began_ns, self._counted = now_ns, 0
        if self._counted + calls > self._limit.calls:
            return False
        self._counted += calls
        return True

    def _from_bucket(self, calls: int, now_ns: int) -> bool:
        full_ns = max(self._full_ns, now_ns) + calls * self._per_call_ns
        if full_ns - now_ns > self._limit.burst * self._per_call_ns:
            return False
        self._full_ns = full_ns
        return True
