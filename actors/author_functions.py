"""Functions of a scenario's author, found by name: "package.module:function" or "path/to/file.py:function"."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from battle.actors.author_errors import AuthorsError
from battle.actors.author_files import beside, on_path, raised_text, source_of


class FunctionError(AuthorsError):
    """A function of the author's cannot be found or loaded; the message is a sentence."""


def load_function(name: str, what: str) -> Callable[..., Any]:
    """The function that the name means; `what` it is for, in messages: "generator".

    Modules are looked for on Python's path and in the working directory, or only in the directory that stands before
    them ("battles/package.module:function"); relative files start in the working directory. A file is run again each
    time, as a module of its own, so a scenario's own file may hold the function. What lies beside can be imported.

    Raises:
        FunctionError: there is none.
    """
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise FunctionError(
            f"{what} {name!r} must be written package.module:function or path/to/file.py:function"
        )
    module = _module(name, place, what)
    found = getattr(module, attribute, None)
    if found is None:
        raise FunctionError(f"{what} {name!r} cannot be found: {place} has no {attribute!r}")
    if not callable(found):
        raise FunctionError(f"{what} {name!r} is not a function")
    return found  # type: ignore[no-any-return]


def home_of(name: str) -> Path | None:
    """The directory of its own that the name gives the function's module or file; None where Python's path has it."""
    place = name.rpartition(":")[0]
    return Path(place).parent if "/" in place or place.endswith(".py") else None


def stay_importable(name: str) -> None:
    """What lies beside the function can be imported from now on, also later, when it is called: for a node's life."""
    home = home_of(name)
    if home is not None and not on_path(home.resolve()):
        sys.path.append(str(home.resolve()))


def raised_at(error: BaseException) -> str:
    """Where it was raised: the last line of the author's own file, which may have called others.

    The author's function was called in the function that caught the error. "" where that function raised it itself.
    """
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the call of the author's function
    if not frames:
        return ""
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return _at(own[-1].filename, own[-1].lineno)


def place_of(function: Callable[..., Any]) -> str:
    """Where a function is written: " at slow.py:4"; "" where nobody can say, as of what is written in C."""
    written = inspect.unwrap(function)
    while isinstance(written, partial):
        written = written.func
    for candidate in (written, type(written).__call__):
        if isinstance(code := getattr(candidate, "__code__", None), CodeType):
            return _at(code.co_filename, code.co_firstlineno)
    return ""


def imported(place: str) -> ModuleType:
    """The module "package.module", or "directory/package.module" from there. Raises what its import raises."""
    directory, _, module = place.rpartition("/")
    if directory:
        with beside(Path(directory)):
            return importlib.import_module(module)
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # as `python -m` has it, which every node is; the console script has not
    return importlib.import_module(module)


def _at(filename: str, line: int | None) -> str:
    path = Path(filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f" at {shown}:{line}"


def _module(name: str, place: str, what: str) -> ModuleType:
    is_file = place.endswith(".py")
    try:
        if is_file:
            source_of(Path(place))
    except FileNotFoundError:
        raise FunctionError(f"{what} {name!r} cannot be found: there is no file {place}") from None
    except OSError as error:
        raise FunctionError(f"{what} {name!r} cannot be read from {place}: {error.strerror}") from None
    try:
        return _from_file(Path(place), what) if is_file else imported(place)
    except ModuleNotFoundError as error:
        raise FunctionError(f"{what} {name!r} cannot be found: {error}") from None
    except (Exception, SystemExit) as error:  # whatever the author's own code does is reported as theirs
        raise FunctionError(f"{what} {name!r} cannot be loaded: {raised_text(error)}") from error


def _from_file(path: Path, what: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"battle_{what}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and msgspec look themselves up there
    with beside(path.parent):
        spec.loader.exec_module(module)
    return module
