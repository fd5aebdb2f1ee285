"""The commands as one types them: what they cost, and what they offer to choose from."""

import inspect
import subprocess
import sys
from importlib import import_module
from typing import get_args

import pytest
import typer

from battle.analysis.reports import files
from battle.cli import charts, compare, sql
from battle.cli.app import COMMANDS, run_command_line

HEAVY = ("trio", "msgspec", "duckdb", "numpy", "jinja2", "altair", "yaml", "psutil", "battle.scenario")


def test_to_print_the_help_nothing_is_imported_that_takes_long():
    program = (
        "import sys; from battle.cli.app import run_command_line; run_command_line(['--help']); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stderr == "[]\n"
    assert "baseline" in ran.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_itself(name):
    module = import_module(f"battle.cli.{name}")
    command = module.command
    said = command.info.help if isinstance(command, typer.Typer) else inspect.getdoc(command)
    assert said.splitlines()[0] == COMMANDS[name]


def test_a_command_is_loaded_alone():
    program = (
        "import sys; from battle.cli.app import run_command_line; run_command_line(['sql', '--help']); "
        f"print([name for name in {list(COMMANDS)} if f'battle.cli.{{name}}' in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stderr == "['sql']\n"


@pytest.mark.parametrize(
    ("command", "choices"),
    [
        (["sql", "latest"], sql.Format),
        (["report", "latest"], files.Format),
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
