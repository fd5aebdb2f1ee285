"""`battle check`: its arguments and options."""

from typing import Annotated

import typer


def check(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|DIR...",
            help="Scenarios, gateway files, or directories of them; a shipped name.",
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Check scenarios and gateway files without running them. Exit status 2 when something is wrong."""
    from battle.cli.check import check_command

    raise typer.Exit(check_command(places, as_json=json))
