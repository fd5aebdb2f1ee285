"""The commands and their options. Exit status: 0 PASS, 1 FAIL, 2 wrong use, 3 INCONCLUSIVE, 130 interrupted."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

WRONG_USE = 2
INTERRUPTED = 130


class WorldChoice(StrEnum):
    """Where a scenario can run."""

    live = "live"
    simulated = "simulated"


class TableFormat(StrEnum):
    """How `battle sql` prints rows."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"


class ReportFormat(StrEnum):
    """What `battle report` prints."""

    json = "json"
    markdown = "markdown"
    html = "html"
    junit = "junit"


class ChartFormat(StrEnum):
    """How `battle charts` draws."""

    text = "text"
    ascii = "ascii"
    svg = "svg"
    png = "png"


app = typer.Typer(
    name="battle",
    help="Prove, or refute, that a gateway survives the failure of the providers behind it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where runs lie.")]
DEFAULT_OUT = Path("battle_results")


@app.command()
def run(
    scenario: Annotated[
        str, typer.Argument(help="A shipped name, FILE.py[:NAME], or a TOML, YAML or JSON file.")
    ],
    world: Annotated[WorldChoice, typer.Option(help="Real processes, or virtual time.")] = WorldChoice.live,
    seed: Annotated[int, typer.Option(metavar="N", help="What all chance is drawn from.")] = 1,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME|URL|FILE", help="The gateway to test instead of the scenario's."),
    ] = None,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print report.json instead of the summary.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Run SCENARIO and judge it."""
    from battle.cli.run import run_command

    raise typer.Exit(run_command(scenario, world.value, seed, gateway, out, as_json=json, quiet=quiet))


@app.command("list")
def list_scenarios(
    path: Annotated[
        Path | None, typer.Argument(help="A directory or file to look for more scenarios in.")
    ] = None,
) -> None:
    """List the shipped scenarios, and those found below PATH: what each proves, how long it takes in each world."""
    from battle.cli.listing import list_command

    raise typer.Exit(list_command(path))


@app.command()
def sql(
    run: Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")],
    query: Annotated[
        str | None, typer.Argument(help="One SELECT; without it, the tables are listed.")
    ] = None,
    format: Annotated[TableFormat, typer.Option(help="How to print the rows.")] = TableFormat.table,
    out: Out = DEFAULT_OUT,
    export: Annotated[
        bool, typer.Option("--export", help="Write the run into run.duckdb beside its log.")
    ] = False,
) -> None:
    """Ask the log of RUN."""
    from battle.cli.sql import sql_command

    raise typer.Exit(sql_command(run, query, format.value, out, export=export))


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")],
    format: Annotated[ReportFormat, typer.Option(help="What to print.")] = ReportFormat.markdown,
    out: Out = DEFAULT_OUT,
) -> None:
    """Print the report of RUN, made anew from its log."""
    from battle.cli.report import report_command

    raise typer.Exit(report_command(run, format.value, out))


@app.command()
def charts(
    run: Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")],
    format: Annotated[
        ChartFormat, typer.Option(help="Text is printed; pictures become files.")
    ] = ChartFormat.text,
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a file for each chart; pictures go to RUN/charts otherwise."),
    ] = None,
    out: Out = DEFAULT_OUT,
) -> None:
    """Draw the charts of RUN, made anew from its log."""
    from battle.cli.charts import charts_command

    raise typer.Exit(charts_command(run, format.value, to, out))


def run_command_line(arguments: list[str]) -> int:
    """Run one command; the answer is the exit status. Mistakes of the user end as one sentence on stderr."""
    try:
        app(arguments, prog_name="battle")
    except SystemExit as leave:
        return int(leave.code or 0)
    except Exception as error:
        if not _is_users(error):
            raise
        print(f"battle: {error}", file=sys.stderr)
        return _status_of(error)
    return 0


def _status_of(error: Exception) -> int:
    """A run that took place and cannot be judged is INCONCLUSIVE; all else is wrong use."""
    from battle.errors import RunLostError
    from battle.judgement.verdict import EXIT_STATUS

    return EXIT_STATUS["INCONCLUSIVE"] if isinstance(error, RunLostError) else WRONG_USE


def _is_users(error: Exception) -> bool:
    """Whether the message is for whoever gave the command, not for whoever mends Battle."""
    from battle.errors import BattleError
    from store.errors import LogError, QueryError

    return isinstance(error, BattleError | LogError | QueryError)
