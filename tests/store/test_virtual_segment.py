"""The writer for virtual time loses exactly what a writer with timers would, and needs none."""

import heapq

from hypothesis import given
from hypothesis import strategies as st

from battle.store.segment import BLOCK_EVENTS_MAX, FLUSH_INTERVAL_NS, SegmentWriter
from battle.store.virtual_segment import VirtualSegmentWriter
from tests.store.log_samples import request
from tests.store.test_segment import Tape

MS = 1_000_000


def saved_by_timers(moments, killed_ns):
    """How many of the events of these moments an ordinary writer has flushed when it is killed."""
    timers: list[int] = []
    now_ns = 0
    writer = SegmentWriter(Tape(), lambda: heapq.heappush(timers, now_ns + FLUSH_INTERVAL_NS))

    def pass_time(until_ns):
        while timers and timers[0] <= until_ns:
            heapq.heappop(timers)
            writer.flush()

    for number, at_ns in enumerate(moments):
        pass_time(at_ns)
        now_ns = at_ns
        writer.append(request(number))
    pass_time(killed_ns)
    writer.discard()
    return writer.statistics().events


def saved_virtually(moments, killed_ns):
    now_ns = 0
    tape = Tape()
    writer = VirtualSegmentWriter(tape, lambda: now_ns)
    for number, at_ns in enumerate(moments):
        now_ns = at_ns
        writer.append(request(number))
    now_ns = killed_ns
    writer.discard()
    return writer.statistics().events, len(tape.blocks)


moments = st.lists(st.integers(0, 100 * MS), max_size=60).map(sorted)


@given(moments, st.integers(0, 30 * MS))
def test_it_saves_what_timers_would_have_saved(at_ns, later_ns):
    killed_ns = max(at_ns, default=0) + later_ns
    saved, blocks = saved_virtually(at_ns, killed_ns)
    assert saved == saved_by_timers(at_ns, killed_ns)
    assert blocks == (saved > 0)


@given(st.integers(1, 3), st.lists(st.integers(0, 12 * MS), max_size=2 * BLOCK_EVENTS_MAX))
def test_it_never_loses_what_is_older_than_the_flush_interval(bursts, gaps):
    at_ns, now_ns = [0] * bursts * 200, 0
    for gap_ns in gaps:
        now_ns += gap_ns
        at_ns.append(now_ns)
    killed_ns = now_ns + MS
    saved, _ = saved_virtually(at_ns, killed_ns)
    assert saved >= sum(moment <= killed_ns - FLUSH_INTERVAL_NS for moment in at_ns)
    assert saved <= len(at_ns)


def test_a_closed_one_has_lost_nothing():
    tape = Tape()
    writer = VirtualSegmentWriter(tape, lambda: 0)
    for number in range(300):
        writer.append(request(number))
    writer.close()
    assert writer.statistics().events == 300
    assert len(tape.blocks) == 2
