"""`battle history add`, `list`, `merge`, `export` and `compact`."""

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, TextIO, TypeAlias

import duckdb
import msgspec
import typer

from battle.analysis.reports.document import Table, columns, no_formula, row
from battle.analysis.reports.files import write_whole
from battle.cli.exit_status import WRONG_USE
from battle.cli.options import History, Out
from battle.cli.suites import Member, named_runs
from battle.cli.tables import table_lines
from battle.defaults import DEFAULT_HISTORY, DEFAULT_OUT
from battle.errors import BattleError
from battle.formatting import plural
from battle.history import store
from battle.history.place import require_place
from battle.history.row import HistoryRow
from battle.history.run_row import read_row
from battle.history.selection import Selection, chosen
from battle.history.values import metric_text
from battle.run.directory import find_run
from battle.store.errors import LogError, QueryError
from battle.store.regular import writable_place

command = typer.Typer(
    help="Keep one row of each judged run, to see trends.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

ListFormat: TypeAlias = Literal["table", "json"]
ExportFormat: TypeAlias = Literal["csv", "json", "parquet"]

_LISTED = ("p95_latency_ms", "success_rate")
"""The metrics in the list."""

_COMMIT_SHOWN = 10
"""Characters of a commit that no other has."""

ScenarioArg: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[SCENARIO]", help="A scenario's name. Default: all.")
]
WorldOption: TypeAlias = Annotated[
    str | None, typer.Option("--world", metavar="WORLD", help="Runs of this world: live or simulated.")
]
GatewayOption: TypeAlias = Annotated[
    str | None, typer.Option("--gateway", metavar="NAME", help="Runs of this gateway, as the list names it.")
]
BranchOption: TypeAlias = Annotated[
    str | None, typer.Option("--branch", metavar="NAME", help="Runs of this branch.")
]
SinceOption: TypeAlias = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Runs from this day on, such as 2026-11-30.")
]


@command.command("add")
def history_add(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Runs or suites: ids, directories, or `latest`.")
    ],
    history: History = DEFAULT_HISTORY,
    out: Out = DEFAULT_OUT,
) -> None:
    """Add runs to the history. One that is in it already is judged again and stays one row."""
    require_place(history)
    named = named_runs(runs, out)
    status = 0
    for run in named:
        try:
            _add(run, history)
        except (BattleError, LogError, QueryError) as error:
            if len(named) == 1:
                raise
            print(f"battle: not added: {run.title}: {error}", file=sys.stderr)
            status = WRONG_USE
    raise typer.Exit(status)


def _add(run: Member, history: Path) -> None:
    if run.directory is None:
        print(f"battle: not added: {run.title}: there is no run: {run.status}", file=sys.stderr)
        return
    run_dir = find_run(str(run.directory))
    with written(history):
        path = store.add(history, read_row(run_dir))
    print(f"{run_dir.name} is in {path}")


@command.command("list")
def history_list(
    scenario: ScenarioArg = None,
    world: WorldOption = None,
    gateway: GatewayOption = None,
    branch: BranchOption = None,
    since: SinceOption = None,
    last: Annotated[int, typer.Option(metavar="N", help="Only the last N runs; 0: all.")] = 0,
    format: Annotated[ListFormat, typer.Option(help="How to print it.")] = "table",
    history: History = DEFAULT_HISTORY,
) -> None:
    """List the runs of the history, oldest first."""
    if last < 0:
        raise BattleError(f"--last is a number of runs, 0 for all of them, not {last}")
    selection = Selection(scenario, world, gateway, branch, since)
    wanted = None if format == "json" else _LISTED
    rows = chosen(history, selection, wanted, report_problem)[-last or None :]
    if format == "json":
        print(_json(rows))
    elif rows:
        print("\n".join(table_lines(_table(rows))))
        print(plural(len(rows), "run"), file=sys.stderr)
    else:
        print(f"{history} has no such run")


@command.command("merge")
def history_merge(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Directories with histories somewhere below them."),
    ],
    history: History = DEFAULT_HISTORY,
) -> None:
    """Add the runs of other histories, such as downloaded artifacts of CI. Merging twice changes nothing."""
    with written(history):
        merged = store.merge(history, sources, report_problem)
    print(
        f"{plural(merged.added, 'run')} added to {history}, of {merged.found:,} found "
        f"in {merged.stores:,} histor{'y' if merged.stores == 1 else 'ies'}"
    )


@command.command("export")
def history_export(
    scenario: ScenarioArg = None,
    world: WorldOption = None,
    gateway: GatewayOption = None,
    branch: BranchOption = None,
    since: SinceOption = None,
    format: Annotated[ExportFormat, typer.Option(help="csv has a line for each metric of a run.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it there. Default: print it.")
    ] = None,
    history: History = DEFAULT_HISTORY,
) -> None:
    """Write the history as one table, each run once."""
    if format == "parquet" and output is None:
        raise BattleError("Parquet is no text to print: give --output FILE")
    rows = chosen(history, Selection(scenario, world, gateway, branch, since), None, report_problem)
    if output is None:
        _print(rows, format, sys.stdout)
        return
    with written(output):
        place = writable_place(output)
        if format == "parquet":
            store.write_parquet(rows, place)
        else:
            text = io.StringIO()
            _print(rows, format, text)
            write_whole(place, text.getvalue())
    print(f"{plural(len(rows), 'run')} in {output}", file=sys.stderr)


@command.command("compact")
def history_compact(history: History = DEFAULT_HISTORY) -> None:
    """Make few files of many. Runs may add themselves meanwhile."""
    with written(history):
        done = store.compact(history, report_problem)
    print(f"{history} has {plural(done.after, 'file')}, and had {done.before:,}")


def report_problem(problem: str) -> None:
    """Say on stderr what is wrong with a file of the history."""
    print(f"battle: warning: {problem}", file=sys.stderr)


@contextmanager
def written(what: Path) -> Iterator[None]:
    """What cannot be written is a mistake of the user's, or of the machine: one sentence, no traceback."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        raise BattleError(f"{what} cannot be written: {store.problem_text(error)}") from None


def _json(rows: Sequence[HistoryRow]) -> str:
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()


def _table(rows: Sequence[HistoryRow]) -> Table:
    titles = columns(
        ":started", ":scenario", ":world", ":gateway", ":verdict", "p95", "success", ":commit", ":machine", ":run"
    )  # fmt: skip
    return Table(titles, tuple(row(*_cells(one)) for one in rows))


def _cells(one: HistoryRow) -> Iterator[str]:
    yield from (one.started_at[:16].replace("T", " "), one.scenario, one.world, one.gateway)
    yield f"{one.verdict} (partial)" if one.partial else one.verdict
    yield from (metric_text(one.metric(name)) for name in _LISTED)
    yield from (commit_text(one), one.machine[:6], one.run_id)


def commit_text(one: HistoryRow) -> str:
    """The commit of a run, short, with a plus where files were changed."""
    return "–" if one.commit is None else f"{one.commit[:_COMMIT_SHOWN]}{'+' if one.dirty else ''}"


def _print(rows: Sequence[HistoryRow], form: ExportFormat, file: TextIO) -> None:
    if form == "json":
        print(_json(rows), file=file)
    else:
        _print_csv(rows, file)


_OF_RUN = (
    "run_id", "started_at", "scenario", "world", "gateway", "seed", "verdict", "partial", "commit", "branch", "dirty",
    "machine", "scenario_digest", "requests", "load_ns",
)  # fmt: skip
_OF_METRIC = ("name", "workload", "value", "low", "high", "never")


def _print_csv(rows: Sequence[HistoryRow], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_OF_RUN, "metric", *_OF_METRIC[1:]])
    for one in rows:
        of_run = [getattr(one, name) for name in _OF_RUN]
        for metric in one.metrics:
            values = [*of_run, *(getattr(metric, name) for name in _OF_METRIC)]
            writer.writerow([no_formula(value) for value in values])
