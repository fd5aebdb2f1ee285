"""`battle check`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from battle.actors.spec.gateways import CommandGateway, Gateway
from battle.actors.spec.profiles import ProfileError, read_profile
from battle.cli.exit_status import WRONG_USE
from battle.errors import ScenarioError
from battle.run.gateway_process import missing_program, template_problem
from battle.scenario.author_code import importable
from battle.scenario.data.files import SUFFIXES, read_data
from battle.scenario.data.kinds import kind_of
from battle.scenario.discovery import Skipped, skipped_lines
from battle.scenario.gateways import gateway_in, read_gateway, with_template
from battle.scenario.loader import (
    Candidate,
    Found,
    Unloadable,
    found_at,
    load_module,
    load_scenario,
)
from battle.scenario.measurability import warnings_of
from battle.scenario.real_backend import read_providers
from battle.scenario.scenario import Scenario
from battle.scenario.validation import all_problems


def command(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|DIR...",
            help="Scenarios, gateway files, providers files, profiles, or directories of them; a shipped name.",
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Check scenarios and gateway files without running them. Exit status 2 when something is wrong."""
    raise typer.Exit(check_command(places, as_json=json))


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario or other file of Battle's: what makes it impossible to run, and what its author should know."""

    name: str
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `battle check --json` prints. `skipped` are files in which no scenario was looked for."""

    sound: bool
    checked: tuple[Checked, ...]
    skipped: tuple[Skipped, ...]


def check_command(places: Sequence[str], *, as_json: bool) -> int:
    """Check each place and print a line for each scenario in it; the exit status is 2 when anything is wrong."""
    found = [one for place in places for one in _checked_at(place)]
    checked = tuple(one for one in found if isinstance(one, Checked))
    report = CheckReport(
        sound=not any(one.problems for one in checked),
        checked=checked,
        skipped=tuple(one for one in found if isinstance(one, Skipped)),
    )
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print("\n".join(_lines(report)))
    return 0 if report.sound else WRONG_USE


def _checked_at(place: str) -> Iterator[Checked | Skipped]:
    path = Path(place)
    if not path.exists():
        try:
            yield _scenario(place, load_scenario(place))
        except ScenarioError as error:
            yield _refused(place, error.problems)
        return
    if path.is_file() and (other := _other_than_scenario(path, is_named=True)) is not None:
        yield other
        return
    found = [_one(one) for one in found_at(path)]
    if not any(isinstance(one, Checked) for one in found):
        yield Checked(name=place, problems=("there is no scenario in it",))
    yield from found


def _one(found: Found) -> Checked | Skipped:
    match found:
        case Candidate(name, scenario):
            return _scenario(name, scenario)
        case Unloadable(name, problems=problems):
            return _refused(name, problems)
        case Skipped(name) if (other := _other_than_scenario(Path(name))) is not None:
            return other
        case _:
            return found


def _scenario(name: str, scenario: Scenario) -> Checked:
    with importable(scenario):
        problems = all_problems(scenario)
    problems = list(dict.fromkeys(problems))
    warnings = () if problems else tuple(warnings_of(scenario))
    if problems:
        return Checked(name=name, problems=tuple(problems), warnings=warnings)
    of_gateway = _of_gateway(name, scenario.gateway)
    return Checked(name=name, problems=of_gateway.problems, warnings=(*warnings, *of_gateway.warnings))


def _gateway(path: Path) -> Checked:
    try:
        gateway = read_gateway(path)
    except ScenarioError as error:
        return _refused(str(path), [problem.removeprefix("gateway ") for problem in error.problems])
    return _of_gateway(str(path), gateway)


def _of_gateway(name: str, gateway: Gateway) -> Checked:
    problems, missing = list(gateway.problems()), None
    if isinstance(gateway, CommandGateway) and not problems:
        problems += _template_problems(gateway)
        missing = None if problems else missing_program(gateway)
    warnings = () if missing is None else (f"gateway: {missing}",)
    return Checked(name=name, problems=tuple(problems), warnings=warnings)


def _template_problems(gateway: CommandGateway) -> Iterator[str]:
    try:
        whole = with_template(gateway)
    except ScenarioError as error:
        yield str(error)
        return
    assert isinstance(whole, CommandGateway)
    mistake = template_problem(whole)
    if mistake is not None:
        yield mistake


def _refused(name: str, problems: Sequence[str]) -> Checked:
    return Checked(name=name, problems=tuple(problem.removeprefix(f"{name}: ") for problem in problems))


def _other_than_scenario(path: Path, *, is_named: bool = False) -> Checked | None:
    """What is wrong with a file that Battle reads, and that is no scenario; None: it is one, or something else."""
    try:
        if path.suffix == ".py":
            gateway_in(load_module(path), path)
            has_scenario = any(isinstance(one, Candidate) for one in found_at(path))
            return None if has_scenario else _gateway(path)
        data = read_data(path).data if path.suffix in SUFFIXES else None
    except ScenarioError:
        return None
    match kind_of(path, data, is_named=is_named):
        case "gateway":
            return _gateway(path)
        case "providers":
            return _read_by(read_providers, path)
        case "profile":
            return _read_by(read_profile, path)
        case None:
            return None


def _read_by(read: Callable[[Path], object], path: Path) -> Checked:
    try:
        read(path)
    except ScenarioError as error:
        return _refused(str(path), error.problems)
    except ProfileError as error:
        return _refused(str(path), [str(error).removeprefix(f"profile {path}: ")])
    return Checked(name=str(path))


def _lines(report: CheckReport) -> Iterator[str]:
    for one in report.checked:
        if len(one.problems) == 1:
            yield f"wrong  {one.name}: {one.problems[0]}"
        else:
            yield f"wrong  {one.name}:" if one.problems else f"ok     {one.name}"
            yield from (f"  - {problem}" for problem in one.problems)
        yield from (f"  warning: {warning}" for warning in one.warnings)
    yield from skipped_lines(report.skipped)
    wrong = sum(1 for one in report.checked if one.problems)
    sound = len(report.checked) - wrong
    yield ""
    yield f"{sound:,} ok, {wrong:,} wrong"
