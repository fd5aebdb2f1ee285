"""How long a client waits before it tries again, and when it gives up. Pure."""

from battle.actors.rng import Draws
from battle.actors.spec.workloads import Reconnect
from battle.actors.units import Duration


class Backoff:
    """The pauses of one client, `key`: its jitter is its own, and depends on nothing but the number of the try."""

    def __init__(self, policy: Reconnect, draws: Draws, key: object) -> None:
        self._policy = policy
        self._draws = draws
        self._key = key
        self._failed = 0
        self._tries = 0

    def recovered(self) -> None:
        """A try was no failure: the pauses begin again."""
        self._failed = 0

    def pause(self) -> Duration | None:
        """How long to wait before the next try; None: it is given up."""
        policy = self._policy
        if self._failed >= policy.attempts:
            return None
        # 2 ** 64 times anything is above any pause.
        pause = min(policy.first_pause << min(self._failed, 64), policy.max_pause)
        self._failed += 1
        self._tries += 1
        return pause + int(pause * policy.jitter_ratio * self._draws.uniform(self._key, self._tries))
