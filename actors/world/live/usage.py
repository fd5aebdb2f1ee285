"""What a process uses of the machine, its child processes included."""

import psutil
import trio

from actors.world.seam import Usage


class UsageMeter:
    """Reads this process, or with `pid` another one and all its descendants."""

    def __init__(self, pid: int | None = None) -> None:
        self._own = pid is None
        self._root = psutil.Process(pid)
        self._known = {self._root.pid: self._root}
        self._root.cpu_percent()  # psutil measures from the call before

    def read(self) -> Usage:
        """Sums over the processes; CPU since the last reading. Those that end meanwhile count no more.

        Raises:
            OSError: /proc cannot be read now, as when no descriptor is free.
        """
        tasks = trio.lowlevel.current_statistics().tasks_living if self._own else 0
        rss_bytes, cpu_percent, open_fds = 0, 0.0, 0
        for process in self._processes():
            try:
                rss_bytes += process.memory_info().rss
                cpu_percent += process.cpu_percent()
                open_fds += process.num_fds()
            except (psutil.NoSuchProcess, psutil.AccessDenied):  # ended, or another user's
                self._known.pop(process.pid, None)
        return Usage(tasks, open_fds, self._root.pid, rss_bytes, cpu_percent)

    def _processes(self) -> list[psutil.Process]:
        if self._own:
            return [self._root]
        try:
            found = self._root.children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        for process in found:
            self._known.setdefault(process.pid, process)
        return list(self._known.values())
