"""The pace of a link: how many calls go in a second, whoever asks for more."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from battle.actors.link.pace import BURST_SECONDS, WAIT_NS_MAX, Pace

S = 10**9


@given(
    st.floats(0.5, 1000),
    st.lists(st.tuples(st.integers(0, S), st.integers(1, 20)), min_size=1, max_size=200),
)
def test_no_second_has_more_calls_than_allowed_but_for_a_burst(per_second, arrivals):
    pace = Pace(per_second)
    moments = accumulate(gap for gap, _ in arrivals)
    gone = []
    for now_ns, (_, calls) in zip(moments, arrivals, strict=True):
        due_ns = pace.due_ns(now_ns, calls)
        if due_ns is not None:
            assert now_ns <= due_ns <= now_ns + WAIT_NS_MAX
            gone.append((due_ns, calls))
    assert gone
    for begin_ns, _ in gone:
        inside = [calls for due_ns, calls in gone if begin_ns <= due_ns < begin_ns + S]
        # A batch is not cut: the last one may begin within what is allowed.
        assert sum(inside) - inside[-1] <= per_second * (1 + BURST_SECONDS) + 1 + max(inside)


def test_an_even_load_below_the_limit_never_waits_and_one_above_it_does():
    calm, hurried = Pace(10), Pace(10)
    assert [calm.due_ns(number * S // 8) for number in range(40)] == [number * S // 8 for number in range(40)]
    waits = [hurried.due_ns(number * S // 20) for number in range(200)]
    assert None in waits
    assert waits[:5] == [number * S // 20 for number in range(5)]


def test_who_is_turned_away_takes_no_place():
    pace = Pace(1)
    assert [pace.due_ns(0) for _ in range(3)] == [0, S, 2 * S]
    assert [pace.due_ns(0) for _ in range(5)] == [None] * 5
    assert pace.due_ns(2 * S) == 3 * S
