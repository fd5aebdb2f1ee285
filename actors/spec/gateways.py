"""What a scenario says about the gateway under test."""

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

from battle.actors.addresses import is_path, is_secure, is_url
from battle.actors.redaction import redacted
from battle.actors.spec.base import Spec, above_zero_problems
from battle.actors.spec.continuity import Continuity
from battle.actors.spec.endpoints import Ready, header_problems
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


PLACEHOLDERS = ("config", "port", "ws_port", "workdir", "here", "providers")
"""What is replaced in words and values, where it stands in braces."""

PROVIDER_PLACEHOLDERS = ("name", "host", "port", "address", "url", "ws_url")
"""What can follow `provider.` in a word that is repeated for each provider."""

StopSignal: TypeAlias = Literal["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"]
"""The signals that programs know as a wish that they end in good order."""

PLACEHOLDER = re.compile(r"(?<!\$)\{((?:provider\.|port:)?[A-Za-z_]\w*)\}")
"""A name in braces, but for what a shell puts in itself: ${HOME}."""

_PORT_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CONFIG_FILE = re.compile(r"(\w[\w.-]*/){0,7}\w[\w.-]*", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Foreign(Spec, frozen=True, kw_only=True):
    """What is said alike of every gateway that is not Battle's own."""

    headers: dict[str, str] = {}
    """What every request, and every handshake of a WebSocket, says to it besides the usual."""
    ca_file: str = ""
    """The certificates to trust when it takes TLS, in PEM: those of a private CA. The system's without it."""
    verify: bool = True
    """Whether its certificate must be valid for its name."""
    ready: Literal["tcp"] | Ready = "tcp"
    """What shows that it is ready: it accepts connections, or it gives the answer that a `Ready` asks for."""
    reports: Literal["", "none"] = ""
    """"none": it says nothing about its attempts, and what it passes on from a provider is not taken for that."""
    here: str = ""
    """Where relative paths begin: Battle puts in the directory of the file that describes it."""

    def problems(self) -> Iterator[str]:
        yield from (f"gateway: {problem}" for problem in header_problems(self.headers))
        if isinstance(self.ready, Ready):
            yield from (f"gateway: {problem}" for problem in self.ready.problems())
        if self.ca_file and not self.verify:
            yield "gateway: ca_file is not looked at with verify = false: leave one of them out"


class CommandGateway(_Foreign, frozen=True, tag="command"):
    """A gateway program that Battle starts, feeds a configuration file, and stops.

    `command` is a list of words. In it `{config}`, `{port}`, `{ws_port}`, `{port:NAME}`, `{workdir}`, `{here}` and
    `{providers}` (their URLs, with commas between them) are replaced; one that has `{provider.url}` is repeated for
    each provider (also `.name`, `.host`, `.port`, `.address`, `.ws_url`), and so are together the words of a list in
    the list, as `["--upstream", "{provider.url}"]`. `template` is the configuration's text, a
    Jinja template that sees `port`, `ws_port`, `ports`, `workdir`, `here`, `env` and `providers` (with the same
    names), and may take 10 s and 512 MB. A secret is written as `${NAME}` in `env` and in `headers`: it is taken from
    Battle's own environment when the run starts, and is in no file, message or report.
    """

    command: tuple[str | tuple[str, ...], ...]
    template: str = ""
    name: str = "command"
    port: int = 0
    ready_timeout: Duration = seconds(10)
    ws_path: str = ""
    """Where WebSockets are opened; `path` by default."""
    path: str = "/"
    """Where HTTP requests are sent."""
    template_file: str = ""
    """A file with the template, from the directory of the gateway file."""
    config_file: str = "config"
    """What `{config}` is called below `{workdir}`: some programs go by its suffix."""
    env: dict[str, str] = {}
    """Environment variables of the program, added to Battle's own. The placeholders are replaced, but for
    `{provider.…}`, and so is `${NAME}`."""
    working_directory: str = ""
    """Where the program starts, from `{workdir}`; where Battle was started by default."""
    ws_port: bool | int = False
    """A second port, for WebSockets: true for any, or its number."""
    ports: tuple[str, ...] | dict[str, int] = ()
    """Names of further ports, or names and numbers: 0 is any."""
    tls: bool = False
    """Whether its ports take TLS: clients then use https and wss, with the name localhost."""
    stop_signal: StopSignal = "SIGTERM"
    """What asks it to end."""
    grace: Duration = seconds(5)
    """How long it may take to end after that, before SIGKILL."""
    log: str = ""
    """A log file of its own, from `{workdir}`: its end is shown when the program crashes."""
    version_command: tuple[str, ...] = ()
    """Prints the program's version: `["nginx", "-v"]`. Its first line is in run.json and in the report."""
    install: str = ""
    """How the program is installed, for the message that it is missing."""

    def port_numbers(self) -> dict[str, int]:
        """The further ports by their names; 0 is any."""
        return self.ports if isinstance(self.ports, dict) else dict.fromkeys(self.ports, 0)

    @property
    def program(self) -> str:
        """What is started: the first word."""
        first = self.command[0]
        return first if isinstance(first, str) else first[0]

    @property
    def has_ws_port(self) -> bool:
        """Whether WebSockets have a port of their own."""
        return self.ws_port is not False

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.command:
            yield "gateway: command needs at least the program's name"
        elif not isinstance(self.command[0], str) or "{provider" in self.command[0]:
            yield "gateway: command begins with the program's name, which cannot be repeated for each provider"
        for word in self.command:
            if not isinstance(word, str) and not any("{provider." in one for one in word):
                yield f"gateway: command has the list {list(word)}, in which nothing is of a provider"
        yield from self._placeholder_problems()
        for name, path in (("path", self.path), ("ws_path", self.ws_path or "/")):
            if not is_path(path):
                yield f"gateway: {name} looks like /path, not {path!r}"
        if self.template and self.template_file:
            yield "gateway: template and template_file are both there: leave one out"
        if not _CONFIG_FILE.fullmatch(self.config_file):
            yield f"gateway: config_file looks like gateway.yaml or conf/gateway.yaml, not {self.config_file!r}"
        yield from self._port_problems()
        for name in self.env:
            if not _VARIABLE.fullmatch(name):
                yield f"gateway: env has {name!r}, which is no variable's name: write letters, digits and _"
        if self.grace < 0 or self.ready_timeout <= 0:
            yield "gateway: ready_timeout must be above 0, and grace 0 or more"
        if (self.ca_file or not self.verify) and not self.tls:
            yield "gateway: ca_file and verify are about TLS: write tls = true as well"

    def _placeholder_problems(self) -> Iterator[str]:
        known = [*PLACEHOLDERS, *(f"port:{name}" for name in self.port_numbers())]
        of_providers = [f"provider.{name}" for name in PROVIDER_PLACEHOLDERS]
        words = [one for word in self.command for one in ([word] if isinstance(word, str) else word)]
        texts = {
            "command": (words, [*known, *of_providers]),
            "env": (self.env.values(), known),
            "working_directory": ([self.working_directory], ["workdir", "here"]),
            "log": ([self.log], ["workdir", "here"]),
        }
        for field, (values, allowed) in texts.items():
            for name in dict.fromkeys(PLACEHOLDER.findall(" ".join(values))):
                if name not in allowed:
                    listed = ", ".join(f"{{{one}}}" for one in allowed)
                    yield f"gateway: {field} has {{{name}}}, which nothing is put in for; the known ones are {listed}"
                elif name == "ws_port" and not self.has_ws_port:
                    yield f"gateway: {field} has {{ws_port}}: write ws_port = true as well"

    def _port_problems(self) -> Iterator[str]:
        ports = {"port": self.port, "ws_port": int(self.ws_port), **self.port_numbers()}
        for name, number in ports.items():
            if not 0 <= number <= 65535:
                yield f"gateway: {name} must be from 0 (any) to 65535, not {number}"
        for name in self.port_numbers():
            if not _PORT_NAME.fullmatch(name) or name in ("port", "ws_port"):
                yield f"gateway: ports has {name!r}: a name is up to 32 small letters, digits and _, as in stats"
        if self.ws_port is not True:
            fixed = [number for number in ports.values() if number]
            if len(set(fixed)) < len(fixed):
                yield "gateway: two of its ports have the same number"
        if isinstance(self.ready, Ready) and self.ready.port and self.ready.port not in self.port_numbers():
            known = ", ".join(self.port_numbers()) or "none"
            yield f"gateway: ready names the port {self.ready.port!r}; the further ports are {known}"


_SECRET = re.compile(r"\$\{[A-Za-z_]\w*\}")


def _may_be_url(url: str, *schemes: str) -> bool:
    """Whether it can become such a URL with the values of its variables in their places; all of it may be one."""
    return url.startswith("${") or is_url(_SECRET.sub("1", url), *schemes)


class UrlGateway(_Foreign, frozen=True, tag="url"):
    """A gateway that already runs somewhere; it must know the providers' ports.

    `ws_url` is where it takes WebSockets, when that is not where it takes HTTP. `https://` and `wss://` are with TLS.
    Credentials in a URL (`http://user:password@host`) are sent as Basic authentication; they, and what looks like a
    key in a path or a query, stand in no log, report or message. Nor does what `${NAME}` stands for, in a URL or in
    `headers`: it is taken from the environment when the run starts.
    """

    url: str
    ws_url: str = ""
    name: str = ""
    """What it is called in reports; where it is, by default."""
    ready_timeout: Duration = seconds(5)
    """How long it may take until it is ready."""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not _may_be_url(self.url, "http", "https"):
            yield f"gateway: a URL looks like http://host:port/path, not {redacted(self.url)!r}"
        if self.ws_url and not _may_be_url(self.ws_url, "ws", "wss"):
            yield f"gateway: ws_url looks like ws://host:port/path, not {redacted(self.ws_url)!r}"
        if self.ready_timeout <= 0:
            yield f"gateway: ready_timeout must be above 0, not {format_duration(self.ready_timeout)}"
        if isinstance(self.ready, Ready) and self.ready.port:
            yield "gateway: ready names a port, and a gateway at a URL has no further ones: leave port out"
        secure = any(is_secure(url) or url.startswith("${") for url in (self.url, self.ws_url))
        if (self.ca_file or not self.verify) and not secure:
            yield "gateway: ca_file and verify are about TLS: write https:// or wss:// as well"


Gateway: TypeAlias = EmbeddedGateway | CommandGateway | UrlGateway
