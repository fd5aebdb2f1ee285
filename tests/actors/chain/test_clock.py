"""When the blocks of a chain come about, while it is steady, slow and halted."""

from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.clock import STEADY, ChainClock, paces_of
from battle.actors.chain.model import ChainModel
from battle.actors.spec.chain import Chain, Pace

BLOCK = 10
CHAIN = Chain(block_time=BLOCK, start_height=1000)
FAR = 100 * BLOCK

spans = st.lists(
    st.tuples(
        st.integers(0, FAR), st.integers(1, FAR // 2), st.integers(0, 5).filter(lambda every: every != 1)
    ),
    max_size=4,
).map(lambda found: [(begin, begin + length, every) for begin, length, every in found])


def clock(*spans):
    found = ChainClock(CHAIN)
    found.follow(paces_of(spans))
    return found


def heads(found, until=20):
    """The heads at each block time, as blocks since the start."""
    return [found.head_at(number * BLOCK) - 1000 for number in range(until)]


def test_a_steady_chain_has_a_block_at_each_block_time():
    assert heads(clock(), 5) == [0, 1, 2, 3, 4]
    assert clock().head_at(2 * BLOCK - 1) == 1001
    assert clock().time_of(1002) == 2 * BLOCK
    assert clock().time_of(998) == -2 * BLOCK


def test_a_chain_that_halts_goes_on_with_the_next_height():
    assert heads(clock((25, 55, 0)), 9) == [0, 1, 2, 2, 2, 2, 3, 4, 5]
    assert heads(clock((20, 50, 0)), 7) == [0, 1, 1, 1, 1, 2, 3]


def test_a_slow_chain_has_a_block_once_in_so_many_block_times():
    assert heads(clock((25, 95, 3)), 12) == [0, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6]


def test_of_spans_that_overlap_a_halt_counts_and_else_the_slowest():
    assert paces_of([(10, 50, 2), (20, 30, 0), (30, 60, 4)]) == (
        Pace(10, 2),
        Pace(20, 0),
        Pace(30, 4),
        Pace(60, STEADY),
    )
    assert paces_of([]) == ()
    assert paces_of([(10, 20, 0), (10, 20, 0), (20, 30, 0)]) == (Pace(10, 0), Pace(30, STEADY))


@given(spans)
def test_the_time_of_a_block_is_when_it_becomes_the_head(found):
    timed = clock(*found)
    last = timed.head_at(2 * FAR)
    for height in range(1000, last + 1):
        at_ns = timed.time_of(height)
        assert timed.head_at(at_ns) == height
        assert height == 1000 or timed.head_at(at_ns - 1) == height - 1


@given(spans, st.integers(0, FAR))
def test_what_is_decided_later_changes_nothing_before(found, from_ns):
    before, after = clock(*found), clock(*found, (from_ns, from_ns + FAR, 0))
    assert [before.head_at(at_ns) for at_ns in range(from_ns)] == [
        after.head_at(at_ns) for at_ns in range(from_ns)
    ]


@given(spans)
def test_the_spans_say_when_each_block_comes(found):
    timed = clock(*found)
    begun = [(0, 1000, BLOCK), *timed.spans()]
    ends = [span[0] for span in begun[1:]] + [2 * FAR]
    times = {}
    for (from_ns, height, every_ns), end_ns in zip(begun, ends, strict=True):
        for number in range(1, (end_ns - from_ns) // every_ns + 1) if every_ns else ():
            times[height + number] = from_ns + number * every_ns
    assert times == {height: timed.time_of(height) for height in range(1001, timed.head_at(2 * FAR) + 1)}


def test_a_model_has_a_clock_of_its_own_only_if_it_gets_one():
    model = ChainModel(CHAIN)
    timed = model.with_clock(ChainClock(CHAIN))
    timed.clock.follow((Pace(0, 0),))
    assert (model.head_at(FAR), timed.head_at(FAR), timed.branched(1000).head_at(FAR)) == (1100, 1000, 1000)
    model.clock.ahead_blocks = 3
    assert (model.highest_at(0), timed.highest_at(0)) == (1003, 1000)
