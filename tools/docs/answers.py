"""The printed answers in docs/cookbook.md: from three simulated runs."""

import io
import re
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import msgspec

from battle.api import run_scenario
from battle.cli.sql import sql_command
from battle.scenario.loader import load_scenario

SEED = 7
"""Of the runs that the cookbook asks."""

_RECIPE = re.compile(r"```sql(?: (?P<run>\w+))?\n(?P<sql>.*?)```\n\n```text\n(?P<answer>.*?)```\n", re.DOTALL)
DEFAULT_RUN = "http_failover"
RUNS = (DEFAULT_RUN, "smoke", "ws_continuity")
"""The scenarios whose simulated runs are asked; `sql smoke` after the back-quotes names another than the default."""


class Recipe(msgspec.Struct, frozen=True):
    """One query of the cookbook: the run it asks, the SQL, and the answer as printed there."""

    run: str
    sql: str
    answer: str


def recipes(text: str) -> list[Recipe]:
    """The queries of a page that are followed by their answers."""
    return [Recipe(m["run"] or DEFAULT_RUN, m["sql"], m["answer"]) for m in _RECIPE.finditer(text)]


def make_run(name: str, out: Path) -> Path:
    """Run a shipped scenario in the simulated world, for the cookbook to ask."""
    return run_scenario(load_scenario(name), world="simulated", seed=SEED, out=out / name).run_dir


def answer(run_dir: Path, sql: str) -> str:
    """What `battle sql` prints."""
    printed, counted = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(counted):
        sql_command(str(run_dir), sql, "table", run_dir.parent, export=False)
    return printed.getvalue() + counted.getvalue()


def answered(text: str, runs: Mapping[str, Path]) -> str:
    """The page with its answers as they are now."""

    def again(match: re.Match[str]) -> str:
        fresh = answer(runs[match["run"] or DEFAULT_RUN], match["sql"])
        return f"{match[0][: match.start('answer') - match.start()]}{fresh}```\n"

    return _RECIPE.sub(again, text)
