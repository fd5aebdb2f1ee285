"""The two worlds for tests of shells: several nodes in one process, each with its log as a list.

def main(stage): ...
simulated(main); live(main)
"""

from time import perf_counter_ns

import outcome
import trio

from battle.actors.shared_lines import LinesInMemory
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.world import LiveWorld
from battle.actors.world.simulated.clock import EventClock
from battle.actors.world.simulated.determinism import deterministic_scheduling
from battle.actors.world.simulated.network import Network
from battle.actors.world.simulated.node import SimulatedNode

LIMIT_SECONDS = 3600
"""Virtual seconds after which a simulated test that hangs fails."""

LIVE_LIMIT_SECONDS = 20


class Stage:
    """What a test's main gets: worlds to play in. `world(name).log` is a list."""

    def __init__(self, nursery, make_world, make_address) -> None:
        self.nursery = nursery
        self.world = lambda name: make_world(name, [])
        self.address = make_address
        self.client = self.world("client")

    def now_ns(self):
        return self.client.now_ns()

    async def sleep(self, duration) -> None:
        await self.client.sleep_until(self.now_ns() + duration)

    async def until(self, condition) -> None:
        """Wait for it, however busy the machine is; the test's own limit ends a wait for what never comes."""
        while not condition():
            await self.sleep(1_000_000)


def simulated(main, seed=0):
    """Run `main(stage)` in virtual time; returns what it returns."""
    failures: list[BaseException] = []
    root = trio.CancelScope()

    def fail(error):
        failures.append(error or AssertionError("deadlock"))
        root.cancel()

    clock = EventClock(fail)
    network = Network(clock)
    lines = LinesInMemory()
    ports = iter(range(8000, 9000))

    async def run():
        with root:
            root.deadline = LIMIT_SECONDS
            async with trio.open_nursery() as nursery:
                stage = Stage(
                    nursery,
                    lambda name, log: SimulatedNode(network, name, seed, log, lines),
                    lambda name: f"{name}:{next(ports)}",
                )
                result = await outcome.acapture(main, stage)
                nursery.cancel_scope.cancel()
            return result.unwrap()
        raise failures[0] if failures else AssertionError("the test did not end in time")

    with deterministic_scheduling(seed):
        return trio.run(run, clock=clock)


def live(main, seed=0):
    """Run `main(stage)` on real sockets; returns what it returns."""

    async def run():
        reactor = Reactor(perf_counter_ns())
        lines = LinesInMemory()
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(reactor.run)
                stage = Stage(
                    nursery,
                    lambda name, log: LiveWorld(reactor, name, seed, log, lines),
                    lambda name: "127.0.0.1:0",
                )
                with trio.fail_after(LIVE_LIMIT_SECONDS):
                    result = await outcome.acapture(main, stage)
                nursery.cancel_scope.cancel()
            return result.unwrap()
        finally:
            reactor.close()

    return trio.run(run)
