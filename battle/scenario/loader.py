"""Finding scenarios: shipped ones by name, others in a Python, TOML, YAML or JSON file."""

import importlib
import importlib.util
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import msgspec

from battle.actors.author_files import beside, raised_text, source_of
from battle.errors import ScenarioError, UnloadableError
from battle.scenario.author_code import with_absolute_names
from battle.scenario.data.files import SUFFIXES as _DATA_SUFFIXES
from battle.scenario.data.files import DataFile, converted, not_utf8, read_data
from battle.scenario.data.kinds import USES, kind_of
from battle.scenario.data.shapes import shown_text
from battle.scenario.discovery import Skipped, files_below, reason_to_skip
from battle.scenario.scenario import Scenario

_DEFAULT_NAME = "scenario"
_LOADS = count(1)


class Candidate(msgspec.Struct, frozen=True):
    """A scenario, and the text that `load_scenario` takes for it."""

    name: str
    scenario: Scenario


class Unloadable(msgspec.Struct, frozen=True):
    """A file that cannot be loaded, and `why` in a sentence: nobody knows which scenarios are in it.

    `problems` are the parts of that sentence.
    """

    name: str
    why: str
    problems: tuple[str, ...] = ()


Found: TypeAlias = Candidate | Unloadable | Skipped
"""What may be in a place."""


def load_scenario(text: str) -> Scenario:
    """The scenario that `text` means: NAME, NAME:VARIANT, FILE.py, FILE.py:VARIANT, or a data file.

    Raises:
        ScenarioError: there is no such thing.
        UnloadableError: it is a file that cannot be loaded.
    """
    place, _, variant = text.partition(":")
    path = Path(place)
    if path.suffix == ".py":
        return _from_module(load_module(path), variant, place, path)
    if path.suffix in _DATA_SUFFIXES:
        loaded = _load_data(path)
        return _chosen({_DEFAULT_NAME: loaded}, variant, place)
    if place in shipped_names():
        return _from_module(importlib.import_module(f"battle.scenarios.{place}"), variant, place)
    raise ScenarioError(
        f"there is no scenario {place!r}: the shipped ones are {', '.join(shipped_names())}; "
        f"a file ends in .py, {', '.join(_DATA_SUFFIXES)}"
    )


def check_readable(text: str) -> None:
    """Refuse a text for `load_scenario` that names a FIFO, a device or a file too large, without running anything.

    Raises:
        UnloadableError: it names such a thing. A file that is not there, or holds no scenario, is no concern of this.
    """
    path = Path(text.partition(":")[0])
    if path.suffix not in (".py", *_DATA_SUFFIXES) or not os.path.lexists(path):
        return
    try:
        source_of(path)
    except FileNotFoundError:
        return  # a link to nothing
    except OSError as error:
        raise UnloadableError(f"{path} cannot be read: {error.strerror}") from None


def shipped_names() -> list[str]:
    """The names of the scenarios that come with Battle."""
    # Found by name like any plug-in: the package may grow, and nothing in Battle depends on what is in it.
    package = importlib.import_module("battle.scenarios")
    return sorted(found.name for found in pkgutil.iter_modules(package.__path__))


def variants(module: ModuleType, path: Path | None = None) -> dict[str, Scenario]:
    """The scenarios a module holds, by name; in the order they are written. `path` is the module's file."""
    found = {name: value for name, value in vars(module).items() if isinstance(value, Scenario)}
    return (
        found
        if path is None
        else {name: with_absolute_names(value, path.parent) for name, value in found.items()}
    )


def scenarios_in(path: Path, importing: Callable[[], ModuleType] | None = None) -> dict[str, Scenario]:
    """All scenarios in a file, by name; the one of a data file is called `scenario`.

    Arguments: `importing` brings in a Python file in the caller's own way.

    Raises:
        ScenarioError: the file cannot be read.
    """
    if path.suffix != ".py":
        return {_DEFAULT_NAME: _load_data(path)}
    return variants(load_module(path) if importing is None else _executed(path, importing), path)


def listed(place: Path | None = None) -> Iterator[tuple[str, Scenario]]:
    """Each scenario with the text that `load_scenario` takes: the shipped ones, and those found below `place`.

    Raises:
        ScenarioError: `place` does not exist.
        UnloadableError: a file below it that should hold scenarios cannot be loaded.
    """
    for name in shipped_names():
        yield from _listed_in(name, importlib.import_module(f"battle.scenarios.{name}"))
    for one in () if place is None else found_at(place):
        if isinstance(one, Unloadable):
            raise UnloadableError(one.why)
        if isinstance(one, Candidate):
            yield one.name, one.scenario


def found_at(place: Path) -> Iterator[Found]:
    """Whatever is in a file, or in the files below a directory, in order.

    A file that is named itself is never skipped.

    Raises:
        ScenarioError: there is no such place.
    """
    if not place.exists():
        raise ScenarioError(f"{place} does not exist")
    for path in files_below(place):
        why = None if path == place else reason_to_skip(path)
        if why is None:
            yield from _found_in(path)
        else:
            yield Skipped(str(path), why)


def _found_in(path: Path) -> Iterator[Found]:
    try:
        found = list(found_in(path))
    except UnloadableError as error:
        yield Unloadable(str(path), str(error), error.problems)
        return
    if not found:
        yield Skipped(str(path), "it has no scenario")
    yield from (Candidate(name, scenario) for name, scenario in found)


def found_in(path: Path) -> Iterator[tuple[str, Scenario]]:
    """Each scenario in a file, with the text that `load_scenario` takes. Raises UnloadableError."""
    if path.suffix == ".py":
        module = load_module(path)
        _refuse_other(module, str(path))
        yield from _listed_in(str(path), module, path)
    else:
        yield str(path), _load_data(path)


def _listed_in(place: str, module: ModuleType, path: Path | None = None) -> Iterator[tuple[str, Scenario]]:
    for name, scenario in variants(module, path).items():
        yield (place if name == _DEFAULT_NAME else f"{place}:{name}"), scenario


def _from_module(module: ModuleType, variant: str, place: str, path: Path | None = None) -> Scenario:
    if variant in ("", _DEFAULT_NAME):
        _refuse_other(module, place)
    return _chosen(variants(module, path), variant, place)


def _refuse_other(module: ModuleType, place: str) -> None:
    """What is called `scenario` is one, or means something else: a module, a function. Raises UnloadableError."""
    value = getattr(module, _DEFAULT_NAME, None)
    if value is not None and not isinstance(value, Scenario | ModuleType) and not callable(value):
        raise UnloadableError(f"{place}: `{_DEFAULT_NAME}` is not a Scenario but {shown_text(repr(value))}")


def _chosen(found: dict[str, Scenario], variant: str, place: str) -> Scenario:
    try:
        return found[variant or _DEFAULT_NAME]
    except KeyError:
        names = ", ".join(found) or "none"
        raise ScenarioError(
            f"{place} has no scenario named {variant or _DEFAULT_NAME!r}; it has: {names}"
        ) from None


def load_module(path: Path) -> ModuleType:
    """What a Python file defines, with what lies beside it importable while it is run.

    Raises:
        ScenarioError: there is no such file.
        UnloadableError: it cannot be read, or raises.
    """
    try:
        source_of(path)
    except FileNotFoundError:
        raise ScenarioError(f"{path} does not exist") from None
    except OSError as error:
        raise UnloadableError(f"{path} cannot be read: {error.strerror}") from None
    # Threads may load the same file at once: each has a module of its own.
    spec = importlib.util.spec_from_file_location(f"battle_scenario_{path.stem}_{next(_LOADS)}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    load = spec.loader.exec_module

    def execute() -> ModuleType:
        sys.modules[spec.name] = module  # dataclasses look themselves up there
        try:
            with beside(path.parent):
                load(module)
        finally:
            del sys.modules[spec.name]
        return module

    return _executed(path, execute)


def _executed(path: Path, execute: Callable[[], ModuleType]) -> ModuleType:
    try:
        return execute()
    except (Exception, SystemExit) as error:  # whatever the author's own code does is reported as theirs
        if isinstance(error, SyntaxError) and (unreadable := _not_utf8(path)):
            raise UnloadableError(f"{path} {unreadable}") from None
        line = line_in(path, error)
        where = "" if line is None else f" (line {line})"
        raise UnloadableError(f"{path} cannot be loaded: {raised_text(error)}{where}") from error


def _not_utf8(path: Path) -> str | None:
    """Why Python could not even read the text of a file; None: it is UTF-8."""
    try:
        source_of(path).decode()
    except UnicodeDecodeError as error:
        return not_utf8(error)
    return None


def line_in(path: Path, error: BaseException) -> int | None:
    """The line of the file in which the error came about, or from which it went elsewhere; None: not there."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path) or Path(frame.filename) == path.absolute()
    ]
    return lines[-1] if lines else None


def _load_data(path: Path) -> Scenario:
    try:
        file = read_data(path)
        if (kind := kind_of(path, file.data, is_named=True)) is not None:
            raise ScenarioError(f"{path} is no scenario: {USES[kind]}")
        return with_absolute_names(scenario_from_file(file), path.parent)
    except ScenarioError as error:
        if not os.path.lexists(path):
            raise
        raise _unloadable(error) from error


def _unloadable(error: ScenarioError) -> UnloadableError:
    """The same about a file that is there."""
    again = UnloadableError(str(error))
    again.problems = error.problems
    return again


def scenario_from_data(data: Any, source: str) -> Scenario:
    """A scenario from plain data, as TOML, YAML and JSON files give it; durations may be written "50ms".

    Raises:
        ScenarioError: the data has a wrong shape, an unknown field, or a wrong type.
    """
    return scenario_from_file(DataFile(source, data))


def scenario_from_file(file: DataFile) -> Scenario:
    """The same from what was read of a file, so that messages name the line. Raises ScenarioError."""
    return converted(msgspec.structs.replace(file, data=_providers_typed(file.data)), Scenario)


def _providers_typed(data: Any) -> Any:
    """A provider that does not say its type is a mock one: nearly all are."""
    if not isinstance(data, dict) or not isinstance(data.get("providers"), list):
        return data
    mock = {"type": "mock"}
    providers = [mock | one if isinstance(one, dict) else one for one in data["providers"]]
    return {**data, "providers": providers}
