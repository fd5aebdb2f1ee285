"""The process beside a run: `python -m battle.monitoring RUN_DIR`, with its settings in an environment variable.

It ends when its standard input does, which is how whoever runs the run says that it is over.
"""

import os
import sys
from functools import partial
from pathlib import Path

import trio

from battle.errors import BattleError
from battle.monitoring.beside_run import VARIABLE
from battle.monitoring.export import export_beside, say
from battle.monitoring.settings import Settings
from battle.store import typed
from battle.store.errors import LogError


def main() -> int:
    """Export the run. What went wrong is said here; another exit status than 0 means a crash."""
    settings = typed.decode(os.environ[VARIABLE], Settings)
    os.set_blocking(0, False)
    starter = os.getppid()
    is_alone = partial(_has_another_parent, starter)
    try:
        trio.run(partial(export_beside, Path(sys.argv[1]), settings, _input_ended, is_alone, say))
    except* (BattleError, LogError) as group:
        for error in _leaves(group):
            say(f"warning: {error}")
    return 0


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _has_another_parent(than: int) -> bool:
    return os.getppid() != than


def _input_ended() -> bool:
    try:
        return os.read(0, 4096) == b""
    except BlockingIOError:
        return False


if __name__ == "__main__":
    sys.exit(main())
