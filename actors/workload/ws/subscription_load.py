"""A workload of subscribers: all clients of one shard, from the first connection to the last farewell."""

from collections.abc import Callable

import trio

from battle.actors.chain.model import model_of
from battle.actors.roles import Begin, WorkloadRole
from battle.actors.spec.workloads import WsSubscribe
from battle.actors.units import Duration
from battle.actors.workload.ws.line import Lines, clients_of
from battle.actors.workload.ws.notification_oracle import NotificationOracle
from battle.actors.workload.ws.subscriber import SubscribedKind, Subscriber
from battle.actors.workload.ws.tally import Tally
from battle.actors.world.interfaces import Connect, World


class SubscriptionLoad:
    """The clients of a `WsSubscribe`.

    A node that is started again brings all its clients back, evenly over `connect_over` once more: their
    subscriptions died with its predecessor. What fell due while it was away counts as dropped besides.
    """

    def __init__(
        self,
        world: World,
        role: WorkloadRole,
        spec: WsSubscribe,
        connect: Connect | None = None,
        on_leave: Callable[[], object] | None = None,
    ) -> None:
        """`on_leave` is called when the time of the load is over, before its clients say farewell."""
        model = self._model = model_of(role.chain, world.shared_lines, role.history, "workloads")
        model.clock.ahead_blocks = role.ahead_blocks
        self._world = world
        self._role = role
        self._spec = spec
        self._connect = connect
        self._on_leave = on_leave
        self._topics = [
            SubscribedKind(NotificationOracle(model, kind, checks=role.checks_answers), kind)
            for kind in spec.kinds
        ]
        self._clients: list[Subscriber] = []
        self._numbers = clients_of(role, spec)
        self._left = len(self._numbers)
        self._all_over = trio.Event()
        self._tally = Tally(world, spec.name or f"workload-{role.index}", self._on_client_over)

    async def run(self, begin: Begin) -> None:
        """Play all clients until the load's time is over and each has left."""
        self._model.clock.follow(begin.paces)
        end_ns = begin.at_ns + self._spec.duration
        self._count_missed(begin)
        if self._world.now_ns() >= end_ns:
            return
        async with trio.open_nursery() as nursery:
            lines = Lines(self._world, nursery, self._role, self._spec, self._connect)
            self._clients = [
                Subscriber(lines, number, self._topics_of(number), self._tally) for number in self._numbers
            ]
            self._open_all(begin)
            timer = self._world.call_at(end_ns, self._leave)
            try:
                await self._all_over.wait()
            finally:
                timer.cancel()

    def sample(self) -> None:
        """Write down the second that has passed and begin a new one."""
        self._tally.sample()

    def close(self) -> None:
        """Whatever is open is interrupted, and the last second written. Does not wait."""
        for client in self._clients:
            client.interrupt()
        self.sample()

    def _topics_of(self, number: int) -> list[SubscribedKind]:
        """The kinds are dealt out over the subscriptions of all clients."""
        each = self._spec.subscriptions
        return [self._topics[at % len(self._topics)] for at in range(number * each, (number + 1) * each)]

    def _count_missed(self, begin: Begin) -> None:
        away_since_ns = begin.at_ns if begin.away_since_ns is None else begin.away_since_ns
        due = (begin.at_ns + self._turn_of(number) for number in self._numbers)
        missed = sum(away_since_ns <= due_ns < self._world.now_ns() for due_ns in due)
        self._tally.missed(missed * self._spec.subscriptions)

    def _open_all(self, begin: Begin) -> None:
        now_ns = self._world.now_ns()
        for number, client in zip(self._numbers, self._clients, strict=True):
            turn = self._turn_of(number)
            client.line.open_at(begin.at_ns + turn if begin.at_ns + turn >= now_ns else now_ns + turn)

    def _turn_of(self, number: int) -> Duration:
        """How long after the first client this one connects."""
        return self._spec.connect_over * number // self._spec.connections

    def _leave(self) -> None:
        if self._on_leave is not None:
            self._on_leave()
        for client in self._clients:
            client.leave()

    def _on_client_over(self) -> None:
        self._left -= 1
        if not self._left:
            self._all_over.set()
