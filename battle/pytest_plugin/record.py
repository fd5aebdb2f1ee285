"""What a session remembers of its runs: properties of the tests, and a line each at the end.

Properties travel with the tests' reports, so that under xdist the controller knows what its workers ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from battle.pytest_plugin.result import BattleResult

REPORT = "report.html"
"""Of all reports the one that people open."""

_PROPERTIES = ("verdict", "scenario", "world", "seed", "warnings", "run_dir")
"""In this order, named `battle_...`; the last one completes a run, of which a test may have several."""

_LAST = f"battle_{_PROPERTIES[-1]}"
_HERE = pytest.StashKey[list[tuple[str, str]]]()
"""The properties of all runs of this process: a test that is interrupted has no report that would carry them."""


def remember(config: pytest.Config, item: pytest.Item | None, result: BattleResult) -> None:
    """Keep what the reports of `item` and of the session say about a run."""
    run = result.report.run
    values = (
        result.verdict,
        run.scenario,
        run.world,
        str(run.seed),
        str(len(result.warnings)),
        str(result.run_dir),
    )
    properties = [(f"battle_{name}", value) for name, value in zip(_PROPERTIES, values, strict=True)]
    config.stash.setdefault(_HERE, []).extend(properties)
    if item is not None:
        item.user_properties.extend(properties)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a line for each run: its verdict, and where its report lies."""
    runs = _runs(terminalreporter, config)
    if not runs:
        return
    terminalreporter.write_sep("=", "battle")
    for run in runs.values():
        terminalreporter.write_line(_line(run, config.invocation_params.dir))


def _runs(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> dict[str, dict[str, str]]:
    """All runs by their directories, in the order they were made."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    said = [list(getattr(report, "user_properties", ())) for report in reports]
    found = [run for properties in [*said, config.stash.get(_HERE, [])] for run in _complete(properties)]
    return {run[_LAST]: run for run in sorted(found, key=lambda run: run[_LAST])}


def _complete(properties: Iterable[tuple[str, object]]) -> Iterator[dict[str, str]]:
    run: dict[str, str] = {}
    for name, value in properties:
        if name.startswith("battle_"):
            run[name] = str(value)
        if name == _LAST:
            yield run
            run = {}


def _line(run: dict[str, str], here: Path) -> str:
    from battle.judgement.verdict import verdict_text

    report = Path(run[_LAST]) / REPORT
    shown = report.relative_to(here) if report.is_relative_to(here) else report
    what = f"{run['battle_scenario']} ({run['battle_world']}, seed {run['battle_seed']})"
    verdict = verdict_text(run["battle_verdict"], int(run["battle_warnings"]))
    return f"{verdict:<12}  {what}  {shown}"
