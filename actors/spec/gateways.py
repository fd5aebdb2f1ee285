"""What a scenario says about the gateway under test."""

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from battle.actors.addresses import Address, endpoint, is_path, is_url
from battle.actors.redaction import basic_authorization, redacted
from battle.actors.spec.base import Spec, above_zero_problems
from battle.actors.spec.continuity import Continuity
from battle.actors.units import Duration, format_duration, not_a_share, seconds

Strategy: TypeAlias = Literal["priority", "round_robin", "fastest", "latency_weighted", "random"]


class Breaker(Spec, frozen=True):
    """A circuit breaker, one per provider and transport.

    closed -> open after `failure_threshold` failures in a row; open -> half_open after `open_for` plus up to
    `jitter_ratio` of it; half_open -> closed after `success_threshold` successes, -> open at any failure.
    While half open at most `probe_limit` requests at a time are allowed.
    """

    failure_threshold: int = 5
    success_threshold: int = 2
    open_for: Duration = seconds(5)
    jitter_ratio: float = 0.1
    probe_limit: int = 1

    def problems(self) -> Iterator[str]:
        yield from above_zero_problems(
            "breaker:", self, "failure_threshold", "success_threshold", "open_for", "probe_limit"
        )
        if not 0 <= self.jitter_ratio <= 1:
            yield f"breaker: jitter_ratio {not_a_share(self.jitter_ratio)}"


class Retry(Spec, frozen=True):
    """How often and how long the gateway tries.

    The budget bounds retries to `budget_ratio` of the requests of the last ten seconds, plus
    `budget_floor`, so that an outage does not multiply the load.
    """

    max_attempts: int = 3
    attempt_timeout: Duration = seconds(1)
    deadline: Duration = seconds(5)
    budget_ratio: float = 0.5
    budget_floor: int = 10

    def problems(self) -> Iterator[str]:
        yield from above_zero_problems("retry:", self, "max_attempts", "attempt_timeout", "deadline")
        if self.budget_ratio < 0 or self.budget_floor < 0:
            yield "retry: budget_ratio and budget_floor must be 0 or more"


class EmbeddedGateway(Spec, frozen=True, tag="embedded"):
    """Battle's own gateway: what is tested when no other is named, and a reference to compare with.

    `seed_latencies` fills the benchmark store before the run (provider name to latency). `hedge_after` sends
    a second attempt to the next provider when the first has not answered in that time. With `failover` off
    each request goes once to the provider the strategy ranks first, whatever its breaker says, and a
    subscription dies with the provider it was made at: its clients get nothing any more and are not notified.
    """

    strategy: Strategy = "priority"
    seed_latencies: dict[str, Duration] = {}
    latency_window: Duration = seconds(30)
    breaker: Breaker = Breaker()
    retry: Retry = Retry()
    hedge_after: Duration | None = None
    failover: bool = True
    connections_per_provider: int = 256
    continuity: Continuity = Continuity()
    port: int = 0

    def problems(self) -> Iterator[str]:
        yield from self.breaker.problems()
        yield from self.retry.problems()
        yield from self.continuity.problems()
        if self.hedge_after is not None and self.hedge_after <= 0:
            yield f"gateway: hedge_after must be above 0, not {format_duration(self.hedge_after)}"
        if any(latency < 0 for latency in self.seed_latencies.values()):
            yield "gateway: seed_latencies cannot be negative"
        if self.latency_window <= 0 or self.connections_per_provider <= 0:
            yield "gateway: latency_window and connections_per_provider must be above 0"
        if not 0 <= self.port <= 65535:
            yield f"gateway: port must be from 0 (any) to 65535, not {self.port}"


PLACEHOLDERS = ("config", "port", "workdir")
"""What is replaced in a command, where it stands in braces."""

# A name in braces, but for what a shell puts in itself: ${HOME}.
_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_]\w*)\}")


class CommandGateway(Spec, frozen=True, tag="command"):
    """A gateway program that Battle starts, feeds a configuration file, and stops.

    `command` is a list of words; `{config}`, `{port}` and `{workdir}` in it are replaced. `template` is the
    configuration's text, a Jinja template that sees `port`, `workdir` and `providers` (name, host, port),
    and may take 10 s and 512 MB.
    WebSockets are opened on the same port, at `ws_path`.
    """

    command: tuple[str, ...]
    template: str = ""
    name: str = "command"
    port: int = 0
    ready_timeout: Duration = seconds(10)
    ws_path: str = "/"

    def problems(self) -> Iterator[str]:
        if not self.command:
            yield "gateway: command needs at least the program's name"
        for name in dict.fromkeys(_PLACEHOLDER.findall(" ".join(self.command))):
            if name not in PLACEHOLDERS:
                known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
                yield f"gateway: command has {{{name}}}, which nothing is put in for; the known ones are {known}"
        if not is_path(self.ws_path):
            yield f"gateway: ws_path looks like /path, not {self.ws_path!r}"


class UrlGateway(Spec, frozen=True, tag="url"):
    """A gateway that already runs somewhere; it must know the providers' ports.

    `ws_url` is where it takes WebSockets, when that is not where it takes HTTP. Credentials in a URL
    (`http://user:password@host`) are sent as Basic authentication; they, and what looks like a key in a path or a
    query, stand in no log, report or message.
    """

    url: str
    ws_url: str = ""

    def problems(self) -> Iterator[str]:
        if not is_url(self.url, "http"):
            yield f"gateway: a URL looks like http://host:port/path, not {redacted(self.url)!r}"
        if self.ws_url and not is_url(self.ws_url, "ws"):
            yield f"gateway: ws_url looks like ws://host:port/path, not {redacted(self.ws_url)!r}"

    def endpoint(self) -> tuple[Address, str]:
        """Where to connect for HTTP, and the path to ask for."""
        return endpoint(self.url)

    def ws_endpoint(self) -> tuple[Address, str]:
        """Where to connect for a WebSocket, and the path to ask for."""
        return endpoint(self.ws_url or self.url)

    def authorization(self, *, ws: bool) -> str:
        """The value of the header `Authorization` there; "" where the URL has no credentials."""
        return basic_authorization((self.ws_url or self.url) if ws else self.url)


Gateway: TypeAlias = EmbeddedGateway | CommandGateway | UrlGateway
