"""`battle init`."""

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from battle.actors.redaction import redacted, without
from battle.actors.spec.endpoints import header_problems
from battle.actors.spec.gateways import CommandGateway, EmbeddedGateway, Gateway, UrlGateway
from battle.defaults import DEFAULT_SEED
from battle.errors import BattleError, ScenarioError
from battle.probing.first_files import (
    GATEWAY_FILE,
    PROVIDERS,
    SCENARIO_FILE,
    gateway_text,
    scenario_text,
)
from battle.probing.probe import Answer, Found, probe
from battle.run.gateway_endpoints import ca_file_of, gateway_trust, url_of
from battle.run.secrets import secret_values, with_names, with_secrets
from battle.run.signals import interrupted_as
from battle.run.up import Standing, stand
from battle.scenario.data.files import parsed
from battle.scenario.gateways import gateway_label, gateway_names, named_gateway
from battle.scenario.loader import scenario_from_file
from battle.scenario.scenario import Scenario
from battle.scenario.validation import checked
from battle.store.regular import writable_place

FIRST_PORT = 9001
"""Of the providers, for a gateway that must know where they are before they are there."""

PORT_MAX = 65535

WELL = 2
"""The last rank of an answer (`Answer.rank`) that may be a JSON-RPC server's."""

PATIENCE_S = 10.0
"""How long a gateway at a URL may take until it listens."""


def command(
    gateway: Annotated[
        str | None,
        typer.Option(metavar="URL|FILE|NAME", help="The gateway to look at. Default: Battle's own."),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'NAME: VALUE'", help="A header it wants; a secret as ${VARIABLE}. May be repeated."
        ),
    ] = None,
    ws_url: Annotated[
        str, typer.Option("--ws-url", metavar="URL", help="Where it takes WebSockets, if you know.")
    ] = "",
    port: Annotated[
        int,
        typer.Option(metavar="N", help="The first provider's port, for a gateway that runs already."),
    ] = FIRST_PORT,
    to: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where to write the files.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Look at a gateway, and write a first gateway file and scenario."""
    if not to.is_dir():
        raise BattleError(f"{to} is no directory")
    if not 1 <= port <= PORT_MAX - len(PROVIDERS) + 1:
        raise BattleError(f"--port is from 1 to {PORT_MAX - len(PROVIDERS) + 1}, not {port}")
    chosen = EmbeddedGateway() if gateway is None else named_gateway(gateway, EmbeddedGateway())
    headers = _headers(header or [])
    if isinstance(chosen, UrlGateway):
        if gateway is not None and gateway.startswith(("http://", "https://")):
            chosen = msgspec.structs.replace(chosen, headers=headers, ws_url=ws_url)
        lines = _of_url(chosen, port, to, force=force)
    elif headers or ws_url:
        raise BattleError("--header and --ws-url are for a gateway at a URL: a gateway file says them itself")
    elif isinstance(chosen, CommandGateway) and gateway not in gateway_names():
        lines = _of_program(chosen, str(gateway), to, force=force)
    else:
        lines = _of_recipe(chosen, gateway, to, force=force)
    with interrupted_as("interrupted: nothing was written"):
        text = "\n".join(lines)
    print(text)


def _headers(given: list[str]) -> dict[str, str]:
    headers = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not colon:
            raise BattleError(f"--header is 'NAME: VALUE', not {name.strip()!r} alone")
        headers[name.strip()] = value.strip()
    problems = list(header_problems(headers))
    if problems:
        raise BattleError("--header: " + "; ".join(problems))
    return headers


def _of_url(gateway: UrlGateway, port: int, to: Path, *, force: bool) -> Iterator[str]:
    """The gateway is asked while providers stand where it is to find them."""
    problems = list(gateway.problems())
    if problems:
        raise ScenarioError("--gateway", problems)
    ports = [port + number for number in range(len(PROVIDERS))]
    files = _writable(to, GATEWAY_FILE, SCENARIO_FILE, force=force)
    label = gateway_label(gateway)
    name = gateway.name or label.partition("://")[2]
    scenario = _scenario(scenario_text(name, ports=ports, with_websockets=False), gateway)
    whose = f"gateway {label}"
    sent = {name: with_secrets(value, whose) for name, value in gateway.headers.items()}
    url, ws_url = with_secrets(gateway.url, whose), with_secrets(gateway.ws_url, whose)
    trust = gateway_trust(gateway)
    found: list[Found | None] = []

    async def look(_: Standing) -> None:
        seen = await probe(url, sent, patience_s=PATIENCE_S, ws_url=ws_url, trust=trust)
        found.append(_without_secrets(seen, gateway))

    _stand(scenario, look)
    seen = _seen(found, gateway, "give the whole URL, with its path")
    ca_file = ca_file_of(gateway)
    files[GATEWAY_FILE].write_text(
        gateway_text(seen, name=name, headers=gateway.headers, ca_file=ca_file, verify=gateway.verify)
    )
    files[SCENARIO_FILE].write_text(scenario_text(name, ports=ports, with_websockets=seen.ws_url is not None))
    yield from _facts(seen)
    yield f"written: {files[GATEWAY_FILE]}, {files[SCENARIO_FILE]}"
    yield "next:"
    upstreams = " ".join(f"http://127.0.0.1:{one}" for one in ports)
    yield f"  give your gateway these upstreams: {upstreams}"
    yield f"  battle run {files[SCENARIO_FILE]} --gateway {files[GATEWAY_FILE]}"


def _of_program(gateway: CommandGateway, file: str, to: Path, *, force: bool) -> Iterator[str]:
    """The program is started with providers behind it, and asked; its file is its author's, and is not changed."""
    files = _writable(to, SCENARIO_FILE, force=force)
    scenario = _scenario(scenario_text(gateway.name, ports=(), with_websockets=False), gateway)
    trust = gateway_trust(gateway)
    found: list[Found | None] = []

    async def look(standing: Standing) -> None:
        assert standing.gateway is not None
        http, ws = standing.gateway.http, standing.gateway.ws
        known_ws = url_of(ws, "ws") if gateway.has_ws_port or gateway.ws_path else ""
        seen = await probe(url_of(http, "http"), http.headers, patience_s=0, ws_url=known_ws, trust=trust)
        found.append(_without_secrets(seen, gateway))

    _stand(scenario, look, with_gateway=True)
    seen = _seen(found, gateway, f'write its path in {file}, such as path = "/rpc"')
    files[SCENARIO_FILE].write_text(
        scenario_text(gateway.name, ports=(), with_websockets=seen.ws_url is not None)
    )
    yield from _facts(seen)
    yield f"written: {files[SCENARIO_FILE]}"
    missing = list(_missing(gateway, seen))
    if missing:
        yield f"add to {file}:"
        yield from (f"  {line}" for line in missing)
    yield "next:"
    yield f"  battle run {files[SCENARIO_FILE]} --gateway {file}"


def _of_recipe(gateway: Gateway, name: str | None, to: Path, *, force: bool) -> Iterator[str]:
    files = _writable(to, SCENARIO_FILE, force=force)
    text = scenario_text(name or "the embedded gateway", ports=(), with_websockets=True)
    _scenario(text, gateway)
    files[SCENARIO_FILE].write_text(text)
    yield f"written: {files[SCENARIO_FILE]}"
    yield "next:"
    how = "--world simulated" if isinstance(gateway, EmbeddedGateway) else f"--gateway {name}"
    yield f"  battle run {files[SCENARIO_FILE]} {how}"


def _writable(to: Path, *names: str, force: bool) -> dict[str, Path]:
    files = {name: to / name for name in names}
    for path in files.values():
        writable_place(path)
        if path.exists() and not force:
            raise BattleError(f"{path} is there already: move it away, or use --force")
    return files


def _scenario(text: str, gateway: Gateway) -> Scenario:
    scenario = scenario_from_file(parsed(text, ".toml", SCENARIO_FILE))
    return checked(msgspec.structs.replace(scenario, gateway=gateway))


def _stand(
    scenario: Scenario, look: Callable[[Standing], Awaitable[None]], *, with_gateway: bool = False
) -> None:
    with tempfile.TemporaryDirectory(prefix="battle-init-") as scratch:
        stand(
            scenario,
            seed=DEFAULT_SEED,
            out=Path(scratch),
            command="battle init",
            say=lambda _: None,
            use=look,
            with_gateway=with_gateway,
        )


def _without_secrets(found: Found | None, gateway: CommandGateway | UrlGateway) -> Found | None:
    """What was found, with `${NAME}` where a URL has a secret; what the gateway said has `***` there."""
    if found is None:
        return None
    written = (gateway.url, gateway.ws_url) if isinstance(gateway, UrlGateway) else ()
    secrets = secret_values(gateway)

    def cleaned(answer: Answer) -> Answer:
        url = with_names(answer.url, written)
        return msgspec.structs.replace(answer, url=url, detail=without(answer.detail, secrets))

    ws_url = None if found.ws_url is None else with_names(found.ws_url, written)
    return Found(cleaned(found.http), tuple(cleaned(one) for one in found.tried), ws_url)


def _seen(found: list[Found | None], gateway: CommandGateway | UrlGateway, how: str) -> Found:
    if not found:
        raise KeyboardInterrupt  # it was ended before
    (seen,) = found
    if seen is None:
        where = gateway.url if isinstance(gateway, UrlGateway) else gateway.name
        raise BattleError(f"nothing listens at {redacted(where)}: start the gateway first")
    if seen.http.no_tls:
        raise BattleError(f"{seen.http.detail}: write http:// (in a gateway file for a program: tls = false)")
    if seen.http.wants_header:
        raise BattleError(f"{seen.http.detail}: {_advice_on_header(gateway)}")
    if seen.http.rank[0] > WELL:
        raise BattleError(f"no JSON-RPC is answered there: {how}; asked were {_asked(seen)}")
    return seen


def _advice_on_header(gateway: CommandGateway | UrlGateway) -> str:
    """What to do when the gateway refuses who asks."""
    if gateway.headers:
        return f"it was sent {', '.join(gateway.headers)}, and refuses who asks: check the name and the value"
    if isinstance(gateway, UrlGateway) and (redacted(gateway.url) != gateway.url or "${" in gateway.url):
        return "it refuses who asks: check the key in the URL"
    return "it wants to know who asks; give --header 'NAME: ${VARIABLE}' (in a gateway file: headers)"


def _asked(seen: Found) -> str:
    """Each kind of answer once, with the paths that gave it."""
    paths: dict[str, list[str]] = {}
    for one in seen.tried:
        _, _, said = one.detail.rpartition(": ")
        paths.setdefault(said, []).append(urlsplit(redacted(one.url)).path)
    return "; ".join(f"{', '.join(which)} ({said})" for said, which in paths.items())


def _facts(seen: Found) -> Iterator[str]:
    yield f"found: {seen.http.detail}"
    if seen.http.kind != "result":
        yield "  it answers, but no provider was reached through it: its upstreams are not these yet"
    where = redacted(seen.ws_url) if seen.ws_url else "none found where they are used to be"
    yield f"  WebSockets: {where}"


def _missing(gateway: CommandGateway, seen: Found) -> Iterator[str]:
    path = urlsplit(seen.http.url).path or "/"
    if path != gateway.path:
        yield f'path = "{path}"'
    if seen.ws_url is None:
        return
    ws_path = urlsplit(seen.ws_url).path or "/"
    if ws_path != (gateway.ws_path or gateway.path):
        yield f'ws_path = "{ws_path}"'
