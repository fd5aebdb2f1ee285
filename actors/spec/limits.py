"""What servers and connections put up with: the limits that a scenario can set, and what every stream holds."""

from collections.abc import Iterator

from battle.actors.spec.base import Spec, above_zero_problems
from battle.actors.units import Duration, seconds

WRITE_LIMIT_BYTES = 8 * 2**20
"""What one stream holds for a peer that does not read, before `write` gives up on it."""


class HttpLimits(Spec, frozen=True):
    """What a server accepts from a client before it says no."""

    header_bytes: int = 16 * 1024
    body_bytes: int = 2 * 1024 * 1024
    request_timeout: Duration = seconds(10)
    """From the first byte of a request to its last: a slower client gets 408."""
    idle_timeout: Duration = seconds(75)
    """How long a connection may stay open with nothing to do."""

    def problems(self) -> Iterator[str]:
        yield from above_zero_problems("limit", self, *self.__struct_fields__)


class WebSocketLimits(Spec, frozen=True):
    """What one side of a WebSocket bears with from the other, before it closes the connection."""

    message_bytes: int = 2 * 2**20
    """A larger message is refused with 1009; as much as the body of an HTTP request."""
    fragments: int = 1024
    """A message in more frames is refused with 1009: frames may be empty, so bytes alone do not bound them."""
    unsent_bytes: int = 4 * 2**20
    """A peer that has left more than this unread when there is more to send is closed with 1008: half of what
    a stream holds, so that one large message more still fits."""
    close_timeout: Duration = seconds(5)
    """How long the peer may take to read our close frame and to answer it."""

    def problems(self) -> Iterator[str]:
        yield from above_zero_problems("limit", self, *self.__struct_fields__)
        if self.unsent_bytes > WRITE_LIMIT_BYTES:
            yield f"limit unsent_bytes must be at most {WRITE_LIMIT_BYTES}, which is what a stream holds"
