"""Options, settings and marks; and that who does not use the plugin does not notice it."""

import pytest

from battle.pytest_plugin.options import MARKS
from tests.battle.pytest_plugin.projects import run_pytest
from tests.battle.pytest_plugin.test_collection import project

__all__ = ["project"]

pytest_plugins = "pytester"

SETTINGS = """
from pathlib import Path

from battle.pytest_plugin.options import settings_of


def test_settings(pytestconfig):
    world, seed, gateway, out, strict, _, history = settings_of(pytestconfig)
    history = history and history.relative_to(pytestconfig.rootpath)
    print(world, seed, gateway, out.relative_to(pytestconfig.rootpath), strict, history)
"""


@pytest.mark.parametrize(
    ("ini", "arguments", "settings"),
    [
        ("", (), "live 1 None battle_results False None"),
        (
            "battle_world = simulated\nbattle_seed = 5\nbattle_gateway = nginx\nbattle_out = a/b\n"
            "battle_strict = true\nbattle_history = rows\n",
            (),
            "simulated 5 nginx a/b True rows",
        ),
        (
            "battle_world = simulated\nbattle_seed = 5\nbattle_gateway = nginx\nbattle_out = a/b\n",
            (
                *("--battle-world", "live", "--battle-seed=0", "--battle-gateway=embedded"),
                *("--battle-out=c", "--battle-strict", "--battle-history=h"),
            ),
            "live 0 embedded c True h",
        ),
    ],
)
def test_the_command_line_beats_the_ini_file(project, ini, arguments, settings):
    project.makeini(f"[pytest]\naddopts = --strict-config\n{ini}")
    project.makepyfile(test_settings=SETTINGS)
    said = project.runpytest_inprocess("-s", "-q", *arguments)
    said.assert_outcomes(passed=1)
    assert any(line.startswith(settings) for line in said.outlines), said.outlines


@pytest.mark.parametrize(
    ("ini", "arguments", "sentence"),
    [
        ("battle_world = mars", (), "ERROR: battle_world is live or simulated, not 'mars'"),
        ("battle_seed = many", (), "ERROR: battle_seed is a whole number, not 'many'"),
        ("", ("--battle-world", "mars"), "--battle-world: invalid choice: 'mars'"),
        ("", ("--battle-seed", "many"), "--battle-seed: invalid int value: 'many'"),
    ],
)
def test_a_setting_that_means_nothing_is_wrong_use(project, ini, arguments, sentence):
    project.makeini(f"[pytest]\n{ini}")
    said = project.runpytest_inprocess(*arguments)
    assert said.ret == pytest.ExitCode.USAGE_ERROR
    assert sentence in said.stderr.str()


def test_the_marks_are_known_and_can_be_chosen_by(project):
    marked = "\n".join(f"@pytest.mark.{mark}\ndef test_{mark}(): pass\n" for mark in MARKS)
    project.makepyfile(f"import pytest\n\n{marked}")
    for mark in MARKS:
        project.runpytest_inprocess("-m", mark).assert_outcomes(passed=1, deselected=2)
    said = project.runpytest_inprocess("--markers").stdout.str()
    assert all(f"@pytest.mark.{mark}: " in said for mark in MARKS)


WATCHED = """
import sys

HEAVY = {"duckdb", "numpy", "trio", "msgspec", "altair", "psutil", "yaml", "battle.run", "battle.scenario"}


def pytest_configure(config):
    assert config.pluginmanager.get_plugin("battle").__name__ == "battle.pytest_plugin"


def pytest_unconfigure(config):
    print("LOADED:", sorted(HEAVY & sys.modules.keys()))
"""


def test_who_does_not_use_it_pays_nothing(tmp_path):
    (tmp_path / "conftest.py").write_text(WATCHED)
    (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n")
    said = run_pytest(
        tmp_path, "-s", "--disable-plugin-autoload", "-p", "battle"
    )  # others may load what they like
    assert said.status == 0, said.text
    assert "LOADED: []" in said.text
    assert "= battle =" not in said.text
