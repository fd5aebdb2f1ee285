"""Whether a run can be made of what Python gave for it, which may be anything. Pure."""

import os
from collections.abc import Iterator
from typing import Any, get_args

from battle.actors.spec.gateways import Gateway
from battle.actors.world.interfaces import WorldName
from battle.errors import ScenarioError
from battle.run.backend import Backend
from battle.scenario.data.shapes import shown_text
from battle.scenario.scenario import Scenario

_WORLDS = get_args(WorldName)
_GATEWAYS = get_args(Gateway)
_BACKENDS = get_args(Backend)


def check_arguments(**given: Any) -> None:
    """Refuse arguments of a run, by their names, that are none. Raises ScenarioError with a sentence for each."""
    if problems := list(_problems(given)):
        raise ScenarioError("there can be no such run", problems)


def _problems(given: dict[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        what = _refused(name, value)
        if what is not None:
            yield f"{name} is {what}, not {shown_text(repr(value))}"


def _refused(name: str, value: Any) -> str | None:
    """What an argument is to be; None when it is that."""
    text = isinstance(value, str | os.PathLike)
    match name:
        case "scenario":
            return None if text or isinstance(value, Scenario) else "a Scenario, a name, or a file"
        case "world":
            known = isinstance(value, str) and value in _WORLDS
            return None if known else " or ".join(map(repr, _WORLDS))
        case "seed":
            return None if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
        case "gateway":
            fits = value is None or text or isinstance(value, _GATEWAYS)
            return None if fits else "a gateway, a name, a URL, a file, or None"
        case "out":
            return None if text else "the path of a directory"
        case "backend":
            known = value is None or (isinstance(value, str) and value in _BACKENDS)
            return None if known else " or ".join(map(repr, _BACKENDS))
        case "providers":
            return None if value is None or text else "the path of a file, or None"
        case "history":
            return None if value is None or text else "the path of a directory, or None"
        case "strict" | "progress":
            return None if isinstance(value, bool) else "True or False"
        case _:
            return None if callable(value) else "a function"
