"""`battle run`: its arguments and options."""

from typing import Annotated

import typer

from battle.cli.commands.options import Out, Seed, Strict, World
from battle.defaults import DEFAULT_OUT, DEFAULT_SEED


def run(
    scenario: Annotated[
        str, typer.Argument(help="A shipped name, FILE.py[:NAME], or a TOML, YAML or JSON file.")
    ],
    world: World = "live",
    seed: Seed = DEFAULT_SEED,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME|URL|FILE", help="The gateway to test instead of the scenario's."),
    ] = None,
    strict: Strict = False,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print report.json instead of the summary.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Run SCENARIO and judge it."""
    from battle.cli.run import run_command

    status = run_command(scenario, world, seed, gateway, out, strict=strict, as_json=json, quiet=quiet)
    raise typer.Exit(status)
