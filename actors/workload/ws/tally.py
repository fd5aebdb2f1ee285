"""What a workload of subscribers did in each second.

Its `GeneratorSampled` counts subscriptions as those of the other workloads count requests. One is `due` whenever a
client should ask for it: at its turn to connect, and each time it comes back or asks again. It is `sent` when the
client begins to connect, or asks again on the connection it has: from there on it is the server's turn. It `ended`
when it stands, or does not come about, which is one of the `errors`; latency counts from its due time until then.
`in_flight` are those that stand, `backlog` those asked for and not decided, `dropped` those that fell due while the
node was away.
"""

from collections.abc import Callable

from battle.actors.units import Duration
from battle.actors.workload.requests.statistics import Second
from battle.actors.world.interfaces import World


class Tally:
    """Counts for all clients of a node. `client_over` is called for each client that has come to its end."""

    def __init__(self, world: World, workload: str, client_over: Callable[[], object]) -> None:
        self.standing = 0
        """Subscriptions that stand."""
        self.client_over = client_over
        self._world = world
        self._workload = workload
        self._undecided = 0
        self._second = Second()

    def missed(self, subscriptions: int) -> None:
        """So many fell due while this node was not there to ask for them."""
        self._second.due += subscriptions
        self._second.dropped += subscriptions

    def asked(self, subscriptions: int, lateness: Duration) -> None:
        """So many are being asked for now, so long after they were due."""
        self._undecided += subscriptions
        self._second.due += subscriptions
        for _ in range(subscriptions):
            self._second.lateness.add(lateness)

    def ended(self, due_ns: int, at_ns: int, *, stands: bool) -> None:
        """One that was asked for stands, or does not come about."""
        self._undecided -= 1
        self._second.latency.add(max(at_ns - due_ns, 0))
        if stands:
            self.standing += 1
        else:
            self._second.errors += 1

    def sample(self) -> None:
        """Write down the second that has passed and begin a new one."""
        self._world.log.append(
            self._second.sampled(
                at_ns=self._world.now_ns(),
                workload=self._workload,
                in_flight=self.standing,
                backlog=self._undecided,
            )
        )
        self._second = Second()
