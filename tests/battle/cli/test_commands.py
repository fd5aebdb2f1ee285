"""The commands as one types them: what they cost, and what they offer to choose from."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from battle.actors.world.interfaces import WorldName
from battle.analysis.reports import files as writing
from battle.cli import commands
from battle.cli.app import app, run_command_line
from battle.cli.commands import charts, compare, options, report, sql

HEAVY = ("trio", "msgspec", "duckdb", "numpy", "jinja2", "altair", "yaml", "psutil", "battle.scenario")


def test_to_print_the_help_nothing_is_imported_that_takes_long():
    program = (
        "import sys; from battle.cli.app import run_command_line; run_command_line(['--help']); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stderr == "[]\n"
    assert "baseline" in ran.stdout


def test_each_command_is_in_a_file_of_its_own():
    [group] = app.registered_groups
    modules = [group.typer_instance.registered_commands[0].callback.__module__]
    modules += [command.callback.__module__ for command in app.registered_commands]
    assert len(modules) == len(set(modules)) == 11
    files = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__", "options"}
    assert {module.rpartition(".")[2] for module in modules} == files


def test_the_choices_are_those_that_the_parts_behind_them_know():
    assert get_args(report.Format) == get_args(writing.Format)
    assert get_args(get_args(options.World)[0]) == get_args(WorldName)


@pytest.mark.parametrize(
    ("command", "choices"),
    [
        (["sql", "latest"], sql.Format),
        (["report", "latest"], report.Format),
        (["charts", "latest"], charts.Format),
        (["compare", "latest"], compare.Format),
    ],
)
def test_a_format_that_there_is_not_is_wrong_use_and_those_there_are_are_named(command, choices, capsys):
    assert run_command_line([*command, "--format", "pdf"]) == 2
    said = capsys.readouterr().err
    assert "'pdf'" in said
    for choice in get_args(choices):
        assert f"'{choice}'" in said
