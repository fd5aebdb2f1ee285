"""`battle suite`: its arguments and options."""

from typing import Annotated

import typer

from battle.cli.commands.options import Out, Seed, Strict, World
from battle.defaults import DEFAULT_OUT, DEFAULT_SEED


def suite(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Scenarios, or files and directories of them, instead of the shipped ones.",
        ),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Scenarios tagged `fast` (default).")] = False,
    full: Annotated[bool, typer.Option("--full", help="Scenarios tagged `fast`, `slow` or `soak`.")] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Scenarios with this tag. May be repeated."),
    ] = None,
    world: World = "live",
    seed: Seed = DEFAULT_SEED,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME|URL|FILE", help="The gateway to test instead of the scenarios' own."),
    ] = None,
    repeat: Annotated[
        int, typer.Option(metavar="N", help="Repeat the suite N times with increasing seeds.")
    ] = 1,
    strict: Strict = False,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print suite.json instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Run many scenarios one after the other, and judge them together."""
    from battle.cli.suite import Choice, suite_command

    choice = Choice(tuple(paths or ()), fast, full, tuple(tag or ()))
    status = suite_command(
        choice, world, seed, gateway, repeat, out, strict=strict, as_json=json, quiet=quiet
    )
    raise typer.Exit(status)
