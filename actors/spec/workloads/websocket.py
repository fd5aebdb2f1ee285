"""What a scenario says about load over WebSocket."""

from collections.abc import Iterator
from typing import TypeAlias

from battle.actors.spec.base import Spec
from battle.actors.spec.chain import SUBSCRIPTION_KINDS
from battle.actors.spec.workloads.problems import (
    Methods,
    id_problems,
    question_problems,
    rate_problems,
    reading_problems,
    span_problems,
    start_problems,
)
from battle.actors.units import Duration, format_duration, ms, not_a_share, seconds


class LogFilter(Spec, frozen=True):
    """Which logs a subscription wants, as in `eth_getLogs`: one value or alternatives; nothing matches anything.

    `topics` stand in their order; None leaves a place open.
    """

    address: str | tuple[str, ...] = ()
    topics: tuple[str | tuple[str, ...] | None, ...] = ()

    def params(self) -> dict[str, object]:
        """The filter object that `eth_subscribe` takes."""
        wanted = {"address": self.address, "topics": self.topics}
        return {name: value for name, value in wanted.items() if value}


SubscriptionTarget: TypeAlias = str | LogFilter
"""What one subscription is to: a name that `eth_subscribe` knows; a filter means `logs` that match it."""


class Reconnect(Spec, frozen=True):
    """How a client comes back when its connection was lost, did not come about, or a subscription was turned down.

    It pauses for `first_pause`, twice as long after each try that failed, at most for `max_pause`, and up to
    `jitter_ratio` of that longer, so that clients who lost their connections together do not return together. After
    `attempts` tries in a row that failed it gives up. A connection that held for `max_pause` was no failure.
    """

    attempts: int = 64
    first_pause: Duration = ms(100)
    max_pause: Duration = seconds(5)
    jitter_ratio: float = 0.5

    def problems(self) -> Iterator[str]:
        if self.attempts < 0:
            yield f"reconnect: attempts must be 0 or more, not {self.attempts}"
        if not 0 < self.first_pause <= self.max_pause:
            yield "reconnect: first_pause must be above 0, and max_pause not below it"
        if not 0 <= self.jitter_ratio <= 1:
            yield f"reconnect: jitter_ratio {not_a_share(self.jitter_ratio)}"


class _Ws(Spec, frozen=True, kw_only=True):
    """What all workloads over WebSocket connections have in common."""

    duration: Duration
    name: str = ""
    at: Duration = 0
    """It begins so long after the start of the load."""
    timeout: Duration = seconds(10)
    """For opening a connection, and for each answer; that of a request counts from the moment it was due."""
    reconnect: Reconnect = Reconnect()
    ping_interval: Duration = seconds(20)
    """A connection on which a ping stays unanswered for as long is given up. 0: no pings."""
    receive_buffer: int | None = None
    """Bytes that its clients let the gateway send ahead of what they have read. By default as the machine has it, and
    16 KiB where there is a `read_rate`."""
    read_rate: float | None = None
    """Bytes a second that each of its connections reads at most. The delays of such clients are partly their own
    doing."""
    shards: int = 1

    def connection_problems(self, connections: int) -> Iterator[str]:
        yield from start_problems(self.at)
        if connections <= 0:
            yield f"connections must be above 0, not {connections}"
        elif self.shards > connections:
            yield f"each of the {self.shards} shards needs a connection, and there are {connections}"
        if self.timeout <= 0:
            yield f"timeout must be above 0, not {format_duration(self.timeout)}"
        if self.ping_interval < 0:
            yield f"ping_interval must be 0 (no pings) or more, not {format_duration(self.ping_interval)}"
        yield from self.reconnect.problems()
        yield from reading_problems(self.receive_buffer, self.read_rate)
        yield from span_problems(self.duration, self.shards)


class WsSubscribe(_Ws, frozen=True, kw_only=True, tag="ws_subscribe"):
    """`connections` clients with `subscriptions` each, who listen until the end and come back when they are cut off.

    The kinds are dealt out in turn over all subscriptions, those of the first client first. The clients connect
    one after the other, evenly over `connect_over`. At the end they unsubscribe and close.
    """

    connections: int
    subscriptions: int = 1
    kinds: tuple[SubscriptionTarget, ...] = ("newHeads",)
    connect_over: Duration = seconds(1)

    def problems(self) -> Iterator[str]:
        yield from self.connection_problems(self.connections)
        if self.subscriptions <= 0:
            yield f"subscriptions must be above 0 for each connection, not {self.subscriptions}"
        if self.connect_over < 0 or 0 < self.duration <= self.connect_over:
            yield f"connect_over must be from 0 to less than the duration, not {format_duration(self.connect_over)}"
        yield from self._kind_problems()

    def _kind_problems(self) -> Iterator[str]:
        if not self.kinds:
            yield f"kinds must name at least one of {', '.join(SUBSCRIPTION_KINDS)}"
        for kind in self.kinds:
            if not isinstance(kind, LogFilter) and kind not in SUBSCRIPTION_KINDS:
                yield f"nobody can subscribe to {kind!r}: the kinds are {', '.join(SUBSCRIPTION_KINDS)}"


class _WsWithMethod(_Ws, frozen=True):
    """The method may stand first."""

    method: Methods = ""


class WsRequests(_WsWithMethod, frozen=True, kw_only=True, tag="ws_requests"):
    """Open loop: `rate` requests a second, evenly spaced, dealt out in turn over `connections` that stay open.

    Several are under way on a connection at a time, distinguished by their ids. The connections are opened ahead of
    the load.
    """

    rate: float
    connections: int = 16
    generator: str = ""
    """Makes the questions instead of `method`, as with workloads over HTTP."""
    number_ids: float = 0.0
    """The share of requests whose JSON-RPC id is a number; the others have texts."""

    def problems(self) -> Iterator[str]:
        yield from self.connection_problems(self.connections)
        yield from id_problems(self.number_ids)
        yield from question_problems(self.method, self.generator)
        yield from rate_problems("rate", self.rate)


WsWorkload: TypeAlias = WsSubscribe | WsRequests
