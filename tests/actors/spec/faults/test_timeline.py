"""The plan's expansion to a timeline: faults that stand alone. Those in schedules are in `test_schedules`."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.faults import timeline
from battle.actors.spec.faults.behaviour import Degrade
from battle.actors.spec.faults.process import Flap, Kill
from battle.actors.units import ms, seconds

GROUPS = {"a": (), "b": ()}


def expand(plan, load, groups=GROUPS, seed=0):
    return timeline.expand(plan, load, groups, seed)


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
