"""Processes below one of ours, found in /proc and ended: also those that left their group, session or parent.

A process whose parent ends becomes a child of the nearest ancestor that is a *subreaper*. So below a subreaper
nobody can hide: whoever forks twice, or makes a session of its own, is still among its descendants.
"""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

ROUNDS_MAX = 200
"""A process may fork while it is being ended, so it is looked again; one that outruns this many looks wins."""

ROUND_SECONDS = 0.01
"""Between two looks: time for what was killed to die."""

MARK = "BATTLE_NODE"
"""The environment variable that each process of a run inherits: whose it is, in a word that no other run has."""


class Found(NamedTuple):
    """A process at one moment; `began` distinguishes it from a later one with the same number."""

    pid: int
    parent: int
    session: int
    began: str
    state: str

    @property
    def has_ended(self) -> bool:
        """Whether it only waits to be reaped."""
        return self.state in "ZX"

    @property
    def is_stopped(self) -> bool:
        """Whether SIGSTOP holds it."""
        return self.state == "T"


def become_subreaper(wanted: bool = True) -> bool:
    """Let orphaned descendants become children of this process, or no longer; whether they did before."""
    prctl = ctypes.CDLL(None).prctl
    before = ctypes.c_int()
    prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before))
    prctl(_PR_SET_CHILD_SUBREAPER, int(wanted))
    return bool(before.value)


def descendants(root: int) -> list[Found]:
    """All processes below `root`, each before those below it; those that ended and were not reaped too."""
    below: dict[int, list[Found]] = {}
    for found in _all():
        below.setdefault(found.parent, []).append(found)
    queue, result = [root], []
    while queue:
        children = below.get(queue.pop(), [])
        result += children
        queue += [child.pid for child in children]
    return result


def end_descendants(
    root: int,
    grace_seconds: float,
    belongs: Callable[[Found], bool] = lambda found: True,
    unreaped: AbstractSet[int] = frozenset(),
) -> list[int]:
    """Ask all below `root` to end, kill those that do not, and reap those that are children of this process.

    Arguments: `belongs` says which of them are meant; those below these are meant as well.
    `unreaped` are children whose end the caller waits for itself. Returns the numbers of those that were there.
    """
    meant: set[int] = set()

    def look() -> list[Found]:
        """Those that live; those that have ended are reaped."""
        found = list(_meant(root, belongs))
        meant.update(one.pid for one in found)
        _reap(meant - unreaped)
        return [one for one in found if not one.has_ended]

    _signal(look(), signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and look():
        time.sleep(ROUND_SECONDS)
    for _ in range(ROUNDS_MAX):
        living = look()
        if not living:
            break
        _signal(living, signal.SIGKILL)
        time.sleep(ROUND_SECONDS)
    return sorted(meant)


def has_mark(mark: str, session: int | None = None) -> Callable[[Found], bool]:
    """Whether a process inherited this mark; one that cannot be read is not ours to end.

    One that has ended has no environment any more: with `session`, those of that session are known all the same.
    """
    wanted = f"{MARK}={mark}".encode()

    def marked(found: Found) -> bool:
        if found.session == session:
            return True
        try:
            with open(f"/proc/{found.pid}/environ", "rb") as environ:
                return any(entry.startswith(wanted) for entry in environ.read().split(b"\0"))
        except OSError:
            return False

    return marked


def _meant(root: int, belongs: Callable[[Found], bool]) -> Iterator[Found]:
    meant: set[int] = set()
    for found in descendants(root):
        if found.parent in meant or belongs(found):
            meant.add(found.pid)
            yield found


def send_signal(found: Found, *numbers: signal.Signals) -> None:
    """Signal a process that was found; harmless when it has ended, or is another user's."""
    with suppress(ProcessLookupError, PermissionError):
        fd = os.pidfd_open(found.pid)
        try:
            now = _look(found.pid)
            if now is not None and now.began == found.began:  # the number may be another process's by now
                for number in numbers:
                    signal.pidfd_send_signal(fd, number)
        finally:
            os.close(fd)


def _signal(processes: Iterable[Found], number: signal.Signals) -> None:
    for found in processes:
        send_signal(found, number, signal.SIGCONT)  # one that is stopped would not hear it


def _reap(pids: AbstractSet[int]) -> None:
    for pid in pids:
        with suppress(ChildProcessError):  # not a child of this process, or reaped before
            os.waitpid(pid, os.WNOHANG)


def _all() -> Iterator[Found]:
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := _look(int(name))) is not None:
            yield found


def _look(pid: int) -> Found | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            text = stat.read().decode("utf-8", "replace")
    except OSError:
        return None
    words = text.rpartition(")")[2].split()  # the program's name before it may hold anything
    return Found(pid, int(words[1]), int(words[3]), words[19], words[0])
