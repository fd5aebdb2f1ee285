"""Where a scenario's own functions are: generators, checkers and setup hook may be beside the file that names them.

A scenario is data that nodes get without knowing which file it came from. So a name that means something beside the
file gets that directory before it as soon as the file is loaded: "raises.py:later" becomes "battles/raises.py:later".
So does the gateway, whose relative paths begin there. The profile of a provider is read at once.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from battle.actors.author_files import beside
from battle.actors.spec.gateways import CommandGateway, UrlGateway
from battle.actors.spec.profiles import ProfileError, read_profile
from battle.actors.spec.providers import MockProvider
from battle.errors import ScenarioError
from battle.scenario.scenario import Scenario


def with_absolute_names(scenario: Scenario, directory: Path) -> Scenario:
    """The scenario of a file in that directory, with the place of each function that lies beside it."""
    given: Any = scenario.workloads  # of whatever type: nothing is checked yet
    workloads = [_with_generator(one, directory) for one in given] if isinstance(given, list) else given
    setup, checkers = _located(scenario.setup, directory), _all_located(scenario.checkers, directory)
    gateway: Any = scenario.gateway
    if isinstance(gateway, CommandGateway | UrlGateway):
        gateway = placed(gateway, directory)
    providers: Any = scenario.providers
    if isinstance(providers, list):
        providers = [_with_profile(one, directory) for one in providers]
    found = {
        "setup": setup,
        "checkers": checkers,
        "workloads": workloads,
        "gateway": gateway,
        "providers": providers,
    }
    if all(getattr(scenario, name) == value for name, value in found.items()):
        return scenario
    return msgspec.structs.replace(scenario, **found)


def placed(gateway: CommandGateway | UrlGateway, directory: Path) -> CommandGateway | UrlGateway:
    """The gateway of a file in that directory: its relative paths begin there, if it does not say where."""
    return gateway if gateway.here else msgspec.structs.replace(gateway, here=directory.as_posix())


def _with_profile(provider: Any, directory: Path) -> Any:
    """The provider as the profile beside the file says it behaves. Raises ScenarioError."""
    profile: Any = getattr(provider, "profile", "")
    if not isinstance(provider, MockProvider) or not isinstance(profile, str) or not profile:
        return provider
    try:
        return provider.replaying(read_profile(directory / profile))
    except ProfileError as error:
        raise ScenarioError(f"provider {provider.name}: {error}") from None


def _with_generator(workload: Any, directory: Path) -> Any:
    generator = getattr(workload, "generator", None)
    if not isinstance(generator, str) or not generator:
        return workload
    return msgspec.structs.replace(workload, generator=_located(generator, directory))


def importable(scenario: Scenario) -> ExitStack:
    """While it is open, what lies beside the scenario's functions can be imported."""
    given: Any = scenario.workloads
    workloads = given if isinstance(given, list) else []
    checkers: Any = scenario.checkers
    names: list[Any] = [scenario.setup, *(getattr(workload, "generator", "") for workload in workloads)]
    names += checkers if isinstance(checkers, list) else []
    places = [name.rpartition(":")[0].rpartition("/")[0] for name in names if isinstance(name, str)]
    stack = ExitStack()
    for place in dict.fromkeys(place for place in places if place):
        stack.enter_context(beside(Path(place)))
    return stack


def _all_located(names: Any, directory: Path) -> Any:
    return [_located(name, directory) for name in names] if isinstance(names, list) else names


def _located(name: Any, directory: Path) -> Any:
    if not isinstance(name, str):
        return name
    place, colon, attribute = name.rpartition(":")
    if not place or Path(place).is_absolute() or _is_in(Path(), place) or not _is_in(directory, place):
        return name
    return f"{(directory / place).as_posix()}{colon}{attribute}"


def _is_in(directory: Path, place: str) -> bool:
    """Whether the file, or the module, lies there."""
    if place.endswith(".py"):
        return (directory / place).is_file()
    inside, _, module = place.rpartition("/")
    top = directory / inside / module.partition(".")[0]
    return top.with_suffix(".py").is_file() or (top.is_dir() and any(top.glob("*.py")))
