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


class CompareFormat(StrEnum):
    """How `battle compare` prints."""

    table = "table"
    json = "json"
    markdown = "markdown"


app = typer.Typer(
    name="battle",
    help="Prove, or refute, that a gateway survives the failure of the providers behind it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

baseline_app = typer.Typer(
    help="Keep runs to compare later ones with.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(baseline_app, name="baseline")

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where runs lie.")]
DEFAULT_OUT = Path("battle_results")
Baselines = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where baselines lie.")]
DEFAULT_BASELINES = Path("battle_baselines")


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"battle {version('battle')}")
        raise typer.Exit


@app.callback()
def whole_program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say which Battle this is."),
    ] = False,
) -> None:
    """Prove, or refute, that a gateway survives the failure of the providers behind it."""


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


@app.command()
def suite(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Scenarios, or files and directories of them, instead of the shipped ones.",
        ),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Those with the tag fast; what is run when nothing is said.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Those with the tags fast, slow or soak.")] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Those with this tag; several are added up."),
    ] = None,
    world: Annotated[WorldChoice, typer.Option(help="Real processes, or virtual time.")] = WorldChoice.live,
    seed: Annotated[int, typer.Option(metavar="N", help="What all chance is drawn from.")] = 1,
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME|URL|FILE", help="The gateway to test instead of the scenarios' own."),
    ] = None,
    repeat: Annotated[
        int, typer.Option(metavar="N", help="Run all of them so often, each time with the next seed.")
    ] = 1,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print suite.json instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Run many scenarios one after the other, and judge them together."""
    from battle.cli.suite import Choice, suite_command

    choice = Choice(tuple(paths or ()), fast, full, tuple(tag or ()))
    status = suite_command(choice, world.value, seed, gateway, repeat, out, as_json=json, quiet=quiet)
    raise typer.Exit(status)


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
def explain(
    run: Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")],
    request: Annotated[
        str | None, typer.Argument(help="A request's id, such as w0-498, as reports and the log name it.")
    ] = None,
    worst: Annotated[
        int | None, typer.Option(metavar="N", help="The N slowest requests, counted from when they were due.")
    ] = None,
    errors: Annotated[
        int | None,
        typer.Option(metavar="N", help="N requests that did not end ok, of each kind of failure first one."),
    ] = None,
    wrong: Annotated[
        int | None, typer.Option(metavar="N", help="N requests whose answer was wrong or stale.")
    ] = None,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print the stories as JSON.")] = False,
) -> None:
    """Tell the story of one request of RUN across client, gateway, breakers, providers and faults."""
    from battle.cli.explain import explain_command

    status = explain_command(run, request, out, worst=worst, errors=errors, wrong=wrong, as_json=json)
    raise typer.Exit(status)


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


@app.command()
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
    format: Annotated[CompareFormat, typer.Option(help="How to print it.")] = CompareFormat.table,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Out = DEFAULT_OUT,
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Say whether RUN is worse than its baseline. Exit status: 0 no, 1 yes, 3 there is not enough data."""
    from battle.baselines.judging import Settings
    from battle.cli.compare import compare_command

    form = CompareFormat.json if json else format
    settings = Settings(threshold, level)
    raise typer.Exit(compare_command(run, baseline, form.value, out, dir, settings, confirm=confirm))


@baseline_app.command("save")
def baseline_save(
    run: Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Instead of one from scenario, world and gateway.")
    ] = None,
    calibrate: Annotated[
        int, typer.Option(metavar="N", help="Run the same N more times, to learn how much runs differ.")
    ] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Also a run that did not pass, or over another's baseline.")
    ] = False,
    out: Out = DEFAULT_OUT,
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Keep RUN as the baseline of its scenario, world and gateway."""
    from battle.cli.baseline import save_command

    raise typer.Exit(save_command(run, name, out, dir, calibrate=calibrate, force=force))


@baseline_app.command("list")
def baseline_list(dir: Baselines = DEFAULT_BASELINES) -> None:
    """List the baselines."""
    from battle.cli.baseline import list_command

    raise typer.Exit(list_command(dir))


@baseline_app.command("show")
def baseline_show(
    name: Annotated[str, typer.Argument(help="A baseline's name or file.")],
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Show what a baseline holds, and which changes a comparison with it can see."""
    from battle.cli.baseline import show_command

    raise typer.Exit(show_command(name, dir))


@app.command()
def judge(
    run: Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")],
    slo: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="A demand, such as `p95_latency_ms<300 during fault`; repeat it."),
    ] = None,
    slo_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Demands in a TOML, YAML or JSON file.")
    ] = None,
    out: Out = DEFAULT_OUT,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the reports into `judged/` in the run's directory.")
    ] = False,
) -> None:
    """Judge RUN again from its log alone, by its own SLOs or by others."""
    from battle.cli.judge import judge_command

    raise typer.Exit(judge_command(run, slo or [], slo_file, out, as_json=json, write=write))


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
