"""Importing what an author's own file needs: modules that lie beside it, as for a script that Python runs."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from battle.store.regular import read_regular

SOURCE_BYTES_MAX = 4 * 2**20
"""Of a Python file that is run because a user named it: a larger one is something else."""


def source_of(path: Path) -> bytes:
    """The text of a Python file that is to be run, read before Python would wait for a FIFO or an endless file.

    Raises:
        OSError: there is none, or it is no file that anybody wrote; `strerror` says which.
    """
    return read_regular(path, SOURCE_BYTES_MAX)


def raised_text(error: BaseException) -> str:
    """What an author's own code raised, for a sentence: "KeyError: 'a'", "sys.exit(0) was called"."""
    if isinstance(error, SystemExit):
        return f"sys.exit({'' if error.code is None else repr(error.code)}) was called"
    return f"{type(error).__name__}: {error}".removesuffix(": ")


@contextmanager
def beside(directory: Path) -> Iterator[None]:
    """Modules that lie in the directory can be imported, and come first.

    Afterwards they are forgotten: files of several directories may have modules of the same name beside them. Of
    threads that have the same directory the last to leave does that. Nothing happens when the directory is on the
    path of Python anyway.
    """
    place = directory.resolve()
    with _CHANGING:
        if place not in _OPENED and not on_path(place):
            _OPENED[place] = _Opened(_hide_namesakes(place), set(sys.modules))
            sys.path.insert(0, str(place))
        opened = _OPENED.get(place)
        if opened is not None:
            opened.users += 1
    try:
        yield
    finally:
        with _CHANGING:
            if opened is not None:
                _leave(place, opened)


@dataclass
class _Opened:
    """A directory that is on the path for a while: the modules it hid, and those that were there before."""

    hidden: dict[str, ModuleType]
    before: set[str]
    users: int = 0


_OPENED: dict[Path, _Opened] = {}
_CHANGING = threading.Lock()
"""Of what is opened; nobody imports while it is held."""


def _leave(place: Path, opened: _Opened) -> None:
    opened.users -= 1
    if opened.users:
        return
    del _OPENED[place]
    if str(place) in sys.path:
        sys.path.remove(str(place))
    for name in set(sys.modules) - opened.before:
        if _is_from(sys.modules[name], name, place):
            del sys.modules[name]
    sys.modules.update(opened.hidden)


def on_path(place: Path) -> bool:
    """Whether Python looks for modules in this resolved directory."""
    return any(Path(entry).resolve() == place for entry in sys.path)


def _hide_namesakes(place: Path) -> dict[str, ModuleType]:
    """Take away the modules that hide those beside the file, and remember them."""
    try:
        own = {
            entry.stem
            for entry in place.iterdir()
            if entry.suffix == ".py" or (entry / "__init__.py").is_file()
        }
    except OSError:
        return {}
    hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in own}
    hidden = {name: module for name, module in hidden.items() if not _belongs_to_python(name)}
    for name in hidden:
        del sys.modules[name]
    return hidden


def _belongs_to_python(name: str) -> bool:
    """Whether a module is the standard library's or Battle's own: to load it twice would break both."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in {"__main__", "battle"}


def _is_from(module: ModuleType, name: str, place: Path) -> bool:
    """Whether a module was found in this directory, and not in an environment somewhere below it."""
    origin = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if origin is None:
        return False
    top = place / name.partition(".")[0]
    path = Path(origin).resolve()
    return path == top.with_suffix(".py") or path == top or top in path.parents
