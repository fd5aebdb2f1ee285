"""What one node holds for all its peers together: each may be within its own bound, and a thousand are not.

There are many places where bytes wait for a peer: a stream that the peer does not read, a request of which the rest
has not come, answers that are not due, calls under way, notifications in an outbox. Each is a holder here, and
whoever would hold more asks first. What it holds is looked at then; that it became less is noticed when the limit is
reached, so nobody need say it, and asking costs the same however many holders there are.
"""

from typing import Protocol

UNCOUNTED_BYTES = 16 * 2**10
"""Whoever holds less need not ask: the number of connections bounds that, and the usual request costs nothing."""


class Holder(Protocol):
    """Something that keeps bytes for a peer."""

    @property
    def held_bytes(self) -> int:
        """How many it keeps now."""


class Held:
    """The account of one node."""

    def __init__(self) -> None:
        self._bytes: dict[Holder, int] = {}
        self._total = 0

    def must_go(self, holder: Holder, limit_bytes: int) -> bool:
        """Whether more than the limit is held in all, and this holder has at least as much as one has on average.

        For whoever ends a peer for it, and thereby holds less: the slowest go first, each when there is more to hold
        for it, and whoever holds nothing never does. Half as much again above the limit, whoever asks goes: those
        that hold most may not ask any more, and the average rises with what the others add.
        """
        if not self.is_full(holder, limit_bytes):
            return False
        return self._bytes[holder] * len(self._bytes) >= self._total or self._total > limit_bytes * 3 // 2

    def is_full(self, holder: Holder, limit_bytes: int) -> bool:
        """Whether more than the limit is held in all, and something of it by this holder, who should take no more."""
        self._look_at(holder)
        if self._total <= limit_bytes or holder not in self._bytes:
            return False
        for each in [*self._bytes]:
            self._look_at(each)
        return self._total > limit_bytes

    def _look_at(self, holder: Holder) -> None:
        held = holder.held_bytes
        self._total += held - self._bytes.pop(holder, 0)
        if held:
            self._bytes[holder] = held

    def forget(self, holder: Holder) -> None:
        """It has come to its end, with all that it held."""
        self._total -= self._bytes.pop(holder, 0)
