"""`battle sql`: its arguments and options."""

from typing import Annotated, Literal, TypeAlias

import typer

from battle.cli.commands.options import Out, Run
from battle.defaults import DEFAULT_OUT

Format: TypeAlias = Literal["table", "json", "csv", "markdown"]
"""What `--format` takes."""


def sql(
    run: Run,
    query: Annotated[
        str | None, typer.Argument(help="One SELECT, or a DESCRIBE; without it, the tables are listed.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print the rows.")] = "table",
    out: Out = DEFAULT_OUT,
    export: Annotated[
        bool,
        typer.Option("--export", help="Write the run into run.duckdb beside its log (DuckDB 1.0 or later)."),
    ] = False,
    timeout: Annotated[float, typer.Option(help="Query timeout in seconds.")] = 300.0,
) -> None:
    """Query the log of RUN."""
    from battle.cli.sql import sql_command

    raise typer.Exit(sql_command(run, query, format, out, export=export, timeout=timeout))
