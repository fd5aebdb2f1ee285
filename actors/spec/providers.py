"""What a scenario says about providers: mocks, and real upstreams behind a link."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, TypeAlias
from urllib.parse import urlsplit

from battle.actors.addresses import Address, split_url
from battle.actors.redaction import redacted
from battle.actors.spec.base import Spec
from battle.actors.spec.failures import FailureKind, failure_problems, method_problems
from battle.actors.spec.latency import LatencyModel
from battle.actors.spec.limits import HttpLimits, WebSocketLimits
from battle.actors.units import format_duration, ms, not_a_share

NodeSoftware: TypeAlias = Literal["geth", "erigon", "nethermind"]
"""Programs that serve a chain."""


class Reliability(Spec, frozen=True):
    """How often a provider fails on its own: `failure_ratio` of its requests, each in one of `kinds`.

    The names of kinds are those of "Failures by name" among the faults.
    """

    failure_ratio: float = 0.0
    kinds: tuple[FailureKind, ...] = ("http_503",)
    methods: tuple[str, ...] = ()
    """Only calls of these methods fail; `*` stands for any characters: `("debug_*", "trace_*")`. Empty: all do."""

    def problems(self) -> Iterator[str]:
        if not 0 <= self.failure_ratio <= 1:
            yield f"failure_ratio {not_a_share(self.failure_ratio)}"
        yield from failure_problems("reliability: kinds", self.kinds)
        yield from method_problems("reliability: methods", self.methods)


class MockProvider(Spec, frozen=True, tag="mock"):
    """An upstream that Battle runs itself: a JSON-RPC server over the deterministic chain model.

    `canned` gives fixed answers per method, before the chain model is asked. An object whose only member is `error`
    is an error, which clients then expect, such as `{"error": {"code": 3, "message": "execution reverted", "data":
    "0x08c379a0"}}`; anything else is a result. `port` 0 lets the kernel pick.

    `health` names the program whose answers to health checks, wrong methods and wrong content types it gives:
    [providers](providers.md#health-checks) has the table. `cors_origins` are the origins whose scripts may read its
    answers in a browser; `"*"` is any, none switches CORS off.
    """

    name: str
    latency: LatencyModel = ms(20)
    reliability: Reliability = Reliability()
    limits: HttpLimits = HttpLimits()
    websocket_limits: WebSocketLimits = WebSocketLimits()
    max_batch_calls: int = 1000
    canned: dict[str, Any] = {}
    health: NodeSoftware = "geth"
    cors_origins: tuple[str, ...] = ("*",)
    port: int = 0
    groups: tuple[str, ...] = ()

    renamed_fields: ClassVar[dict[str, str]] = {"tags": "groups"}

    def problems(self) -> Iterator[str]:
        if isinstance(self.latency, int):
            if self.latency < 0:
                yield f"provider {self.name}: latency cannot be negative ({format_duration(self.latency)})"
        else:
            yield from (f"provider {self.name}: {problem}" for problem in self.latency.problems())
        for part in (self.reliability, self.limits, self.websocket_limits):
            yield from (f"provider {self.name}: {problem}" for problem in part.problems())
        if self.max_batch_calls <= 0:
            yield f"provider {self.name}: max_batch_calls must be above 0, not {self.max_batch_calls}"
        if not 0 <= self.port <= 65535:
            yield f"provider {self.name}: port must be from 0 (any) to 65535, not {self.port}"


class RealProvider(Spec, frozen=True, tag="real"):
    """An upstream that runs elsewhere, at `url` ("http://host:port"), behind a TCP link of Battle's own.

    The gateway is given the link's address. Transport faults fall upon the link, process faults upon the link as if
    it were the upstream; faults of behaviour and of WebSocket need a mock. The link passes bytes as they are: the
    Host header names the link, so several names on one address of an upstream cannot be distinguished; TLS and a path
    of its own are not possible. `port` is the link's; 0 lets the kernel pick.
    """

    name: str
    url: str
    port: int = 0
    groups: tuple[str, ...] = ()

    renamed_fields: ClassVar[dict[str, str]] = {"tags": "groups"}

    def problems(self) -> Iterator[str]:
        parts = split_url(self.url)
        if parts is None or parts.scheme != "http" or not parts.hostname:
            shown = redacted(self.url)
            yield f"provider {self.name}: a URL looks like http://host:port, not {shown!r} (TLS is not supported)"
        elif parts.path not in ("", "/") or parts.query or parts.username is not None:
            yield (
                f"provider {self.name}: the link passes bytes as they are, so its URL can have no path, query "
                f"or user: http://{parts.hostname}:{parts.port or 80}"
            )
        if not 0 <= self.port <= 65535:
            yield f"provider {self.name}: port must be from 0 (any) to 65535, not {self.port}"

    @property
    def upstream(self) -> Address:
        """Where the upstream listens."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or 80}"
