"""`battle list`."""

from pathlib import Path

from actors.units import format_duration
from battle.loading import listed


def list_command(path: Path | None) -> int:
    """Print each scenario: what to type, how long its load lasts, and what it proves."""
    rows = [
        (name, format_duration(scenario.load), scenario.proves or scenario.name)
        for name, scenario in listed(path)
    ]
    name_width = max(len(name) for name, _, _ in rows)
    load_width = max(len(load) for _, load, _ in rows)
    for name, load, proves in rows:
        print(f"{name:<{name_width}}  {load:>{load_width}}  {proves}")
    return 0
