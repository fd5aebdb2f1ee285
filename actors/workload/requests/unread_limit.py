"""Connections that this side gave up because the other end left too much unread: a limit of the bench."""

from battle.actors.world.interfaces import World
from battle.store.events import BenchLimitReached


class UnreadLimit:
    """Counts them for one pool; `bound_bytes` is what may wait on one connection."""

    def __init__(self, world: World, bound_bytes: int) -> None:
        self._world = world
        self._bound_bytes = bound_bytes
        self._times = 0

    def count(self) -> None:
        """One more was given up."""
        self._times += 1

    def log(self) -> None:
        """Log how many there were since the last time, if any."""
        if self._times:
            reached = BenchLimitReached(
                at_ns=self._world.now_ns(),
                node=self._world.node,
                limit="unread",
                times=self._times,
                bound=self._bound_bytes,
            )
            self._world.log.append(reached)
            self._times = 0
