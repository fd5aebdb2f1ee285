"""The gateway's subscriptions in front of Battle's own mock providers, with Battle's own faults."""

import pytest
import trio

from battle.actors.chain.model import ChainModel
from battle.actors.chain.notifications import header, logs_of_block, read_pattern
from battle.actors.provider.server import run_provider
from battle.actors.roles import ApplyFault, ProviderRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.continuity import Continuity
from battle.actors.spec.faults.behaviour import Reorg, StaleHead
from battle.actors.spec.faults.transport import Timeout
from battle.actors.spec.faults.websocket import (
    DropConnections,
    DuplicateHeads,
    IgnorePings,
    MissHeads,
    RefuseSubscriptions,
    ReorderHeads,
    SilentStall,
)
from battle.actors.spec.providers import MockProvider
from battle.actors.system.mailbox import Mailbox
from battle.actors.units import ms
from battle.store.events import GapFilled
from tests.actors.gateway.stage import simulated
from tests.actors.gateway.ws_stage import BLOCK, START, life, unbroken, ws_client, ws_gateway

CHAIN = Chain(start_height=START, block_time=BLOCK)
MODEL = ChainModel(CHAIN)


class RealProvider:
    def __init__(self, world, name) -> None:
        self.world = world
        self.name = name
        self.address = ""
        self._scope = trio.CancelScope()
        self._mailbox = Mailbox(name)
        self.inbox = self._mailbox.open()

    async def run(self, task_status=trio.TASK_STATUS_IGNORED) -> None:
        taken = []
        serve = self.world.serve

        async def noting_serve(address, handler, task_status):
            class Status:
                def started(self, where):
                    taken.append(where)
                    task_status.started(where)

            await serve(address, handler, Status())

        self.world.serve = noting_serve
        self.ready = lambda: task_status.started(taken[0])
        role = ProviderRole(MockProvider(self.name, latency=ms(5)), self.address, CHAIN)
        with self._scope:
            await run_provider(self.world, role, self)

    def stop(self) -> None:
        self._scope.cancel()

    def suffer(self, fault) -> None:
        self._mailbox.ref.tell_nowait(ApplyFault("f1", fault))


async def fleet(stage):
    providers = [await stage.add(RealProvider(stage.world(name), name)) for name in ("a", "b", "c")]
    # Patient enough for two heads missed in a row, which the default takes for silence.
    gateway = await ws_gateway(stage, *providers, continuity=Continuity(stale_after_blocks=5))
    return providers[0], gateway


def faulty(fault, heads=12):
    async def main(stage):
        a, gateway = await fleet(stage)
        client = await ws_client(stage, gateway)
        name = await client.subscribe("newHeads")
        await client.heads(name, 3)
        a.suffer(fault)
        await client.heads(name, heads)
        return client.notes[name], stage.log.of(GapFilled)

    return main


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (DropConnections("a"), "failover"),
        (DropConnections("a", close_code=1012), "failover"),
        (SilentStall("a"), "failover"),
        (Timeout("a"), "failover"),
        (StaleHead("a", blocks=8), "failover"),
        (MissHeads("a", ratio=0.5), "missed"),
        (DuplicateHeads("a", ratio=1), None),
        (ReorderHeads("a", ratio=0.5), None),
    ],
    ids=lambda it: type(it).__name__,
)
def test_clients_see_every_head_once_in_order_under(either_world, fault, reason):
    notes, gaps = either_world(faulty(fault))
    numbers = [int(it["number"], 16) for it in notes]
    assert unbroken(numbers)
    assert notes == [header(MODEL, number) for number in numbers]
    if reason is not None:
        assert reason in {it.reason for it in gaps}
        assert {it.outcome for it in gaps} <= {"filled", "nothing_missing"}


def test_ignored_pings_cost_a_connection_and_no_head():
    notes, gaps = simulated(faulty(IgnorePings("a"), heads=80))
    assert unbroken([int(it["number"], 16) for it in notes])
    assert [(it.reason, it.from_provider) for it in gaps] == [("failover", "a")]


def test_a_provider_that_refuses_subscriptions_is_passed_over(either_world):
    async def main(stage):
        a, gateway = await fleet(stage)
        a.suffer(RefuseSubscriptions("a"))
        await stage.sleep(ms(10))
        client = await ws_client(stage, gateway)
        name = await client.subscribe("newHeads")
        return await client.heads(name, 3), life(stage.log, "a"), life(stage.log, "b")

    numbers, life_of_a, life_of_b = either_world(main)
    assert unbroken(numbers)
    assert life_of_a[:2] == [("connected", None), ("rejected", "newHeads")]
    assert life_of_b == [("connected", None), ("subscribed", "newHeads")]


def test_a_killed_provider_under_fifty_subscribers(either_world):
    async def main(stage):
        a, gateway = await fleet(stage)
        clients = [await ws_client(stage, gateway) for _ in range(50)]
        names = [await client.subscribe("newHeads") for client in clients]
        logs = await clients[0].subscribe("logs", {})
        await clients[0].heads(names[0], 3)
        a.stop()
        got = [await client.heads(name, 8) for client, name in zip(clients, names, strict=True)]
        return got, clients[0].notes[logs], [it.outcome for it in stage.log.of(GapFilled)]

    got, logs, outcomes = either_world(main)
    assert all(unbroken(numbers) for numbers in got)
    numbers = sorted({int(log["blockNumber"], 16) for log in logs})
    pattern = read_pattern({})
    due = [
        log for number in range(numbers[0], numbers[-1] + 1) for log in logs_of_block(MODEL, pattern, number)
    ]
    assert logs == due[: len(logs)]
    assert set(outcomes) <= {"filled", "nothing_missing"}
    assert outcomes


def test_a_reorg_is_shown_as_a_node_shows_it():
    """Every head after its parent: heights come again with other hashes, from the fork up."""
    notes, _ = simulated(faulty(Reorg("a", depth=2), heads=14))
    known = {notes[0]["parentHash"]}
    for note in notes:
        assert note["parentHash"] in known
        known.add(note["hash"])
    assert len(known) == len(notes) + 1
    numbers = [int(it["number"], 16) for it in notes]
    assert len(set(numbers)) < len(numbers)
