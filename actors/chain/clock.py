"""When the blocks of a chain come about: at its block time, but for spans in which it is slow or halts. Pure.

Blocks come about at whole multiples of the block time since the run's epoch, never between them: while the chain is
slow not at each of these, while it halts at none. So who has seen the epoch, the block time and the paces of a run
knows the head of each moment, without asking anybody.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from battle.actors.spec.chain import Chain, Pace

STEADY = 1


class ChainClock:
    """The time of one chain, from the paces that it follows; it is steady until it has got any."""

    __slots__ = ("_before", "_block_time", "_every", "_first", "_start", "ahead_blocks", "is_steady")

    def __init__(self, spec: Chain) -> None:
        self.ahead_blocks = 0
        """How far some provider may be ahead of the chain."""
        self._block_time = spec.block_time
        self._start = spec.start_height
        self.follow(())

    def follow(self, paces: Sequence[Pace]) -> None:
        """Follow these from now on, in order of time; those that have begun are as they were before."""
        self.is_steady = not paces
        self._first = [max(-(-pace.at_ns // self._block_time), 1) for pace in paces]
        """Of each pace the number of the first block time at which it holds; at the epoch there is a block anyhow."""
        self._every = [pace.block_times for pace in paces]
        self._before: list[int] = []
        """How many blocks have come about before each pace."""
        for first in self._first:
            self._before.append(self._blocks(first - 1))

    def head_at(self, now_ns: int) -> int:
        """The height of the newest block at `now_ns` since the run's epoch."""
        return self._start + self._blocks(now_ns // self._block_time)

    def time_of(self, height: int) -> int:
        """When the block of this height becomes the newest, in ns since the run's epoch; below 0 for older ones."""
        number = height - self._start
        place = len(self._before) - 1
        while place >= 0 and (self._before[place] >= number or not self._every[place]):
            place -= 1
        if place < 0:
            return number * self._block_time
        times = (number - self._before[place]) * self._every[place]
        return (self._first[place] - 1 + times) * self._block_time

    def spans(self) -> Iterable[tuple[int, int, int | None]]:
        """Of each pace: from when it counts, the head then, and the time between two blocks, None when none comes."""
        for first, before, every in zip(self._first, self._before, self._every, strict=True):
            yield (first - 1) * self._block_time, self._start + before, every * self._block_time or None

    def _blocks(self, time: int) -> int:
        """How many blocks have come about up to the block time of this number."""
        place = bisect_right(self._first, time, hi=len(self._before)) - 1
        if place < 0:
            return time
        every = self._every[place]
        return self._before[place] + ((time - self._first[place] + 1) // every if every else 0)


def paces_of(spans: Iterable[tuple[int, int, int]]) -> tuple[Pace, ...]:
    """The paces of a chain from spans (from when, until when, once in how many block times a block comes, 0: none).

    Where spans overlap a halt counts, else the slowest.
    """
    known = sorted(set(spans))
    moments = sorted({moment for begin_ns, end_ns, _ in known for moment in (begin_ns, end_ns)})
    paces: list[Pace] = []
    for moment_ns in moments:
        holding = [every for begin_ns, end_ns, every in known if begin_ns <= moment_ns < end_ns]
        every = 0 if 0 in holding else max(holding, default=STEADY)
        if not paces or paces[-1].block_times != every:
            paces.append(Pace(moment_ns, every))
    return tuple(paces)
