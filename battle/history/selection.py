"""Which rows of a history somebody asks for."""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import msgspec

from battle.actors.world.interfaces import WorldName
from battle.errors import BattleError, ScenarioError, UnloadableError
from battle.history.row import HistoryRow
from battle.history.store import read
from battle.scenario.loader import load_scenario

_SHORT_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")

NAMES_SHOWN = 20
"""Names of a history in a message about one that it has not: more would hide the message."""


class Selection(msgspec.Struct, frozen=True):
    """What rows are wanted; None: any. `since` is a day in UTC, such as "2026-11-30", or a time."""

    scenario: str | None = None
    world: str | None = None
    gateway: str | None = None
    branch: str | None = None
    since: str | None = None


def chosen(
    directory: Path,
    selection: Selection,
    metrics: Collection[str] | None = None,
    on_problem: Callable[[str], object] = lambda problem: None,
) -> list[HistoryRow]:
    """The rows that are wanted, in the order of their start; see `read`.

    A scenario may also be what `battle run` takes for it: a shipped name with its variant, or a file.

    Raises:
        BattleError: there is no such history, it has runs and none of the scenario, gateway or branch that was
            named, there is no such world, or `since` is no day or time. A scenario that can be loaded is no mistake:
            it has no run yet.
        UnloadableError: the scenario is a file that is there and cannot be loaded, so its name is unknown.
    """
    since = _utc(selection.since)
    worlds = get_args(WorldName)
    if selection.world not in (None, *worlds):
        raise BattleError(f"there is no world {selection.world!r}: the worlds are {' and '.join(worlds)}")
    rows = _read(directory, selection, selection.scenario, metrics, on_problem)
    name = None
    if not rows and selection.scenario is not None and (name := _name_of(selection.scenario)):
        rows = _read(directory, selection, name, metrics, on_problem)
    found = [
        one
        for one in rows
        if one.started_at >= since and selection.branch in (None, one.branch)
    ]  # fmt: skip
    if not found:
        _check_names(directory, selection, known=name is not None)
    return found


def _utc(since: str | None) -> str:
    """A day or time as rows have theirs; empty for None."""
    if since is None:
        return ""
    text = since.strip()
    if short := _SHORT_DAY.fullmatch(text):
        year, month, day = short.groups()
        text = f"{year}-{month:0>2}-{day:0>2}"
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BattleError(
            f"--since is a day such as 2026-11-30 or a time such as 2026-11-30T18:00, not {since!r}"
        ) from None
    return time.isoformat(timespec="milliseconds")


def _check_names(directory: Path, selection: Selection, *, known: bool) -> None:
    """Refuse a name that no row of a history has: it is misspelt. `known`: the scenario's can be loaded."""
    rows = read(directory, metrics=())
    asked = (
        ("scenario", None if known else selection.scenario, [one.scenario for one in rows]),
        ("gateway", selection.gateway, [one.gateway for one in rows]),
        ("branch", selection.branch, [one.branch for one in rows if one.branch is not None]),
    )
    for what, name, names in asked:
        if rows and name is not None and name not in names:
            raise BattleError(f"{directory} has no run of the {what} {name!r}: {_those(what, names)}")


def _those(what: str, names: Sequence[str]) -> str:
    several = sorted(set(names))
    if not several:
        return f"its runs have no {what}"
    more = f", and {len(several) - NAMES_SHOWN:,} more" if len(several) > NAMES_SHOWN else ""
    return f"it has {', '.join(map(repr, several[:NAMES_SHOWN]))}{more}"


def _read(
    directory: Path,
    selection: Selection,
    scenario: str | None,
    metrics: Collection[str] | None,
    on_problem: Callable[[str], object],
) -> list[HistoryRow]:
    return read(
        directory,
        scenario=scenario,
        world=selection.world,
        gateway=selection.gateway,
        metrics=metrics,
        on_problem=on_problem,
    )


def _name_of(text: str) -> str | None:
    """The name of the scenario that a text means; None where it means none. Raises UnloadableError."""
    try:
        return load_scenario(text).name
    except UnloadableError:
        raise
    except ScenarioError:
        return None
