"""Gateways that are programs: their configuration is written, their command line filled in."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from battle.actors.addresses import Address
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.gateways import CommandGateway
from battle.actors.world.cluster import Command
from battle.errors import StartError
from battle.run.gateway_endpoints import GatewayEndpoints
from battle.run.placeholders import filled_text, filled_words, provider_values
from battle.run.programs import program_path
from battle.run.readiness import probe_of
from battle.run.secrets import secret_values, with_secrets
from battle.run.template import TemplateProblem, filled

WORKDIR = "gateway"
"""Of a run's directory, what belongs to the program."""

_PRIVATE = 0o600
"""The mode of a configuration that holds a secret."""


def prepare_command(
    gateway: CommandGateway,
    run_dir: Path,
    endpoints: GatewayEndpoints,
    providers: Mapping[str, Address],
    open_files: int,
) -> Command:
    """Write the configuration into the run's directory, and return what to start. The load may need `open_files`.

    Raises:
        StartError: the program is not installed, the template cannot be filled in, a variable for a secret is not
            set, or there is no directory to start in.
    """
    workdir = (run_dir / WORKDIR).resolve()
    config = workdir / gateway.config_file
    config.parent.mkdir(parents=True, exist_ok=True)
    values = _values(gateway, endpoints, workdir, providers)
    environment = _environment(gateway, values)
    program = _program(gateway, values, environment)
    secrets = secret_values(gateway)
    if secrets:
        config.touch(_PRIVATE)
    config.write_text(_render(gateway, values, environment, providers), encoding="utf-8")
    words = filled_words(gateway.command[1:], values, provider_values(providers))
    return Command(
        (program, *words),
        endpoints.http.address,
        gateway.ready_timeout,
        open_files,
        probe=probe_of(gateway.ready, endpoints),
        environment=environment,
        directory=_directory(gateway, values, workdir),
        secrets=secrets,
        stop_signal=gateway.stop_signal,
        grace=gateway.grace,
        log=workdir / filled_text(gateway.log, values) if gateway.log else None,
    )


def missing_program(gateway: CommandGateway) -> str | None:
    """What to say of a gateway whose program is not on this machine; None when it is there."""
    program = filled_text(gateway.program, {"here": _here(gateway)})
    return None if program_path(program) or "{" in program else _missing(gateway)


def _missing(gateway: CommandGateway) -> str:
    how = f": install it with `{gateway.install}`" if gateway.install else ""
    return f"{gateway.program!r} is not installed, or not on PATH{how}"


def template_problem(gateway: CommandGateway) -> str | None:
    """What is wrong with the template, tried with a provider that is none; None when it can be filled in."""
    one, nobody = "127.0.0.1:1", Path("/")
    ports = dict.fromkeys(gateway.port_numbers(), one)
    endpoints = GatewayEndpoints(Endpoint(one), Endpoint(one), ports)
    values = _values(gateway, endpoints, nobody, {"a": one})
    try:
        _render(gateway, values, gateway.env, {"a": one})
    except StartError as error:
        return str(error)
    return None


def _values(
    gateway: CommandGateway, endpoints: GatewayEndpoints, workdir: Path, providers: Mapping[str, Address]
) -> dict[str, str]:
    """What stands for each placeholder that is not about one provider."""
    values = {
        "port": _port(endpoints.http.address),
        "workdir": str(workdir),
        "config": str(workdir / gateway.config_file),
        "here": _here(gateway),
        "providers": ",".join(one["url"] for one in provider_values(providers)),
        **{f"port:{name}": _port(address) for name, address in endpoints.ports.items()},
    }
    return values | ({"ws_port": _port(endpoints.ws.address)} if gateway.has_ws_port else {})


def _port(address: Address) -> str:
    return address.rpartition(":")[2]


def _here(gateway: CommandGateway) -> str:
    return str(Path(gateway.here).absolute())


def _environment(gateway: CommandGateway, values: Mapping[str, str]) -> dict[str, str]:
    whose = f"gateway {gateway.name}"
    return {name: with_secrets(filled_text(text, values), whose) for name, text in gateway.env.items()}


def _program(gateway: CommandGateway, values: Mapping[str, str], environment: Mapping[str, str]) -> str:
    path = environment.get("PATH", os.environ.get("PATH"))
    program = program_path(filled_text(gateway.program, values), path)
    if program is None:
        raise StartError(
            f"gateway {gateway.name}: {missing_program(gateway) or f'{gateway.program!r} is not there'}"
        )
    return program


def _directory(gateway: CommandGateway, values: Mapping[str, str], workdir: Path) -> Path | None:
    """Where the program starts; one that belongs to the run is made."""
    if not gateway.working_directory:
        return None
    directory = (workdir / filled_text(gateway.working_directory, values)).resolve()
    if directory.is_relative_to(workdir):
        directory.mkdir(parents=True, exist_ok=True)
    if not directory.is_dir():
        raise StartError(
            f"gateway {gateway.name}: its working_directory {directory} is no directory: make it, or write one that "
            "begins with {workdir} or {here}"
        )
    return directory


def _render(
    gateway: CommandGateway,
    values: Mapping[str, str],
    environment: Mapping[str, str],
    providers: Mapping[str, Address],
) -> str:
    seen: dict[str, Any] = {name: value for name, value in values.items() if ":" not in name}
    seen["ports"] = {name: values[f"port:{name}"] for name in gateway.port_numbers()}
    seen["env"] = dict(environment)
    seen["providers"] = provider_values(providers)
    try:
        return filled(gateway.template, seen)
    except TemplateProblem as problem:
        raise StartError(f"gateway {gateway.name}: its template {problem}") from None
