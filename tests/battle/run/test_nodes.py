"""A node as a supervised child: held down by faults, its changes repeated to later incarnations."""

import pytest
import trio
import trio.testing

from battle.actors.injector import TargetGone
from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.behaviour import Degrade
from battle.actors.system import Supervisor
from battle.actors.world.cluster import Exit
from battle.actors.world.interfaces import INBOX_MESSAGES
from battle.run.nodes import FaultTargets, NodeActor


class FakeNode:
    """A node that runs until it is killed, or told how to end."""

    pid = None

    def __init__(self, incarnation, inbox):
        self.incarnation = incarnation
        self.inbox = inbox
        self.told = []
        self.over = trio.Event()
        self.paused = self.stopping = self.slow_to_stop = False
        self.exit = Exit("finished")

    async def read(self):
        async for message in self.inbox:
            self.told.append(message)

    def kill(self, reason):
        self.end(Exit("killed", reason, induced=True))

    def stop(self, reason):
        self.stopping = True
        if not self.slow_to_stop:
            self.end(Exit("stopped", reason, induced=True))

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    def state(self):
        return "paused" if self.paused else "running"

    def end(self, exit):
        self.exit = exit
        self.over.set()


class Family:
    """One node actor under a supervisor, with every incarnation it had."""

    def __init__(self):
        self.boot_seconds = 0
        self.reads = True
        self.incarnations = []
        self.changes = []
        self.actor = NodeActor("a", self._run, "permanent")
        self.supervisor = Supervisor("providers", [self.actor.as_child()], on_change=self.changes.append)

    async def _run(self, incarnation, inbox, *, task_status):
        await trio.sleep(self.boot_seconds)
        node = FakeNode(incarnation, inbox)
        self.incarnations.append(node)
        task_status.started(node)
        async with trio.open_nursery() as nursery:
            if self.reads:
                nursery.start_soon(node.read)
            await node.over.wait()
            nursery.cancel_scope.cancel()
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
        targets = FaultTargets({"a": family.actor})
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
    change, revert = ApplyFault("degrade-a.1", Degrade("a", error_ratio=0.5)), RevertFault("degrade-a.1")

    async def body(family):
        targets = FaultTargets({"a": family.actor})
        targets.apply_fault("a", change)
        targets.take_down("a", "kill-a.1")
        targets.let_up("a", "kill-a.1")
        await settle()
        targets.revert_fault("a", revert)
        await settle()
        targets.take_down("a", "kill-a.2")
        targets.let_up("a", "kill-a.2")
        await settle()

    family = in_family(body)
    assert [node.told for node in family.incarnations] == [[change], [change, revert], []]


def test_a_fault_that_a_node_does_not_take_is_not_applied_and_not_repeated():
    change = ApplyFault("degrade-a.1", Degrade("a", error_ratio=0.5))

    async def body(family):
        targets = FaultTargets({"a": family.actor})
        family.reads = False
        targets.take_down("a", "kill-a.1")
        targets.let_up("a", "kill-a.1")
        await settle()
        for _ in range(INBOX_MESSAGES):
            family.actor.stand("begin", change)
        with pytest.raises(TargetGone, match="a does not read its messages"):
            targets.apply_fault("a", change)
        family.reads = True
        family.actor.forget("begin")
        targets.take_down("a", "kill-a.2")
        targets.let_up("a", "kill-a.2")
        await settle()
        assert family.incarnations[-1].told == []

    in_family(body)


def test_nothing_can_be_done_to_a_node_that_does_not_run():
    async def body(family):
        targets = FaultTargets({"a": family.actor})
        family.incarnations[0].end(Exit("failed", "exit status 1"))
        await settle()
        with pytest.raises(TargetGone):
            targets.take_down("a", "kill-a.1")
        with pytest.raises(TargetGone):
            targets.apply_fault("a", ApplyFault("degrade-a.1", Degrade("a")))
        with pytest.raises(TargetGone):
            targets.pause("a", "pause-a.1")
        assert targets.state("a") == "gone"

    in_family(body)


def reasons(family):
    """Why each incarnation that crashed did."""
    return [change.reason for change in family.changes if change.change == "crashed"]


def test_a_restart_asks_the_node_to_stop_and_is_no_crash_of_its_own():
    async def body(family):
        family.boot_seconds = 0.1
        targets = FaultTargets({"a": family.actor})
        for number in range(1, 10):  # far more than the supervisor would allow of crashes
            assert targets.take_down("a", f"restart-a.{number}", asked=True)
            await trio.sleep(1)
            targets.let_up("a", f"restart-a.{number}")
            await trio.sleep(1)

    family = in_family(body)
    assert len(family.incarnations) == 10
    assert all(node.stopping for node in family.incarnations[:-1])
    assert reasons(family)[0] == "Induced: fault restart-a.1"


def test_a_kill_ends_a_node_that_is_still_being_asked_to_stop():
    async def body(family):
        family.incarnations[0].slow_to_stop = True
        targets = FaultTargets({"a": family.actor})
        assert targets.take_down("a", "restart-a.1", asked=True)
        assert targets.take_down("a", "kill-a.1")
        await settle()
        assert not targets.take_down("a", "kill-a.2")

    assert reasons(in_family(body)) == ["Induced: fault kill-a.1"]


def test_whoever_finds_the_node_down_keeps_it_down_and_is_told_so():
    async def body(family):
        targets = FaultTargets({"a": family.actor})
        assert targets.take_down("a", "kill-a.1")
        assert not targets.take_down("a", "restart-a.1", asked=True)
        assert not targets.take_down("a", "kill-a.2")
        for fault_id in ("kill-a.1", "restart-a.1"):
            targets.let_up("a", fault_id)
            await trio.sleep(10)
        assert len(family.incarnations) == 1
        targets.let_up("a", "kill-a.2")
        await settle()
        assert len(family.incarnations) == 2

    in_family(body)


@pytest.mark.parametrize("asked", [False, True])
def test_a_node_that_is_on_its_way_up_is_taken_down_as_soon_as_it_is_there(asked):
    async def body(family):
        family.boot_seconds = 0.2
        targets = FaultTargets({"a": family.actor})
        targets.take_down("a", "kill-a.1")
        await trio.sleep(5)
        targets.let_up("a", "kill-a.1")
        await trio.sleep(0.1)
        assert targets.take_down("a", "late-a.1", asked=asked)
        await trio.sleep(5)
        assert [node.stopping for node in family.incarnations] == [False, asked]
        targets.let_up("a", "late-a.1")
        await trio.sleep(5)
        assert len(family.incarnations) == 3

    assert reasons(in_family(body)) == ["Induced: fault kill-a.1", "Induced: fault late-a.1"]


def test_a_fault_that_is_over_before_the_node_is_ready_says_that_nothing_came_of_it():
    async def body(family):
        family.boot_seconds = 0.2
        targets = FaultTargets({"a": family.actor})
        targets.take_down("a", "kill-a.1")
        await trio.sleep(5)
        assert targets.let_up("a", "kill-a.1"), "this one did what it should"
        await trio.sleep(0.1)
        assert targets.take_down("a", "restart-a.1", asked=True)
        assert not targets.let_up("a", "restart-a.1")
        await trio.sleep(5)
        assert targets.take_down("a", "restart-a.2", asked=True)
        await trio.sleep(5)
        assert targets.let_up("a", "restart-a.2"), "one that comes later is not mistaken for it"

    assert reasons(in_family(body)) == ["Induced: fault kill-a.1", "Induced: fault restart-a.2"]


def test_a_change_that_comes_while_a_fault_has_the_node_down_is_told_when_it_is_back():
    change = ApplyFault("degrade-a.1", Degrade("a", error_ratio=0.5))

    async def body(family):
        targets = FaultTargets({"a": family.actor})
        targets.take_down("a", "kill-a.1")
        await settle()
        targets.apply_fault("a", change)
        targets.let_up("a", "kill-a.1")
        await settle()
        assert [node.told for node in family.incarnations] == [[], [change]]

    in_family(body)


def test_a_fault_in_the_very_moment_another_lets_go_keeps_the_node_down():
    async def body(family):
        targets = FaultTargets({"a": family.actor})
        targets.take_down("a", "kill-a.1")
        await settle()
        targets.let_up("a", "kill-a.1")
        assert not targets.take_down("a", "kill-a.2")
        await trio.sleep(10)
        assert len(family.incarnations) == 1

    in_family(body)


def test_pauses_overlap_and_the_last_to_end_resumes():
    async def body(family):
        node = family.incarnations[0]
        targets = FaultTargets({"a": family.actor})
        targets.pause("a", "pause-a.1")
        targets.pause("a", "pause-a.2")
        assert targets.state("a") == "paused"
        assert not targets.resume("a", "pause-a.1")
        assert node.paused
        assert targets.resume("a", "pause-a.2")
        assert not node.paused
        assert not targets.resume("a", "pause-a.2")

    in_family(body)


def test_a_pause_ends_with_the_incarnation_that_was_killed_under_it():
    async def body(family):
        targets = FaultTargets({"a": family.actor})
        targets.pause("a", "pause-a.1")
        targets.take_down("a", "kill-a.1")
        with pytest.raises(TargetGone):
            targets.pause("a", "pause-a.2")
        targets.let_up("a", "kill-a.1")
        await settle()
        assert [node.paused for node in family.incarnations] == [True, False]
        targets.pause("a", "pause-a.3")
        assert not targets.resume("a", "pause-a.1")
        assert family.incarnations[1].paused

    in_family(body)


def test_a_node_that_is_on_its_way_up_is_paused_as_soon_as_it_is_there():
    async def body(family):
        family.boot_seconds = 0.2
        targets = FaultTargets({"a": family.actor})
        targets.take_down("a", "kill-a.1")
        targets.let_up("a", "kill-a.1")
        await trio.sleep(0.1)
        targets.pause("a", "pause-a.1")
        await trio.sleep(1)
        assert family.incarnations[1].paused

    in_family(body)
