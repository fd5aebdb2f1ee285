"""`battle list`."""

from collections.abc import Sequence
from pathlib import Path

from actors.units import Duration
from battle.estimates import live_time, simulated_time
from battle.loading import listed
from battle.scenario import Scenario

_HEADINGS = ("scenario", "live", "simulated", "tags", "proves")
_NOT_THERE = "-"


def list_command(path: Path | None) -> int:
    """Print each scenario: what to type, how long a run takes in each world, its tags, and what it proves."""
    rows = [_row(name, scenario) for name, scenario in listed(path)]
    widths = [max(len(row[column]) for row in [_HEADINGS, *rows]) for column in range(4)]
    for row in [_HEADINGS, *rows]:
        print(_line(row, widths))
    print()
    print("live: the load and what is around it. simulated: an estimate, good to a factor of about two.")
    return 0


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
