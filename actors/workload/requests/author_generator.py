"""Questions made by functions of the scenario's author, found by name: a node cannot be sent a closure."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeAlias

import msgspec

from battle.actors.author_errors import AuthorsError
from battle.actors.author_files import (
    beside,
    on_path,
    raised_text,
    source_of,
)
from battle.actors.chain.parameters import Params
from battle.actors.rng import Draws

Generator: TypeAlias = Callable[[int, Any], tuple[str, Params]]
"""(number, `random.Random`) to (method, parameters): a pure function of both."""

_encode = msgspec.json.Encoder().encode


class GeneratorError(AuthorsError):
    """A generator cannot be found, raised, or returned what is no question; the message is a sentence."""


def load_generator(name: str) -> Generator:
    """The function "package.module:function" or "path/to/file.py:function", tried out once with number 0.

    Modules are looked for on Python's path and in the working directory, or only in the directory that stands before
    them ("battles/package.module:function"); relative files start in the working directory. A file is run anew each
    time, as a module of its own, so a scenario's own file may hold the function. What lies beside can be imported.

    Raises:
        GeneratorError: there is none, or its trial failed.
    """
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise GeneratorError(
            f"generator {name!r} must be written package.module:function or path/to/file.py:function"
        )
    module = _module(name, place)
    found = getattr(module, attribute, None)
    if found is None:
        raise GeneratorError(f"generator {name!r} cannot be found: {place} has no {attribute!r}")
    if not callable(found):
        raise GeneratorError(f"generator {name!r} is not a function")
    generator: Generator = found
    question(name, generator, 0, Draws(0, "trial").stream(0))
    return generator


def question(name: str, generator: Generator, number: int, rng: Any) -> tuple[str, Params, bytes]:
    """The generator's method and parameters for a number, the latter also as JSON text.

    Raises:
        GeneratorError: it raised, or returned something else; the message names the exception, its file and line.
    """
    try:
        made = generator(number, rng)
    except (Exception, SystemExit) as error:  # whatever the author's own code does is reported as theirs
        raise GeneratorError(
            f"generator {name!r} raised {type(error).__name__}: {error}{_place(error)} (for number {number})"
        ) from error
    match made:
        case (str(method), list() | dict() as params):
            pass
        case _:
            raise GeneratorError(
                f"generator {name!r} must return a method and a list or dict of parameters, not {made!r:.80}"
            )
    try:
        return method, params, _encode(params)
    except (TypeError, ValueError, RecursionError) as error:
        raise GeneratorError(f"generator {name!r} returned parameters that are not JSON: {error}") from None


def _place(error: BaseException) -> str:
    """Where it was raised: the last line of the author's own file, which may have called others."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the call in this file
    if not frames:
        return ""
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return _at(own[-1].filename, own[-1].lineno)


def place_of(generator: Generator) -> str:
    """Where a generator is written: " at slow.py:4"; "" where nobody can say, as of what is written in C."""
    written = inspect.unwrap(generator)
    while isinstance(written, partial):
        written = written.func
    for function in (written, type(written).__call__):
        if isinstance(code := getattr(function, "__code__", None), CodeType):
            return _at(code.co_filename, code.co_firstlineno)
    return ""


def _at(filename: str, line: int | None) -> str:
    path = Path(filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f" at {shown}:{line}"


def _module(name: str, place: str) -> ModuleType:
    is_file = place.endswith(".py")
    try:
        if is_file:
            source_of(Path(place))
    except FileNotFoundError:
        raise GeneratorError(f"generator {name!r} cannot be found: there is no file {place}") from None
    except OSError as error:
        raise GeneratorError(f"generator {name!r} cannot be read from {place}: {error.strerror}") from None
    try:
        return _from_file(Path(place)) if is_file else imported(place)
    except ModuleNotFoundError as error:
        raise GeneratorError(f"generator {name!r} cannot be found: {error}") from None
    except (Exception, SystemExit) as error:  # whatever the author's own code does is reported as theirs
        raise GeneratorError(f"generator {name!r} cannot be loaded: {raised_text(error)}") from error


def imported(place: str) -> ModuleType:
    """The module "package.module", or "directory/package.module" from there. Raises what its import raises."""
    directory, _, module = place.rpartition("/")
    if directory:
        return _beside(Path(directory), lambda: importlib.import_module(module))
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # as `python -m` has it, which every node is; the console script has not
    return importlib.import_module(module)


def _beside(directory: Path, load: Callable[[], ModuleType]) -> ModuleType:
    """What the function loads, which may import from there also later, when it is called."""
    with beside(directory):
        module = load()
    if not on_path(directory.resolve()):
        sys.path.append(str(directory.resolve()))
    return module


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"battle_generator_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and msgspec look themselves up there
    execute = spec.loader.exec_module

    def load() -> ModuleType:
        execute(module)
        return module

    return _beside(path.parent, load)
