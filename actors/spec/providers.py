"""What a scenario says about providers: mocks, and real upstreams behind a link."""

import re
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from battle.actors.addresses import endpoint, is_on_this_machine, is_secure, is_url
from battle.actors.redaction import basic_authorization, redacted
from battle.actors.spec.base import Spec
from battle.actors.spec.endpoints import Endpoint, Tls, header_problems
from battle.actors.spec.failures import FailureKind, failure_problems, method_problems
from battle.actors.spec.latency import Empirical, LatencyModel, latency_problems
from battle.actors.spec.limits import CallLimit, HttpLimits, WebSocketLimits
from battle.actors.spec.profiles import ProviderProfile, read_profile
from battle.actors.units import Duration, format_duration, ms, not_a_share

NodeSoftware: TypeAlias = Literal["geth", "erigon", "nethermind"]
"""Programs that serve a chain."""

Capability: TypeAlias = Literal["debug", "trace"]
"""What not every node is capable of: `debug_trace...`, as geth has it, and `trace_...`, as others have it."""


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
    answers in a browser; `"*"` is any, none switches CORS off. Without the `capabilities` `"debug"` and `"trace"` it
    does not have the methods for traces, as most nodes do not.
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
    capabilities: tuple[Capability, ...] = ()
    port: int = 0
    groups: tuple[str, ...] = ()
    profile: str = ""
    """In a data file: a file that `battle record` wrote, beside it. Latencies, failures, the rate limit and the lag
    are as measured there. In Python `MockProvider.from_profile(...)` does that."""
    call_limit: CallLimit | None = None
    """Its own rate limit. None: it has none."""
    head_delay: LatencyModel = 0
    """How long after a block's time it learns of it, drawn for each block: in all that depends on the newest block,
    also in its subscriptions. It does not know that it is late, so `eth_syncing` stays false."""

    renamed_fields: ClassVar[dict[str, str]] = {"tags": "groups"}

    @classmethod
    def from_profile(cls, path: Path | str, name: str, **fields: Any) -> "MockProvider":
        """A mock with the latencies, failures, rate limit and lag that `battle record` measured, and with these other
        fields.

        Raises:
            ProfileError: the file is not there, or no profile.
        """
        return cls(name, **fields).replaying(read_profile(path))

    def replaying(self, profile: ProviderProfile) -> "MockProvider":
        """The same mock with the latencies, failures, rate limit and lag of a profile. What the profile does not know
        stays as it is."""
        replayed: dict[str, Any] = {"latency": Empirical(_durations(profile.latencies_ms))}
        if profile.failures:
            replayed["reliability"] = Reliability(profile.failure_ratio, tuple(profile.failures))
        if profile.limit is not None:
            replayed["call_limit"] = profile.limit.replayed()
        if profile.head_delays_ms:
            replayed["head_delay"] = Empirical(_durations(profile.head_delays_ms))
        return msgspec.structs.replace(self, profile="", **replayed)

    def problems(self) -> Iterator[str]:
        if self.profile:
            yield f"provider {self.name}: `profile` is for data files; in Python write MockProvider.from_profile(...)"
        if isinstance(self.latency, int):
            if self.latency < 0:
                yield f"provider {self.name}: latency cannot be negative ({format_duration(self.latency)})"
        else:
            yield from (f"provider {self.name}: {problem}" for problem in self.latency.problems())
        parts = (self.reliability, self.limits, self.websocket_limits, self.call_limit)
        for part in (part for part in parts if part is not None):
            yield from (f"provider {self.name}: {problem}" for problem in part.problems())
        yield from (
            f"provider {self.name}: {problem}" for problem in latency_problems("head_delay", self.head_delay)
        )
        if self.max_batch_calls <= 0:
            yield f"provider {self.name}: max_batch_calls must be above 0, not {self.max_batch_calls}"
        if not 0 <= self.port <= 65535:
            yield f"provider {self.name}: port must be from 0 (any) to 65535, not {self.port}"


def _durations(milliseconds: Sequence[float]) -> tuple[Duration, ...]:
    return tuple(ms(one) for one in milliseconds)


POLITE_REQUESTS_PER_SECOND = 10.0
"""What a provider is asked at most by default: free plans allow 25 to 50 calls per second, public endpoints
fewer, and a test should not use up what others need."""

_PLACEHOLDER = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


class RealProvider(Spec, frozen=True, tag="real"):
    """An upstream that runs elsewhere, behind a link of Battle's own.

    The gateway is given the link's address. The link passes each request on to `url` (https:// with TLS), with its
    path, query and `headers`, and WebSockets to `ws_url`, by default `url` as ws:// or wss://.
    Transport faults affect the link, process faults the link as if it were the upstream; faults of behaviour and of
    WebSocket need a mock.

    A secret stands as `${NAME}` in a URL or a header: it is taken from the environment when the run starts, and is
    written nowhere. `ca_file` are the certificates to trust, in PEM; the system's without it.

    At most `requests_per_second` calls go there, each of a batch counted: 10 by default, but for a provider
    on this machine; 0 is no limit. `port` is the link's; 0 lets the kernel pick.
    """

    name: str
    url: str
    port: int = 0
    groups: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    ws_url: str = ""
    ca_file: str = ""
    verify: bool = True
    requests_per_second: float | None = None

    renamed_fields: ClassVar[dict[str, str]] = {"tags": "groups"}

    def problems(self) -> Iterator[str]:
        for url, schemes, example in (
            (self.url, ("http", "https"), "https://host/path"),
            (self.ws_url, ("ws", "wss"), "wss://host/path"),
        ):
            if url and not is_url(_PLACEHOLDER.sub("x1", url), *schemes):
                shown = redacted(url)
                yield f"provider {self.name}: a URL looks like {example}, not {shown!r}"
        if not self.url:
            yield f"provider {self.name}: it needs a url, such as https://host/path"
        yield from (f"provider {self.name}: {problem}" for problem in header_problems(self.headers))
        if self.ca_file and not self.verify:
            yield f"provider {self.name}: ca_file is not looked at with verify = false: leave one of them out"
        if self.requests_per_second is not None and not 0 <= self.requests_per_second < inf:
            yield (
                f"provider {self.name}: requests_per_second must be 0 (no limit) or more, "
                f"not {self.requests_per_second:g}"
            )
        if not 0 <= self.port <= 65535:
            yield f"provider {self.name}: port must be from 0 (any) to 65535, not {self.port}"

    @property
    def rate_limit(self) -> float:
        """How many calls may go there in a second; 0 is no limit."""
        if self.requests_per_second is not None:
            return self.requests_per_second
        return 0.0 if is_on_this_machine(self.url) else POLITE_REQUESTS_PER_SECOND

    @property
    def where(self) -> str:
        """Its scheme and host, for people: the rest of a URL may be a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def texts_with_secrets(self) -> tuple[str, ...]:
        """All of it that may name secrets."""
        return (self.url, self.ws_url, *self.headers.values())

    def endpoint(self, fill: Callable[[str], str], *, ws: bool = False) -> Endpoint:
        """Where the link connects. `fill` puts the secrets in."""
        url = fill(self.url)
        if ws:
            url = fill(self.ws_url) or "ws" + url.removeprefix("http")
        address, path = endpoint(url)
        headers = {name: fill(value) for name, value in self.headers.items()}
        if authorization := basic_authorization(url):
            headers = {"authorization": authorization, **headers}
        host = address.rpartition(":")[0].strip("[]")
        tls = Tls(host, self.ca_file, self.verify) if is_secure(url) else None
        return Endpoint(address, path, headers, tls)
