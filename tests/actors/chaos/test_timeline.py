"""The plan's expansion to a timeline, and what the conductor does with it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.chaos import timeline
from actors.chaos.conductor import TargetGone, conduct, log_plan
from actors.faults.behaviour import Degrade
from actors.faults.imposing import Impose, Revert
from actors.faults.process import Flap, Kill
from actors.units import ms, seconds
from tests.actors.worlds import simulated

TAGS = {"a": (), "b": ()}


def expand(plan, load, tags=TAGS, seed=0):
    return timeline.expand(plan, load, tags, seed)


def spans(timeline):
    return [(fault.fault_id, fault.start // seconds(1), fault.end // seconds(1)) for fault in timeline]


def test_a_flap_goes_down_after_each_up_until_the_load_ends():
    timeline = expand([Flap("a", down=seconds(10), up=seconds(60))], seconds(180))
    assert spans(timeline) == [("flap-a.1", 60, 70), ("flap-a.2", 130, 140)]


def test_faults_are_in_order_of_their_start_and_counted_by_kind_and_target():
    timeline = expand(
        [
            Kill("a", at=seconds(30), down=seconds(1)),
            Flap("a", down=seconds(2), up=seconds(8), at=seconds(5)),
            Kill("a", at=seconds(3), down=seconds(1)),
            Kill("b", at=seconds(4), down=seconds(1)),
        ],
        seconds(20),
    )
    assert spans(timeline) == [
        ("kill-a.1", 3, 4),
        ("kill-b.1", 4, 5),
        ("flap-a.1", 5, 7),
        ("flap-a.2", 15, 17),
        ("kill-a.2", 30, 31),
    ]


def test_a_fault_aimed_past_the_end_stays_on_the_timeline():
    assert spans(expand([Kill("a", at=seconds(99))], seconds(10))) == [("kill-a.1", 99, 104)]


duration = st.integers(1, 10**11)


@given(down=duration, up=duration, load=st.integers(1, 10**12))
def test_the_spans_of_a_flap_never_touch_and_begin_within_the_load(down, up, load):
    timeline = expand([Flap("a", down=max(down, load // 500), up=up)], load)
    for fault in timeline:
        assert 0 <= fault.start < load
        assert fault.end - fault.start == max(down, load // 500)
    for earlier, later in pairwise(timeline):
        assert later.start - earlier.end == up


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Kill("a", at=-1), "at must be 0 or later"),
        (Kill("a", at=0, down=0), "longer than 0"),
        (Flap("a", down=ms(1), up=0), "up must be above 0"),
        (Degrade("a", at=0, duration=ms(1)), "does nothing"),
        (Degrade("a", at=0, duration=ms(1), error_ratio=1.5), "share from 0 to 1"),
        (Degrade("a", at=0, duration=ms(1), added_latency=-5), "cannot be negative"),
    ],
)
def test_wrong_settings_are_named(fault, problem):
    assert any(problem in found for found in fault.problems())


class Recorder:
    """Targets that note what is done to them, and when."""

    def __init__(self, world, gone=()):
        self.world = world
        self.gone = gone
        self.done = []

    def _note(self, what, target, detail):
        if target in self.gone:
            raise TargetGone(f"{target} does not run")
        self.done.append((self.world.now_ns() // ms(1), what, target, detail))

    def take_down(self, target, fault_id):
        self._note("down", target, fault_id)

    def let_up(self, target, fault_id):
        self.done.append((self.world.now_ns() // ms(1), "up", target, fault_id))

    def impose(self, target, impose: Impose):
        self._note("impose", target, (impose.fault_id, impose.fault.added_latency))

    def relieve(self, target, revert: Revert):
        self.done.append((self.world.now_ns() // ms(1), "relieve", target, revert.fault_id))


FAULTS = [
    Kill("a", at=ms(10), down=ms(20)),
    Degrade("b", at=ms(30), duration=ms(5), added_latency=ms(7)),
]


def test_each_fault_is_applied_and_reverted_in_its_time_and_logged():
    async def main(stage):
        recorder = Recorder(stage.client)
        timeline = expand(FAULTS, seconds(1))
        log_plan(stage.client, timeline, begin_ns=ms(1000))
        await conduct(stage.client, timeline, ms(1000), recorder, set())
        return recorder.done, stage.client.log

    done, log = simulated(main)
    assert done == [
        (1010, "down", "a", "kill-a.1"),
        (1030, "impose", "b", ("degrade-b.1", ms(7))),
        (1030, "up", "a", "kill-a.1"),
        (1035, "relieve", "b", "degrade-b.1"),
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
        await conduct(stage.client, expand(FAULTS[:1], seconds(1)), 0, recorder, set())
        return stage.client.log

    log = simulated(main)
    assert [(event.phase, event.detail) for event in log] == [("failed", "a does not run")]


@pytest.mark.parametrize(
    ("in_force", "expected"),
    [
        (set(), [("impose", "b"), ("relieve", "b")]),
        ({"kill-a.1"}, [("impose", "b"), ("up", "a"), ("relieve", "b")]),
    ],
)
def test_a_conductor_started_late_reverts_what_is_in_force_and_begins_nothing_that_is_past(
    in_force, expected
):
    async def main(stage):
        await stage.sleep(ms(15))
        recorder = Recorder(stage.client)
        await conduct(stage.client, expand(FAULTS, seconds(1)), 0, recorder, in_force)
        return recorder.done

    assert [(what, target) for _, what, target, _ in simulated(main)] == expected
    assert in_force == set()
