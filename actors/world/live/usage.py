"""What a process uses of the machine, its child processes included."""

import resource
from collections.abc import Mapping
from pathlib import Path

import psutil
import trio

from battle.actors.world.interfaces import Usage


class UsageMeter:
    """Reads this process and what the machine has for it; with `pid`, the program below a reaper with that number,
    and all that it has started, which together may need `open_files`. `with_root`: the process with that number is
    itself part of the program."""

    def __init__(self, pid: int | None = None, open_files: int = 0, *, with_root: bool = False) -> None:
        self._own = pid is None
        self._with_root = with_root
        self._needed = open_files
        self._machine = psutil.cpu_times()
        self._root = psutil.Process(pid)
        self._known: dict[int, psutil.Process] = {}
        self._root.cpu_percent()  # psutil measures from the call before

    def read(self) -> Usage:
        """Sums over the processes; CPU since the last reading. Those that end meanwhile count no more.

        Raises:
            OSError: /proc cannot be read now, as when no descriptor is free.
        """
        tasks = trio.lowlevel.current_statistics().tasks_living if self._own else 0
        rss_bytes, cpu_percent, open_fds, threads = 0, 0.0, 0, 0
        at_limit: str | None = None
        for process in self._processes():
            try:
                rss_bytes += process.memory_info().rss
                cpu_percent += process.cpu_percent()
                files = process.num_fds()
                open_fds += files
                threads += process.num_threads()
                if not self._own:
                    at_limit = at_limit or files_at_limit(process, files, self._needed)
            except (psutil.NoSuchProcess, psutil.AccessDenied):  # ended, or another user's
                self._known.pop(process.pid, None)
        steal_ratio = self._steal_ratio() if self._own else None
        pid = self._root.pid
        return Usage(tasks, open_fds, pid, rss_bytes, cpu_percent, steal_ratio, at_limit, threads)

    def lacks_files(self) -> bool | None:
        """Whether this machine lets the program open fewer files than it may need; None when it has ended."""
        limits = [files_allowed(process.pid) for process in self._processes()]
        known = [limit for limit in limits if limit is not None]
        return any(is_too_low(limit, self._needed) for limit in known) if known else None

    def _steal_ratio(self) -> float | None:
        """Since the call before; None where the operating system does not count it, or no time has passed."""
        before, self._machine = self._machine, psutil.cpu_times()
        return steal_ratio(before._asdict(), self._machine._asdict())

    def _processes(self) -> list[psutil.Process]:
        if self._own:
            return [self._root]
        try:
            found = self._root.children(recursive=True)
            if self._with_root:
                below = [self._root, *found]
            else:  # without the reaper's own second one
                below = [process for process in found if process.ppid() != self._root.pid]
        except psutil.NoSuchProcess:
            return []
        for process in below:
            self._known.setdefault(process.pid, process)
        return list(self._known.values())


_FULL_RATIO = 0.95
"""Who has so much of what it may open was at its limit at some moment of the second: what it opens comes and goes."""


def files_at_limit(process: psutil.Process, files: int, needed: int) -> str | None:
    """Whether a program has opened all that it may, and this machine lets it open fewer than it may need."""
    allowed = files_allowed(process.pid)
    if allowed is None or files < _FULL_RATIO * allowed or not is_too_low(allowed, needed):
        return None
    return f"{process.name()} had {files:,} of {allowed:,}"


def is_too_low(allowed: int, needed: int) -> bool:
    """Whether a program's limit of open files is the machine's doing, and not its own.

    It is when the program has the limit from us and the load may need more. A program that has set itself a lower
    one wanted it so, and one that uses up a limit which is high enough for the load leaks.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return allowed < needed and (allowed >= hard or allowed == soft)


def inherited_files() -> int:
    """How many files a program may open that we start now."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def files_allowed(pid: int) -> int | None:
    """The soft limit of another process, which may be another user's: to ask the kernel itself takes a privilege."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.startswith("Max open files")), [])
    return int(words[3]) if len(words) > 3 and words[3].isdecimal() else None


_COUNTED_TWICE = ("guest", "guest_nice")
"""The kernel counts the time of a machine's own guests as `user` and `nice` as well."""


def steal_ratio(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """The part of a machine's CPU time between two readings of its counters that its hypervisor gave to others.

    The counters are seconds by what they were spent on, over all CPUs. None: `steal` is not counted, or nothing
    passed. A counter that went back, as some do when a CPU goes offline, counts as one that stood still.
    """
    if "steal" not in after:
        return None
    passed = {name: max(after[name] - before[name], 0) for name in after if name not in _COUNTED_TWICE}
    total = sum(passed.values())
    return passed["steal"] / total if total else None
