"""How many requests a rate limit has let through in the current second. Pure."""

from collections.abc import Iterable

from battle.actors.provider.chain_view import InForce
from battle.actors.spec.faults.behaviour import RateLimit

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
