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
        typer.Option(metavar="NAME|RUN", help="What to compare with, instead of the baseline for this run."),
    ] = None,
    threshold: Annotated[float, typer.Option(metavar="SHARE", help="What a change must exceed.")] = 0.1,
    level: Annotated[
        float, typer.Option(metavar="PROBABILITY", help="With which all intervals hold together.")
    ] = 0.95,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Run again before anything is called a regression.")
    ] = False,
    format: Annotated[Format, typer.Option(help="How to print it.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Out = DEFAULT_OUT,
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Say whether RUN is worse than its baseline. Exit status: 0 no, 1 yes, 3 there is not enough data."""
    from battle.analysis.baselines.decide import Settings
    from battle.cli.compare import compare_command

    form = "json" if json else format
    settings = Settings(threshold, level)
    raise typer.Exit(compare_command(run, baseline, form, out, dir, settings, confirm=confirm))
