"""What the modules of a package define: the folder is the list.

Whoever adds a fault, a kind of workload, a metric, a section or a checker adds a file to the folder of its kind, and
nothing else names it. The package itself makes the list when it is imported, in its `__init__`:

    SECTIONS = defined_in(__name__, ReportSection)

The list of checkers is made beside their package, in `registry`. Nothing fills a list from elsewhere, so it is the
same whoever imports the package first.
"""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterable
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def modules_of(package: str) -> list[ModuleType]:
    """All modules of a package and of the packages in it, by name."""
    path = importlib.import_module(package).__path__
    names = sorted(found.name for found in pkgutil.walk_packages(path, f"{package}."))
    return [importlib.import_module(name) for name in names]


def defined_in(package: str, kind: type[T]) -> tuple[T, ...]:
    """Each value of this kind to which a module of the package gives a name, once, by module and then as written."""
    values = [value for module in modules_of(package) for value in vars(module).values()]
    return tuple({id(value): value for value in values if isinstance(value, kind)}.values())


def classes_in(package: str, base: type[T]) -> tuple[type[T], ...]:
    """Each class below `base` that a module of the package defines, by module and then as written."""
    return tuple(
        value
        for module in modules_of(package)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
    )


def refuse_twins(what: str, names: Iterable[str]) -> None:
    """Raise ValueError when two have one name: one would take the other's place without a word."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"more than one {what} is called {', '.join(twice)}")
