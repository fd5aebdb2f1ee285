from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from battle.actors.units import ms, seconds
from battle.actors.workload.requests.statistics import Histogram, Second

DURATIONS = st.lists(st.integers(0, seconds(10_000)), min_size=1, max_size=200)


def filled(durations: list[int]) -> Histogram:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    return histogram


@given(DURATIONS, st.floats(0.01, 1))
def test_a_percentile_is_the_true_one_or_at_most_two_percent_more(durations: list[int], share: float) -> None:
    found = filled(durations).percentile(share)
    true = sorted(durations)[ceil(share * len(durations)) - 1]
    assert found is not None
    if true < seconds(3_600):
        assert true <= found <= max(true * 1.021, 1_000)
    else:
        assert found == max(durations)


@given(DURATIONS)
def test_the_largest_is_exact(durations: list[int]) -> None:
    histogram = filled(durations)
    assert histogram.max_ns == max(durations) == histogram.percentile(1)
    assert histogram.count == len(durations)


def test_an_empty_histogram_has_no_percentiles() -> None:
    assert Histogram().percentile(0.5) is None


def test_a_second_is_logged_with_its_counts() -> None:
    second = Second()
    second.due, second.dropped, second.errors = 5, 1, 2
    second.lateness.add(ms(1))
    second.lateness.add(ms(3))
    for _ in range(3):
        second.latency.add(ms(20))
    event = second.sampled(at_ns=9, workload="w", in_flight=4, backlog=6)
    assert (event.at_ns, event.workload, event.in_flight, event.backlog) == (9, "w", 4, 6)
    assert (event.due, event.sent, event.dropped, event.ended, event.errors) == (5, 2, 1, 3, 2)
    assert event.lateness_p50_ns is not None
    assert ms(1) <= event.lateness_p50_ns <= ms(1.02)
    assert event.lateness_p99_ns == event.lateness_max_ns == ms(3)
    assert event.latency_p95_ns == ms(20)


def test_a_second_without_requests_says_so() -> None:
    event = Second().sampled(at_ns=9, workload="w", in_flight=0, backlog=0)
    assert event.sent == event.ended == 0
    assert event.lateness_p50_ns is event.lateness_p99_ns is event.lateness_max_ns is None
    assert event.latency_p95_ns is None
