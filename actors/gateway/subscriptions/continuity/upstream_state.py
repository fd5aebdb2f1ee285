"""Where a stream stands with its upstream: who it is, whether it is stale, when to try the next one. Pure."""

from typing import Literal, TypeAlias

from battle.actors.gateway.subscriptions.continuity.messages import LossReason, Resubscribe
from battle.actors.spec.continuity import Continuity
from battle.actors.units import Duration, ms, seconds

PAUSE = ms(100)
"""Before the second change of provider without anything delivered in between; doubled at each further one.
The first is at once: it is the failover the clients wait for."""

LONGEST_PAUSE = seconds(5)
"""A provider that returns is found again within this time, and a total outage costs few attempts."""

_State: TypeAlias = Literal["idle", "seeking", "pausing", "live"]


def stale_at_ns(heard_ns: int, block_time: Duration, settings: Continuity) -> int:
    """When a provider that last brought something new at `heard_ns` counts as failed."""
    return heard_ns + settings.stale_after_blocks * block_time


def pause_after(failures: int) -> Duration:
    """How long to wait before the next provider, `failures` changes in a row having delivered nothing."""
    if failures == 0:
        return 0
    doublings = min(failures - 1, LONGEST_PAUSE.bit_length())
    return min(PAUSE << doublings, LONGEST_PAUSE)


class UpstreamState:
    """The upstream of one stream. `provider` is None while there is none."""

    def __init__(self, settings: Continuity, block_time: Duration) -> None:
        self._settings = settings
        self._block_time = block_time
        self.provider: str | None = None
        self._state: _State = "idle"
        self._due_ns = 0
        self.failures = 0
        """Changes of provider in a row without anything delivered."""
        self._repeats = False
        self._next = Resubscribe("start", None)

    def start(self) -> list[Resubscribe]:
        """Ask for the first subscription."""
        assert self._state == "idle", "a stream was started twice"
        self._state = "seeking"
        return [self._next]

    def subscribed(self, provider: str, at_ns: int) -> None:
        """The subscription that was asked for stands."""
        assert self._state == "seeking", "a subscription that was not asked for"
        self.provider, self._state, self._repeats = provider, "live", False
        self._due_ns = stale_at_ns(at_ns, self._block_time, self._settings)

    def heard(self, at_ns: int) -> None:
        """It brought something new, so it is not stale."""
        self._repeats = False
        self._due_ns = stale_at_ns(at_ns, self._block_time, self._settings)

    def repeated(self) -> None:
        """It brought something from before the last news: it is alive, but behind."""
        self._repeats = True

    def delivered(self) -> None:
        """Clients got something new, so the next failover need not wait."""
        self.failures = 0

    def lost(self, provider: str) -> bool:
        """Whether losing `provider` is news: it is the upstream, or the one that was to be."""
        return self._state == "seeking" or (self._state == "live" and provider == self.provider)

    def replace(self, reason: LossReason, at_ns: int, provider: str | None = None) -> list[Resubscribe]:
        """Change the upstream now, or after a pause when the changes before this one did not help."""
        self._next = Resubscribe(reason, provider or self.provider)
        self.provider = None
        pause = pause_after(self.failures)
        self.failures += 1
        self._state, self._due_ns = "pausing", at_ns + pause
        return self._seek() if pause == 0 else []

    def overdue(self, at_ns: int) -> LossReason | None:
        """Why the upstream is to be given up at `at_ns`; None when it is not."""
        if self._state != "live" or at_ns < self._due_ns:
            return None
        return "lagging" if self._repeats else "silent"

    def resume(self, at_ns: int) -> list[Resubscribe]:
        """What is to be done once a pause is over."""
        return self._seek() if self._state == "pausing" and at_ns >= self._due_ns else []

    def wake_ns(self) -> int | None:
        """When time alone changes something."""
        return self._due_ns if self._state in ("pausing", "live") else None

    def _seek(self) -> list[Resubscribe]:
        self._state = "seeking"
        return [self._next]
