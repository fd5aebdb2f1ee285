"""The pytest plugin: a `battle` fixture, and scenario files as tests. docs/pytest.md says how to use it.

pytest loads this package at each start, also in projects that never run a battle: it imports nothing of Battle's
that is heavy before a run is asked for.
"""

from battle.pytest_plugin.collection import pytest_collect_file, pytest_ignore_collect
from battle.pytest_plugin.fixture import Battle, battle, pytest_runtest_call, pytest_runtest_protocol
from battle.pytest_plugin.options import pytest_addoption, pytest_configure
from battle.pytest_plugin.record import (
    pytest_runtest_makereport,
    pytest_runtest_setup,
    pytest_terminal_summary,
)
from battle.pytest_plugin.result import BattleResult

__all__ = [
    "Battle",
    "BattleResult",
    "battle",
    "pytest_addoption",
    "pytest_collect_file",
    "pytest_configure",
    "pytest_ignore_collect",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_terminal_summary",
]
