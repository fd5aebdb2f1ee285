"""`battle baseline save`, `list` and `show`: their arguments and options."""

from typing import Annotated

import typer

from battle.cli.commands.options import Baselines, Out, Run
from battle.defaults import DEFAULT_BASELINES, DEFAULT_OUT

baseline = typer.Typer(
    help="Save runs to compare later runs with.", no_args_is_help=True, rich_markup_mode=None
)


@baseline.command("save")
def baseline_save(
    run: Run,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the baseline. Default: scenario, world and gateway."),
    ] = None,
    calibrate: Annotated[
        int, typer.Option(metavar="N", help="Run it N more times, to measure how much runs differ.")
    ] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Save a run that did not pass, or replace another run's baseline.")
    ] = False,
    out: Out = DEFAULT_OUT,
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Save RUN as the baseline of its scenario, world and gateway."""
    from battle.cli.baseline import save_command

    raise typer.Exit(save_command(run, name, out, dir, calibrate=calibrate, force=force))


@baseline.command("list")
def baseline_list(dir: Baselines = DEFAULT_BASELINES) -> None:
    """List the baselines."""
    from battle.cli.baseline import list_command

    raise typer.Exit(list_command(dir))


@baseline.command("show")
def baseline_show(
    name: Annotated[str, typer.Argument(help="A baseline's name or file.")],
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Show what a baseline holds, and which changes a comparison with it can see."""
    from battle.cli.baseline import show_command

    raise typer.Exit(show_command(name, dir))
