"""Scenario files as tests: one test for each scenario in a `battle_*.py` or `*.battle.toml`."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from battle.pytest_plugin.fixture import Battle
from battle.pytest_plugin.options import MARKS, out_of

if TYPE_CHECKING:
    from battle.scenario.scenario import Scenario

_DATA = re.compile(r".+\.battle\.(?:toml|yaml|yml|json)")
_PYTHON = re.compile(r"battle_.+\.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not look for tests among the runs."""
    return True if collection_path == out_of(config) else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect a scenario file once, also where pytest takes it for a module of tests."""
    collectors = yield
    if not _holds_scenarios(file_path):
        return collectors
    modules = [one for one in collectors if type(one) is pytest.Module]  # none for doctests, which is one too
    others = [one for one in collectors if one not in modules]
    return [ScenarioFile.from_parent(parent, path=file_path, module=next(iter(modules), None)), *others]


def _holds_scenarios(path: Path) -> bool:
    if _DATA.fullmatch(path.name):
        return True
    if not _PYTHON.fullmatch(path.name):
        return False
    from battle.scenario.discovery import speaks_of_battle

    return speaks_of_battle(path)


class ScenarioFile(pytest.File):
    """A file with scenarios. `module` is the same file as a module of tests, if the project says that it is one."""

    def __init__(self, *, module: pytest.Module | None = None, **ours: Any) -> None:
        super().__init__(**ours)
        self._module = module

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """A test for each scenario; then the file's own tests."""
        from battle.errors import ScenarioError
        from battle.scenario.loader import scenarios_in

        try:
            found = scenarios_in(self.path, None if self._module is None else self._imported)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        for name, scenario in found.items():
            if not name.startswith("_"):
                yield ScenarioItem.from_parent(self, name=name, scenario=scenario)
        if self._module is not None:
            yield from self._module.collect()

    def _imported(self) -> Any:
        assert self._module is not None
        try:
            return self._module.obj
        except self.CollectError as error:
            # The author's own error, without pytest's page about it.
            raise (error.__cause__ if isinstance(error.__cause__, Exception) else error) from None


class ScenarioItem(pytest.Item):
    """A scenario as a test: it passes when the verdict is PASS."""

    def __init__(self, *, scenario: Scenario, **ours: Any) -> None:
        super().__init__(**ours)
        self.scenario = scenario
        for mark in _marks(scenario):
            self.add_marker(mark)

    def runtest(self) -> None:
        """Run the scenario as the options say."""
        from battle.errors import BattleError

        try:
            result = Battle(self.config).run(self.scenario)
        except BattleError as error:
            pytest.fail(str(error), pytrace=False)
        if not result.passed:
            pytest.fail(result.summary, pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """What pytest calls this test."""
        return self.path, None, self.name


def _marks(scenario: Scenario) -> list[str]:
    return [mark for mark in MARKS if mark.removeprefix("battle_") in scenario.tags]
