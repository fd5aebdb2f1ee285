"""What servers and connections put up with: the limits that a scenario can set, and what every stream holds."""

from collections.abc import Iterator

from battle.actors.spec.base import Spec, above_zero_problems
from battle.actors.spec.failures import FailureKind, failure_problems
from battle.actors.units import Duration, format_duration, seconds

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


class CallLimit(Spec, frozen=True, kw_only=True):
    """How often a provider may be asked before it refuses: `calls` in each `window`, every call of a batch counted.

    A window begins with the first call after the last window has ended. With a `burst` there are no windows: calls
    are allowed at an even rate of `calls` per `window`, and after a rest up to `burst` of them at once (a token
    bucket). What is refused does not count. A batch is refused whole.
    """

    calls: int
    window: Duration = seconds(1)
    burst: int = 0
    """How many calls a rested provider takes at once; 0: it counts in windows."""
    refusal: FailureKind = "http_429"
    """How it refuses: a name of "Failures by name", an `HttpFailure` (with `Retry-After` among its headers) or an
    `RpcFailure`."""
    delay: Duration = 0
    """How long it takes to refuse."""

    def problems(self) -> Iterator[str]:
        yield from above_zero_problems("call_limit:", self, "calls", "window")
        if self.burst < 0:
            yield f"call_limit: burst must be 0 (windows) or more, not {self.burst}"
        if self.delay < 0:
            yield f"call_limit: delay cannot be negative ({format_duration(self.delay)})"
        yield from failure_problems("call_limit: refusal", (self.refusal,))
