"""`battle report`: its arguments and options."""

from typing import Annotated, Literal, TypeAlias

import typer

from battle.cli.commands.options import Out, Run
from battle.defaults import DEFAULT_OUT

Format: TypeAlias = Literal["json", "markdown", "html", "junit"]
"""What `--format` takes."""


def report(
    run: Run,
    format: Annotated[Format, typer.Option(help="What to print.")] = "markdown",
    out: Out = DEFAULT_OUT,
) -> None:
    """Print the report of RUN, regenerated from its log."""
    from battle.cli.report import report_command

    raise typer.Exit(report_command(run, format, out))
