"""`battle list`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from actors.units import Duration
from battle.discovery import Skipped, skipped_lines
from battle.estimates import live_time, simulated_time
from battle.exit_status import WRONG_USE
from battle.loading import Candidate, Unloadable, found_at, listed
from battle.scenario import Scenario

_HEADINGS = ("scenario", "live", "simulated", "tags", "proves")
_NOT_THERE = "-"


def list_command(path: Path | None) -> int:
    """Print each scenario: what to type, how long a run takes in each world, its tags, and what it proves."""
    found = [] if path is None else list(found_at(path))
    named = [*listed(), *((one.name, one.scenario) for one in found if isinstance(one, Candidate))]
    rows = [_row(name, scenario) for name, scenario in named]
    widths = [max(len(row[column]) for row in [_HEADINGS, *rows]) for column in range(4)]
    for row in [_HEADINGS, *rows]:
        print(_line(row, widths))
    print()
    print("live: the load and what is around it. simulated: an estimate, good to a factor of about two.")
    for line in skipped_lines([one for one in found if isinstance(one, Skipped)]):
        print(line)
    broken = [one.why for one in found if isinstance(one, Unloadable)]
    for why in broken:
        print(f"battle: {why}", file=sys.stderr)
    return WRONG_USE if broken else 0


def _row(name: str, scenario: Scenario) -> tuple[str, ...]:
    simulated = simulated_time(scenario)
    return (
        name,
        _whole(live_time(scenario)),
        _NOT_THERE if simulated is None else f"~{_whole(simulated)}",
        ", ".join(scenario.labels) or _NOT_THERE,
        scenario.proves or scenario.name,
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, live, simulated, tags, proves = row
    return (
        f"{name:<{widths[0]}}  {live:>{widths[1]}}  {simulated:>{widths[2]}}  {tags:<{widths[3]}}  {proves}"
    )


def _whole(length: Duration) -> str:
    """To the second, below two minutes; to the minute above."""
    whole_s = round(length / 1e9)
    return f"{max(whole_s, 1)} s" if whole_s < 120 else f"{round(whole_s / 60)} min"
