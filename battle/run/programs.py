"""Where the programs of others are.

A wheel that brings a program puts it beside the interpreter it was installed for, which need not be on PATH.
"""

import shutil
import sys
from pathlib import Path


def program_path(name: str, path: str | None = None) -> str | None:
    """Where a program is: in the directories of `path`, PATH when nothing is said, or beside Battle's interpreter.

    None when it is at neither place.
    """
    return shutil.which(name, path=path) or shutil.which(name, path=str(Path(sys.executable).parent))
