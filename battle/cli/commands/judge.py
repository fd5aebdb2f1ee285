"""`battle judge`: its arguments and options."""

from pathlib import Path
from typing import Annotated

import typer

from battle.cli.commands.options import Out, Run, Strict
from battle.defaults import DEFAULT_OUT


def judge(
    run: Run,
    slo: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help="An SLO, such as `p95_latency_ms<300 during fault`. May be repeated."
        ),
    ] = None,
    slo_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SLOs in a TOML, YAML or JSON file.")
    ] = None,
    strict: Strict = False,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the reports into `judged/` in the run's directory.")
    ] = False,
) -> None:
    """Judge RUN again from its log alone, by its own SLOs or by others."""
    from battle.cli.judge import judge_command

    raise typer.Exit(judge_command(run, slo or [], slo_file, out, strict=strict, as_json=json, write=write))
