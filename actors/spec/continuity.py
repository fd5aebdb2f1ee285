"""What a scenario says about the embedded gateway's WebSocket side."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from battle.actors.spec.base import Spec, above_zero_problems
from battle.actors.units import Duration, ms

LARGEST_GAP_BLOCKS = 512
"""The most `max_gap_blocks` may be: half of the block hashes a stream remembers, so that what was filled is
still known when it is published again."""

SlowClient: TypeAlias = Literal["close", "drop_oldest"]


class Continuity(Spec, frozen=True):
    """How the gateway keeps subscriptions going when a provider under them fails.

    After a failover at most `max_gap_blocks` are fetched over HTTP, each piece with at most `fill_attempts`
    tries; what is beyond is left out and reported. Meanwhile at most `hold_back` notifications of the new
    provider wait. A head that overtook its parent waits `reorder_wait`, but at most half a block time. A
    provider that brings nothing new for `stale_after_blocks` block times has failed. A client may be
    `client_buffer_messages` behind; then it is closed, or loses its oldest messages.
    """

    max_gap_blocks: int = 128
    fill_attempts: int = 3
    hold_back: int = 256
    reorder_wait: Duration = ms(500)
    stale_after_blocks: int = 3
    client_buffer_messages: int = 1024
    slow_client: SlowClient = "close"

    def problems(self) -> Iterator[str]:
        yield from above_zero_problems(
            "continuity:",
            self,
            "max_gap_blocks",
            "fill_attempts",
            "hold_back",
            "reorder_wait",
            "stale_after_blocks",
            "client_buffer_messages",
        )
        if self.max_gap_blocks > LARGEST_GAP_BLOCKS:
            yield f"continuity: max_gap_blocks can be at most {LARGEST_GAP_BLOCKS}, not {self.max_gap_blocks}"
        if self.client_buffer_messages < self.max_gap_blocks + self.hold_back:
            # All that a failover held back may be delivered at once.
            yield "continuity: client_buffer_messages must be at least max_gap_blocks + hold_back"
