"""`battle recipes`."""

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, NamedTuple

import typer

from battle.actors.spec.gateways import CommandGateway
from battle.analysis.reports.document import Table, columns, row
from battle.cli.tables import table_lines
from battle.errors import ScenarioError
from battle.run.program_version import VersionUnknownError, program_version
from battle.run.programs import program_path
from battle.scenario.gateways import recipe_files, recipe_names, recipe_of

_NUMBER = re.compile(r"\d+\.\d+(\.\d+)*")


def command(name: Annotated[str | None, typer.Argument(help="A recipe, to print it.")] = None) -> None:
    """List the shipped gateway files, and whether their programs are installed. Print the one called NAME."""
    for line in _list() if name is None else _print(name):
        print(line)


def _list() -> Iterator[str]:
    names = recipe_names()
    gateways = [recipe_of(name) for name in names]
    with ThreadPoolExecutor() as threads:
        found = list(threads.map(_installed, gateways))
    rows = (
        row(name, gateway.program, one.version, one.missing, gateway.install if one.missing else "")
        for name, gateway, one in zip(names, gateways, found, strict=True)
    )
    headings = columns(":recipe", ":program", ":installed", ":missing", ":to install it")
    yield from table_lines(Table(headings, tuple(rows)))
    yield ""
    yield "battle run SCENARIO --gateway RECIPE starts one; battle recipes RECIPE prints it, to be changed."


class _Installed(NamedTuple):
    """The version that is installed; where the program is, if it has no way to say that; "no" if something is
    missing: the program, or what it needs, as it says itself."""

    version: str
    missing: str = ""


def _installed(gateway: CommandGateway) -> _Installed:
    path = program_path(gateway.program)
    if path is None:
        return _Installed("no", gateway.program)
    if not gateway.version_command:
        return _Installed(path)
    try:
        said = program_version(gateway)
    except VersionUnknownError as error:
        return _Installed("no", error.said.removesuffix(f": {gateway.install}") or f"its version: {error}")
    number = _NUMBER.search(said)
    return _Installed(number[0] if number else said)


def _print(name: str) -> Iterator[str]:
    if name not in recipe_names():
        raise ScenarioError(f"there is no recipe {name!r}: it is one of {', '.join(recipe_names())}")
    recipe, *others = recipe_files(name)
    yield recipe.read_text(encoding="utf-8").rstrip("\n")
    for other in others:
        print(f"battle: it starts {other}: copy that beside it", file=sys.stderr)
