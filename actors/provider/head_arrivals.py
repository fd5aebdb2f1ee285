"""When a provider that is late by itself learns of blocks: each so long after its time as is drawn for it. Pure."""

from battle.actors.chain.model import ChainModel
from battle.actors.rng import Draws
from battle.actors.spec.latency import LatencyModel, draw_latency

BLOCKS_BEHIND_MAX = 256
"""A provider is never further behind: an answer of an older head counts as wrong, not as stale."""


class HeadArrivals:
    """The newest block that one provider has. It learns of a block's parents with the block, if not before.

    Between two moments at which that can change, it is remembered.
    """

    def __init__(self, model: ChainModel, delay: LatencyModel, draws: Draws) -> None:
        self._model = model
        self._delay = delay
        self._draws = draws
        self._delays: dict[int, int] = {}
        self._head = model.spec.start_height
        self._next_ns = 0

    def head_at(self, now_ns: int) -> int:
        """The height of the newest block that the provider has; `now_ns` never goes back."""
        if now_ns >= self._next_ns:
            self._look(now_ns)
        return self._head

    def next_ns(self, now_ns: int) -> int:
        """When there can be a newer one, after `now_ns`: at the next block time, or when one that is late arrives."""
        self.head_at(now_ns)
        return self._next_ns

    def _look(self, now_ns: int) -> None:
        block_time = self._model.spec.block_time
        newest = self._model.head_at(now_ns)
        height, oldest = newest, max(self._head, newest - BLOCKS_BEHIND_MAX)
        self._next_ns = (now_ns // block_time + 1) * block_time
        while height > oldest and (arrives_ns := self._arrives_ns(height)) > now_ns:
            self._next_ns = min(self._next_ns, arrives_ns)
            height -= 1
        self._head = height
        self._delays = {late: delay for late, delay in self._delays.items() if late > height}

    def _arrives_ns(self, height: int) -> int:
        delay = self._delays.get(height)
        if delay is None:
            delay = draw_latency(self._delay, self._draws, "head_delay", height)
            self._delays[height] = delay
        return self._model.time_of(height) + delay
