"""Schedules: pure, deterministic in the seed, each entry for itself; and what a wrong entry is told."""

from itertools import pairwise
from statistics import mean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.faults.behaviour import (
    Degrade,
    ErrorRate,
    Hang,
    RateLimit,
    StaleHead,
)
from battle.actors.spec.faults.process import (
    Flap,
    Kill,
    Pause,
    Restart,
)
from battle.actors.spec.faults.schedule import (
    RAMP_STEP_MIN,
    Every,
    Ramp,
    Randomly,
    Sequence,
)
from battle.actors.spec.faults.timeline import expand
from battle.actors.spec.faults.transport import Latency, Timeout
from battle.actors.spec.faults.websocket import MissHeads
from battle.actors.spec.latency import LogNormal, Uniform
from battle.actors.units import ms, seconds
from tests.actors.spec.faults.plans import GROUPS, LOAD, entries, lasting, plans, seeds, spans_ns


def planned(entry, seed=0, load=LOAD):
    return [(fault.start, fault.end, fault.fault) for fault in expand([entry], load, GROUPS, seed)]


# What holds for every plan.


@given(plan=plans, seed=seeds)
def test_a_timeline_is_a_function_of_plan_and_seed_in_order_with_ids_of_its_own(plan, seed):
    timeline = expand(plan, LOAD, GROUPS, seed)
    assert timeline == expand(list(plan), LOAD, GROUPS, seed)
    assert [fault.start for fault in timeline] == sorted(fault.start for fault in timeline)
    assert len({fault.fault_id for fault in timeline}) == len(timeline)
    for fault in timeline:
        assert fault.target in GROUPS
        assert 0 <= fault.start < fault.end
        assert fault.fault.first == (fault.start, fault.end)  # the log shows each fault's own times
        assert list(fault.fault.problems()) == []  # so none does nothing


@given(plan=plans.filter(bool), seed=seeds, data=st.data())
def test_to_remove_an_entry_moves_no_other(plan, seed, data):
    gone = data.draw(st.integers(0, len(plan) - 1))
    if plan[gone] in plan[:gone] + plan[gone + 1 :]:
        return  # two that say the same cannot be distinguished
    everything = [(f.fault, f.start, f.end) for f in expand(plan, LOAD, GROUPS, seed)]
    for left in expand(plan[:gone] + plan[gone + 1 :], LOAD, GROUPS, seed):
        assert (left.fault, left.start, left.end) in everything


@given(entry=entries(), seed=seeds)
def test_a_group_is_hit_at_the_same_moments(entry, seed):
    members = {
        name: [(f.kind, f.start, f.end) for f in expand([entry], LOAD, GROUPS, seed) if f.target == name]
        for name in "ab"
    }
    if not isinstance(entry, Sequence) and (entry if not hasattr(entry, "fault") else entry.fault).target in (
        "group:eu",
        "*",
    ):
        assert members["a"] == members["b"]


# Every


@given(at=st.integers(0, LOAD - 1), length=spans_ns, more=st.integers(10**8, 10**10))
def test_every_begins_each_period_until_the_load_ends(at, length, more):
    period = length + more
    times = planned(Every(Kill("a", at=at, down=length), period=period))
    assert [start for start, _, _ in times] == list(range(at, LOAD, period))
    assert all(end - start == length for start, end, _ in times)


def test_every_stops_after_its_times():
    assert len(planned(Every(Kill("a", at=0, down=ms(1)), period=seconds(1), times=3))) == 3


# Randomly


@pytest.mark.parametrize("seed", range(5))
def test_random_gaps_are_exponential_with_the_mean_that_was_asked_for(seed):
    mtbf, length = seconds(10), seconds(3)
    entry = Randomly(Kill("a", at=seconds(50), down=length), mtbf=mtbf)
    moments = planned(entry, seed, load=seconds(40_000))
    gaps = [begin - end for (_, end, _), (begin, _, _) in pairwise(moments)]
    assert len(gaps) > 2000
    # The mean's own deviation is under 2 % here; an exponential's deviation is its mean, its median 0.693 of it.
    assert mean(gaps) == pytest.approx(mtbf, rel=0.08)
    assert pstdev(gaps) == pytest.approx(mtbf, rel=0.1)
    assert sum(gap < 0.693147 * mtbf for gap in gaps) / len(gaps) == pytest.approx(0.5, abs=0.05)
    assert min(gaps) > 0
    assert moments[0][0] > seconds(50)


@given(seed=seeds, mtbf=st.integers(10**7, 10**9), length=st.integers(1, 10**9))
def test_random_faults_never_overlap_themselves(seed, mtbf, length):
    moments = planned(Randomly(Pause("a", duration=length), mtbf=mtbf), seed, load=seconds(20))
    assert all(end < begin for (_, end, _), (begin, _, _) in pairwise(moments))


@given(seed=seeds)
def test_not_even_when_the_time_between_them_rounds_to_nothing(seed):
    moments = planned(Randomly(Pause("a", duration=ms(1)), mtbf=1), seed, load=ms(100))
    assert all(end < begin for (_, end, _), (begin, _, _) in pairwise(moments))


@given(seed=seeds)
def test_what_chance_begins_is_over_before_the_load(seed):
    moments = planned(Randomly(Pause("a", duration=seconds(1)), mtbf=ms(100)), seed, load=seconds(20))
    assert moments
    assert moments[-1][1] <= seconds(20)


@given(seed=seeds)
def test_random_entries_of_one_kind_and_target_do_not_coincide(seed):
    one = Randomly(ErrorRate("a", duration=ms(10), ratio=0.5), mtbf=seconds(1))
    other = Randomly(ErrorRate("a", duration=ms(10), ratio=0.7), mtbf=seconds(1))
    for plan in ([one, other], [one, one]):
        starts = [fault.start for fault in expand(plan, LOAD, GROUPS, seed)]
        assert len(set(starts)) == len(starts) > 20


def test_another_seed_gives_other_moments():
    entry = Randomly(Kill("a", at=0, down=ms(10)), mtbf=seconds(1))
    assert planned(entry, 1) != planned(entry, 2)


# Ramp

STRONG = [
    Latency("a", delay=ms(100)),
    ErrorRate("a", ratio=0.8),
    StaleHead("a", blocks=3),
    MissHeads("a"),
    Degrade("a", added_latency=ms(90)),
    Degrade("a", added_latency=Uniform(ms(10), ms(90)), error_ratio=0.2),
    Degrade("a", added_latency=LogNormal(ms(10), 0.5)),
]


def strength(fault):
    match fault:
        case Latency(delay=value) | ErrorRate(ratio=value) | StaleHead(blocks=value) | MissHeads(ratio=value):
            return value
        case Degrade(added_latency=Uniform(high=value) | LogNormal(median=value) | int(value)):
            return value


@given(
    fault=st.sampled_from(STRONG),
    steps=st.integers(1, 40),
    rise=st.integers(40 * RAMP_STEP_MIN, 10**11),
    fall=st.just(0) | st.integers(40 * RAMP_STEP_MIN, 10**11),
)
def test_a_ramp_grows_holds_and_fades_without_a_gap(fault, steps, rise, fall):
    ramp = Ramp(fault.placed(seconds(5), seconds(15)), rise=rise, fall=fall, steps=steps)
    assert list(ramp.problems()) == []
    placed = planned(ramp)
    assert all(end == begin for (_, end, _), (begin, _, _) in pairwise(placed))
    assert all(begin < end for begin, end, _ in placed)
    full = next(n for n, (_, _, each) in enumerate(placed) if strength(each) == strength(fault))
    strengths = [strength(each) for _, _, each in placed]
    assert strengths[: full + 1] == sorted(set(strengths[: full + 1]))
    assert strengths[full:] == sorted(set(strengths[full:]), reverse=True)
    begin, end = placed[0][0], placed[-1][1]
    assert end <= seconds(15) + rise + fall
    if not isinstance(fault, StaleHead):  # whose first steps may round to nothing
        assert (begin, end) == (seconds(5), seconds(15) + rise + fall)
        assert len(placed) == 1 + steps * (2 if fall else 1)


def test_steps_too_weak_to_do_anything_are_left_out_and_equal_neighbours_are_one():
    ramp = Ramp(StaleHead("a", blocks=2, duration=seconds(10)), rise=seconds(9), fall=seconds(9), steps=9)
    timeline = expand([ramp], LOAD, GROUPS)
    placed = [(f.start // seconds(1), f.end // seconds(1), f.fault.blocks, f.ramp_share) for f in timeline]
    assert placed == [(2, 7, 1, 0.7), (7, 21, 2, 1.0), (21, 26, 1, 0.7)]
    assert [f.parameters().get("ramp_share") for f in timeline] == [0.7, None, 0.7]


# Sequence


def test_a_sequence_waits_for_the_end_of_each_before_the_next():
    sequence = Sequence(
        (
            Kill("a", at=seconds(10), down=seconds(5)),
            Pause("b", at=seconds(2), duration=seconds(4)),
            Restart("a", at=0, down=seconds(1)),
        ),
        pause=seconds(3),
    )
    placed = [(s // seconds(1), e // seconds(1), f.kind()) for s, e, f in planned(sequence)]
    assert placed == [(10, 15, "kill"), (20, 24, "pause"), (27, 28, "restart")]


def test_a_flap_at_the_end_of_a_sequence_goes_on_until_the_load_ends():
    flap = Flap("a", down=seconds(5), up=seconds(15), at=seconds(10))
    sequence = Sequence((Kill("a", at=seconds(20), down=seconds(10)), flap))
    starts = [start // seconds(1) for start, _, _ in planned(sequence)]
    assert starts == [20, 40, 60, 80, 100]


@given(faults=st.lists(lasting(), min_size=1, max_size=5), pause=spans_ns)
def test_no_part_of_a_sequence_begins_before_its_turn(faults, pause):
    named = [fault.placed(*fault.first) for fault in faults]
    placed = planned(Sequence(tuple(named), pause=pause))
    ends = sorted({(start, end) for start, end, _ in placed})
    assert len(ends) == len(faults)
    for (earlier, later), fault in zip(pairwise(ends), faults[1:], strict=True):
        assert later[0] - earlier[1] == pause + fault.first[0]


# Overlaps


def test_faults_of_one_kind_at_one_target_may_overlap():
    plan = [
        ErrorRate("a", at=0, duration=seconds(9)),
        ErrorRate("group:eu", at=seconds(3), duration=seconds(3)),
    ]
    timeline = expand(plan, LOAD, GROUPS)
    assert [fault.fault_id for fault in timeline] == ["error_rate-a.1", "error_rate-a.2", "error_rate-b.1"]


# Wrong entries

KILL = Kill("a", at=0, down=seconds(5))


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (Pause("a", at=-1), "pause: at must be 0 or later, not -1 ns"),
        (Pause("a", duration=0), "pause: it must last longer than 0, not 0"),
        (Restart("a", at=0, down=-1), "restart: it must last longer than 0, not -1 ns"),
        (Every(KILL, period=seconds(5)), "every: kill lasts 5 s, so it cannot begin again every 5 s"),
        (Every(KILL, period=seconds(9), times=0), "every: times must be above 0, not 0"),
        (
            Every(Flap("a", down=1, up=1), period=seconds(9)),
            "every: a flap repeats itself until the load ends; use one that does not",
        ),
        (
            Randomly(Flap("a", down=1, up=1), mtbf=1),
            "randomly: a flap repeats itself until the load ends; use one that does not",
        ),
        (Randomly(KILL, mtbf=0), "randomly: mtbf must be above 0, not 0"),
        (Ramp(KILL, rise=seconds(5)), "ramp: kill has no strength that could grow"),
        (Ramp(Timeout("a"), rise=seconds(5)), "ramp: timeout has no strength that could grow"),
        (Ramp(RateLimit("a"), rise=seconds(5)), "ramp: rate_limit has no strength that could grow"),
        (Ramp(Hang("a"), rise=0), "ramp: rise must be above 0, not 0"),
        (Ramp(Hang("a"), rise=seconds(1), fall=-1), "ramp: fall must be 0 or more, not -1 ns"),
        (Ramp(Hang("a"), rise=seconds(1), steps=0), "ramp: steps must be from 1 to 1000, not 0"),
        (Ramp(Hang("a"), rise=ms(50)), "ramp: 10 steps in a rise of 50 ms are shorter than 10 ms"),
        (Sequence(()), "sequence: it needs at least one fault"),
        (Sequence((KILL,), pause=-1), "sequence: pause must be 0 or more, not -1 ns"),
        (
            Sequence((Flap("a", down=1, up=1), KILL)),
            "sequence: a flap goes on until the load ends, so nothing can come after it",
        ),
    ],
)
def test_a_wrong_entry_is_told_so_in_one_sentence(entry, problem):
    assert list(entry.problems()) == [problem]
