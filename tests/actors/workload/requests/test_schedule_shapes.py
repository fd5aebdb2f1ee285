"""Bursts, ramps, steps and recordings: pure, so tested without running anything."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.rng import Random
from battle.actors.spec.workloads import (
    HttpBurst,
    HttpRamp,
    HttpScheduled,
    HttpStages,
    HttpStep,
    RateStage,
    Replay,
)
from battle.actors.units import minutes, ms, seconds
from battle.actors.workload.requests.schedule import (
    Bursts,
    Constant,
    OwnArrivals,
    Ramp,
    RecordedArrivals,
    Schedule,
    Stages,
    Step,
    Steps,
    schedule_of,
    sharded,
    steps_of,
)
from battle.actors.workload.requests.trace import Trace
from tests.extend.toys.pairs import HttpPairs

DURATIONS = st.integers(ms(1), seconds(2))
RAMP_RATES = st.floats(0, 5_000).map(lambda rate: round(rate, 3))
RAMPS = st.builds(Ramp, RAMP_RATES, RAMP_RATES.filter(bool), DURATIONS)
BURSTS = st.builds(Bursts, st.integers(1, 50), st.integers(ms(5), seconds(3)), DURATIONS, RAMP_RATES)
STEPS = st.builds(
    lambda rates, length: Steps(
        tuple(Step(n * length, (n + 1) * length, rate) for n, rate in enumerate(rates))
    ),
    st.lists(st.floats(1, 2_000), min_size=1, max_size=5),
    st.integers(ms(1), ms(500)),
)


@given(st.one_of(RAMPS, BURSTS, STEPS), st.integers(1, 5))
def test_every_schedule_ascends_within_its_duration_repeats_and_can_be_dealt(
    schedule: Schedule, shards: int
) -> None:
    due = list(schedule)
    assert due
    assert due == sorted(due)
    assert due[0] == 0
    assert due[-1] < schedule.duration_ns
    assert list(schedule) == due
    dealt = [arrival for shard in range(shards) for arrival in sharded(schedule, shard, shards)]
    assert sorted(dealt) == list(enumerate(due))


def test_bursts_come_at_once_and_again() -> None:
    assert list(Bursts(3, ms(400), seconds(1))) == [0, 0, 0, ms(400), ms(400), ms(400)] + [ms(800)] * 3


def test_no_burst_comes_at_the_very_end() -> None:
    assert list(Bursts(1, ms(500), seconds(1))) == [0, ms(500)]


@given(BURSTS)
def test_beside_the_bursts_flows_the_whole_base_rate(bursts: Bursts) -> None:
    due = Counter(bursts)
    due.subtract(dict.fromkeys(range(0, bursts.duration_ns, bursts.every_ns), bursts.size))
    base = Counter(Constant(bursts.rate, bursts.duration_ns)) if bursts.rate else Counter()
    assert {at: n for at, n in due.items() if n} == base


def test_a_ramp_from_nothing_sends_where_the_integral_is_whole() -> None:
    # Over 8 s from 0 to 8/s the integral is t^2 / 2: arrival n is due at sqrt(2 n).
    due = list(Ramp(0, 8, seconds(8)))
    assert len(due) == 32
    assert (due[0], due[2], due[8], due[18]) == (0, seconds(2), seconds(4), seconds(6))


def test_a_ramp_that_does_not_rise_is_a_constant_rate() -> None:
    assert list(Ramp(4, 4, seconds(1))) == list(Constant(4, seconds(1)))


def test_a_falling_ramp_sends_as_much_as_a_rising_one_and_earlier() -> None:
    falling, rising = list(Ramp(100, 20, seconds(5))), list(Ramp(20, 100, seconds(5)))
    assert len(falling) == len(rising) == 300
    assert sum(due < seconds(1) for due in falling) == pytest.approx(92, abs=1)
    assert sum(due < seconds(1) for due in rising) == pytest.approx(28, abs=1)


@given(RAMPS)
def test_each_arrival_of_a_ramp_is_due_when_the_integral_of_the_rate_is_its_number(ramp: Ramp) -> None:
    span_s = ramp.duration_ns / 1e9

    def sent(at_ns: float) -> float:
        at_s = at_ns / 1e9
        return ramp.start_rate * at_s + (ramp.end_rate - ramp.start_rate) * at_s * at_s / 2 / span_s

    for number, due_ns in enumerate(ramp):
        # Due times are whole nanoseconds, rounded down.
        assert sent(due_ns) <= number + 1e-6
        assert sent(min(due_ns + 1, ramp.duration_ns)) >= number - 1e-6
    assert abs(sum(1 for _ in ramp) - ramp.total) <= 1


STAGES = st.builds(
    Stages,
    RAMP_RATES,
    st.lists(st.builds(RateStage, duration=st.integers(0, seconds(1)), rate=RAMP_RATES), max_size=4).map(
        lambda before: (*before, RateStage(duration=ms(300), rate=7))
    ),
)


@given(STAGES, st.integers(1, 5))
def test_stages_ascend_within_their_duration_repeat_and_can_be_dealt(stages: Stages, shards: int) -> None:
    due = list(stages)
    assert due == sorted(due)
    assert 0 <= due[0] <= due[-1] < stages.duration_ns
    assert list(stages) == due
    dealt = [arrival for shard in range(shards) for arrival in sharded(stages, shard, shards)]
    assert sorted(dealt) == list(enumerate(due))
    rates = [stages.start_rate, *(stage.rate for stage in stages.stages)]
    total = sum(
        (a + b) / 2 * s.duration / 1e9 for a, b, s in zip(rates, rates[1:], stages.stages, strict=False)
    )
    assert abs(len(due) - total) <= 1


@given(RAMPS)
def test_one_stage_is_a_ramp(ramp: Ramp) -> None:
    stages = Stages(ramp.start_rate, (RateStage(duration=ramp.duration_ns, rate=ramp.end_rate),))
    assert list(stages) == list(ramp)


def test_stages_go_on_where_the_one_before_ended() -> None:
    spec = HttpStages(
        "m",
        start_rate=10,
        stages=(
            RateStage(duration=seconds(1), rate=10),
            RateStage(duration=seconds(2), rate=30),
            RateStage(duration=0, rate=0),
            RateStage(duration=seconds(1), rate=0),
            RateStage(duration=seconds(1), rate=8),
        ),
    )
    schedule = schedule_of(spec, 1)
    assert schedule.duration_ns == spec.duration == seconds(5)
    assert Counter(due // seconds(1) for due in schedule) == {0: 10, 1: 15, 2: 25, 4: 4}
    assert min(due for due in schedule if due > seconds(3)) == seconds(4)


def test_a_part_of_a_request_that_one_stage_leaves_over_counts_in_the_next() -> None:
    thirds = tuple(RateStage(duration=ms(500), rate=1) for _ in range(8))  # half a request in each
    assert list(Stages(1, thirds)) == [seconds(number) for number in range(4)]


@pytest.mark.parametrize(
    "stages", [(), (RateStage(duration=seconds(1), rate=0),), (RateStage(duration=0, rate=5),)]
)
def test_there_are_no_stages_without_time_or_rate(stages: tuple[RateStage, ...]) -> None:
    with pytest.raises(ValueError, match="no such stages"):
        Stages(0, stages)


def test_steps_follow_each_other_without_a_gap() -> None:
    spec = HttpStep("m", start_rate=2, step=2, end_rate=6, step_duration=seconds(1))
    assert steps_of(spec) == [
        Step(0, seconds(1), 2),
        Step(seconds(1), seconds(2), 4),
        Step(seconds(2), seconds(3), 6),
    ]
    schedule = schedule_of(spec, 1)
    assert schedule.duration_ns == spec.duration == seconds(3)
    assert Counter(due // seconds(1) for due in schedule) == {0: 2, 1: 4, 2: 6}
    assert {seconds(1), seconds(2)} <= set(schedule)


def test_steps_may_be_listed_and_go_anywhere() -> None:
    spec = HttpStep("m", rates=(10, 40, 5), step_duration=ms(200))
    assert [step.rate for step in steps_of(spec)] == [10, 40, 5]
    assert Counter(due // ms(200) for due in schedule_of(spec, 1)) == {0: 2, 1: 8, 2: 1}


@pytest.mark.parametrize(
    ("start", "step", "end", "rates"),
    [
        (0.1, 0.1, 0.3, 3),  # though 0.1 + 2 * 0.1 is more than 0.3
        (100, 100, 1_000, 10),
        (100, 100, 1_050, 10),
        (5, 1, 5, 1),
        (5, 1e-300, 6, 1_001),  # one more than is allowed: its problems say so
        (5, 1, 4, 0),
        (5, 0, 9, 0),
    ],
)
def test_the_last_step_is_the_last_that_does_not_exceed_the_end(
    start: float, step: float, end: float, rates: int
) -> None:
    spec = HttpStep("m", start_rate=start, step=step, end_rate=end, step_duration=seconds(1))
    assert len(spec.all_rates) == rates


def test_a_recording_is_played_at_its_speed() -> None:
    assert list(RecordedArrivals((0, ms(10), ms(10), ms(35)), 2.0, ms(18))) == [0, ms(5), ms(5), ms(17.5)]


@given(st.lists(st.integers(0, minutes(60)), min_size=1).map(sorted), st.floats(0.01, 100))
def test_a_recording_keeps_its_order_at_any_speed(times: list[int], speed: float) -> None:
    due = list(RecordedArrivals(tuple(times), speed, 1))
    assert len(due) == len(times)
    assert due == sorted(due)


def test_a_scenario_s_words_become_schedules() -> None:
    burst = HttpBurst("m", size=3, every=ms(100), duration=seconds(1), rate=5)
    ramp = HttpRamp("m", start_rate=1, end_rate=9, duration=seconds(1))
    assert schedule_of(burst, 1) == Bursts(3, ms(100), seconds(1), 5)
    assert schedule_of(ramp, 1) == Ramp(1, 9, seconds(1))
    trace = Trace((0, 10), ("a", "b"), (b"[]", b"[]"), (None, None))
    recorded = schedule_of(Replay("nowhere", speed=2), 1, trace)
    assert list(recorded) == [0, 5]


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: Bursts(0, 1, 1),
        lambda: Bursts(1, 0, 1),
        lambda: Bursts(1, 1, 0),
        lambda: Bursts(1, 1, 1, -1),
        lambda: Ramp(0, 0, 1),
        lambda: Ramp(-1, 2, 1),
        lambda: Ramp(1, float("inf"), 1),
        lambda: Ramp(1, 2, 0),
        lambda: Steps(()),
    ],
)
def test_an_impossible_schedule_is_refused_when_it_is_made(impossible) -> None:
    with pytest.raises(ValueError, match="there "):
        impossible()


def test_a_long_ramp_does_not_drift() -> None:
    ramp = Ramp(1_000, 9_000, minutes(60))
    last = int(ramp.total) - 1
    assert ramp.total == 18_000_000
    assert minutes(60) - ramp.due_ns(last) == pytest.approx(1e9 / 9_000, abs=2)
    assert all(later > earlier for earlier, later in pairwise(map(ramp.due_ns, range(last - 1_000, last))))


def test_a_kind_of_a_file_of_its_own_makes_its_arrivals_from_the_seed() -> None:
    spec = HttpPairs("m", period=ms(100), duration=ms(250), jitter=ms(60))
    schedule = schedule_of(spec, 1)
    due = list(schedule)
    assert schedule.duration_ns == ms(250)
    assert due[::2] == due[1::2], "two at once"
    assert [due_ns // ms(100) for due_ns in due] == [0, 0, 1, 1, 2, 2][: len(due)]
    assert list(schedule) == due == list(schedule_of(spec, 1))
    assert list(schedule_of(spec, 2)) != due
    even = schedule_of(HttpPairs("m", period=ms(100), duration=ms(250)), 1)
    assert list(even) == [0, 0, ms(100), ms(100), ms(200), ms(200)]


class Listed(HttpScheduled, frozen=True, kw_only=True, tag="listed"):
    """Arrives when it is written to."""

    times: tuple[int, ...]
    duration: int = 10

    def arrivals(self, rng: Random) -> Iterator[int]:
        return iter(self.times)


@pytest.mark.parametrize("times", [(-1,), (0, 5, 4), (9, 10)])
def test_a_kind_whose_arrivals_do_not_ascend_within_its_duration_is_stopped(times: tuple[int, ...]) -> None:
    assert list(OwnArrivals(Listed("m", times=(0, 0, 9)), 1)) == [0, 0, 9]
    with pytest.raises(AssertionError, match="is no arrival"):
        list(OwnArrivals(Listed("m", times=times), 1))
