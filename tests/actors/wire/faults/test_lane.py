"""What transport faults may do to a direction of a connection, and what they never may."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from battle.actors.rng import Draws
from battle.actors.spec.faults.transport import (
    Bandwidth,
    Jitter,
    Latency,
    LimitData,
    Partition,
    Slicer,
    SlowClose,
    Timeout,
)
from battle.actors.units import ms, seconds
from battle.actors.wire.faults.lane import QUANTUM_NS, Lane, Toxic

DELAYS = st.integers(1, seconds(2))
PASSING = st.one_of(
    st.builds(lambda delay: Latency("a", delay=delay), DELAYS),
    st.builds(lambda spread: Jitter("a", spread=spread), DELAYS),
    st.builds(lambda rate: Bandwidth("a", bytes_per_s=rate), st.integers(1, 10**6)),
    st.builds(lambda size, delay: Slicer("a", piece_bytes=size, delay=delay), st.integers(1, 50), DELAYS),
    st.builds(lambda delay: SlowClose("a", delay=delay), DELAYS),
)
ANY = PASSING | st.just(Timeout("a")) | st.just(Partition("a"))
CHUNKS = st.lists(st.tuples(st.integers(0, ms(500)), st.integers(1, 200)), max_size=15)


def rulings(faults):
    return [Toxic(f"f{number}", fault) for number, fault in enumerate(faults)]


def lane_under(*faults, seed=1):
    lane = Lane("out", Draws(seed, "transport"), 1)
    lane.govern(rulings(faults))
    return lane


class Wire:
    """A lane whose pieces are taken the moment they are due; `left` is what came out and when."""

    def __init__(self, lane):
        self.lane, self.now_ns, self.left = lane, 0, []

    def until(self, at_ns):
        while (due_ns := self.lane.due_ns()) is not None and due_ns <= at_ns:
            self.now_ns = max(self.now_ns, due_ns)
            item = self.lane.take(self.now_ns)
            assert item is not None
            self.left.append((self.now_ns, item))
        self.now_ns = max(self.now_ns, at_ns)

    @property
    def text(self):
        return b"".join(item for _, item in self.left if isinstance(item, bytes))


def said(chunks):
    """Numbered bytes, so that a loss, a repetition and another order all show."""
    stream = b"".join(b"%d," % number for number in range(1000))
    for gap_ns, size in chunks:
        chunk, stream = stream[:size], stream[size:]
        if chunk:
            yield gap_ns, chunk


def play(lane, chunks):
    """What comes out of the lane, and what went in: (moment, chunk)."""
    wire, entered, now_ns = Wire(lane), [], 0
    for gap_ns, chunk in said(chunks):
        now_ns += gap_ns
        wire.until(now_ns)
        lane.push(chunk, now_ns)
        entered.append((now_ns, chunk))
    wire.until(seconds(10**7))
    return wire, entered


@given(st.lists(PASSING, max_size=5), CHUNKS)
def test_what_goes_in_comes_out_whole_and_in_order(faults, chunks):
    lane = lane_under(*faults)
    wire, entered = play(lane, chunks)
    assert wire.text == b"".join(chunk for _, chunk in entered)
    assert lane.empty
    assert lane.queued_bytes == 0


@given(st.lists(st.tuples(st.integers(0, seconds(1)), st.lists(ANY, max_size=4)), max_size=6), CHUNKS)
def test_faults_that_come_and_go_lose_nothing(changes, chunks):
    lane = lane_under()
    wire, now_ns, whole = Wire(lane), 0, b""
    for (gap_ns, faults), (pause_ns, chunk) in zip(changes, said(chunks), strict=False):
        now_ns += gap_ns
        wire.until(now_ns)
        lane.govern(rulings(faults))
        now_ns += pause_ns
        wire.until(now_ns)
        lane.push(chunk, now_ns)
        whole += chunk
    lane.push_end("close", now_ns)
    lane.govern([])
    wire.until(now_ns)
    assert wire.text == whole
    assert wire.left[-1] == (now_ns, "close"), "with the last fault gone nothing is kept"
    assert [at_ns for at_ns, _ in wire.left] == sorted(at_ns for at_ns, _ in wire.left)


@given(CHUNKS, st.lists(PASSING, max_size=3), DELAYS)
def test_a_delay_is_at_least_as_long_as_it_says(chunks, others, delay):
    wire, entered = play(lane_under(Latency("a", delay=delay), *others), chunks)
    arrival_ns = [at_ns for at_ns, piece in wire.left for _ in piece]
    entry_ns = [at_ns for at_ns, chunk in entered for _ in chunk]
    assert all(out >= into + delay for out, into in zip(arrival_ns, entry_ns, strict=True))


@given(CHUNKS, DELAYS, DELAYS)
def test_delays_add_up_exactly(chunks, one, other):
    wire, entered = play(lane_under(Latency("a", delay=one), Latency("a", delay=other)), chunks)
    assert wire.left == [(at_ns + one + other, chunk) for at_ns, chunk in entered]


@given(CHUNKS, st.integers(1, ms(200)))
def test_jitter_stays_within_its_spread(chunks, spread):
    wire, entered = play(lane_under(Jitter("a", spread=spread)), chunks)
    latest = 0
    for (out_ns, _), (in_ns, _) in zip(wire.left, entered, strict=True):
        latest = max(latest, in_ns + spread)
        assert in_ns <= out_ns <= latest


@settings(max_examples=30)
@given(CHUNKS, st.integers(1, 10**5), st.lists(PASSING, max_size=3))
def test_no_window_carries_more_than_the_bandwidth_allows(chunks, rate, others):
    wire, _ = play(lane_under(Bandwidth("a", bytes_per_s=rate), *others), chunks)
    quantum = max(1, rate * QUANTUM_NS // seconds(1))
    pieces = [(at_ns, len(piece)) for at_ns, piece in wire.left]
    for first in range(0, len(pieces), max(1, len(pieces) // 20)):
        carried = 0
        for at_ns, size in pieces[first:]:
            carried += size
            assert carried <= rate * (at_ns - pieces[first][0]) / seconds(1) + quantum


def test_the_bandwidth_is_used_and_a_late_timer_catches_up_by_one_quantum():
    lane = lane_under(Bandwidth("a", bytes_per_s=1000))
    lane.push(bytes(100), 0)
    wire = Wire(lane)
    wire.until(seconds(1))
    assert wire.left == [(ms(10) * (number + 1), bytes(10)) for number in range(10)]
    lane.push(bytes(100), seconds(2))
    late_ns = seconds(3)
    taken = []
    while (piece := lane.take(late_ns)) is not None:
        taken.append(piece)
    assert taken == [bytes(10), bytes(10)]


@given(CHUNKS, st.integers(1, 50), DELAYS)
def test_slices_are_small_and_apart(chunks, size, delay):
    wire, _ = play(lane_under(Slicer("a", piece_bytes=size, delay=delay)), chunks)
    moments = [at_ns for at_ns, _ in wire.left]
    assert all(len(piece) <= size for _, piece in wire.left)
    assert all(later - earlier >= delay for earlier, later in pairwise(moments))


@given(CHUNKS, st.integers(1, 500), st.lists(PASSING, max_size=3))
def test_a_limit_lets_just_so_much_pass_and_then_cuts(chunks, limit, others):
    lane = lane_under(LimitData("a", limit_bytes=limit), *others)
    wire, entered = play(lane, chunks)
    whole = b"".join(chunk for _, chunk in entered)
    assert wire.text == whole[:limit]
    if len(whole) >= limit:
        assert wire.left[-1][1] == "cut"
        assert "cut" in lane.acted.values()
    else:
        assert "cut" not in lane.acted.values()


@pytest.mark.parametrize("fault", [Timeout("a"), Partition("a")])
def test_what_is_held_leaves_only_when_nothing_holds_it(fault):
    lane = lane_under()
    lane.govern([Toxic("one", fault), Toxic("other", Partition("a"))])
    lane.push(b"hello", 5)
    lane.push_end("close", 6)
    assert (lane.due_ns(), lane.take(seconds(9)), lane.acted) == (
        None,
        None,
        {"one": "held", "other": "held"},
    )
    lane.govern([Toxic("other", Partition("a"))])
    assert lane.take(seconds(9)) is None
    lane.govern([])
    assert [lane.take(seconds(9)) for _ in range(3)] == [b"hello", "close", None]


def test_only_a_close_that_somebody_notices_is_slowed_down():
    for end, noticed, delayed in [
        ("close", True, 7),
        ("eof", True, 7),
        ("close", False, 0),
        ("abort", True, 0),
    ]:
        lane = lane_under(SlowClose("a", delay=7))
        lane.push(b"x", 0)
        assert lane.take(0) == b"x"
        lane.push_end(end, 0, noticed=noticed)
        assert lane.due_ns() == delayed
        assert lane.acted == ({"f0": "delayed"} if delayed else {})


@given(CHUNKS, CHUNKS, st.lists(PASSING, max_size=3))
def test_a_fault_less_shifts_no_draw_of_another(before, after, others):
    """The jitter of what comes after some other fault does not depend on whether that fault was ever there."""
    jitter = Toxic("jitter", Jitter("a", spread=ms(100)))

    def arrivals(earlier):
        lane = lane_under()
        lane.govern(rulings(earlier))
        for _, chunk in said(before):
            lane.push(chunk, 0)
            Wire(lane).until(seconds(10**6))
        lane.govern([jitter])
        wire = Wire(lane)
        for number, (_, chunk) in enumerate(said(after)):
            lane.push(chunk, seconds(10**7 + number))
            wire.until(seconds(10**7 + number + 1))
        return wire.left

    assert arrivals(others) == arrivals([Latency("a")]) == arrivals([])


@given(CHUNKS, st.lists(ANY, max_size=3))
def test_no_fault_claims_to_have_acted_before_anything_came(chunks, faults):
    lane = lane_under(*faults)
    lane.govern(rulings(faults))
    assert (lane.due_ns(), lane.acted) == (None, {})
    lane.govern([])
    play(lane, chunks)
    assert lane.acted == {}, "nor after it has gone"


@given(st.integers(1, 15))
def test_two_jitters_draw_each_for_itself(chunks):
    def delays(*numbers):
        lane = lane_under()
        lane.govern([Toxic(f"f{number}", Jitter("a", spread=ms(100))) for number in numbers])
        wire, told = Wire(lane), []
        for chunk in range(chunks):
            lane.push(b"x", seconds(chunk))
            wire.until(seconds(chunk + 1))
            told.append(wire.left[-1][0] - seconds(chunk))
        return told

    assert delays(1, 2) == [one + other for one, other in zip(delays(1), delays(2), strict=True)]
