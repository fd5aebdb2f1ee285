"""What all peers of one node together have left unread: each may be within its own bound, and a thousand are not."""

from typing import Protocol


class _Holder(Protocol):
    @property
    def unsent_bytes(self) -> int: ...


class Unread:
    """The streams of one node that hold bytes for peers that do not read."""

    def __init__(self) -> None:
        self._streams: dict[_Holder, None] = {}

    def must_go(self, stream: _Holder, limit_bytes: int) -> bool:
        """Whether more than the limit is held in all, and this stream holds at least as much as one does on average.

        So the slowest go first, each when there is more to send to it, and whoever reads is never among them.
        """
        if not stream.unsent_bytes:
            return False
        self._streams[stream] = None
        held = {each: each.unsent_bytes for each in self._streams}
        self._streams = {each: None for each, count in held.items() if count}
        total = sum(held.values())
        return total > limit_bytes and held[stream] * len(self._streams) >= total
