"""`battle compare`: its arguments and options."""

from typing import Annotated, Literal, TypeAlias

import typer

from battle.cli.commands.options import Baselines, Out
from battle.defaults import DEFAULT_BASELINES, DEFAULT_OUT

Format: TypeAlias = Literal["table", "json", "markdown"]
"""What `--format` takes."""


def compare(
    run: Annotated[str, typer.Argument(help="A run id, a directory, or `latest`; or a baseline.")],
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|RUN", help="Run or baseline to compare with. Default: the baseline for this run."
        ),
    ] = None,
    threshold: Annotated[float, typer.Option(metavar="SHARE", help="Smallest change that counts.")] = 0.1,
    level: Annotated[float, typer.Option(metavar="PROBABILITY", help="Joint confidence level.")] = 0.95,
    confirm: Annotated[bool, typer.Option("--confirm", help="Re-run to confirm a regression.")] = False,
    format: Annotated[Format, typer.Option(help="How to print it.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Out = DEFAULT_OUT,
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Check whether RUN is worse than its baseline. Exit status: 0 no, 1 yes, 3 not enough data."""
    from battle.analysis.baselines.decide import Settings
    from battle.cli.compare import compare_command

    form = "json" if json else format
    settings = Settings(threshold, level)
    raise typer.Exit(compare_command(run, baseline, form, out, dir, settings, confirm=confirm))
