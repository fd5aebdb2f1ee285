"""What a session remembers of its runs: properties of the tests, and a line each at the end.

The runs of a test travel with its reports, so that under xdist the controller knows what its workers ran.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TypeAlias

import pytest

from battle.pytest_plugin.options import settings_of
from battle.pytest_plugin.result import BattleResult

REPORT = "report.html"
"""Of all reports the one that people open."""

_NAMES = ("verdict", "scenario", "world", "seed", "gateway", "warnings", "run_dir", "test")
_PROPERTIES = frozenset(f"battle_{name}" for name in _NAMES)
"""What JUnit XML says of a run."""

Run: TypeAlias = dict[str, str]
"""The same by bare names: plain data, because it travels from xdist's workers with the reports of their tests."""

_HERE = pytest.StashKey[list[Run]]()
"""All runs of this process: a test that is interrupted has no report that would carry them."""

_OF_PHASE = pytest.StashKey[list[Run]]()
"""The runs of a test that none of its reports carries yet."""

CARRIED = "battle_runs"
"""The attribute of a test's report that has the runs of its phase."""


_PROBLEM = "history_problem"
"""Why a run is not in the history: for the session's end, and no property of a test."""


def remember(
    config: pytest.Config, item: pytest.Item | None, result: BattleResult, history_problem: str | None
) -> None:
    """Keep what the reports of `item` and of the session say about a run."""
    facts = result.report.run
    test = "" if item is None else item.nodeid
    values = (result.verdict, facts.scenario, facts.world, facts.seed, facts.gateway, len(result.warnings))
    run = dict(zip(_NAMES, (*map(str, values), str(result.run_dir), test), strict=True))
    kept = {**run, _PROBLEM: history_problem or ""}
    config.stash.setdefault(_HERE, []).append(kept)
    if item is None:
        return
    item.stash.setdefault(_OF_PHASE, []).append(kept)
    if settings_of(config).properties:
        item.user_properties.extend((f"battle_{name}", value) for name, value in run.items())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that is tried again says of itself what its last try ran."""
    item.user_properties[:] = [one for one in item.user_properties if one[0] not in _PROPERTIES]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the report of each phase of a test carry the runs of that phase."""
    report = yield
    setattr(report, CARRIED, item.stash.get(_OF_PHASE, []))
    item.stash[_OF_PHASE] = []
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a line for each run (verdict, test, place of its report), and what is not in the history."""
    runs = runs_of(terminalreporter, config)
    if not runs:
        return
    terminalreporter.write_sep("=", "battle")
    for run in runs.values():
        terminalreporter.write_line(_line(run, config.invocation_params.dir))
    for problem in dict.fromkeys(run[_PROBLEM] for run in runs.values() if run[_PROBLEM]):
        terminalreporter.write_line(f"warning: {problem}")


def runs_of(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> dict[str, Run]:
    """All runs by their directories, in the order they were made."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    found: list[Run] = [run for report in reports for run in getattr(report, CARRIED, ())]
    here: list[Run] = config.stash.get(_HERE, [])
    found += here
    return {run["run_dir"]: run for run in sorted(found, key=lambda run: run["run_dir"])}


def _line(run: Run, here: Path) -> str:
    from battle.analysis.findings import verdict_text
    from battle.terminal_text import spelled

    report = Path(run["run_dir"]) / REPORT
    shown = report.relative_to(here) if report.is_relative_to(here) else report
    what = f"{run['scenario']} ({run['world']}, seed {run['seed']}, gateway {run['gateway']})"
    verdict = verdict_text(run["verdict"], int(run["warnings"]))
    return spelled("  ".join(filter(None, (f"{verdict:<12}", what, run["test"], str(shown)))))
