"""Battle proves, or refutes, that a gateway survives the failure of the providers behind it.

The public names are those of `battle.names`: what scenarios are written in, and `run_scenario`. They are imported
when the first of them is used, so that the command line starts fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from battle.names import *  # noqa: F403


def __getattr__(name: str) -> Any:
    # Other names with underscores are asked for by the import system, before anybody uses a public one.
    if name == "__all__" or not name.startswith("_"):
        names = importlib.import_module("battle.names")
        if hasattr(names, name):
            return getattr(names, name)
    raise AttributeError(f"module 'battle' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(importlib.import_module("battle.names").__all__)
