"""`battle recipes`: what is shipped, what is installed, and what a recipe says."""

import shutil
import sys

import pytest

from battle.cli.app import run_command_line
from battle.scenario.gateways import recipe_files, recipe_names, recipe_of


def _said(capsys, *arguments):
    status = run_command_line(["recipes", *arguments])
    return status, capsys.readouterr()


def test_the_list_has_each_recipe_and_how_what_is_missing_is_installed(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    status, said = _said(capsys)
    assert status == 0
    rows = {line.split()[0]: line for line in said.out.splitlines()[1:] if line and "battle run" not in line}
    assert set(rows) == set(recipe_names())
    for name in recipe_names():
        gateway = recipe_of(name)
        assert rows[name].split()[1:4] == [gateway.program, "no", gateway.program]
        assert rows[name].endswith(gateway.install)


def test_the_list_has_the_version_of_what_is_installed(capsys, tmp_path, monkeypatch):
    (tmp_path / "nginx").write_text("#!/bin/sh\necho nginx version: nginx/7.65.4 >&2\n")
    (tmp_path / "nginx").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    _, said = _said(capsys)
    [row] = [line for line in said.out.splitlines() if line.startswith("nginx ")]
    assert row.split() == ["nginx", "nginx", "7.65.4"]


def test_of_a_program_that_is_there_the_list_says_what_it_misses_itself(capsys, tmp_path, monkeypatch):
    for name, line in (("node", "ethers is not installed here: npm install ethers"), ("nginx", "")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {line}\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    _, said = _said(capsys)
    rows = {line.split()[0]: " ".join(line.split()) for line in said.out.splitlines() if line}
    assert rows["ethers"] == "ethers node no ethers is not installed here npm install ethers"
    assert rows["nginx"].startswith("nginx nginx no its version: prints nothing (exit status 1) ")


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_printed_as_it_is(capsys, name):
    status, said = _said(capsys, name)
    recipe, *others = recipe_files(name)
    assert (status, said.out) == (0, recipe.read_text())
    assert [line.split()[3].rstrip(":") for line in said.err.splitlines()] == [str(other) for other in others]


def test_a_recipe_that_is_not_there(capsys):
    status, said = _said(capsys, "squid")
    assert (status, said.out) == (2, "")
    assert said.err == f"battle: there is no recipe 'squid': it is one of {', '.join(recipe_names())}\n"


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_says_how_its_program_is_installed(capsys, name, tmp_path, monkeypatch):
    """A missing program is one sentence, before anything starts."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which(recipe_of(name).program) is None
    status = run_command_line(["run", "smoke", "--gateway", name, "--out", str(tmp_path / "out")])
    last = capsys.readouterr().err.splitlines()[-1]
    assert status == 2
    assert last == (
        f"battle: gateway {name}: {recipe_of(name).program!r} is not installed, or not on PATH: "
        f"install it with `{recipe_of(name).install}`"
    )
    assert recipe_of(name).install
