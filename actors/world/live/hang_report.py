"""Where a node hangs: read off the traceback that its process prints when it is asked. Pure.

A node that is in the scenario author's own code for too long answers nobody, and cannot say so itself. Python's
`faulthandler` prints where it is from within a signal's handler, whatever the node does meanwhile.
"""

import re
from pathlib import Path

_BEGINS = "(most recent call first):"

_IN_THE_AUTHORS = re.compile(
    r'File "(?P<file>[^"\n]+)", line (?P<line>\d+) in (?P<function>.+)\n'
    r'\s+File "[^"\n]*actors/workload/requests/author_generator\.py", line \d+ in \w+\n'
)
"""The author's generator, and who called it."""


def hangs_in(printed: str, here: Path) -> str:
    """What its last output says: ": it was in the scenario's generator ask at slow.py:5"; "" for nothing of it.

    Files below the directory `here` are shown as from there.
    """
    found = _IN_THE_AUTHORS.search(printed[printed.rfind(_BEGINS) :]) if _BEGINS in printed else None
    if found is None:
        return ""
    path = Path(found["file"])
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return f": it was in the scenario's generator {found['function']} at {shown}:{found['line']}"
