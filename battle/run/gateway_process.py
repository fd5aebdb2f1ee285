"""Gateways that are programs: their configuration is written, their command line filled in."""

import shutil
from pathlib import Path

from battle.actors.addresses import Address
from battle.actors.spec.gateways import CommandGateway
from battle.actors.world.cluster import Command
from battle.errors import StartError
from battle.run.template import TemplateProblem, filled


def prepare_command(
    gateway: CommandGateway,
    run_dir: Path,
    address: Address,
    providers: dict[str, Address],
    open_files: int,
) -> Command:
    """Write the configuration into the run's directory, and return what to start. The load may need `open_files`.

    Raises:
        StartError: the program is not installed, or the template cannot be filled in.
    """
    program = shutil.which(gateway.command[0])
    if program is None:
        raise StartError(f"gateway {gateway.name}: {gateway.command[0]!r} is not installed, or not on PATH")
    workdir = (run_dir / "gateway").resolve()
    workdir.mkdir(parents=True, exist_ok=True)
    values = {"port": address.rpartition(":")[2], "workdir": str(workdir), "config": str(workdir / "config")}
    (workdir / "config").write_text(_render(gateway, values, providers), encoding="utf-8")
    words = [_fill(word, values) for word in gateway.command[1:]]
    return Command(
        (program, *words),
        address,
        gateway.ready_timeout,
        open_files,
        stop_signal=gateway.stop_signal,
        grace=gateway.grace,
        log=workdir / _fill(gateway.log, values) if gateway.log else None,
    )


def never_up(gateway: CommandGateway, why: str) -> StartError:
    """What to say of a program that ended, or was given up, before it listened for the first time."""
    return StartError(f"gateway {gateway.name} did not start: {why}")


def template_problem(gateway: CommandGateway) -> str | None:
    """What is wrong with the template, tried with a provider that is none; None when it can be filled in."""
    values = {"port": "1", "workdir": "/", "config": "/config"}
    try:
        _render(gateway, values, {"a": "127.0.0.1:1"})
    except StartError as error:
        return str(error)
    return None


def _render(gateway: CommandGateway, values: dict[str, str], providers: dict[str, Address]) -> str:
    upstreams = [
        {"name": name, "host": address.rpartition(":")[0], "port": address.rpartition(":")[2]}
        for name, address in providers.items()
    ]
    try:
        return filled(gateway.template, {"providers": upstreams, **values})
    except TemplateProblem as problem:
        raise StartError(f"gateway {gateway.name}: its template {problem}") from None


def _fill(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace("{" + name + "}", value)
    return word
