"""`battle report`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from battle.analysis.reports.files import Format, read_run, render_reading
from battle.cli.options import Out, RunArg
from battle.defaults import DEFAULT_OUT
from battle.run.directory import find_run


def command(
    run: RunArg,
    format: Annotated[Format, typer.Option(help="What to print.")] = "markdown",
    out: Out = DEFAULT_OUT,
) -> None:
    """Print the report of RUN, regenerated from its log."""
    raise typer.Exit(report_command(run, format, out))


def report_command(run: str, form: Format, out: Path) -> int:
    """Print a run's report, regenerated from its log. The verdict is in the report, not in the exit status."""
    text = render_reading(read_run(find_run(run, out), form), form)
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    return 0
