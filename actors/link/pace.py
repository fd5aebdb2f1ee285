"""How fast calls may go to somebody else's provider. Pure."""

BURST_SECONDS = 0.5
"""So much of a second's calls may go at once: a page that loads asks several questions."""

WAIT_NS_MAX = 2 * 10**9
"""Who would have to wait longer is turned away: by then most clients have given up, and a queue has to end."""


class Pace:
    """Spreads calls so that at most `per_second` go in each second, but for a small burst (GCRA)."""

    def __init__(self, per_second: float) -> None:
        assert per_second > 0
        self._interval_ns = 1e9 / per_second
        self._slack_ns = max(0.0, BURST_SECONDS * 1e9 - self._interval_ns)
        self._free_ns = 0.0
        """When the calls that were let through would all have gone, one at a time."""

    def due_ns(self, now_ns: int, calls: int = 1, wait_ns_max: int = WAIT_NS_MAX) -> int | None:
        """When these calls may go together: now, or later; None when that is more than `wait_ns_max` away.

        Those that are turned away take no place.
        """
        due_ns = max(float(now_ns), self._free_ns - self._slack_ns)
        if due_ns - now_ns > wait_ns_max:
            return None
        self._free_ns = max(due_ns, self._free_ns) + calls * self._interval_ns
        return round(due_ns)
