"""What the conductor does with a timeline: each fault begun and ended in its time, and all of it logged."""

from typing import Any

import pytest
import trio

from battle.actors.injector import TargetGone, inject, log_plan
from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.behaviour import Degrade
from battle.actors.spec.faults.process import Kill, Pause, Restart
from battle.actors.spec.faults.timeline import PlannedFault
from battle.actors.spec.faults.timeline import expand as expand_plan
from battle.actors.units import ms, seconds
from battle.store.events import FaultActed
from tests.actors.worlds import simulated
from tests.extend.toys.hiccup import Hiccup


def expand(plan, load):
    return expand_plan(plan, load, {"a": (), "b": ()})


class Recorder:
    """Targets that note what is done to them, and when."""

    def __init__(self, world, gone=(), down=()):
        self.world = world
        self.gone = gone
        self.down = down
        self.states = {}
        self.done = []

    def _note(self, what, target, detail):
        if target in self.gone:
            raise TargetGone(f"{target} does not run")
        self.done.append((self.world.now_ns() // ms(1), what, target, detail))

    def take_down(self, target, fault_id, *, asked=False):
        self._note("stop" if asked else "down", target, fault_id)
        return target not in self.down

    def let_up(self, target, fault_id):
        self.done.append((self.world.now_ns() // ms(1), "up", target, fault_id))
        return True

    def pause(self, target, fault_id):
        self._note("pause", target, fault_id)
        # As with a signal, it shows a moment later.
        self.world.call_at(self.world.now_ns() + ms(12), self.states.__setitem__, target, "paused")

    def resume(self, target, fault_id):
        if self.states.get(target) != "paused":
            return False
        self.states[target] = "running"
        return True

    def state(self, target):
        return self.states.get(target, "running")

    def apply_fault(self, target, command: ApplyFault):
        self._note("apply", target, (command.fault_id, command.fault.added_latency))

    def revert_fault(self, target, command: RevertFault):
        self.done.append((self.world.now_ns() // ms(1), "revert", target, command.fault_id))


FAULTS = [
    Kill("a", at=ms(10), down=ms(20)),
    Degrade("b", at=ms(30), duration=ms(5), added_latency=ms(7)),
]


def test_each_fault_is_applied_and_reverted_in_its_time_and_logged():
    async def main(stage):
        recorder = Recorder(stage.client)
        timeline = expand(FAULTS, seconds(1))
        log_plan(stage.client, timeline, begin_ns=ms(1000))
        await inject(stage.client, timeline, ms(1000), recorder, set())
        return recorder.done, stage.client.log

    done, log = simulated(main)
    assert done == [
        (1010, "down", "a", "kill-a.1"),
        (1030, "apply", "b", ("degrade-b.1", ms(7))),
        (1030, "up", "a", "kill-a.1"),
        (1035, "revert", "b", "degrade-b.1"),
    ]
    assert [(event.fault_id, event.phase) for event in log] == [
        ("kill-a.1", "planned"),
        ("degrade-b.1", "planned"),
        ("kill-a.1", "applied"),
        ("degrade-b.1", "applied"),
        ("kill-a.1", "reverted"),
        ("degrade-b.1", "reverted"),
    ]
    assert log[0].planned_ns == ms(1010)
    assert log[0].parameters == {"at": ms(10), "down": ms(20)}


def test_a_target_that_is_gone_is_logged_as_a_failed_fault():
    async def main(stage):
        recorder = Recorder(stage.client, gone=("a",))
        await inject(stage.client, expand(FAULTS[:1], seconds(1)), 0, recorder, set())
        return stage.client.log

    log = simulated(main)
    assert [(event.phase, event.detail) for event in log] == [("failed", "a does not run")]


@pytest.mark.parametrize(
    ("in_force", "expected"),
    [
        (set(), [("apply", "b"), ("revert", "b")]),
        ({"kill-a.1"}, [("apply", "b"), ("up", "a"), ("revert", "b")]),
    ],
)
def test_a_conductor_started_late_reverts_what_is_in_force_and_begins_nothing_that_is_past(
    in_force, expected
):
    async def main(stage):
        await stage.sleep(ms(15))
        recorder = Recorder(stage.client)
        await inject(stage.client, expand(FAULTS, seconds(1)), 0, recorder, in_force)
        return recorder.done

    assert [(what, target) for _, what, target, _ in simulated(main)] == expected
    assert in_force == set()


def test_processes_are_asked_to_stop_paused_and_resumed_and_the_log_says_when_it_was_so():
    async def main(stage):
        recorder = Recorder(stage.client)
        plan = [Restart("a", at=ms(10), down=ms(20)), Pause("b", at=ms(50), duration=ms(40))]
        await inject(stage.client, expand(plan, seconds(1)), 0, recorder, set())
        await stage.sleep(ms(10))
        return recorder.done, stage.client.log

    done, log = simulated(main)
    assert done == [
        (10, "stop", "a", "restart-a.1"),
        (30, "up", "a", "restart-a.1"),
        (50, "pause", "b", "pause-b.1"),
    ]
    acted = [event for event in log if isinstance(event, FaultActed)]
    assert [(event.fault_id, event.node, event.action) for event in acted] == [
        ("pause-b.1", "b", "paused"),
        ("pause-b.1", "b", "resumed"),
    ]
    assert ms(62) <= acted[0].at_ns < ms(68)  # not when it was asked for, but when it showed
    assert ms(90) <= acted[1].at_ns < ms(96)


def test_a_pause_that_never_shows_is_not_claimed():
    async def main(stage):
        recorder = Recorder(stage.client)
        await inject(
            stage.client, expand([Pause("a", at=0, duration=ms(11))], seconds(1)), 0, recorder, set()
        )
        await stage.sleep(seconds(10))
        return stage.client.log

    assert [event for event in simulated(main) if isinstance(event, FaultActed)] == []


def test_a_fault_that_finds_its_target_down_says_so():
    async def main(stage):
        recorder = Recorder(stage.client, down=("a",))
        await inject(stage.client, expand(FAULTS[:1], seconds(1)), 0, recorder, set())
        return stage.client.log

    acted = [event for event in simulated(main) if isinstance(event, FaultActed)]
    assert [(event.fault_id, event.action) for event in acted] == [("kill-a.1", "kept_down")]


def hiccups(end_ms=95):
    fault: Any = Hiccup("a", duration=ms(end_ms), period=ms(20), moment=ms(5))
    return (PlannedFault("hiccup-a.1", fault, 0, ms(end_ms)),)


def test_a_fault_acts_at_moments_of_its_own_for_as_long_as_it_holds():
    async def main(stage):
        recorder = Recorder(stage.client)
        stage.client.call_at(ms(30), setattr, recorder, "gone", ("a",))
        stage.client.call_at(ms(50), setattr, recorder, "gone", ())
        await inject(stage.client, hiccups(), 0, recorder, set())
        await stage.sleep(seconds(1))
        return recorder.done

    assert [(at_ms, what) for at_ms, what, _, _ in simulated(main)] == [
        (0, "pause"),
        (20, "pause"),
        (60, "pause"),
        (80, "pause"),
    ]


def test_a_fault_does_nothing_any_more_when_the_injector_has_ended():
    async def main(stage):
        recorder = Recorder(stage.client)
        with trio.move_on_after(0.05):
            await inject(stage.client, hiccups(), 0, recorder, set())
        await stage.sleep(seconds(1))
        return [at_ms for at_ms, *_ in recorder.done]

    assert simulated(main) == [0, 20, 40]


def test_a_signal_that_shows_only_after_the_next_one_is_not_claimed():
    """It shows 12 ms after it was sent; the target was asked to go on after 5 ms."""

    async def main(stage):
        recorder = Recorder(stage.client)
        await inject(stage.client, hiccups(end_ms=19), 0, recorder, set())
        return recorder.done, stage.client.log

    done, log = simulated(main)
    assert [what for _, what, *_ in done] == ["pause"]
    assert "paused" not in [event.action for event in log if isinstance(event, FaultActed)]
