"""A node as a supervised child: held down by faults, its changes repeated to later incarnations."""

import pytest
import trio
import trio.testing

from actors.chaos.conductor import TargetGone
from actors.faults.behaviour import Degrade
from actors.faults.imposing import Impose, Revert
from actors.system import Supervisor
from actors.world.cluster import Exit
from battle.nodes import NodeActor, ProviderTargets


class FakeNode:
    """A node that runs until it is killed, or told how to end."""

    pid = None

    def __init__(self, incarnation):
        self.incarnation = incarnation
        self.told = []
        self.over = trio.Event()
        self.exit = Exit("finished")

    def tell(self, message):
        self.told.append(message)

    def kill(self, reason):
        self.end(Exit("killed", reason, induced=True))

    def end(self, exit):
        self.exit = exit
        self.over.set()


class Family:
    """One node actor under a supervisor, with every incarnation it had."""

    def __init__(self):
        self.incarnations = []
        self.changes = []
        self.actor = NodeActor("a", self._run, "permanent")
        self.supervisor = Supervisor("providers", [self.actor.as_child()], on_change=self.changes.append)

    async def _run(self, incarnation, *, task_status):
        node = FakeNode(incarnation)
        self.incarnations.append(node)
        task_status.started(node)
        await node.over.wait()
        return node.exit


def in_family(body):
    async def main():
        family = Family()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(family.supervisor.run)
            await family.supervisor.wait_started("a")
            await body(family)
            family.supervisor.stop()
        return family

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def settle():
    await trio.testing.wait_all_tasks_blocked()


def test_a_node_that_is_held_down_comes_back_only_when_the_last_fault_lets_go():
    async def body(family):
        targets = ProviderTargets({"a": family.actor})
        targets.take_down("a", "kill-a.1")
        targets.take_down("a", "flap-a.1")
        await trio.sleep(60)
        assert len(family.incarnations) == 1
        targets.let_up("a", "kill-a.1")
        await trio.sleep(60)
        assert len(family.incarnations) == 1
        targets.let_up("a", "flap-a.1")
        await settle()
        assert [node.incarnation for node in family.incarnations] == [1, 2]

    family = in_family(body)
    crashed = [change for change in family.changes if change.change == "crashed"]
    assert len(crashed) == 1
    assert "fault kill-a.1" in crashed[0].reason


def test_a_crash_nobody_induced_is_restarted_with_a_backoff():
    async def body(family):
        family.incarnations[0].end(Exit("failed", "exit status 1"))
        await settle()
        assert len(family.incarnations) == 1
        await trio.sleep(1)
        assert len(family.incarnations) == 2

    family = in_family(body)
    assert any("exit status 1" in (change.reason or "") for change in family.changes)


def test_a_change_is_told_again_to_the_next_incarnation_until_it_is_reverted():
    change, revert = Impose("degrade-a.1", Degrade("a", error_ratio=0.5)), Revert("degrade-a.1")

    async def body(family):
        targets = ProviderTargets({"a": family.actor})
        targets.impose("a", change)
        targets.take_down("a", "kill-a.1")
        targets.let_up("a", "kill-a.1")
        await settle()
        targets.relieve("a", revert)
        targets.take_down("a", "kill-a.2")
        targets.let_up("a", "kill-a.2")
        await settle()

    family = in_family(body)
    assert [node.told for node in family.incarnations] == [[change], [change, revert], []]


def test_nothing_can_be_done_to_a_node_that_does_not_run():
    async def body(family):
        targets = ProviderTargets({"a": family.actor})
        family.incarnations[0].end(Exit("failed", "exit status 1"))
        await settle()
        with pytest.raises(TargetGone):
            targets.take_down("a", "kill-a.1")
        with pytest.raises(TargetGone):
            targets.impose("a", Impose("degrade-a.1", Degrade("a")))

    in_family(body)
