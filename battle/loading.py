"""Finding scenarios: shipped ones by name, others in a Python, TOML, YAML or JSON file."""

import importlib
import importlib.util
import pkgutil
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from battle.data_files import SUFFIXES as _DATA_SUFFIXES
from battle.data_files import read_data
from battle.errors import ScenarioError, UnloadableError
from battle.scenario import Scenario, scenario_from_file

_DEFAULT_NAME = "scenario"


def load_scenario(text: str) -> Scenario:
    """The scenario that `text` means: NAME, NAME:VARIANT, FILE.py, FILE.py:VARIANT, or a data file.

    Raises:
        ScenarioError: there is no such thing.
        UnloadableError: it is a file that cannot be loaded.
    """
    place, _, variant = text.partition(":")
    path = Path(place)
    if path.suffix == ".py":
        return _from_module(_load_file(path), variant, place)
    if path.suffix in _DATA_SUFFIXES:
        return _load_data(path)
    if place in shipped_names():
        return _from_module(importlib.import_module(f"scenarios.{place}"), variant, place)
    raise ScenarioError(
        f"there is no scenario {place!r}: the shipped ones are {', '.join(shipped_names())}; "
        f"a file ends in .py, {', '.join(_DATA_SUFFIXES)}"
    )


def shipped_names() -> list[str]:
    """The names of the scenarios that come with Battle."""
    # Found by name like any plug-in: the package may grow, and nothing in Battle depends on what is in it.
    package = importlib.import_module("scenarios")
    return sorted(found.name for found in pkgutil.iter_modules(package.__path__))


def variants(module: ModuleType) -> dict[str, Scenario]:
    """The scenarios a module holds, by name; in the order they are written."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Scenario)}


def scenarios_in(path: Path, importing: Callable[[], ModuleType] | None = None) -> dict[str, Scenario]:
    """All scenarios in a file, by name; the one of a data file is called `scenario`.

    Arguments: `importing` brings in a Python file in the caller's own way.

    Raises:
        ScenarioError: the file cannot be read.
    """
    if path.suffix != ".py":
        return {_DEFAULT_NAME: _load_data(path)}
    return variants(_load_file(path) if importing is None else _executed(path, importing))


def listed(place: Path | None = None) -> Iterator[tuple[str, Scenario]]:
    """Each scenario with the text that `load_scenario` takes: the shipped ones, and those found below `place`.

    Raises:
        ScenarioError: a file below `place` that should hold scenarios cannot be read.
    """
    for name in shipped_names():
        yield from _listed_in(name, importlib.import_module(f"scenarios.{name}"))
    if place is not None:
        yield from found_below(place)


def found_below(place: Path) -> Iterator[tuple[str, Scenario]]:
    """Each scenario in the files below a directory, or in one file, with the text that `load_scenario` takes.

    Raises:
        ScenarioError: `place` does not exist.
        UnloadableError: a file that should hold scenarios cannot be loaded.
    """
    for path in files_below(place):
        yield from found_in(path)


def files_below(place: Path) -> Iterator[Path]:
    """Each file that should hold scenarios below a directory, in order; of a file that file, whatever it is.

    Raises:
        ScenarioError: `place` does not exist.
    """
    if not place.exists():
        raise ScenarioError(f"{place} does not exist")
    if not place.is_dir():
        yield place
        return
    data = tuple(f".battle{suffix}" for suffix in _DATA_SUFFIXES)
    for path in sorted(place.rglob("*")):
        if path.is_file() and (
            path.name.endswith(data) or (path.suffix == ".py" and _speaks_of_scenarios(path))
        ):
            yield path


def _speaks_of_scenarios(path: Path) -> bool:
    return "Scenario(" in path.read_text("utf-8", "replace")


def found_in(path: Path) -> Iterator[tuple[str, Scenario]]:
    """Each scenario in a file, with the text that `load_scenario` takes. Raises UnloadableError."""
    if path.suffix == ".py":
        yield from _listed_in(str(path), _load_file(path))
    else:
        yield str(path), _load_data(path)


def _listed_in(place: str, module: ModuleType) -> Iterator[tuple[str, Scenario]]:
    for name, scenario in variants(module).items():
        yield (place if name == _DEFAULT_NAME else f"{place}:{name}"), scenario


def _from_module(module: ModuleType, variant: str, place: str) -> Scenario:
    found = variants(module)
    try:
        return found[variant or _DEFAULT_NAME]
    except KeyError:
        names = ", ".join(found) or "none"
        raise ScenarioError(
            f"{place} has no scenario named {variant or _DEFAULT_NAME!r}; it has: {names}"
        ) from None


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ScenarioError(f"{path} is not a file" if path.exists() else f"{path} does not exist")
    spec = importlib.util.spec_from_file_location(f"battle_scenario_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    load = spec.loader.exec_module

    def execute() -> ModuleType:
        load(module)
        return module

    return _executed(path, execute)


def _executed(path: Path, execute: Callable[[], ModuleType]) -> ModuleType:
    try:
        return execute()
    except (Exception, SystemExit) as error:  # whatever the author's own code does is reported as theirs
        line = line_in(path, error)
        where = "" if line is None else f" (line {line})"
        raise UnloadableError(f"{path} cannot be loaded: {type(error).__name__}: {error}{where}") from error


def line_in(path: Path, error: BaseException) -> int | None:
    """The line of the file in which the error came about, or from which it went elsewhere; None: not there."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    return lines[-1] if lines else None


def _load_data(path: Path) -> Scenario:
    try:
        return scenario_from_file(read_data(path))
    except ScenarioError as error:
        if not path.exists():
            raise
        raise UnloadableError(str(error)) from error
