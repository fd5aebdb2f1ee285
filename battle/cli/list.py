"""`battle list`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from battle.actors.units import Duration
from battle.cli.exit_status import WRONG_USE
from battle.scenario.author_code import importable
from battle.scenario.discovery import Skipped, skipped_lines
from battle.scenario.estimates import live_time, simulated_time
from battle.scenario.loader import (
    Candidate,
    Unloadable,
    found_at,
    listed,
)
from battle.scenario.scenario import Scenario
from battle.scenario.validation import all_problems


def command(
    path: Annotated[Path | None, typer.Argument(help="A directory or file with more scenarios.")] = None,
) -> None:
    """List the shipped scenarios and those found below PATH: what each proves, how long it takes."""
    raise typer.Exit(list_command(path))


_HEADINGS = ("scenario", "live", "simulated", "tags", "proves")
_NOT_THERE = "-"
_UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))


def list_command(path: Path | None) -> int:
    """Print each scenario: what to type, how long a run takes in each world, its tags, and what it proves."""
    found = [] if path is None else list(found_at(path))
    given = [(one.name, one.scenario) for one in found if isinstance(one, Candidate)]
    wrong = {name: problems for name, scenario in given if (problems := _problems(scenario))}
    rows = [_row(name, scenario, wrong.get(name)) for name, scenario in [*listed(), *given]]
    widths = [max(len(row[column]) for row in [_HEADINGS, *rows]) for column in range(4)]
    for row in [_HEADINGS, *rows]:
        print(_line(row, widths))
    print()
    print("live: the load plus start and stop. simulated: an estimate, within a factor of about two.")
    for line in skipped_lines([one for one in found if isinstance(one, Skipped)]):
        print(line)
    broken = [one.why for one in found if isinstance(one, Unloadable)]
    for why in broken:
        print(f"battle: {why}", file=sys.stderr)
    return WRONG_USE if broken or wrong else 0


def _problems(scenario: Scenario) -> list[str]:
    with importable(scenario):
        return all_problems(scenario)


def _row(name: str, scenario: Scenario, problems: Sequence[str] | None) -> tuple[str, ...]:
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return name, _NOT_THERE, _NOT_THERE, _NOT_THERE, f"cannot be run: {problems[0]}{more}"
    simulated = simulated_time(scenario)
    return (
        name,
        _whole(live_time(scenario)),
        _NOT_THERE if simulated is None else f"~{_whole(simulated)}",
        ", ".join(scenario.tags) or _NOT_THERE,
        scenario.proves or scenario.name,
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, live, simulated, tags, proves = row
    return (
        f"{name:<{widths[0]}}  {live:>{widths[1]}}  {simulated:>{widths[2]}}  {tags:<{widths[3]}}  {proves}"
    )


def _whole(length: Duration) -> str:
    """In the largest unit of which it has two at least, and one second at least."""
    whole_s = round(length / 1e9)
    for unit_s, unit in _UNITS:
        if whole_s >= 2 * unit_s:
            return f"{round(whole_s / unit_s):,} {unit}"
    return "1 s"
