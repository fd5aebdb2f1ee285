"""Where a history is: what a user named must be a directory, or nothing yet."""

import stat
from pathlib import Path

from battle.errors import StartError


def require_place(history: Path) -> None:
    """Refuse what neither is the directory of a history nor can become one, such as a file.

    Raises:
        StartError: something else is there, or nobody can say what.
    """
    try:
        mode = history.stat().st_mode
    except FileNotFoundError:
        return  # it is made for the first run
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise StartError(f"the history {history} cannot be used: {why}; give another --history") from None
    if not stat.S_ISDIR(mode):
        raise StartError(f"the history {history} is not a directory; give another --history")
