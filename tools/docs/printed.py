"""What docs/tutorial.md prints: its commands, run in the order of the page beside the files that the page shows.

A file is a block of Python whose first line is its name. A command is the first line of a block that begins with
three back-quotes and `console`; `first=5` behind that keeps the first five lines of what is printed.
"""

import importlib
import io
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from battle.cli.app import run_command_line

_BLOCK = re.compile(
    r"^```python\n# (?P<file>\S+\.py)\n(?P<code>.*?)^```$"
    r"|^```console(?: first=(?P<first>\d+))?\n\$ battle (?P<command>.*?)\n(?P<printed>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
CUT = "..."
"""The line that stands for those that were cut."""


def printed(text: str) -> str:
    """The page with what its commands print now."""
    with TemporaryDirectory() as scratch, _in_directory(Path(scratch)):
        return _BLOCK.sub(_again, text)


def commands(text: str) -> list[str]:
    """The commands of the page, without their first word."""
    return [found["command"] for found in _BLOCK.finditer(text) if found["command"]]


def _again(found: re.Match[str]) -> str:
    if found["file"]:
        Path(found["file"]).write_text(found["code"])
        importlib.invalidate_caches()  # the next file may import this one
        return found[0]
    lines = _run(found["command"]).splitlines()
    first = int(found["first"] or len(lines))
    shown = [*lines[:first], CUT] if len(lines) > first else lines
    begin = found[0].splitlines()[:2]
    return "\n".join([*begin, *(line.rstrip() for line in shown), "```"])


def _run(command: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = run_command_line(shlex.split(command))
    if status == 2:
        raise SystemExit(f"battle {command}: {err.getvalue()}")
    return out.getvalue()


@contextmanager
def _in_directory(directory: Path) -> Iterator[None]:
    """Work there, and forget afterwards which modules came from there."""
    before, known = Path.cwd(), set(sys.modules)
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(directory)):
                del sys.modules[name]
