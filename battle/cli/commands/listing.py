"""`battle list`: its arguments and options."""

from pathlib import Path
from typing import Annotated

import typer


def list_scenarios(
    path: Annotated[Path | None, typer.Argument(help="A directory or file with more scenarios.")] = None,
) -> None:
    """List the shipped scenarios and those found below PATH: what each proves, how long it takes in each world."""
    from battle.cli.list import list_command

    raise typer.Exit(list_command(path))
