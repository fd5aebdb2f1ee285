"""Limits of the operating system that this node itself meets: in its log, because they are not the gateway's."""

from errno import EADDRNOTAVAIL, EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM

from battle.actors.world.interfaces import EventLog
from battle.store.events import BenchLimit, BenchLimitReached

NOTE_INTERVAL_NS = 10**9
"""Between two rows about one limit: a node without descriptors meets it thousands of times a second."""

_LIMITS: dict[int, BenchLimit] = {
    EMFILE: "open_files",
    ENFILE: "open_files",
    ENOMEM: "memory",
    ENOBUFS: "memory",
    EADDRNOTAVAIL: "ports",
    EAGAIN: "processes",  # of fork; sockets here never block, and answer with BlockingIOError
}


def limit_of(error: OSError) -> BenchLimit | None:
    """The limit that an error of the operating system stands for, if it does for one."""
    return _LIMITS.get(error.errno or 0)


class LimitNotes:
    """What one node noted of its limits. The first time is logged at once, the rest are counted into later rows."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._counts: dict[BenchLimit, int] = {}
        self._due_ns: dict[BenchLimit, int] = {}

    def note(self, error: OSError, doing: str, now_ns: int, log: EventLog) -> bool:
        """Note that `doing` failed. False when the error stands for no limit, and is somebody else's matter."""
        limit = limit_of(error)
        if limit is None:
            return False
        self._counts[limit] = self._counts.get(limit, 0) + 1
        if now_ns >= self._due_ns.get(limit, 0):
            self._due_ns[limit] = now_ns + NOTE_INTERVAL_NS
            detail = f"{doing}: {error.strerror}"
            times = self._counts.pop(limit)
            log.append(
                BenchLimitReached(at_ns=now_ns, node=self._node, limit=limit, times=times, detail=detail)
            )
        return True
