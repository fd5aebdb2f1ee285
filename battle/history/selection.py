"""Which rows of a history somebody asks for."""

import re
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from battle.errors import BattleError, ScenarioError, UnloadableError
from battle.history.row import HistoryRow
from battle.history.store import read
from battle.scenario.loader import load_scenario

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T[\d:.]+)?")


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
        BattleError: there is no such history, or `since` is no day.
        UnloadableError: the scenario is a file that is there and cannot be loaded, so its name is unknown.
    """
    since = selection.since or ""
    if since and not _DAY.fullmatch(since):
        raise BattleError(f"--since is a day such as 2026-11-30, not {since!r}")
    rows = _read(directory, selection, selection.scenario, metrics, on_problem)
    if not rows and selection.scenario is not None and (name := _name_of(selection.scenario)):
        rows = _read(directory, selection, name, metrics, on_problem)
    return [
        one
        for one in rows
        if one.started_at >= since and selection.branch in (None, one.branch)
    ]  # fmt: skip


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
