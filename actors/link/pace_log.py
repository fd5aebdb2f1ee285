"""What the pace of a link cost: logged once a second while calls are held back."""

from battle.actors.link.pace import WAIT_NS_MAX
from battle.actors.units import seconds
from battle.actors.world.interfaces import World
from battle.store.events import BenchLimitReached

EVERY_NS = seconds(1)


class PaceLog:
    """Sums up the waits of a second: `BenchLimitReached` with the limit `rate`."""

    def __init__(self, world: World, per_second: float) -> None:
        self._world = world
        self._per_second = per_second
        self._times = 0
        self._longest_ns = 0

    def held_back(self, wait_ns: int | None) -> None:
        """A request waits so long, or is turned away (None)."""
        if not self._times:
            self._world.call_at(self._world.now_ns() + EVERY_NS, self.flush)
        self._times += 1
        self._longest_ns = max(self._longest_ns, WAIT_NS_MAX if wait_ns is None else wait_ns)

    def flush(self) -> None:
        """Log what has not been logged yet, also when the link ends."""
        if not self._times:
            return
        self._world.log.append(
            BenchLimitReached(
                at_ns=self._world.now_ns(),
                node=self._world.node,
                limit="rate",
                times=self._times,
                bound=max(1, round(self._per_second)),
                duration_ns=self._longest_ns,
            )
        )
        self._times = self._longest_ns = 0
