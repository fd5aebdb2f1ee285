"""`battle up`."""

import os
import sys
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
import trio
import typer

from battle.actors.spec.gateways import Gateway, UrlGateway
from battle.cli.options import Out, Seed
from battle.defaults import DEFAULT_OUT, DEFAULT_SEED
from battle.errors import ScenarioError
from battle.run.gateway_endpoints import url_of
from battle.run.plan import GATEWAY
from battle.run.up import Standing, stand
from battle.scenario.author_code import importable
from battle.scenario.gateways import named_gateway
from battle.scenario.loader import load_scenario
from battle.scenario.measurability import without_unmeasurable
from battle.scenario.scenario import Scenario
from battle.scenario.validation import checked

PORT_MAX = 65535

_LINE_BYTES_MAX = 64 * 1024
"""Of what is typed: more without an end of line is something else."""


def command(
    scenario: Annotated[
        str, typer.Argument(help="A shipped name, FILE.py[:NAME], or a TOML, YAML or JSON file.")
    ],
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="The first provider listens there, the others at the ports that follow."
        ),
    ] = None,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Start this gateway in front of them as well."),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Play the scenario's faults once all are up.")] = False,
    seed: Seed = DEFAULT_SEED,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print the addresses as one line of JSON.")] = False,
) -> None:
    """Start the providers of SCENARIO, for a gateway that runs elsewhere, until Ctrl-C; faults can be typed."""
    loaded = load_scenario(scenario)
    if gateway is not None:
        loaded = msgspec.structs.replace(loaded, gateway=_to_start(gateway, loaded))
        loaded, _ = without_unmeasurable(loaded, "live")  # nothing is judged here
    if port is not None:
        loaded = _at_ports(loaded, port)

    async def use(standing: Standing) -> None:
        print(_as_json(standing) if json else _as_text(standing), flush=True)
        _say("faults can be typed: `help` says how; Ctrl-C ends all")
        if plan:
            _do(standing, "plan")
        async for line in _typed_lines():
            _do(standing, line)
        await trio.sleep_forever()

    with importable(loaded):
        run_dir = stand(
            checked(loaded),
            seed=seed,
            out=out,
            command=f"battle up {scenario}",
            say=_say,
            use=use,
            with_gateway=gateway is not None,
        )
    print(
        f"battle: what the providers saw: battle sql {run_dir} "
        '"SELECT provider, outcome, count(*) FROM attempts GROUP BY ALL"',
        file=sys.stderr,
    )


def _do(standing: Standing, line: str) -> None:
    try:
        standing.do(line)
    except ScenarioError as error:
        _say(str(error))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _at_ports(scenario: Scenario, first: int) -> Scenario:
    last = first + len(scenario.providers) - 1
    if first < 1 or last > PORT_MAX:
        raise ScenarioError(f"--port is from 1 to {PORT_MAX - len(scenario.providers) + 1} here, not {first}")
    providers = tuple(
        msgspec.structs.replace(provider, port=first + number)
        for number, provider in enumerate(scenario.providers)
    )
    return msgspec.structs.replace(scenario, providers=providers)


def _to_start(text: str, scenario: Scenario) -> Gateway:
    gateway = named_gateway(text, scenario.gateway)
    if isinstance(gateway, UrlGateway):
        raise ScenarioError("--gateway names one to start: leave out one that runs already")
    return gateway


def _as_text(up: Standing) -> str:
    places = _places(up)
    width = max(len(name) for name in places)
    return "\n".join(f"{name:<{width}}  {urls['http']}  {urls['ws']}" for name, urls in places.items())


def _as_json(up: Standing) -> str:
    places = _places(up)
    front = {GATEWAY: places.pop(GATEWAY)} if up.gateway is not None else {}
    return msgspec.json.encode({"run": str(up.run_dir), "providers": places, **front}).decode()


def _places(up: Standing) -> dict[str, dict[str, str]]:
    """Where to connect for HTTP and for WebSockets, by the name of what stands there."""
    places = {
        name: {"http": f"http://{address}", "ws": f"ws://{address}"} for name, address in up.providers.items()
    }
    if up.gateway is not None:
        places[GATEWAY] = {"http": url_of(up.gateway.http, "http"), "ws": url_of(up.gateway.ws, "ws")}
    return places


async def _typed_lines() -> AsyncIterator[str]:
    """What is typed on standard input, or piped into it, line by line; nothing after its end."""
    kept = b""
    while _may_be_read():
        try:
            await trio.lowlevel.wait_readable(0)
        except PermissionError:  # a file, or /dev/null: nobody ever has to wait for those
            await trio.lowlevel.checkpoint()
        data = os.read(0, _LINE_BYTES_MAX)
        *lines, kept = (kept + data).split(b"\n")
        for line in lines if data else [kept]:
            yield line.decode("utf-8", "replace")
        if not data:
            return
        if len(kept) > _LINE_BYTES_MAX:
            _say("that line is too long")
            kept = b""


def _may_be_read() -> bool:
    """Whether there is a standard input; a terminal stops whoever reads it in the background."""
    if sys.stdin is None:  # closed before this program began: the number is another file's
        return False
    try:
        return not os.isatty(0) or os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
