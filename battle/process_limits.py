"""What this machine lets a process have, asked before anything else is loaded."""

import os
import resource
import threading
from errno import EAGAIN, EDQUOT, EMFILE, ENFILE, ENOMEM, ENOSPC

OPEN_FILES_MIN = 128
"""For any command: an open log is a descriptor for each table, DuckDB opens each once more, and a run has its own."""

ADDRESS_SPACE_MIN = 1536 * 2**20
"""For any command: below it DuckDB and numpy, which reserve far more than they use, fail in ways of their own."""

_MIB = 2**20

_EXHAUSTED = frozenset({EAGAIN, EDQUOT, EMFILE, ENFILE, ENOMEM, ENOSPC})


class MachineError(Exception):
    """This machine, or the shell that started Battle, allows too little; the message says how much is needed."""


def require_minimum() -> None:
    """Raise the limits that can be raised to what every command needs. Raises MachineError where one cannot."""
    require_open_files(OPEN_FILES_MIN, "Battle")
    hard = _raised(resource.RLIMIT_AS, ADDRESS_SPACE_MIN)
    if hard is not None:
        raise MachineError(
            f"Battle needs {ADDRESS_SPACE_MIN // _MIB:,} MiB of address space, and the limit is "
            f"{hard // _MIB:,} MiB: raise it (ulimit -v unlimited)"
        )
    _require_threads(os.cpu_count() or 1)


def _require_threads(needed: int) -> None:
    """Whether so many can be started: numpy and DuckDB start one for each CPU, and numpy ends the process when it
    cannot. How many the limit leaves is known to the kernel alone, so they are started. Raises MachineError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    if soft == resource.RLIM_INFINITY or os.geteuid() == 0:
        return
    resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
    over = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(needed):
            thread = threading.Thread(target=over.wait)
            thread.start()
            started.append(thread)
    except RuntimeError:
        raise MachineError(
            f"Battle needs {needed} more processes or threads, and the limit for all that you run is {hard:,}: "
            "raise it (ulimit -u)"
        ) from None
    finally:
        over.set()
        for thread in started:
            thread.join()


def require_open_files(needed: int, who: str) -> None:
    """Let this process, and those it starts, have so many open files. Raises MachineError when they cannot."""
    hard = _raised(resource.RLIMIT_NOFILE, needed)
    if hard is not None:
        raise MachineError(
            f"{who} needs {needed:,} open files, and the limit is {hard:,}: raise it (ulimit -Hn)"
        )


def _raised(limit: int, needed: int) -> int | None:
    """The hard limit, when it is below what is needed; None when as much may be had, from now on at least."""
    soft, hard = resource.getrlimit(limit)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return None
    if hard != resource.RLIM_INFINITY and hard < needed:
        return hard
    try:
        resource.setrlimit(limit, (needed, hard))
    except (ValueError, OSError):
        return soft
    return None


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that this machine has no more of something, or no room to write."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_exhausted(inner) for inner in error.exceptions)
    if isinstance(error, OSError):
        return error.errno in _EXHAUSTED
    return isinstance(error, MemoryError) or "can't start new thread" in str(error)


def described(error: BaseException) -> str:
    """Such an error as a sentence."""
    while isinstance(error, BaseExceptionGroup):
        error = next(inner for inner in error.exceptions if is_exhausted(inner))
    if isinstance(error, MemoryError):
        return "there is not enough memory (ulimit -v, or the limit of the container)"
    if isinstance(error, OSError):
        where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        return f"the system refused: {error.strerror or error}{where}"
    return f"there are too many processes or threads (ulimit -u): {error}"
