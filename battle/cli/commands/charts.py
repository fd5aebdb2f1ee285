"""`battle charts`: its arguments and options."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from battle.cli.commands.options import Out, Run
from battle.defaults import DEFAULT_OUT

Format: TypeAlias = Literal["text", "ascii", "svg", "png"]
"""What `--format` takes."""


def charts(
    run: Run,
    format: Annotated[Format, typer.Option(help="Text is printed; pictures become files.")] = "text",
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a file for each chart; pictures go to RUN/charts otherwise."),
    ] = None,
    out: Out = DEFAULT_OUT,
) -> None:
    """Draw the charts of RUN, regenerated from its log."""
    from battle.cli.charts import charts_command

    raise typer.Exit(charts_command(run, format, to, out))
