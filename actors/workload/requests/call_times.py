"""How long the calls of the author's own generator take: it runs where the load is sent, so it can hold that up."""

from collections.abc import Callable

from battle.actors.units import Duration, ms
from battle.store.events import BenchLimitReached

SLOW_CALL: Duration = ms(10)
"""A call that takes longer makes the requests after it later than the tightest bound on lateness."""

BUSY: Duration = ms(500)
"""Calls that take longer than this in a second leave the load less than half of its time."""


class CallTimes:
    """Counts calls, and their time by the clock `now_ns`, since they were last asked for.

    `place` says which function it is, and where: "'slow.py:ask' at slow.py:4".
    """

    __slots__ = ("calls", "longest_ns", "now_ns", "place", "total_ns")

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.now_ns = now_ns
        self.place = ""
        self.calls = self.total_ns = self.longest_ns = 0

    def add(self, took_ns: int) -> None:
        """A call came to its end."""
        self.calls += 1
        self.total_ns += took_ns
        if took_ns > self.longest_ns:
            self.longest_ns = took_ns

    def taken(self, node: str) -> BenchLimitReached | None:
        """What the calls since the last time held up, if they were slow; begins again."""
        calls, total_ns, longest_ns = self.calls, self.total_ns, self.longest_ns
        self.calls = self.total_ns = self.longest_ns = 0
        if longest_ns <= SLOW_CALL and total_ns <= BUSY:
            return None
        return BenchLimitReached(
            at_ns=self.now_ns(),
            node=node,
            limit="generator",
            times=calls,
            duration_ns=longest_ns,
            detail=self.place,
            total_ns=total_ns,
        )
