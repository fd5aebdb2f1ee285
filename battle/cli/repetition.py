"""Runs the scenario of a run again: to see how much runs differ, and whether a regression is seen twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from battle.actors.world.interfaces import WorldName
from battle.errors import BattleError
from battle.run.directory import HEADER
from battle.run.record import record_scenario
from battle.scenario.run_header import read_header
from battle.scenario.scenario import Scenario
from battle.store import typed
from battle.store.manifest import RUN_HEADER_BYTES_MAX
from battle.store.regular import read_regular


class Recipe(msgspec.Struct, frozen=True):
    """What is needed to run something again."""

    scenario: Scenario
    world: WorldName
    seed: int


def repetition_of(run_dir: Path) -> Recipe:
    """How a run came about, from its `run.json`.

    Raises:
        BattleError: its scenario is not one that this Battle can run.
    """
    path = run_dir / HEADER
    try:
        header = read_header(read_regular(path, RUN_HEADER_BYTES_MAX))
        return typed.convert({name: getattr(header, name) for name in Recipe.__struct_fields__}, Recipe)
    except OSError as error:
        raise BattleError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BattleError(f"{path} does not say how to run it again: {error}") from None


def run_again(
    recipe: Recipe, *, seed: int, out: Path, on_start: Callable[[Path], Any] = lambda run_dir: None
) -> Path:
    """Run it with another seed, in the same world against the same gateway, and return the run's directory.

    Raises:
        BattleError: like `run_scenario`; or it was interrupted.
    """
    recorded = record_scenario(recipe.scenario, world=recipe.world, seed=seed, out=out, on_start=on_start)
    if recorded.interrupted:
        raise BattleError(f"the repetition {recorded.run_dir} was interrupted: nothing was compared with it")
    return recorded.run_dir
