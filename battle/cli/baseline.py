"""`battle baseline save`, `list` and `show`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from battle.analysis.baselines import files
from battle.analysis.baselines.noise import Noise, noise_of
from battle.analysis.baselines.run_snapshot import metric_values, take
from battle.analysis.baselines.runs import CALIBRATED_RUNS_MIN
from battle.analysis.baselines.snapshot import Identity, OneRun, Snapshot, default_name
from battle.analysis.reports.comparison import Unit
from battle.analysis.reports.comparison_text import (
    NONE,
    seen_from_text,
    size_text,
    value_text,
)
from battle.analysis.reports.document import Table, columns, row
from battle.analysis.reports.schema import Report
from battle.cli.compare import REPETITIONS
from battle.cli.exit_status import WRONG_USE
from battle.cli.options import Baselines, Out
from battle.cli.repetition import repetition_of, run_again
from battle.cli.suites import Member, members, suite_at
from battle.cli.tables import table_lines
from battle.defaults import DEFAULT_BASELINES, DEFAULT_OUT
from battle.errors import BattleError
from battle.formatting import plural
from battle.run.directory import find_run
from battle.store.errors import LogError, QueryError

command = typer.Typer(
    help="Save runs to compare later runs with.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@command.command("save")
def baseline_save(
    run: Annotated[
        str,
        typer.Argument(
            help="A run id, a directory, or `latest`; or a suite, for each of its runs that passed."
        ),
    ],
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
    """Save RUN as the baseline of its scenario, world and gateway. Exit status 2: a run was not saved."""
    raise typer.Exit(save_command(run, name, out, dir, calibrate=calibrate, force=force))


@command.command("list")
def baseline_list(dir: Baselines = DEFAULT_BASELINES) -> None:
    """List the baselines."""
    raise typer.Exit(list_command(dir))


@command.command("show")
def baseline_show(
    name: Annotated[str, typer.Argument(help="A baseline's name or file.")],
    dir: Baselines = DEFAULT_BASELINES,
) -> None:
    """Show what a baseline holds, and which changes a comparison with it can see."""
    raise typer.Exit(show_command(name, dir))


CALIBRATION_RUNS_MAX = 50
"""More add nothing that Student's t would notice, and a baseline's file must stay small."""


def save_command(
    run: str, name: str | None, out: Path, directory: Path, *, calibrate: int, force: bool
) -> int:
    """Keep a run as a baseline, or each of a suite, and say what a comparison with it will be able to see."""
    if not 0 <= calibrate <= CALIBRATION_RUNS_MAX:
        raise BattleError(f"--calibrate is a number of runs up to {CALIBRATION_RUNS_MAX}, not {calibrate}")
    suite_dir = suite_at(run, out)
    if suite_dir is not None:
        return _save_suite(members(suite_dir), name, directory, calibrate=calibrate, force=force)
    run_dir = find_run(run, out)
    _save(take(run_dir), run_dir, name, directory, calibrate=calibrate, force=force)
    return 0


def _save_suite(
    runs: Sequence[Member], name: str | None, directory: Path, *, calibrate: int, force: bool
) -> int:
    """Save the first run of each scenario that passed; exit status 2 when one was not worth it, or was not run."""
    if name is not None and len(runs) > 1:
        raise BattleError(f"--name is for one run, and the suite has {plural(len(runs), 'run')}")
    saved: dict[Identity, str] = {}
    status = 0
    for run in runs:
        try:
            if run.directory is None:
                raise BattleError(f"there is no run: {run.status}")
            snapshot = take(find_run(str(run.directory)))
            if snapshot.identity in saved:
                print(f"not saved: {run.title}: its scenario has {saved[snapshot.identity]}")
                continue
            _save(snapshot, run.directory, name, directory, calibrate=calibrate, force=force)
            saved[snapshot.identity] = run.title
            print()
        except (BattleError, LogError, QueryError) as error:
            print(f"battle: not saved: {run.title}: {error}", file=sys.stderr)
            status = WRONG_USE
    return status


def _save(
    snapshot: Snapshot, run_dir: Path, name: str | None, directory: Path, *, calibrate: int, force: bool
) -> None:
    _check_worth(snapshot.name, snapshot.verdict, snapshot.partial, snapshot.reasons, force)
    repeated = _calibrated(snapshot, run_dir, calibrate, force)
    baseline = msgspec.structs.replace(
        snapshot, name=name or default_name(snapshot.identity), runs=(*snapshot.runs, *repeated)
    )
    path = files.save(baseline, directory, replace_others=force)
    print(f"{snapshot.name} is now the baseline {path} ({path.stat().st_size / 1000:.0f} kB)")
    print()
    _print_noise(baseline)


def list_command(directory: Path) -> int:
    """Print the baselines there are."""
    found = [files.load(path) for path in files.paths(directory)]
    if not found:
        print(f"there is no baseline below {directory}: create one with `battle baseline save RUN`")
        return 0
    rows = tuple(
        row(one.name, one.identity.scenario, one.identity.world, one.identity.gateway, str(len(one.runs)))
        for one in found
    )
    titles = columns(":baseline", ":scenario", ":world", ":gateway", "runs")
    print("\n".join(table_lines(Table(titles, rows))))
    return 0


def show_command(name: str, directory: Path) -> int:
    """Print what a baseline holds, and what a comparison with it can see."""
    baseline = files.named(name, directory)
    if baseline is None:
        known = ", ".join(path.stem for path in files.paths(directory)) or "there are none"
        raise BattleError(f"there is no baseline {name!r} below {directory}; the baselines: {known}")
    identity, first = baseline.identity, baseline.runs[0]
    print(f"{baseline.name}: {identity.scenario!r}, {identity.world} world, gateway {identity.gateway}")
    print(f"{baseline.verdict}, run {first.run_id}, seed {first.seed}")
    for what, facts in (("machine", baseline.host), ("versions", baseline.versions)):
        print(f"{what}: {', '.join(f'{fact} {value}' for fact, value in facts.items())}")
    print()
    _print_noise(baseline)
    return 0


def _check_worth(name: str, verdict: str, partial: bool, reasons: Sequence[str], force: bool) -> None:
    """Refuse what would make a bad baseline: later runs would look good beside it."""
    if force or (verdict == "PASS" and not partial):
        return
    what = "PARTIAL" if partial else verdict
    why = f" ({reasons[0]})" if reasons else ""
    raise BattleError(
        f"{name} is {what}{why}: a bad baseline hides regressions; use --force to save it anyway"
    )


def _calibrated(snapshot: Snapshot, run_dir: Path, count: int, force: bool) -> list[OneRun]:
    """Run the same again so many times, each with its own seed when only the seed can make them differ."""
    if not count:
        return []
    recipe = repetition_of(run_dir)
    repeated = []
    for number in range(1, count + 1):
        seed = recipe.seed + number if snapshot.simulated else recipe.seed
        print(f"calibrating: run {number} of {count}, seed {seed}", file=sys.stderr)
        one, report = metric_values(run_again(recipe, seed=seed, out=run_dir / REPETITIONS))
        _check_repetition(one, report, force)
        repeated.append(one)
    return repeated


def _check_repetition(one: OneRun, report: Report, force: bool) -> None:
    _check_worth(f"the repetition {one.run_id}", report.verdict, report.run.partial, report.reasons, force)


def _print_noise(baseline: Snapshot) -> None:
    rows = noise_of(baseline)
    titles = columns(":metric", "value", "runs differ by", "changes seen from", ":a regression")
    table = Table(titles, tuple(row(*_noise_row(one)) for one in rows))
    print("\n".join(table_lines(table)))
    runs = len(baseline.runs)
    print()
    if runs < CALIBRATED_RUNS_MIN:
        print(
            f"Not calibrated: {plural(runs, 'run')} cannot show how much runs differ; "
            f"use --calibrate {CALIBRATED_RUNS_MIN - 1} or more."
        )
    else:
        print(f"Calibrated by {runs} runs: “runs differ by” is their standard deviation.")


def _noise_row(one: Noise) -> tuple[str, ...]:
    return (
        one.name,
        value_text(one.value, one.unit),
        _optional(one.spread, one.unit),
        seen_from_text(one.visible, one.unit),
        "fails" if one.decides else "informs",
    )


def _optional(value: float | None, unit: Unit) -> str:
    return NONE if value is None else size_text(value, unit)
