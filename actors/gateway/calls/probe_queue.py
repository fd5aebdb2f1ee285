"""Requests that no provider may be asked for now, while a probe is under way that may change that at any moment.

A breaker that is half open lets one request through at a time. After an outage of all providers a crowd would be
refused in the very second in which the first of them is found to be back.
"""

from collections.abc import Callable
from typing import Any

from battle.actors.world.interfaces import Timer, World

PROBE_QUEUE_MAX = 1024
"""More are refused, as without a probe: a crowd that waits is to be let go in one turn of the event loop."""


class ProbeQueue:
    """Whoever waits is called when a probe has ended, and at its deadline at the latest; in the order of coming."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: dict[object, tuple[Callable[[], Any], Timer]] = {}
        self._called = False

    def enter(self, who: object, look_again: Callable[[], Any], deadline_ns: int) -> bool:
        """Wait; `look_again` is called once, unless `who` leaves. False when there is no room."""
        if len(self._waiting) >= PROBE_QUEUE_MAX:
            return False
        self._waiting[who] = look_again, self._world.call_at(deadline_ns, self._call, who)
        return True

    def leave(self, who: object) -> None:
        """Wait no longer; harmless for one who does not."""
        waited = self._waiting.pop(who, None)
        if waited is not None:
            waited[1].cancel()

    def call_all(self) -> None:
        """A probe has ended: all look again, once the caller has returned."""
        if self._waiting and not self._called:
            self._called = True
            self._world.call_at(self._world.now_ns(), self._look)

    def _look(self) -> None:
        self._called = False
        for who in [*self._waiting]:
            self._call(who)

    def _call(self, who: object) -> None:
        waited = self._waiting.get(who)
        if waited is not None:
            self.leave(who)
            waited[0]()
